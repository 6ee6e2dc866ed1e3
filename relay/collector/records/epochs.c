// SPDX-License-Identifier: MIT
#include "epochs_inside.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/files/savefile.h"
#include "common/log.h"

/*
 * Epochs that are remembered, those of one sensor that began since the program did, files
 * of one sensor: more is an attack, and leaves the others room.
 */
#define EPOCHS_MAX		65536
#define EPOCHS_SENSOR_MAX	2048
#define EPOCHS_FILES_MAX	10000

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

struct epoch *epochs_find(const struct epochs *epochs, const struct hello *hello, bool *split)
{
	*split = epochs->store && !epochs->config.hold_back &&
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
	const char *whose = epochs_whose(epochs, epochs->config.store.write);
	char owner[SAVEFILE_OWNER_MAX];
	struct savefile_format format;
	enum savefile_state state;

	if (whose)
		return !strcmp(whose, key);
	state = savefile_look(epochs->config.store.write, &format, owner);
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
		if (!path_make(path, PATH_MAX, epochs->config.store.write,
			       own ? NULL : state->sensor, state->interface, n) ||
		    strlen(path + epochs->store->prefix) >= sizeof(state->name))
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

struct ledger_file *epochs_declare(const struct epochs *epochs, const struct hello *hello,
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

static unsigned int epochs_count(const struct epochs *epochs, const char *sensor)
{
	unsigned int count = 0;

	for (const struct epoch *epoch = epochs->first; epoch; epoch = epoch->next)
		count += epoch->state->number >= epochs->first_number &&
			 !strcmp(epoch->state->sensor, sensor);
	return count;
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
	if (epochs_count(epochs, state->sensor) >= EPOCHS_SENSOR_MAX) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED,
			  "no room for another capture of this sensor: it has begun %d of them since the collector started",
			  EPOCHS_SENSOR_MAX);
		ledger_free_file(state);
		return NULL;
	}
	if (epochs->store->folder) {
		store_path(epochs->store, path, "");	/* files come when packets do */
	} else if (!epochs_create(epochs, key, state, &file, path)) {
		room_failed(epochs->store->room, errno);
		call_fail(status, call_code(errno), "cannot create %.256s: %s",
			  path, strerror(errno));
		ledger_free_file(state);
		return NULL;
	}
	if (!epochs->store->folder)
		strcpy(state->name, path + epochs->store->prefix);
	epoch = epochs_add(epochs, state, path);
	if (epoch)
		epoch->file = file;
	else
		ringfile_close(&file);
	return epoch;
}

bool epochs_use(struct epochs *epochs, struct epoch *epoch, uint64_t now)
{
	if (epochs->store)
		epoch->room = epochs->store->room;
	if (epochs->store && epochs->store->folder)
		epoch->series.config = &epochs->store->config.series;
	if (!epoch_open(epoch, epochs->store ? epochs->store->syncer : NULL,
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
	syncer_gone(epochs->store->syncer, known->number, known->missing);
	return false;
}

static struct epoch *epochs_get_file(struct epochs *epochs,
				     const struct hello *hello, const char *key,
				     uint64_t now, struct call_status *status)
{
	struct epoch *epoch;
	bool split;

	if (!room_try(epochs->store->room)) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED, "there is no room in %.256s",
			  epochs_place(epochs));
		return NULL;
	}
	epoch = epochs_find(epochs, hello, &split);
	if (epoch && epoch->sync)
		return epoch;
	if (epoch && !epochs->store->folder && !epochs_reopen(epochs, epoch, status)) {
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
		journal_gone(epochs->store->journal, known->number, known->missing);
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
	const struct ledger_file *file = journal_files(epochs->store->journal);
	bool any = file;

	for (; file; file = file->next) {
		struct ledger_file *state = ledger_copy_file(file);
		char path[PATH_MAX];
		struct epoch *epoch;

		if (!state || !store_path(epochs->store, path, file->name)) {
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
		if (!epochs->store->folder && !epochs_check(epochs, epoch))
			return false;
	}
	if (!any || journal_commit(epochs->store->journal))
		return true;
	log_error("the journal cannot be written: %m");
	return false;
}

struct epoch *epochs_get(struct epochs *epochs, const struct hello *hello,
			 const char *key, uint64_t now, struct call_status *status)
{
	return (epochs->store ? epochs_get_file : epochs_get_pipe)
	       (epochs, hello, key, now, status);
}

struct epoch *epochs_opened(const struct epochs *epochs)
{
	return epochs->opened;
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
	if (!config->store.directory && !strcmp(config->store.write, "-")) {
		if (journal_random(epochs->id))
			return epochs;
		free(epochs);
		return NULL;
	}
	epochs->store = store_open(&config->store);
	if (epochs->store && epochs_restore(epochs)) {
		epochs->first_number = epochs->number;
		memcpy(epochs->id, journal_id(epochs->store->journal), MESSAGE_ID_BYTES);
		return epochs;
	}
	epochs_close(epochs);
	return NULL;
}

const char *epochs_place(const struct epochs *epochs)
{
	return epochs->store ? store_place(epochs->store) : epochs->config.store.write;
}

struct room *epochs_room(const struct epochs *epochs)
{
	return epochs->store ? epochs->store->room : NULL;
}

bool epochs_start(struct epochs *epochs, void (*wake)(void *context), void *context)
{
	return !epochs->store || store_start(epochs->store, wake, context);
}

void epochs_pace(struct epochs *epochs, uint64_t sync)
{
	if (epochs->store && epochs->store->syncer)
		syncer_pace(epochs->store->syncer, sync);
}

void epochs_finish(struct epochs *epochs)
{
	for (struct epoch *epoch = epochs->opened; epoch; epoch = epoch->next_open)
		epoch_turn(epoch);
	if (epochs->store)
		store_finish(epochs->store);
}

void epochs_close(struct epochs *epochs)
{
	struct epoch *epoch, *next;

	for (epoch = epochs->first; epoch; epoch = next) {
		next = epoch->next;
		epoch_free(epoch);
	}
	if (epochs->store)
		store_close(epochs->store);
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
	return epochs->store;
}
