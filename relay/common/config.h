/* SPDX-License-Identifier: MIT */
/*
 * Options from the command line and from files, by the same names. A program's
 * argp_option list is the one place where they are known: a line of a file
 *
 *	write = /var/lib/capture.pcap
 *
 * goes to the program's own argp parser as --write=/var/lib/capture.pcap would,
 * before the command line does, and so what is wrong with it is said in the same
 * words, with file and line. Flags take true or false. A file that comes later
 * reads over one before it, the command line over all of them.
 *
 * Behind the options a file may have sections of the program's own, such as
 * [sensor NAME]: their lines go to who declared them.
 *
 * --config, --check-config and --log-file are options of every program that uses
 * this.
 */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#define CONFIG_FAULT_MAX	256	/* bytes of a text that says what is wrong */

/* For argp_option.flags, where argp has no use for these bits. */
#define CONFIG_RELOAD		0x10000	/* a change needs no restart */
#define CONFIG_COMMAND_LINE	0x20000	/* no file may have it */

/**
 * struct config_line - a line of a section of the program's own
 * @file, @line: where it is
 * @name: what is behind the section's word: NAME of [sensor NAME]; may be ""
 * @key, @value: both NULL: here the section begins
 *
 * All texts live as long as their config.
 */
struct config_line {
	const char *file;
	unsigned int line;
	const char *name;
	const char *key;
	const char *value;
};

/**
 * struct config_section - sections that a program knows
 * @word: "sensor" of [sensor NAME]
 * @take: takes a line. Within one file no section comes twice, nor a key of it; a
 *	later file may have them again, and reads over the former. @input: the
 *	program's options, as its argp parser gets them; no option is there yet.
 *	False: @fault says what was expected, without file and line. What needs all
 *	lines to be there is checked by the argp parser at ARGP_KEY_END.
 */
struct config_section {
	const char *word;
	bool (*take)(void *input, const struct config_line *line,
		     char fault[CONFIG_FAULT_MAX]);
};

/**
 * struct config_program - what a program knows
 * @name: the program's
 * @argp: its options. argp_error() returns to the parser where it is a file that
 *	is wrong, and at ARGP_KEY_END: what comes behind it has to bear that
 * @sections: of its own, ends with one of no word; NULL: there are none
 */
struct config_program {
	const char *name;
	const struct argp *argp;
	const struct config_section *sections;
};

struct config;

/*
 * Read the command line, and the files that it names, into @input, which has the
 * defaults. Texts in it live as long as the config. Does not return after --help
 * and --version (status 0), nor when something is wrong (status 2; all that is
 * wrong with files was logged). @argv outlives the config.
 */
struct config *config_open(const struct config_program *program, int argc,
			   char **argv, void *input);

/*
 * Read all that once more, into another @input, which has the defaults. NULL: it
 * was logged what is wrong.
 */
struct config *config_again(const struct config *config, void *input);

void config_close(struct config *config);

/* Is there something to reload: --config, --log-file? */
bool config_can_reload(const struct config *config);

/* Log to --log-file, or to standard error. False: it was logged why that cannot be. */
bool config_log(const struct config *config);

/* Was there --check-config? */
bool config_is_check(const struct config *config);

/*
 * What --check-config comes to; @fine: so is all that files name, or it was logged
 * what is not. Returns the exit status.
 */
int config_say_checked(bool fine);

/*
 * Log each option without CONFIG_RELOAD that is in @config not what it is in
 * @old, with both values.
 */
void config_say_fixed(const struct config *old, const struct config *config);

#endif
