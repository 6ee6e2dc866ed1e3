/* SPDX-License-Identifier: MIT */
/* A TLS connection that is made to see what is wrong with one. */
#ifndef COMMON_PROBE_H
#define COMMON_PROBE_H

#include "tls.h"

/*
 * Why can no TLS connection be made to @target (HOST:PORT, as gRPC takes it)?
 * Tries one, for some seconds at most. @name: whose certificate it has to be;
 * NULL: HOST's. True: it can be made. @fault: what is wrong, and what to do.
 */
bool probe_explain(const struct tls *tls, const char *target, const char *name,
		   char fault[TLS_FAULT_MAX]);

#endif
