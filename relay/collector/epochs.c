// SPDX-License-Identifier: MIT
#include "epochs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "files/folder.h"
#include "files/restore.h"
#include "files/savefile.h"
#include "files/template.h"

/* Epochs that are remembered, files of one sensor: more is an attack. */
#define EPOCHS_MAX		65536
#define EPOCHS_FILES_MAX	10000

#define EPOCHS_PACKAGE	"pcapring.v1"

struct epochs {
	struct epochs_config config;
	struct merge_budget held;	/* what waits for older records */
	size_t prefix;			/* characters of config.write before the name */
	struct folder *folder;		/* the four of a directory */
	struct template *template;
	struct keep *keep;
	struct finish *finish;
	struct room *room;		/* NULL: standard output */
	struct journal *journal;	/* NULL: standard output */
	struct syncer *syncer;
	struct epoch *first;
	struct epoch *opened;
	struct epoch *pipe;
	uint8_t id[MESSAGE_ID_BYTES];
	unsigned int number;		/* of the next epoch */
	unsigned int count;		/* of epochs */
};

const char *epochs_whose(const struct epochs *epochs, const char *path)
{
	static char key[2 * PATH_NAME_MAX];

	for (const struct epoch *epoch = epochs->first; epoch;
	     epoch = epoch->next) {
		if (strcmp(epoch->path, path))
			continue;
		snprintf(key, sizeof(key), "%s/%s", epoch->state->sensor,
			 epoch->state->interface);
		return key;
	}
	return NULL;
}

static bool epochs_path(const struct epochs *epochs, char *path,
			const char *name)
{
	if (epochs->folder)
		return snprintf(path, PATH_MAX, "%s", folder_path(epochs->folder)) < PATH_MAX;
	return snprintf(path, PATH_MAX, "%.*s%s", (int)epochs->prefix,
			epochs->config.write, name) < PATH_MAX;
}

/* Put an epoch on the list. NULL: no memory, or no room. */
static struct epoch *epochs_add(struct epochs *epochs,
				struct ledger_file *state, const char *path)
{
	struct epoch *epoch;

	if (epochs->count == EPOCHS_MAX) {
		ledger_free_file(state);
		return NULL;
	}
	epoch = epoch_new(state, path);
	if (!epoch)
		return NULL;
	epochs->count++;
	epoch->next = epochs->first;
	epochs->first = epoch;
	if (state->number >= epochs->number)
		epochs->number = state->number + 1;
	return epoch;
}

/* The epoch's file, if there is one; @split: each ring has its own. */
static struct epoch *epochs_find(const struct epochs *epochs,
				 const struct hello *hello, bool *split)
{
	*split = epochs->journal && !epochs->config.hold_back &&
		 hello->ring_count > 1;
	for (struct epoch *epoch = epochs->first; epoch; epoch = epoch->next) {
		const struct ledger_file *state = epoch->state;

		if (state->gone ||
		    memcmp(state->capture, hello->capture, MESSAGE_ID_BYTES) ||
		    memcmp(state->boot, hello->boot, MESSAGE_ID_BYTES))
			continue;
		if (state->ring == LEDGER_ALL || state->ring == hello->ring)
			return epoch;
		*split = true;
	}
	return NULL;
}

/* Does FILE belong to @key, or to nobody so that it may now? */
static bool epochs_own(const struct epochs *epochs, const char *key)
{
	const char *whose = epochs_whose(epochs, epochs->config.write);
	char owner[SAVEFILE_OWNER_MAX];
	struct savefile_format format;
	enum savefile_state state;

	if (whose)
		return !strcmp(whose, key);
	state = savefile_look(epochs->config.write, &format, owner);
	return state == SAVEFILE_ABSENT ||
	       (state == SAVEFILE_OURS && !strcmp(owner, key));
}

/* Create the first file of the key that is not there yet. */
static bool epochs_create(const struct epochs *epochs, const char *key,
			  const struct ledger_file *state,
			  struct ringfile *file, char path[PATH_MAX])
{
	bool own = epochs_own(epochs, key);

