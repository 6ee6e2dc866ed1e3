// SPDX-License-Identifier: MIT
#include "number.h"

#include <stdio.h>

#include "collector/call.h"

void numbers_take(struct numbers *numbers, unsigned int number)
{
	if (number <= NUMBERS_MAX)
		numbers->taken[number / 64] |= UINT64_C(1) << number % 64;
}

unsigned int numbers_get(const struct numbers *numbers, struct call_status *status)
{
	for (unsigned int number = 1; number <= NUMBERS_MAX; number++)
		if (!(numbers->taken[number / 64] >> number % 64 & 1))
			return number;
	call_fail(status, CALL_RESOURCE_EXHAUSTED, "%d streams without a name come from this address already: give sensors names, the relay's --sensor",
		  NUMBERS_MAX);
	return 0;
}

void number_name(const char *peer, unsigned int number, char name[PATH_NAME_MAX])
{
	char numbered[METADATA_TEXT_MAX + 16];

	if (number > 1)
		snprintf(numbered, sizeof(numbered), "%s_%u", peer, number);
	path_encode(number > 1 ? numbered : peer, name);
}
