/* SPDX-License-Identifier: MIT */
/* Who makes a call: what it says of itself, and what it can prove. */
#ifndef COLLECTOR_CALLER_H
#define COLLECTOR_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/metadata.h"

#define CALLER_NAMES_MAX	1024	/* bytes of a certificate's names */
#define CALLER_DIGEST		32	/* bytes of a SHA-256 */

/**
 * struct proof - what was verified
 * @names: of the certificate: CN and subjectAltNames, each with its NUL, and an
 *	empty one behind the last; what does not fit is left out
 * @uncertified: it was asked for a certificate, and has none
 * @has_token: it has shown a bearer token
 * @token: that one's SHA-256
 */
struct proof {
	char names[CALLER_NAMES_MAX];
	bool uncertified;
	bool has_token;
	uint8_t token[CALLER_DIGEST];
};

/**
 * struct caller - see above
 * @peer: the address, without its port
 * @metadata: what the call says, or the defaults
 */
struct caller {
	char peer[METADATA_TEXT_MAX];
	struct metadata metadata;
	struct proof proof;
};

/**
 * struct admission - as whom a call may send
 * @name: the sensor; "" where it says none, and there are no sections to know it by
 * @proven: it is the one, by a section
 * @rate: bytes a second; 0: no limit of its own
 * @streams: at a time; 0: no limit of its own
 */
struct admission {
	char name[METADATA_TEXT_MAX];
	bool proven;
	uint64_t rate;
	uint32_t streams;
};

#endif