	for (unsigned int n = 0; n < EPOCHS_FILES_MAX; n++) {
		errno = ENAMETOOLONG;
		if (!path_make(path, PATH_MAX, epochs->config.write,
			       own ? NULL : state->sensor, state->interface, n) ||
		    strlen(path + epochs->prefix) >= sizeof(state->name))
			return false;
		if (epochs_whose(epochs, path))
			continue;
		if (ringfile_create(file, path, key))
			return true;
		if (errno != EEXIST)
			return false;
	}
	return false;
}

static struct ledger_file *epochs_declare(const struct epochs *epochs,
					  const struct hello *hello,
					  const char *key, bool split)
{
	struct ledger_file *state = ledger_new_file(hello->ring_count);
	const char *slash = strrchr(key, '/');

	if (!state)
		return NULL;
	state->number = epochs->number;
	state->ring = split ? hello->ring : LEDGER_ALL;
	state->format = hello->format;
	memcpy(state->boot, hello->boot, MESSAGE_ID_BYTES);
	memcpy(state->capture, hello->capture, MESSAGE_ID_BYTES);
	memcpy(state->sensor, key, slash - key);
	strcpy(state->interface, slash + 1);
	path_encode(hello->host, state->host);
	return state;
}

static struct epoch *epochs_new(struct epochs *epochs, const struct hello *hello,
				const char *key, bool split,
				struct call_status *status)
{
	struct ledger_file *state = epochs_declare(epochs, hello, key, split);
	struct ringfile file = { .fd = -1, .stop_fd = -1 };
	struct epoch *epoch;
	char path[PATH_MAX];

	call_fail(status, CALL_RESOURCE_EXHAUSTED,
		  "no room for another capture, %u have been here",
		  epochs->count);
	if (!state)
		return NULL;
	if (epochs->folder) {
		epochs_path(epochs, path, "");	/* files come when packets do */
	} else if (!epochs_create(epochs, key, state, &file, path)) {
		room_failed(epochs->room, errno);
		call_fail(status, call_code(errno), "cannot create %.256s: %s",
			  path, strerror(errno));
		ledger_free_file(state);
		return NULL;
	}
	if (!epochs->folder)
		strcpy(state->name, path + epochs->prefix);
	epoch = epochs_add(epochs, state, path);
	if (epoch)
		epoch->file = file;
	else
		ringfile_close(&file);
	return epoch;
}

/* Let the epoch's file, which is open, be synced. */
static bool epochs_use(struct epochs *epochs, struct epoch *epoch, uint64_t now)
{
	epoch->room = epochs->room;
	if (epochs->folder)
		epoch->series.config = &epochs->config.series;
	if (!epoch_open(epoch, epoch == epochs->pipe ? NULL : epochs->syncer,
			epochs->config.hold_back, now))
		return false;
	if (epoch->merge)
		merge_share(epoch->merge, &epochs->held);
	epoch->next_open = epochs->opened;
	epochs->opened = epoch;
	return true;
}

/*
 * Open the file of an epoch that was here before. False: it cannot be used;
 * epoch->state->gone: never again.
 */
static bool epochs_reopen(struct epochs *epochs, struct epoch *epoch,
			  struct call_status *status)
{
	struct ledger_file *known = epoch->state;
	enum ringfile_state state = ringfile_open(&epoch->file, epoch->path,
						  &known->format, known->length);

	if (state == RINGFILE_FINE && epoch->file.end == known->length)
		return true;
	if (state == RINGFILE_LOCKED || state == RINGFILE_ERROR) {
		call_fail(status, CALL_INTERNAL, "cannot open %.256s: %s",
			  epoch->path, state == RINGFILE_LOCKED ?
			  "another program writes it" : strerror(errno));
		return false;
	}
	epoch_lose(epoch, state == RINGFILE_FINE ? RINGFILE_OTHER : state,
		   epoch->file.end);
	ringfile_close(&epoch->file);
	syncer_gone(epochs->syncer, known->number, known->missing);
	return false;
}

