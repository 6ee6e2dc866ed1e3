// SPDX-License-Identifier: MIT
#include "access.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/size.h"
#include "files/path.h"

#define ACCESS_TOKENS_MAX	8	/* of one sensor: the old, the new, a spare */
#define ACCESS_STREAMS_MAX	65535

/**
 * struct access_rule - a section
 * @certificates: names, each with its NUL, and an empty one behind the last
 * @tokens: SHA-256
 */
struct access_rule {
	struct access_rule *next;
	char name[METADATA_TEXT_MAX];
	char certificates[CALLER_NAMES_MAX];
	uint8_t tokens[ACCESS_TOKENS_MAX][CALLER_DIGEST];
	unsigned int token_count;
	uint64_t rate;
	uint32_t streams;
	const char *file;	/* of the section, for messages */
	unsigned int line;
};

static struct access_rule *access_find(const struct access_rules *rules, const char *name)
{
	struct access_rule *rule = rules->first;

	while (rule && strcmp(rule->name, name))
		rule = rule->next;
	return rule;
}

static bool access_fault(char *fault, const char *text)
{
	snprintf(fault, CONFIG_FAULT_MAX, "%s", text);
	return false;
}

/* A file that comes later may have a section again: it says more of it. */
static bool access_begin(struct access_rules *rules, const struct config_line *line,
			 char *fault)
{
	struct access_rule *rule = access_find(rules, line->name);

	if (!*line->name || strlen(line->name) >= METADATA_TEXT_MAX)
		return access_fault(fault, "[sensor NAME] needs a name of 1 to 255 bytes, as the relay's --sensor has it");
	if (!rule) {
		rule = calloc(1, sizeof(*rule));
		if (!rule)
			abort();
		strcpy(rule->name, line->name);
		rule->next = rules->first;
		rules->first = rule;
	}
	rule->file = line->file;
	rule->line = line->line;
	return true;
}

/*
 * The next word of a list with commas and spaces: @return its length, 0: there is
 * none. *@list moves behind it.
 */
static size_t access_word(const char **list, const char **word)
{
	size_t length;

	*word = *list + strspn(*list, ", \t");
	length = strcspn(*word, ", \t");
	*list = *word + length;
	return length;
}

static bool access_certificates(struct access_rule *rule, const char *value, char *fault)
{
	size_t used = 0, length;
	const char *word;

	while ((length = access_word(&value, &word))) {
		if (used + length + 2 > sizeof(rule->certificates))
			return access_fault(fault, "certificate has more than 1000 bytes of names");
		memcpy(rule->certificates + used, word, length);
		rule->certificates[used + length] = '\0';
		used += length + 1;
	}
	rule->certificates[used] = '\0';
	return used || access_fault(fault, "certificate needs names: CN or subjectAltName of the sensor's certificate, with commas between them");
}

static int access_hex(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = digit ? strchr(digits, tolower((unsigned char)digit)) : NULL;

	return at ? at - digits : -1;
}

