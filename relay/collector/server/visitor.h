/* SPDX-License-Identifier: MIT */
/* Who makes a call, as core knows it. */
#ifndef COLLECTOR_SERVER_VISITOR_H
#define COLLECTOR_SERVER_VISITOR_H

#include <grpc/grpc.h>

#include "collector/call.h"

/*
 * @asked: for a certificate. False: the metadata are not valid, @status says which.
 */
bool visitor_look(struct caller *caller, grpc_call *core, bool asked,
		  const grpc_metadata_array *metadata, struct call_status *status);

#endif
