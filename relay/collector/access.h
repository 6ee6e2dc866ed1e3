/* SPDX-License-Identifier: MIT */
/*
 * Who may send, as whom: the [sensor NAME] sections of the configuration.
 *
 *	[sensor berlin-7]
 *	certificate = berlin-7.example, spiffe://example/berlin-7
 *	token-sha256 = 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 *	max-rate = 20M
 *	max-streams = 64
 *
 * One of the certificate's names or one of the tokens is enough. Only digests of
 * tokens are here, so that the file holds no secret. Where there is no section,
 * everybody may send as anybody, who has a certificate where one was asked for.
 */
#ifndef COLLECTOR_ACCESS_H
#define COLLECTOR_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call.h"
#include "common/config.h"

struct access_rule;

/**
 * struct access_rules - the sections
 * @first: NULL: there are none
 */
struct access_rules {
	struct access_rule *first;
};

/*
 * Take a line of a section. False: @fault says what was expected. The line's
 * texts are copied.
 */
bool access_take(struct access_rules *rules, const struct config_line *line,
		 char fault[CONFIG_FAULT_MAX]);

/*
 * Once all lines are there: @tls: sensors come over TLS; @certificates: and are
 * asked for a certificate. False: @fault says what is missing.
 */
bool access_check(const struct access_rules *rules, bool tls, bool certificates,
		  char fault[CONFIG_FAULT_MAX]);

void access_free(struct access_rules *rules);

/* Does a sensor prove who it is by a token? It may have no certificate then. */
bool access_has_tokens(const struct access_rules *rules);

/*
 * May one who shows @proof send as sensor @claimed? "": as the one that it proves
 * to be. False: @status is for the peer, @why, of the same size, for the log.
 */
bool access_admit(const struct access_rules *rules, const struct proof *proof,
		  const char *claimed, struct admission *admission,
		  struct call_status *status, char why[CALL_TEXT_MAX]);

#endif
