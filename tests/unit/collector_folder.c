// SPDX-License-Identifier: MIT
#include "collector_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder_path[] = "/tmp/pcapring-unit-XXXXXX";
char folder_file[64], folder_journal[80];

int folder_make(void **state)
{
	(void)state;
	if (!mkdtemp(folder_path))
		return -1;
	snprintf(folder_file, sizeof(folder_file), "%s/x.pcap", folder_path);
	snprintf(folder_journal, sizeof(folder_journal), "%s.journal", folder_file);
	return 0;
}

int folder_empty(void **state)
{
	(void)state;
	unlink(folder_file);
	unlink(folder_journal);
	return 0;
}

int folder_remove(void **state)
{
	folder_empty(state);
	return rmdir(folder_path);
}
