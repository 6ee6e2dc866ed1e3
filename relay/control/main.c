// SPDX-License-Identifier: MIT
/* pcapring: create, change, show and delete captures of pcapring.ko. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/version.h"
#include "control/command.h"

static const char main_help[] =
"Usage: pcapring COMMAND\n"
"\n"
"  show [N] [--json]           captures, their rings and counters; the default\n"
"  add IFACE|any [KEY VALUE]... [filter EXPR | filter bpf PATH]\n"
"                              capture IFACE, which may not exist yet, or all\n"
"                              interfaces; prints the new device\n"
"  set N KEY VALUE... [filter EXPR | filter bpf PATH | filter none]\n"
"                              change the capture of /dev/pcapringN\n"
"  del N                       delete it\n"
"  freeze N                    capture nothing for a while\n"
"  thaw N                      go on\n"
"  snapshot N FILE|-           write what a capture in mode overwrite holds to a\n"
"                              savefile, while it is frozen\n"
"  save [FILE]                 write all captures to a file, - for standard output\n"
"                              (/etc/pcapring/captures.json)\n"
"  restore [FILE]              make those of a file that are not there\n"
"  stats [N] [--interval SECONDS] [--json]\n"
"                              counters; with an interval, a line of rates per\n"
"                              second for each capture, until interrupted\n"
"  top [--interval SECONDS] [--count N]\n"
"                              captures live: rates, drops, fill of rings; lines\n"
"                              where standard output is no terminal\n"
"  monitor [--json]            a line for each capture that is created, changed,\n"
"                              attached, detached, stopped by a limit or deleted\n"
"\n"
"Keys (add takes all, set those marked *):\n"
"  snaplen N *                 most bytes kept of a packet, 1 to 262144 (262144)\n"
"  ring-bytes SIZE             bytes of each ring, a power of two (32M)\n"
"  rings N                     number of rings; 0: one for each receive queue (0)\n"
"  steer cpu|flow              what decides the ring of a packet (cpu)\n"
"  mode normal|overwrite       what a full ring drops: the newest packet, or the\n"
"                              oldest, as a flight recorder (normal)\n"
"  direction in|out|both *     packets received, sent, or both (both)\n"
"  promisc on|off *            packets for other machines, too (off)\n"
"  allmulti on|off *           packets for all multicast groups, too (off)\n"
"  tstamp software|hardware *  stamps of the kernel, or of the network card for\n"
"                              packets that have one; with direction in (software)\n"
"  sample N *                  one packet in N (1)\n"
"  limit packets N *           freeze when N packets were captured (0: never)\n"
"  limit bytes SIZE *          freeze when SIZE bytes of packets were (0: never)\n"
"  limit seconds N *           freeze when N seconds have passed (0: never)\n"
"  filter EXPR *               packets that match, as pcap-filter(7); the rest of\n"
"                              the line, so it comes last\n"
"  filter bpf PATH *           packets that the eBPF program takes, a socket\n"
"                              filter that is pinned at PATH\n"
"\n"
"Sizes take k, M, G, powers of 1024.\n"
"\n"
"  --json                      JSON instead of text\n"
"  --interval SECONDS, -d      time between two lines of stats, 1 to 86400, or\n"
"                              two looks of top, 0.1 to 86400 (1)\n"
"  --count N, -n               looks of top, then it ends\n"
"  --help                      this text\n"
"  --version                   version\n";

static const struct {
	const char *name;
	int (*run)(char **words);
} main_commands[] = {
	{ "show", command_show },
	{ "add", command_add },
	{ "set", command_set },
	{ "del", command_del },
	{ "freeze", command_freeze },
	{ "thaw", command_thaw },
	{ "snapshot", command_snapshot },
	{ "save", command_save },
	{ "restore", command_restore },
	{ "stats", command_stats },
	{ "top", command_top },
	{ "monitor", command_monitor },
};

static bool main_is_help(const char *word)
{
	return word && (!strcmp(word, "--help") || !strcmp(word, "-h"));
}

static int main_help_print(void)
{
	fputs(main_help, stdout);
	return COMMAND_FINE;
}

/* No interface is called --help. */
static int main_command(char **words)
{
	if (main_is_help(words[0]) || main_is_help(words[1]))
		return main_help_print();
	for (size_t i = 0; i < sizeof(main_commands) / sizeof(*main_commands); i++) {
		if (!strcmp(main_commands[i].name, words[0]))
			return main_commands[i].run(words + 1);
	}
	log_error("'%s' is no command: see pcapring --help", words[0]);
	return COMMAND_USAGE;
}

int main(int argc, char **argv)
{
	int status = COMMAND_FINE;

	log_open("pcapring", 0);
	if (argc < 2)
		status = command_show(argv + argc);
	else if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"))
		puts(version_text("pcapring"));
	else
		status = main_command(argv + 1);
	if (fflush(stdout) || ferror(stdout)) {
		log_error("standard output: %m");
		return COMMAND_FAILURE;
	}
	return status;
}
