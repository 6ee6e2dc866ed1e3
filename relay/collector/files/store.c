// SPDX-License-Identifier: MIT
#include "store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "restore.h"

static bool store_open_template(struct store *store)
{
	const char *name = store->config.name ? store->config.name : TEMPLATE_DEFAULT, *why;

	store->template = template_parse(name, &why);
	if (!store->template)
		log_error("--name %s: %s", name, why);
	return store->template;
}

static bool store_open_folder(struct store *store)
{
	struct store_config *config = &store->config;
	char write[PATH_MAX + 16];

	if (!store_open_template(store))
		return false;
	store->folder = folder_open(config->directory);
	if (!store->folder)
		return false;
	snprintf(write, sizeof(write), "%s/" JOURNAL_DIRECTORY, folder_path(store->folder));
	store->journal = journal_open(write);
	if (!store->journal || !restore_files(store->journal, store->folder))
		return false;
	config->series.folder = config->finish.folder = store->folder;
	config->keep.folder = store->folder;
	config->series.template = config->keep.template = store->template;
	store->keep = keep_open(&config->keep);
	if (!store->keep)
		return false;
	config->finish.keep = store->keep;
	store->finish = finish_open(&config->finish);
	return store->finish;
}

static bool store_open_file(struct store *store)
{
	const char *write = store->config.write, *slash = strrchr(write, '/');

	store->prefix = slash ? slash + 1 - write : 0;
	store->journal = journal_open(write);
	return store->journal;
}

static bool store_open_room(struct store *store)
{
	const char *folder = ".";
	char prefix[PATH_MAX];

	if (store->folder) {
		folder = folder_path(store->folder);
	} else if (store->prefix) {
		snprintf(prefix, sizeof(prefix), "%.*s", (int)store->prefix,
			 store->config.write);
		folder = prefix;
	}
	store->room = room_open(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				store_place(store), store->config.keep.free, store->keep);
	if (!store->room)
		log_error("out of memory");
	return store->room;
}

struct store *store_open(const struct store_config *config)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store) {
		log_error("out of memory");
		return NULL;
	}
	store->config = *config;
	if ((config->directory ? store_open_folder : store_open_file)(store) &&
	    store_open_room(store))
		return store;
	store_close(store);
	return NULL;
}

/* Go on with what the program before had begun. */
static bool store_start_finish(struct store *store)
{
	syncer_follow(store->syncer, store->folder, store->finish);
	for (const struct ledger_closed *closed = journal_closed(store->journal); closed;
	     closed = closed->next)
		finish_again(store->finish, closed->name);
	return finish_start(store->finish, syncer_done, store->syncer);
}

bool store_start(struct store *store, void (*wake)(void *context), void *context)
{
	store->syncer = syncer_open(store->journal, store->config.sync, wake, context);
	if (!store->syncer) {
		log_error("cannot start to sync: %m");
		return false;
	}
	syncer_room(store->syncer, store->room);
	return !store->folder || store_start_finish(store);
}

void store_finish(struct store *store)
{
	if (store->syncer)
		syncer_close(store->syncer);
	store->syncer = NULL;
}

void store_close(struct store *store)
{
	if (store->journal)
		journal_close(store->journal);
	if (store->finish)
		finish_close(store->finish);
	if (store->room)
		room_close(store->room);
	if (store->keep)
		keep_close(store->keep);
	if (store->folder)
		folder_close(store->folder);
	template_free(store->template);
	free(store);
}

const char *store_place(const struct store *store)
{
	return store->folder ? folder_path(store->folder) : store->config.write;
}

bool store_path(const struct store *store, char path[PATH_MAX], const char *name)
{
	if (store->folder)
		return snprintf(path, PATH_MAX, "%s", folder_path(store->folder)) < PATH_MAX;
	return snprintf(path, PATH_MAX, "%.*s%s", (int)store->prefix, store->config.write,
			name) < PATH_MAX;
}
