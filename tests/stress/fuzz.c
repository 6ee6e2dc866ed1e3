// SPDX-License-Identifier: MIT
/*
 * fuzz [-t SECONDS] [-s SEED] [-o FILE] [SCRIPT]
 *
 * Plays random scripts of what user space can do to the module (moves.h). Where
 * the kernel counts coverage (KCOV), those that reach new code are kept, and
 * half of the scripts are variations of them. The one that is being played is
 * in FILE: after a crash, `fuzz FILE` plays it again, alone. Prints
 *
 *	SCRIPTS played, PLACES reached, KEPT
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "coverage.h"
#include "moves.h"

#define SCRIPT_BYTES	512
#define KEPT_MAX	1024

struct script {
	size_t bytes;
	uint8_t byte[SCRIPT_BYTES];
};

static struct script kept[KEPT_MAX];
static unsigned int kept_count;
static uint32_t state;

/* xorshift, Marsaglia 2003 */
static uint32_t fuzz_random(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % limit;
}

static void script_make(struct script *script)
{
	size_t i;

	script->bytes = 16 + fuzz_random(SCRIPT_BYTES - 16);
	for (i = 0; i < script->bytes; i++)
		script->byte[i] = fuzz_random(256);
}

/* The beginning of one and the end of another, with some bytes changed. */
static void script_vary(struct script *script)
{
	const struct script *other = &kept[fuzz_random(kept_count)];
	unsigned int changes = 1 + fuzz_random(8);
	size_t cut;

	*script = kept[fuzz_random(kept_count)];
	cut = fuzz_random(script->bytes);
	if (fuzz_random(2) && other->bytes > cut) {
		memcpy(script->byte + cut, other->byte + cut,
		       other->bytes - cut);
		script->bytes = other->bytes;
	}
	while (changes--)
		script->byte[fuzz_random(script->bytes)] = fuzz_random(256);
}

static void script_note(const struct script *script, int fd)
{
	if (fd >= 0 && (pwrite(fd, script->byte, script->bytes, 0) < 0 ||
			ftruncate(fd, script->bytes)))
		err(1, "cannot note the script");
}

static void fuzz_once(int fd)
{
	struct script script;

	if (kept_count && fuzz_random(2))
		script_vary(&script);
	else
		script_make(&script);
	script_note(&script, fd);
	coverage_begin();
	moves_play(script.byte, script.bytes);
	if (coverage_end() && kept_count < KEPT_MAX)
		kept[kept_count++] = script;
}

static void fuzz_replay(const char *path)
{
	struct script script;
	int fd = open(path, O_RDONLY);
	ssize_t bytes = fd < 0 ? -1 : read(fd, script.byte, SCRIPT_BYTES);

	if (bytes < 0)
		err(1, "%s", path);
	moves_play(script.byte, bytes);
}

int main(int argc, char **argv)
{
	unsigned long seconds = 10, scripts = 0;
	int option, fd = -1;
	time_t end;

	state = 1;
	while ((option = getopt(argc, argv, "t:s:o:")) != -1)
		switch (option) {
		case 't': seconds = strtoul(optarg, NULL, 10); break;
		case 's': state = 2 * strtoul(optarg, NULL, 10) + 1; break;
		case 'o':
			fd = open(optarg, O_WRONLY | O_CREAT, 0644);
			if (fd < 0)
				err(1, "%s", optarg);
			break;
		default: return 2;
		}
	moves_open();
	if (optind < argc) {
		fuzz_replay(argv[optind]);
		return 0;
	}
	coverage_open();
	end = time(NULL) + seconds;
	do {
		fuzz_once(fd);
		scripts++;
	} while (time(NULL) < end);
	printf("%lu scripts played, %u places reached, %u kept\n", scripts,
	       coverage_total(), kept_count);
	return 0;
}