static bool access_digest(const char *word, size_t length, uint8_t digest[CALLER_DIGEST])
{
	if (length != 2 * CALLER_DIGEST)
		return false;
	for (unsigned int i = 0; i < CALLER_DIGEST; i++) {
		int high = access_hex(word[2 * i]), low = access_hex(word[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		digest[i] = high << 4 | low;
	}
	return true;
}

static bool access_tokens(struct access_rule *rule, const char *value, char *fault)
{
	const char *word;
	size_t length;

	rule->token_count = 0;
	while ((length = access_word(&value, &word))) {
		if (rule->token_count == ACCESS_TOKENS_MAX)
			return access_fault(fault, "token-sha256 has more than 8 digests");
		if (!access_digest(word, length, rule->tokens[rule->token_count++]))
			return access_fault(fault, "token-sha256 needs 64 hexadecimal digits for each token, with commas between them: 'tr -d \"\\n\" <TOKEN-FILE | sha256sum' tells them");
	}
	return rule->token_count ||
	       access_fault(fault, "token-sha256 is empty: leave the line out, or give it 64 hexadecimal digits");
}

static bool access_set(struct access_rule *rule, const char *key, const char *value,
		       char *fault)
{
	uint64_t number;

	if (!strcmp(key, "certificate"))
		return access_certificates(rule, value, fault);
	if (!strcmp(key, "token-sha256"))
		return access_tokens(rule, value, fault);
	if (!strcmp(key, "max-rate")) {
		if (!rate_parse(value, &rule->rate))
			return access_fault(fault, "max-rate is not bytes a second, such as 20M, or bits, such as 100Mbit");
		return true;
	}
	if (!strcmp(key, "max-streams")) {
		if (!number_parse(value, 1, ACCESS_STREAMS_MAX, &number))
			return access_fault(fault, "max-streams is not a number from 1 to 65535");
		rule->streams = number;
		return true;
	}
	snprintf(fault, CONFIG_FAULT_MAX, "[sensor NAME] has no key '%.64s', but certificate, token-sha256, max-rate, max-streams",
		 key);
	return false;
}

bool access_take(struct access_rules *rules, const struct config_line *line,
		 char fault[CONFIG_FAULT_MAX])
{
	struct access_rule *rule;

	if (!line->key)
		return access_begin(rules, line, fault);
	rule = access_find(rules, line->name);
	/* there is none where the section's name was wrong */
	return !rule || access_set(rule, line->key, line->value, fault);
}

bool access_check(const struct access_rules *rules, bool tls, bool certificates,
		  char fault[CONFIG_FAULT_MAX])
{
	const char *what = NULL;
	char name[PATH_NAME_MAX];

	for (const struct access_rule *rule = rules->first; rule; rule = rule->next) {
		if (!rule->token_count && !*rule->certificates)
			what = "has neither certificate nor token-sha256, so that nobody could be this sensor";
		else if (!tls)
			what = "needs TLS, for in the clear nobody can prove who it is: tls-cert and tls-key";
		else if (!rule->token_count && !certificates)
			what = "has a certificate, which sensors are not asked for: tls-client-ca";
		if (!what)
			continue;
		path_encode(rule->name, name);
		snprintf(fault, CONFIG_FAULT_MAX, "%.80s:%u: [sensor %.64s] %s",
			 rule->file, rule->line, name, what);
		return false;
	}
	return true;
}

void access_free(struct access_rules *rules)
{
	struct access_rule *rule, *next;

	for (rule = rules->first; rule; rule = next) {
		next = rule->next;
		free(rule);
	}
	rules->first = NULL;
}

bool access_has_tokens(const struct access_rules *rules)
{
	const struct access_rule *rule = rules->first;

	while (rule && !rule->token_count)
		rule = rule->next;
	return rule;
}

static const char *access_next_name(const char *name)
{
	return name + strlen(name) + 1;
}

static bool access_has_name(const struct access_rule *rule, const struct proof *proof)
{
	for (const char *name = proof->names; *name; name = access_next_name(name))
		for (const char *one = rule->certificates; *one; one = access_next_name(one))
			if (!strcmp(one, name))
				return true;
	return false;
}

/* Takes as long wherever the first difference is. */
static bool access_same_digest(const uint8_t *a, const uint8_t *b)
{
	unsigned int difference = 0;

	for (unsigned int i = 0; i < CALLER_DIGEST; i++)
		difference |= a[i] ^ b[i];
	return !difference;
}

static bool access_has_token(const struct access_rule *rule, const struct proof *proof)
{
	bool same = false;

	for (unsigned int i = 0; proof->has_token && i < rule->token_count; i++)
		same |= access_same_digest(rule->tokens[i], proof->token);
	return same;
}

static bool access_proves(const struct access_rule *rule, const struct proof *proof)
{
	return access_has_name(rule, proof) || access_has_token(rule, proof);
}

/* The sensor that this is the proof of; NULL: of none. */
static const struct access_rule *access_owner(const struct access_rules *rules,
					      const struct proof *proof)
{
	const struct access_rule *rule = rules->first;

	while (rule && !access_proves(rule, proof))
		rule = rule->next;
	return rule;
}

/* What a call has shown, for the log: certificates are no secret. */
static void access_describe(const struct proof *proof, char *text, size_t size)
{
	char name[PATH_NAME_MAX], first[CALLER_NAMES_MAX];

	if (*proof->names) {
		snprintf(first, sizeof(first), "%.80s", proof->names);
		path_encode(first, name);
		snprintf(text, size, "the certificate of %s%s", name,
			 proof->has_token ? " and a token" : "");
	} else {
		snprintf(text, size, "%s", proof->has_token ? "a token" :
			 "neither a certificate nor a token");
	}
}

/*
 * The peer hears what it can do; not which sensors there are, nor whose the proof
 * is that it has.
 */
static void access_refuse(const struct access_rules *rules, const struct proof *proof,
			  const char *claimed, struct call_status *status, char *why)
{
	const struct access_rule *owner = access_owner(rules, proof);
	char name[PATH_NAME_MAX], whose[PATH_NAME_MAX], shown[CALLER_NAMES_MAX + 64];

	path_encode(claimed, name);
	access_describe(proof, shown, sizeof(shown));
	if (owner) {
		path_encode(owner->name, whose);
		snprintf(why, CALL_TEXT_MAX, "it shows %.200s, which is for sensor %.100s: give that one's name to the relay, or list it under [sensor %.100s]",
			 shown, whose, name);
	} else if (*claimed && access_find(rules, claimed)) {
		snprintf(why, CALL_TEXT_MAX, "it shows %.200s, which [sensor %.100s] does not list", shown, name);
	} else {
		snprintf(why, CALL_TEXT_MAX, "it shows %.200s, and there is no [sensor %.100s]", shown,
			 *claimed ? name : "NAME");
	}
	if (!*proof->names && !owner)
		call_fail(status, CALL_UNAUTHENTICATED, proof->has_token ?
			  "the token is not known here: the collector's configuration has to have its SHA-256 under [sensor %.100s]" :
			  "sensors have to prove who they are: give the relay --token-file, or --tls-cert and --tls-key, that the collector's configuration has under [sensor %.100s]",
			  *claimed ? name : "NAME");
	else
		call_fail(status, CALL_PERMISSION_DENIED,
			  "%s may not send as sensor %.100s: the collector's configuration has to list it under [sensor %.100s]",
			  proof->has_token ? "who has this token or certificate" :
			  "who has this certificate", *claimed ? name : "NAME",
			  *claimed ? name : "NAME");
}

bool access_admit(const struct access_rules *rules, const struct proof *proof,
		  const char *claimed, struct admission *admission,
		  struct call_status *status, char why[CALL_TEXT_MAX])
{
	const struct access_rule *rule;

	*admission = (struct admission){ 0 };
	if (!rules->first && proof->uncertified) {
		call_fail(status, CALL_UNAUTHENTICATED, "a certificate of one of the collector's --tls-client-ca is needed: give the relay --tls-cert and --tls-key");
		snprintf(why, CALL_TEXT_MAX, "it shows no certificate, which --tls-client-ca asks for");
		return false;
	}
	if (!rules->first) {
		snprintf(admission->name, sizeof(admission->name), "%s", claimed);
		return true;
	}
	rule = *claimed ? access_find(rules, claimed) : access_owner(rules, proof);
	if (!rule || !access_proves(rule, proof)) {
		access_refuse(rules, proof, claimed, status, why);
		return false;
	}
	strcpy(admission->name, rule->name);
	admission->proven = true;
	admission->rate = rule->rate;
	admission->streams = rule->streams;
	return true;
}
