// SPDX-License-Identifier: MIT
#include "control/saved.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/filter.h"
#include "common/log.h"
#include "control/json.h"

#define SAVED_MODE	0644

static bool saved_is_stream(const char *path)
{
	return !strcmp(path, "-");
}

/* Writing */

/* A rename would put a file in the place of a device or of a pipe. */
static bool saved_may_replace(const char *path, mode_t *mode)
{
	struct stat st;

	*mode = SAVED_MODE;
	if (stat(path, &st))
		return true;
	*mode = st.st_mode & 0777;
	if (S_ISREG(st.st_mode))
		return true;
	log_error("save: %s is no regular file: - writes to standard output, which can be anything",
		  path);
	return false;
}

static bool saved_make_folder(const char *path)
{
	if (strcmp(path, SAVED_FILE) || !mkdir(SAVED_FOLDER, 0755) || errno == EEXIST)
		return true;
	log_error("save: %s: %m", SAVED_FOLDER);
	return false;
}

/* A name is on disk when its folder is. */
static bool saved_sync_folder(const char *path)
{
	char *copy = strdup(path);
	int folder = -1;
	bool done;

	if (copy)
		folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	done = folder >= 0 && !fsync(folder);
	if (folder >= 0)
		close(folder);
	free(copy);
	return done;
}

/* errno says why not. The file is closed. */
static bool saved_fill(int fd, const struct capture_list *list, mode_t mode)
{
	FILE *file = fdopen(fd, "w");
	bool done;

	if (!file) {
		close(fd);
		return false;
	}
	done = json_save(list, file) && !fflush(file) && !fchmod(fd, mode) && !fsync(fd);
	return !fclose(file) && done;
}

static bool saved_replace(const struct capture_list *list, const char *path,
			  char *part, mode_t mode)
{
	int fd = mkostemp(part, O_CLOEXEC);

	if (fd < 0) {
		log_error("save: %s: %m", part);
		return false;
	}
	if (saved_fill(fd, list, mode) && !rename(part, path)) {
		if (saved_sync_folder(path))
			return true;
		log_error("save: %s: written, but may not survive a power cut: %m", path);
		return false;
	}
	log_error("save: %s: %m", path);
	unlink(part);
	return false;
}

bool saved_write(const struct capture_list *list, const char *path)
{
	mode_t mode;
	char *part;
	bool done;

	if (saved_is_stream(path)) {
		done = json_save(list, stdout);
		if (!done)
			log_error("save: standard output: %m");
		return done;
	}
	if (!saved_may_replace(path, &mode) || !saved_make_folder(path))
		return false;
	if (asprintf(&part, "%s.XXXXXX", path) < 0) {
		log_error("save: out of memory");
		return false;
	}
	done = saved_replace(list, path, part, mode);
	free(part);
	return done;
}

/* Reading */

static bool saved_compile(const char *name, struct capture_request_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct capture_request *request = &list->requests[i];

		if (!request->expression ||
		    filter_compile(request->ifname, request->expression,
				   &request->filter, &request->filter_length))
			continue;
		log_error("%s: captures[%zu]: the filter does not compile: nothing is restored",
			  name, i);
		return false;
	}
	return true;
}

bool saved_read(const char *path, struct capture_request_list *list)
{
	FILE *file = saved_is_stream(path) ? stdin : fopen(path, "re");
	char name[512];
	bool done;

	if (!file) {
		log_error("restore: %s: %m%s", path,
			  errno == ENOENT ? ": pcapring save writes it" : "");
		return false;
	}
	snprintf(name, sizeof(name), "restore: %s",
		 file == stdin ? "standard input" : path);
	done = json_load(file, name, list) && saved_compile(name, list);
	if (file != stdin)
		fclose(file);
	return done;
}
