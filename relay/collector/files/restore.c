// SPDX-License-Identifier: MIT
#include "restore.h"

#include <inttypes.h>

#include "common/log.h"
#include "folder.h"
#include "journal.h"

/* It was complete: somebody may have taken it away since. */
static bool restore_closed(struct journal *journal, const struct folder *folder,
			   const struct ledger_closed *closed)
{
	uint64_t missing;

	switch (folder_finish(folder, closed->name, closed->length, &missing)) {
	case FOLDER_FINE:
		return true;
	case FOLDER_EMPTY:
	case FOLDER_ABSENT:
		journal_done(journal, closed->name);
		return true;
	case FOLDER_FAILED:
		break;
	}
	return false;
}

/* It was being written: what is missing of it is lost. */
static void restore_lost(struct journal *journal, const struct folder *folder,
			 const struct ledger_file *file, uint64_t missing)
{
	log_error("%s/%s: %" PRIu64 " bytes are missing, the journal knows %" PRIu64,
		  folder_path(folder), file->name, missing, file->length);
	journal_gone(journal, file->number, missing);
}

static bool restore_open(struct journal *journal, const struct folder *folder,
			 const struct ledger_file *file)
{
	uint64_t missing;

	switch (folder_finish(folder, file->name, file->length, &missing)) {
	case FOLDER_FINE:
		if (missing)
			restore_lost(journal, folder, file, missing);
		break;
	case FOLDER_ABSENT:
		if (file->length > RINGFILE_HEADER)
			restore_lost(journal, folder, file, file->length);
		break;
	case FOLDER_EMPTY:
		break;
	case FOLDER_FAILED:
		return false;
	}
	journal_next(journal, file->number, "");
	return true;
}

bool restore_files(struct journal *journal, struct folder *folder)
{
	const struct ledger_closed *closed = journal_closed(journal);
	const struct ledger_file *file = journal_files(journal);
	bool any = closed || file;

	for (; closed; closed = closed->next)
		if (!restore_closed(journal, folder, closed))
			return false;
	for (; file; file = file->next)
		if (*file->name && !file->gone && !restore_open(journal, folder, file))
			return false;
	folder_clean(folder);
	if (!any || journal_commit(journal))
		return true;
	log_error("%s: the journal cannot be written: %m", folder_path(folder));
	return false;
}
