// SPDX-License-Identifier: MIT
#include "outlet.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

/* Files of one key; beyond that something else is wrong. */
#define OUTLET_FILES_MAX	10000

#define OUTLET_PACKAGE		"packet_streaming"

static const char *outlet_whose(const struct outlet *outlet, const char *path)
{
	return outlet->whose(outlet->context, path);
}

/* Does FILE belong to @key, or to nobody so that it may now? */
static bool outlet_own(struct outlet *outlet, const struct outlet_key *key,
		       const struct savefile_format *format)
{
	const char *whose = outlet_whose(outlet, outlet->path);
	char owner[SAVEFILE_OWNER_MAX];
	struct savefile_format have;
	enum savefile_state state;

	if (whose)
		return !strcmp(whose, key->text);
	if (*outlet->owner)
		return !strcmp(outlet->owner, key->text);
	state = savefile_look(outlet->path, &have, owner);
	if (state != SAVEFILE_ABSENT && state != SAVEFILE_OURS)
		return false;
	if (state == SAVEFILE_OURS && *owner) {
		if (strcmp(owner, key->text))
			return false;
	} else if (state == SAVEFILE_OURS && !savefile_same(&have, format)) {
		return false;
	}
	strcpy(outlet->owner, key->text);
	return true;
}

/* The first of the key's files that fits, or a new one. */
static struct savefile *outlet_file(struct outlet *outlet, const struct outlet_key *key,
				    const struct savefile_format *format, char *path,
				    struct call_status *status)
{
	bool own = outlet_own(outlet, key, format);
	struct savefile *file = NULL;
	enum savefile_state state;

	for (unsigned int n = 0; n < OUTLET_FILES_MAX; n++) {
		errno = ENAMETOOLONG;
		if (!path_make(path, PATH_MAX, outlet->path, own ? NULL : key->name,
			       key->interface, n))
			state = SAVEFILE_ERROR;
		else if (outlet_whose(outlet, path))
			state = SAVEFILE_LOCKED;
		else
			file = savefile_open(path, format, key->text, &key->place, &state);
		if (file)
			return file;
		if (state != SAVEFILE_ERROR)
			continue;
		call_fail(status, call_code(errno), "cannot write %s: %s", path, strerror(errno));
		return NULL;
	}
	call_fail(status, CALL_INTERNAL, "no free name up to %s", path);
	return NULL;
}

static bool outlet_begin_pipe(struct outlet *outlet, const struct savefile_format *format,
			      struct call_status *status)
{
	struct output *output = outlet->output;

	outlet->pipe = savefile_pipe(format, output->stop_fd);
	if (!outlet->pipe) {
		call_fail(status, CALL_INTERNAL, "cannot write standard output: %s",
			  strerror(errno));
		output->stop();
		return false;
	}
	outlet->pipe_format = *format;
	output->package = OUTLET_PACKAGE;
	return true;
}

/* There is one header on a pipe. */
static struct savefile *outlet_pipe(struct outlet *outlet, const struct savefile_format *format,
				    char *path, struct call_status *status)
{
	const struct savefile_format *have = &outlet->pipe_format;

	strcpy(path, "standard output");
	if (!output_fits(outlet->output, OUTLET_PACKAGE, status) ||
	    (!outlet->pipe && !outlet_begin_pipe(outlet, format, status)))
		return NULL;
	if (savefile_same(have, format))
		return outlet->pipe;
	call_fail(status, CALL_FAILED_PRECONDITION,
		  "standard output has begun with link type %u, snaplen %u bytes, %sseconds: no other can follow",
		  have->linktype, have->snaplen, have->nanoseconds ? "nano" : "micro");
	return NULL;
}

struct savefile *outlet_get(struct outlet *outlet, const struct outlet_key *key,
			    const struct savefile_format *format, char path[PATH_MAX],
			    struct call_status *status)
{
	return outlet->path ? outlet_file(outlet, key, format, path, status) :
			      outlet_pipe(outlet, format, path, status);
}

void outlet_put(struct outlet *outlet, struct savefile *file, struct outlet_key *key)
{
	if (file == outlet->pipe)
		return;
	savefile_where(file, &key->place);
	savefile_close(file);
}

void outlet_close(struct outlet *outlet)
{
	if (outlet->pipe)
		savefile_close(outlet->pipe);
}

bool outlet_check(const char *path)
{
	char owner[SAVEFILE_OWNER_MAX];
	struct savefile_format format;
	char folder[PATH_MAX];

	switch (savefile_look(path, &format, owner)) {
	case SAVEFILE_OURS:
	case SAVEFILE_FOREIGN:
		return true;
	case SAVEFILE_ABSENT:
		if (strlen(path) >= sizeof(folder)) {
			errno = ENAMETOOLONG;
			break;
		}
		strcpy(folder, path);
		if (!access(dirname(folder), W_OK))
			return true;
		break;
	case SAVEFILE_OTHER:
		log_error("--write %s: is there and is no savefile: name another file, or - for standard output",
			  path);
		return false;
	case SAVEFILE_LOCKED:
		log_error("--write %s: another program writes it: name another file",
			  path);
		return false;
	case SAVEFILE_ERROR:
		break;
	}
	log_error("--write %s: cannot be written: %m", path);
	return false;
}
