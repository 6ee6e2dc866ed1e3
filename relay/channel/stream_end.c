// SPDX-License-Identifier: MIT
#include "stream_end.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "common/probe.h"

/* Rings, and the spool, wait while it is looked for. */
#define STREAM_END_PROBE	(30 * CLOCK_SECOND)

/* As gRPC numbers them. */
enum {
	STREAM_END_INVALID_ARGUMENT = 3,
	STREAM_END_PERMISSION_DENIED = 7,
	STREAM_END_ABORTED = 10,
	STREAM_END_UNIMPLEMENTED = 12,
	STREAM_END_UNAVAILABLE = 14,
	STREAM_END_UNAUTHENTICATED = 16
};

static const char *stream_end_name(int code)
{
	static const char *const names[] = {
		"OK", "CANCELLED", "UNKNOWN",
		[STREAM_END_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
		"DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		[STREAM_END_PERMISSION_DENIED] = "PERMISSION_DENIED",
		"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
		[STREAM_END_ABORTED] = "ABORTED",
		"OUT_OF_RANGE",
		[STREAM_END_UNIMPLEMENTED] = "UNIMPLEMENTED",
		"INTERNAL",
		[STREAM_END_UNAVAILABLE] = "UNAVAILABLE",
		"DATA_LOSS",
		[STREAM_END_UNAUTHENTICATED] = "UNAUTHENTICATED",
	};

	if (code < 0 || (size_t)code >= sizeof(names) / sizeof(names[0]))
		return "unknown status";
	return names[code];
}

void stream_end_describe(struct stream_end *end, int code, const uint8_t *text,
			 size_t length)
{
	int n;

	end->code = code;
	end->unimplemented = code == STREAM_END_UNIMPLEMENTED;
	end->unavailable = code == STREAM_END_UNAVAILABLE;
	end->aborted = code == STREAM_END_ABORTED;
	end->refused = code == STREAM_END_UNAUTHENTICATED ||
		       code == STREAM_END_PERMISSION_DENIED ||
		       code == STREAM_END_INVALID_ARGUMENT || end->unimplemented;
	n = snprintf(end->reason, sizeof(end->reason), "%s%s",
		     code ? stream_end_name(code) : "it ended the stream",
		     length ? ": " : "");
	for (; length && n < (int)sizeof(end->reason) - 1; length--, text++)
		end->reason[n++] = isprint(*text) ? *text : '?';
	end->reason[n] = '\0';
}

static void stream_end_probe(struct stream_end *end, const struct tls *tls,
			     const char *target, const char *name)
{
	if (clock_now() < end->fault_until)
		return;
	if (probe_explain(tls, target, name, end->fault))
		*end->fault = '\0';
	end->fault_until = clock_now() + STREAM_END_PROBE;
}

void stream_end_explain(struct stream_end *end, const struct tls *tls, const char *target,
			const char *name)
{
	if (strcasestr(end->reason, "connect to remote host"))
		return;
	if (!tls && strcasestr(end->reason, "socket closed"))
		snprintf(end->reason, sizeof(end->reason), "it closed the connection before gRPC could begin: it may want TLS, --tls or --tls-ca FILE");
	if (!tls)
		return;
	stream_end_probe(end, tls, target, name);
	if (*end->fault)
		snprintf(end->reason, sizeof(end->reason), "%s", end->fault);
}

void stream_end_blame_compression(struct stream_end *end, const char *algorithm)
{
	size_t length = strlen(end->reason);
	bool sure = strcasestr(end->reason, "compress");

	if (sure)
		end->unimplemented = false;
	snprintf(end->reason + length, sizeof(end->reason) - length,
		 sure ? "; it does not know --compression %s: another one, or none, may do" :
			"; without --compression %s it may be another matter", algorithm);
}