static struct epoch *epochs_get_file(struct epochs *epochs,
				     const struct hello *hello, const char *key,
				     uint64_t now, struct call_status *status)
{
	struct epoch *epoch;
	bool split;

	if (!room_try(epochs->room)) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED, "there is no room in %.256s",
			  epochs_place(epochs));
		return NULL;
	}
	epoch = epochs_find(epochs, hello, &split);
	if (epoch && epoch->sync)
		return epoch;
	if (epoch && !epochs->folder && !epochs_reopen(epochs, epoch, status)) {
		if (!epoch->state->gone)
			return NULL;
		epoch = epochs_find(epochs, hello, &split);
	}
	if (!epoch)
		epoch = epochs_new(epochs, hello, key, split, status);
	if (epoch && !epochs_use(epochs, epoch, now)) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED, "no memory");
		ringfile_close(&epoch->file);
		return NULL;
	}
	return epoch;
}

/* There is one header on a pipe, and one capture at a time. */
static bool epochs_begin_pipe(struct epochs *epochs, struct epoch *epoch,
			      struct call_status *status)
{
	struct output *output = epochs->config.output;

	if (!output_fits(output, EPOCHS_PACKAGE, status))
		return false;
	if (epochs->pipe) {
		epoch->file = epochs->pipe->file;
		epoch->header = true;
		return true;
	}
	if (!ringfile_pipe(&epoch->file, output->stop_fd)) {
		call_fail(status, CALL_INTERNAL,
			  "cannot write standard output: %s", strerror(errno));
		output->stop();
		return false;
	}
	output->package = EPOCHS_PACKAGE;
	return true;
}

/* The capture before has left standard output to this one. */
static bool epochs_swap_pipe(struct epochs *epochs, struct epoch *epoch,
			     struct call_status *status)
{
	struct epoch *old = epochs->pipe;

	if (old && epoch_attached(old)) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED,
			  "the collector writes to standard output, which sensor %.128s uses",
			  old->state->sensor);
		return false;
	}
	if (old && !ringfile_same(&old->format, &epoch->format)) {
		call_fail(status, CALL_FAILED_PRECONDITION,
			  "standard output has begun with link type %u, %sseconds: no other can follow",
			  old->format.linktype,
			  old->format.microseconds ? "micro" : "nano");
		return false;
	}
	return epochs_begin_pipe(epochs, epoch, status);
}

static void epochs_drop_pipe(struct epochs *epochs)
{
	struct epoch *old = epochs->pipe;

	epochs->first = epochs->opened = epochs->pipe = NULL;
	if (!old)
		return;
	old->file.fd = -1;
	epoch_free(old);
}

static struct epoch *epochs_get_pipe(struct epochs *epochs,
				     const struct hello *hello, const char *key,
				     uint64_t now, struct call_status *status)
{
	struct ledger_file *state;
	struct epoch *epoch;
	bool split, header;

	epoch = epochs_find(epochs, hello, &split);
	if (epoch)
		return epoch;
	call_fail(status, CALL_RESOURCE_EXHAUSTED, "no memory");
	state = epochs_declare(epochs, hello, key, false);
	epoch = state ? epoch_new(state, "standard output") : NULL;
	if (!epoch)
		return NULL;
	if (!epochs_swap_pipe(epochs, epoch, status)) {
		epoch->file.fd = -1;
		epoch_free(epoch);
		return NULL;
	}
	header = epoch->header;
	epochs_drop_pipe(epochs);
	epochs->first = epochs->pipe = epoch;
	if (!epochs_use(epochs, epoch, now))
		abort();	/* its descriptor is the only one */
	epoch->header = header;
	return epoch;
}

void epochs_close_idle(struct epochs *epochs)
{
	struct epoch **at = &epochs->opened;

	while (*at) {
		struct epoch *epoch = *at;

		if (epoch_close(epoch))
			*at = epoch->next_open;
		else
			at = &epoch->next_open;
	}
}

