// SPDX-License-Identifier: MIT
/*
 * A name that is the spool's is the name of what it says, and of nothing else;
 * none leads out of the folder.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "spool/spoolfile.h"

/* What numbers say comes back. */
static void there_and_back(struct fuzz_input *in)
{
	struct spoolfile_id id = {}, again;
	char name[SPOOLFILE_NAME];
	size_t have;

	id.ring = fuzz_number(in, 1) % SPOOLFILE_RINGS_MAX;
	id.offset = fuzz_number(in, 8);
	memcpy(id.boot, fuzz_take(in, SPOOLFILE_ID, &have), have);
	memcpy(id.capture, fuzz_take(in, SPOOLFILE_ID, &have), have);
	spoolfile_name(name, &id);
	FUZZ_TRUE(strlen(name) == SPOOLFILE_NAME - 1);
	FUZZ_TRUE(!strchr(name, '/') && *name != '.');
	FUZZ_TRUE(spoolfile_parse(&again, name));
	FUZZ_TRUE(!memcmp(&again, &id, sizeof(id)));
}

static void any_text(struct fuzz_input *in)
{
	struct spoolfile_id id;
	char again[SPOOLFILE_NAME];
	char *name = malloc(in->left + 1);

	FUZZ_TRUE(name);
	memcpy(name, in->p, in->left);
	name[in->left] = '\0';
	if (spoolfile_parse(&id, name)) {
		FUZZ_TRUE(id.ring < SPOOLFILE_RINGS_MAX);
		spoolfile_name(again, &id);
		FUZZ_TRUE(!strcmp(again, name));
	}
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct fuzz_input in = { bytes, size };

	if (fuzz_number(&in, 1) & 1)
		there_and_back(&in);
	else
		any_text(&in);
	return 0;
}
