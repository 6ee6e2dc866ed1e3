// SPDX-License-Identifier: MIT
#include "check.h"

#include <stdlib.h>

#include "common/log.h"
#include "options.h"
#include "source/exclude.h"
#include "source/exclude_list.h"
#include "trust.h"

#define CHECK_LINKTYPE_ETHERNET	1	/* most links are */

static bool check_trust(const struct options *options)
{
	char fault[TLS_FAULT_MAX];
	struct trust trust;
	bool valid;

	if (!trust_open(&trust, options))
		return false;
	valid = tls_is_valid_now(&trust.tls, fault);	/* it was warned of */
	trust_close(&trust);
	return valid;
}

static bool check_exclude(const struct options *options, uint32_t linktype)
{
	struct exclude exclude = { .expression = options->exclude };
	struct sock_filter *program = NULL;
	size_t length;
	bool done;

	if (options->exclude_list && !exclude_list_read(options->exclude_list, &exclude.list))
		return false;
	done = exclude_compile(&exclude, linktype != PCAPRING_LINKTYPE_NONE ? linktype :
			       CHECK_LINKTYPE_ETHERNET, &program, &length);
	free(program);
	free(exclude.list);
	return done;
}

bool check_options(const struct options *options, uint32_t linktype)
{
	bool trusted = check_trust(options);
	bool seen = http_check_files(&options->metrics);

	return check_exclude(options, linktype) && trusted && seen;
}
