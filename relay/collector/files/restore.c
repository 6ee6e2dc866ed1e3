// SPDX-License-Identifier: MIT
#include "restore.h"

#include <inttypes.h>
#include <string.h>

#include "common/log.h"
#include "folder.h"
#include "journal.h"

/*
 * What the journal knows of captures costs memory for ever: some ten kB each. Those that
 * nobody has come back to for longest are those of boots that are long over.
 */
#define RESTORE_CAPTURES	16384

/*
 * Does another one have its name by now? That was given again, for it was gone: moved
 * away, or removed.
 */
static bool restore_followed(const struct journal *journal, const struct ledger_closed *closed)
{
	const char *name = closed->name;

	for (closed = closed->next; closed; closed = closed->next)
		if (!strcmp(closed->name, name))
			return true;
	for (const struct ledger_file *file = journal_files(journal); file; file = file->next)
		if (!strcmp(file->name, name))
			return true;
	return false;
}

/* It was complete: somebody may have taken it away since. */
static bool restore_closed(struct journal *journal, const struct folder *folder,
			   const struct ledger_closed *closed)
{
	uint64_t missing;

	if (restore_followed(journal, closed)) {
		journal_done(journal, closed->name);
		return true;
	}
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
	enum folder_left left;
	uint64_t missing;

	left = folder_finish(folder, file->name, file->length, &missing);
	if (left == FOLDER_FAILED)
		return false;
	/* without a packet it is not even missed */
	if (file->length <= RINGFILE_HEADER)
		missing = 0;
	if (missing)
		restore_lost(journal, folder, file, missing);
	journal_next(journal, file->number, "");
	if (missing && left == FOLDER_ABSENT)
		journal_done(journal, file->name);
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
	if (!any || (journal_commit(journal) && journal_trim(journal, RESTORE_CAPTURES)))
		return true;
	log_error("%s: the journal cannot be written: %m", folder_path(folder));
	return false;
}
