// SPDX-License-Identifier: MIT
/*
 * The exclusion list: what is accepted is what libpcap compiles, word for word
 * as it was meant, and a comment more changes nothing.
 */
#include "fuzz.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

#include "source/exclude_list.h"

/* Lines of this length are compiled; longer ones take too long. */
#define COMPILED_MAX	300

static bool parse(const uint8_t *text, size_t size, char **expressions)
{
	struct fuzz_pieces exact;
	bool taken;

	fuzz_cut(&exact, NULL, text, size);
	taken = exclude_list_parse("list", exact.list->iov_base, size, expressions);
	fuzz_free(&exact);
	FUZZ_TRUE(taken == !!*expressions);
	return taken;
}

static void check_compiles(const char *line)
{
	static pcap_t *pcap;
	struct bpf_program program;

	if (strlen(line) > COMPILED_MAX)
		return;
	if (!pcap)
		pcap = pcap_open_dead(DLT_EN10MB, 65535);
	FUZZ_TRUE(pcap);
	FUZZ_TRUE(!pcap_compile(pcap, &program, line, 1, PCAP_NETMASK_UNKNOWN));
	pcap_freecode(&program);
}

/* Only words that pcap-filter(7) has, and numbers that it reads as they look. */
static void check_words(char *line)
{
	static const char *const words[] = {
		"src", "dst", "(src", "(dst", "ether", "host", "port", "and", "or",
	};
	unsigned int entries = 1;
	const char *before = "";

	for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
		bool known = false;

		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			known |= !strcmp(word, words[i]);
		FUZZ_TRUE(known || strspn(word, "0123456789abcdefABCDEF.:)") == strlen(word));
		/* a zero in front would make it octal */
		FUZZ_TRUE(strcmp(before, "port") || (*word >= '1' && *word <= '9'));
		entries += !strcmp(word, "or");
		before = word;
	}
	FUZZ_TRUE(entries <= EXCLUDE_LIST_TOGETHER);
}

static void check(const char *expressions)
{
	char *copy = strdup(expressions), *rest = copy, *line;

	while (*copy && (line = strsep(&rest, "\n"))) {
		check_compiles(line);
		check_words(line);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static const char comment[] = "\n# from = [\"";
	size_t more = size + strlen(comment);
	uint8_t *commented = malloc(more);
	char *first, *second;
	bool taken = parse(bytes, size, &first);

	if (taken)
		check(first);
	if (size)
		memcpy(commented, bytes, size);
	memcpy(commented + size, comment, strlen(comment));
	if (taken) {
		FUZZ_TRUE(parse(commented, more, &second));
		FUZZ_TRUE(!strcmp(first, second));
		free(second);
	}
	free(first);
	free(commented);
	return 0;
}