/*
 * A file that the journal knows: cut it to what that says. False: it was
 * logged, and the program cannot begin.
 */
static bool epochs_check(struct epochs *epochs, struct epoch *epoch)
{
	const struct ledger_file *known = epoch->state;
	enum ringfile_state state;
	struct ringfile file;
	bool done = true;

	if (known->gone || (!known->length && access(epoch->path, F_OK)))
		return true;
	state = ringfile_open(&file, epoch->path, &known->format, known->length);
	if (state == RINGFILE_LOCKED || state == RINGFILE_ERROR) {
		log_error("%s: cannot be opened: %s", epoch->path,
			  state == RINGFILE_LOCKED ?
			  "another program writes it" : strerror(errno));
		return false;
	}
	if (state != RINGFILE_FINE) {
		epoch_lose(epoch, state, file.end);
		journal_gone(epochs->journal, known->number, known->missing);
		return true;
	}
	if (file.end > known->length) {
		log_warning("%s: cut %" PRIu64 " bytes at offset %" PRIu64 ", which are not in the journal",
			    epoch->path, file.end - known->length, known->length);
		done = ringfile_cut(&file, known->length);
		if (!done)
			log_error("%s: cannot be cut: %m", epoch->path);
	}
	ringfile_close(&file);
	return done;
}

/* Take over what the journal knows. */
static bool epochs_restore(struct epochs *epochs)
{
	const struct ledger_file *file = journal_files(epochs->journal);
	bool any = file;

	for (; file; file = file->next) {
		struct ledger_file *state = ledger_copy_file(file);
		char path[PATH_MAX];
		struct epoch *epoch;

		if (!state || !epochs_path(epochs, path, file->name)) {
			log_error("out of memory");
			ledger_free_file(state);
			return false;
		}
		intervals_free(&state->intervals);	/* the journal has them */
		epoch = epochs_add(epochs, state, path);
		if (!epoch) {
			log_error("the journal knows too many files");
			return false;
		}
		epoch->declared = true;
		if (!epochs->folder && !epochs_check(epochs, epoch))
			return false;
	}
	if (!any || journal_commit(epochs->journal))
		return true;
	log_error("the journal cannot be written: %m");
	return false;
}

struct epoch *epochs_get(struct epochs *epochs, const struct hello *hello,
			 const char *key, uint64_t now, struct call_status *status)
{
	return (epochs->journal ? epochs_get_file : epochs_get_pipe)
	       (epochs, hello, key, now, status);
}

struct epoch *epochs_opened(const struct epochs *epochs)
{
	return epochs->opened;
}

/* What has to be there before the journal is read. */
static bool epochs_open_folder(struct epochs *epochs)
{
	struct epochs_config *config = &epochs->config;
	char write[PATH_MAX + 16];
	const char *why;

	epochs->template = template_parse(config->name ? config->name : TEMPLATE_DEFAULT, &why);
	if (!epochs->template) {
		log_error("--name %s: %s", config->name, why);
		return false;
	}
	epochs->folder = folder_open(config->directory);
	if (!epochs->folder)
		return false;
	snprintf(write, sizeof(write), "%s/" JOURNAL_DIRECTORY, folder_path(epochs->folder));
	epochs->journal = journal_open(write);
	if (!epochs->journal || !restore_files(epochs->journal, epochs->folder))
		return false;
	config->series.folder = config->finish.folder = epochs->folder;
	config->keep.folder = epochs->folder;
	config->series.template = config->keep.template = epochs->template;
	epochs->keep = keep_open(&config->keep);
	if (!epochs->keep)
		return false;
	config->finish.keep = epochs->keep;
	epochs->finish = finish_open(&config->finish);
	return epochs->finish;
}

