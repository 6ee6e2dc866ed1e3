/* SPDX-License-Identifier: MIT */
/*
 * The file of --exclude-list: TOML with two arrays of strings,
 *
 *	from = ["aa:bb:cc:dd:ee:ff", "192.0.2.1"]	# senders
 *	into = ["192.0.2.2:53", "[2001:db8::1]:443"]	# receivers
 *
 * each a MAC address, an address, or an address and a port. Debian has no
 * library for TOML in C; what else TOML knows is refused.
 */
#ifndef RELAY_EXCLUDE_LIST_H
#define RELAY_EXCLUDE_LIST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Of so many entries an expression is made: the time that libpcap takes to
 * compile one grows with the square of its length.
 */
#define EXCLUDE_LIST_TOGETHER	16

/*
 * Read the file. True: *@expressions is what the lists describe, lines of
 * pcap-filter(7), for free(); "" when they are empty. False: the error was
 * logged, with the name of the file and the line.
 */
bool exclude_list_read(const char *path, char **expressions);

/* The same of @text, which is @size bytes; @path is for errors only. */
bool exclude_list_parse(const char *path, const char *text, size_t size,
			char **expressions);

#endif
