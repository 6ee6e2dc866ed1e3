// SPDX-License-Identifier: MIT
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"

#define COMMAND_WORDS	64
#define COMMAND_LOOK_MS	200	/* how often it asks whether to stop */
#define COMMAND_GRACE_MS 2000	/* to end in, once it is told to */

extern char **environ;

/* What the program blocks and ignores is not for others. */
static void command_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(attributes);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

/* Its input is empty, its output goes where errors go: ours is for packets. */
static void command_files(posix_spawn_file_actions_t *files)
{
	posix_spawn_file_actions_init(files);
	posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO);
}

static int command_spawn(pid_t *pid, char **words)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int error;

	command_attributes(&attributes);
	command_files(&files);
	error = posix_spawnp(pid, words[0], &files, &attributes, words, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return error;
}

/* Whatever it does, it ends. */
static void command_end(pid_t pid, struct pollfd *end, const char *path)
{
	kill(pid, SIGTERM);
	if (poll(end, 1, COMMAND_GRACE_MS) > 0)
		return;
	log_warning("--after-rotate, for %s: does not end, and is killed", path);
	kill(pid, SIGKILL);
}

/* Wait for its end. False: it was told to. */
static bool command_wait(pid_t pid, const char *path, int *status,
			 bool (*stop)(void *context), void *context)
{
	struct pollfd end = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	bool stopped = false;

	while (end.fd >= 0 && !stopped && poll(&end, 1, COMMAND_LOOK_MS) <= 0)
		stopped = stop(context);
	if (stopped)
		command_end(pid, &end, path);
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		;
	if (end.fd >= 0)
		close(end.fd);
	return !stopped;
}

static void command_say(const char *command, const char *path, int status)
{
	if (WIFSIGNALED(status))
		log_warning("--after-rotate %s %s: ended by signal %d", command, path,
			    WTERMSIG(status));
	else if (WEXITSTATUS(status))
		log_warning("--after-rotate %s %s: failed with exit status %d", command, path,
			    WEXITSTATUS(status));
}

bool command_run(const char *command, const char *folder, const char *name,
		 bool (*stop)(void *context), void *context)
{
	char *words[COMMAND_WORDS + 2] = { NULL }, *text = strdup(command), *path, *rest;
	int count = 0, status = 0, error;
	bool done = true;
	pid_t pid;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		path = NULL;
	for (char *word = text ? strtok_r(text, " \t", &rest) : NULL;
	     word && count < COMMAND_WORDS; word = strtok_r(NULL, " \t", &rest))
		words[count++] = word;
	words[count++] = path;
	error = text && path ? command_spawn(&pid, words) : ENOMEM;
	if (error)
		log_warning("--after-rotate %s %s: cannot be run: %s", command, name,
			    strerror(error));
	else
		done = command_wait(pid, path, &status, stop, context);
	if (done && !error)
		command_say(command, path, status);
	free(text);
	free(path);
	return done;
}
