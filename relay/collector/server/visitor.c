// SPDX-License-Identifier: MIT
#include "visitor.h"

#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/tls.h"
#include "common/token.h"

#define VISITOR_BEARER	"bearer "

_Static_assert(CALLER_DIGEST == TLS_DIGEST, "tokens are compared as they are hashed");

/* "ipv6:%5B::1%5D:4711" to "::1". */
static void visitor_peer(grpc_call *core, char *peer, size_t size)
{
	char *uri = grpc_call_get_peer(core);
	char *start = strchr(uri, ':');
	char *end = strrchr(uri, ':');

	start = start ? start + 1 : uri;
	if (end && end > start)
		*end = '\0';
	if (!strncmp(start, "%5B", 3)) {
		start += 3;
		end = strstr(start, "%5D");
		if (end)
			*end = '\0';
	}
	snprintf(peer, size, "%s", start);
	gpr_free(uri);
}

/* A name with a NUL within would end early, and be another's. */
static void visitor_add_name(struct proof *proof, size_t *used,
			     const grpc_auth_property *property)
{
	size_t length = property->value_length;

	if (!length || memchr(property->value, '\0', length) ||
	    *used + length + 2 > sizeof(proof->names))
		return;
	memcpy(proof->names + *used, property->value, length);
	*used += length + 1;
}

static bool visitor_has_certificate(const grpc_auth_context *context)
{
	grpc_auth_property_iterator properties;

	if (!context)
		return false;
	properties = grpc_auth_context_find_properties_by_name(context,
							       GRPC_X509_PEM_CERT_PROPERTY_NAME);
	return grpc_auth_property_iterator_next(&properties);
}

/* Core has verified it; there is none without TLS. */
static void visitor_certificate(grpc_call *core, bool asked, struct proof *proof)
{
	static const char *const kinds[] = { GRPC_X509_SAN_PROPERTY_NAME,
					     GRPC_X509_CN_PROPERTY_NAME };
	grpc_auth_context *context = grpc_call_auth_context(core);
	const grpc_auth_property *property;
	size_t used = 0;

	proof->uncertified = asked && !visitor_has_certificate(context);
	for (size_t i = 0; context && i < sizeof(kinds) / sizeof(*kinds); i++) {
		grpc_auth_property_iterator properties =
			grpc_auth_context_find_properties_by_name(context, kinds[i]);

		while ((property = grpc_auth_property_iterator_next(&properties)))
			visitor_add_name(proof, &used, property);
	}
	grpc_auth_context_release(context);
}

/* Only its digest is kept. */
static void visitor_token(struct proof *proof, const char *value, size_t length)
{
	size_t scheme = strlen(VISITOR_BEARER);

	if (length <= scheme || strncasecmp(value, VISITOR_BEARER, scheme) ||
	    !token_is_valid(value + scheme, length - scheme))
		return;
	tls_hash(value + scheme, length - scheme, proof->token);
	proof->has_token = true;
}

static bool visitor_take(struct caller *caller, const grpc_metadata *pair,
			 struct call_status *status)
{
	const char *key = (const char *)GRPC_SLICE_START_PTR(pair->key);
	const char *value = (const char *)GRPC_SLICE_START_PTR(pair->value);
	size_t length = GRPC_SLICE_LENGTH(pair->key);

	if (length == strlen("authorization") && !memcmp(key, "authorization", length))
		visitor_token(&caller->proof, value, GRPC_SLICE_LENGTH(pair->value));
	if (metadata_set(&caller->metadata, key, length, value,
			 GRPC_SLICE_LENGTH(pair->value)))
		return true;
	/* only keys that we know have values that are not valid */
	call_fail(status, CALL_INVALID_ARGUMENT, "metadata %.*s has no valid value",
		  (int)length, key);
	return false;
}

bool visitor_look(struct caller *caller, grpc_call *core, bool asked,
		  const grpc_metadata_array *metadata, struct call_status *status)
{
	memset(caller, 0, sizeof(*caller));
	metadata_defaults(&caller->metadata);
	visitor_peer(core, caller->peer, sizeof(caller->peer));
	visitor_certificate(core, asked, &caller->proof);
	for (size_t i = 0; i < metadata->count; i++)
		if (!visitor_take(caller, &metadata->metadata[i], status))
			return false;
	return true;
}
