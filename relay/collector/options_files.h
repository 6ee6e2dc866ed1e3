/* SPDX-License-Identifier: MIT */
/* The options that tell which files there are, in a directory. */
#ifndef COLLECTOR_OPTIONS_FILES_H
#define COLLECTOR_OPTIONS_FILES_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

/**
 * struct options_files - files that follow each other; 0: not, or no limit
 * @directory: where; NULL: one file
 * @name: template of their names
 * @rotate_size: bytes
 * @rotate_time: seconds
 * @rotate_packets: packets
 * @keep_files: of each sensor and interface
 * @keep_size: bytes of all files
 * @free_space: bytes
 * @compress: those that are complete
 * @after_rotate: a command; NULL: none
 */
struct options_files {
	const char *directory;
	const char *name;
	uint64_t rotate_size;
	uint64_t rotate_time;
	uint64_t rotate_packets;
	uint64_t keep_files;
	uint64_t keep_size;
	uint64_t free_space;
	bool compress;
	const char *after_rotate;
};

enum {
	OPTIONS_DIRECTORY = 512,
	OPTIONS_NAME,
	OPTIONS_ROTATE_SIZE,
	OPTIONS_ROTATE_TIME,
	OPTIONS_ROTATE_PACKETS,
	OPTIONS_KEEP_FILES,
	OPTIONS_KEEP_SIZE,
	OPTIONS_FREE_SPACE,
	OPTIONS_COMPRESS,
	OPTIONS_AFTER_ROTATE,
};

/* For the list of argp's, in @group. */
#define OPTIONS_FILES_LIST(group) \
	{ "directory", OPTIONS_DIRECTORY, "DIR", 0, \
	  "Instead of --write: files in DIR, of each sensor's own, one after the other", group }, \
	{ "name", OPTIONS_NAME, "TEMPLATE", 0, \
	  "Name them so, below DIR (default: %{sensor}/%{interface}-%Y%m%dT%H%M%SZ.pcap); %{ring}, too, and other times, in UTC", group }, \
	{ "rotate-size", OPTIONS_ROTATE_SIZE, "SIZE", 0, \
	  "A file is complete once it has so many bytes, e.g. 100M", group }, \
	{ "rotate-time", OPTIONS_ROTATE_TIME, "TIME", 0, \
	  "A file is complete whenever the clock shows a multiple of so many seconds, or with a unit, e.g. 90, 5m, 1h, 1d", group }, \
	{ "rotate-packets", OPTIONS_ROTATE_PACKETS, "NUMBER", 0, \
	  "A file is complete once it has so many packets", group }, \
	{ "keep-files", OPTIONS_KEEP_FILES, "NUMBER", 0, \
	  "Keep the newest so many complete files of each sensor and interface, remove older ones", group }, \
	{ "keep-size", OPTIONS_KEEP_SIZE, "SIZE", 0, \
	  "Keep so many bytes of complete files in all, e.g. 500G, remove the oldest", group }, \
	{ "free-space", OPTIONS_FREE_SPACE, "SIZE", 0, \
	  "Leave so many bytes of the disk free: remove the oldest files, and take nothing more where that does not help", group }, \
	{ "compress", OPTIONS_COMPRESS, "zstd", 0, \
	  "Compress files that are complete", group }, \
	{ "after-rotate", OPTIONS_AFTER_ROTATE, "COMMAND", 0, \
	  "Run COMMAND, and the file's path behind it, for each that is complete", group }

/* One of them. @return ARGP_ERR_UNKNOWN: it is another one. */
error_t options_files_one(struct options_files *files, int key, const char *value,
			  struct argp_state *state);

/* Do they fit to each other, and to @write? */
void options_files_check(const struct options_files *files, const char *write,
			 struct argp_state *state);

#endif