static bool epochs_open_file(struct epochs *epochs)
{
	const char *write = epochs->config.write, *slash = strrchr(write, '/');

	epochs->prefix = slash ? slash + 1 - write : 0;
	epochs->journal = journal_open(write);
	return epochs->journal;
}

static bool epochs_open_room(struct epochs *epochs)
{
	const char *write = epochs->config.write, *folder = ".";
	char prefix[PATH_MAX];

	if (epochs->folder) {
		folder = folder_path(epochs->folder);
	} else if (epochs->prefix) {
		snprintf(prefix, sizeof(prefix), "%.*s", (int)epochs->prefix, write);
		folder = prefix;
	}
	epochs->room = room_open(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				 epochs_place(epochs), epochs->config.keep.free,
				 epochs->keep);
	if (!epochs->room)
		log_error("out of memory");
	return epochs->room;
}

struct epochs *epochs_open(const struct epochs_config *config)
{
	struct epochs *epochs = calloc(1, sizeof(*epochs));

	if (!epochs) {
		log_error("out of memory");
		return NULL;
	}
	epochs->config = *config;
	epochs->held.most = config->held;
	epochs->number = 1;
	if (!config->directory && !strcmp(config->write, "-")) {
		if (journal_random(epochs->id))
			return epochs;
		free(epochs);
		return NULL;
	}
	if ((config->directory ? epochs_open_folder : epochs_open_file)(epochs) &&
	    epochs_restore(epochs) && epochs_open_room(epochs)) {
		memcpy(epochs->id, journal_id(epochs->journal), MESSAGE_ID_BYTES);
		return epochs;
	}
	epochs_close(epochs);
	return NULL;
}

const char *epochs_place(const struct epochs *epochs)
{
	return epochs->folder ? folder_path(epochs->folder) : epochs->config.write;
}

struct room *epochs_room(const struct epochs *epochs)
{
	return epochs->room;
}

/* Go on with what the program before had begun. */
static bool epochs_start_finish(struct epochs *epochs)
{
	syncer_follow(epochs->syncer, epochs->folder, epochs->finish);
	for (const struct ledger_closed *closed = journal_closed(epochs->journal); closed;
	     closed = closed->next)
		finish_again(epochs->finish, closed->name);
	return finish_start(epochs->finish, syncer_done, epochs->syncer);
}

bool epochs_start(struct epochs *epochs, void (*wake)(void *context), void *context)
{
	if (!epochs->journal)
		return true;
	epochs->syncer = syncer_open(epochs->journal, epochs->config.sync, wake,
				     context);
	if (!epochs->syncer) {
		log_error("cannot start to sync: %m");
		return false;
	}
	syncer_room(epochs->syncer, epochs->room);
	return !epochs->folder || epochs_start_finish(epochs);
}

void epochs_pace(struct epochs *epochs, uint64_t sync)
{
	if (epochs->syncer)
		syncer_pace(epochs->syncer, sync);
}

void epochs_finish(struct epochs *epochs)
{
	for (struct epoch *epoch = epochs->opened; epoch; epoch = epoch->next_open)
		epoch_turn(epoch);
	if (epochs->syncer)
		syncer_close(epochs->syncer);
	epochs->syncer = NULL;
}

void epochs_close(struct epochs *epochs)
{
	struct epoch *epoch, *next;

	for (epoch = epochs->first; epoch; epoch = next) {
		next = epoch->next;
		epoch_free(epoch);
	}
	if (epochs->journal)
		journal_close(epochs->journal);
	if (epochs->finish)
		finish_close(epochs->finish);
	if (epochs->room)
		room_close(epochs->room);
	if (epochs->keep)
		keep_close(epochs->keep);
	if (epochs->folder)
		folder_close(epochs->folder);
	template_free(epochs->template);
	free(epochs);
}

struct epoch *epochs_first(const struct epochs *epochs)
{
	return epochs->first;
}

const uint8_t *epochs_id(const struct epochs *epochs)
{
	return epochs->id;
}

bool epochs_durable(const struct epochs *epochs)
{
	return epochs->journal;
}
