// SPDX-License-Identifier: MIT
/* Certificates, keys and tokens, whose files change. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/tls.h"
#include "common/token.h"

#define NOBODY	65534

static char folder[] = "/tmp/test_trust.XXXXXX";

static int set_up(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	assert_true(log_to("/dev/null"));
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	log_to(NULL);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static const char *path_of(const char *name)
{
	static char paths[8][64];
	static unsigned int used;
	char *path = paths[used++ % 8];

	snprintf(path, 64, "%s/%s", folder, name);
	return path;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* As the service sees it: root may read whatever it likes. */
static bool as_service(bool (*refresh)(void *), void *of)
{
	bool root = !geteuid(), news;

	if (root)
		assert_int_equal(seteuid(NOBODY), 0);
	news = refresh(of);
	if (root)
		assert_int_equal(seteuid(0), 0);
	return news;
}

static bool refresh_token(void *token)
{
	return token_refresh(token);
}

static bool refresh_tls(void *tls)
{
	return tls_refresh(tls);
}

static void test_token_that_becomes_readable_is_read(void **state)
{
	const char *path = path_of("token"), *next = path_of("next");
	struct token token;

	(void)state;
	write_file(path, "old\n", 0644);
	assert_true(token_open(&token, "--token-file", path));
	assert_false(as_service(refresh_token, &token));
	write_file(next, "new\n", 0);
	assert_int_equal(rename(next, path), 0);
	assert_false(as_service(refresh_token, &token));
	assert_string_equal(token.text, "old");
	assert_int_equal(chmod(path, 0644), 0);
	assert_true(as_service(refresh_token, &token));
	assert_string_equal(token.text, "new");
	token_close(&token);
}

/* A key with its certificate, NAME.key and NAME.crt. */
static void make_pair(const char *name, const char *kind)
{
	char command[512];

	snprintf(command, sizeof(command), "openssl req -x509 -newkey %s -nodes -days 9 -subj /CN=%s -keyout %s/%s.key -out %s/%s.crt 2>/dev/null && chmod a+r %s/%s.*",
		 kind, name, folder, name, folder, name, folder, name);
	assert_int_equal(system(command), 0);
}

static void use_pair(struct tls_source sources[TLS_FILES], const char *name)
{
	static char paths[2][64];

	snprintf(paths[0], sizeof(paths[0]), "%s/%s.crt", folder, name);
	snprintf(paths[1], sizeof(paths[1]), "%s/%s.key", folder, name);
	memset(sources, 0, TLS_FILES * sizeof(*sources));
	sources[TLS_CERTIFICATE] = (struct tls_source){ .option = "--tls-cert", .path = paths[0] };
	sources[TLS_KEY] = (struct tls_source){ .option = "--tls-key", .path = paths[1] };
}

static void test_key_that_becomes_readable_is_read(void **state)
{
	struct tls_source sources[TLS_FILES];
	struct tls tls;

	(void)state;
	make_pair("a", "rsa:2048");
	make_pair("b", "rsa:2048");
	use_pair(sources, "a");
	assert_true(tls_open(&tls, sources));
	assert_int_equal(chmod(path_of("a.crt"), 0444), 0);
	assert_false(as_service(refresh_tls, &tls));
	assert_int_equal(chmod(path_of("b.key"), 0), 0);
	assert_int_equal(rename(path_of("b.crt"), path_of("a.crt")), 0);
	assert_int_equal(rename(path_of("b.key"), path_of("a.key")), 0);
	assert_false(as_service(refresh_tls, &tls));
	assert_int_equal(chmod(path_of("a.key"), 0444), 0);
	assert_true(as_service(refresh_tls, &tls));
	tls_close(&tls);
}

/* What OpenSSL would not use is not taken, either: 1024 bits are too few for Debian's. */
static void test_pair_that_openssl_does_not_use_is_refused(void **state)
{
	struct tls_source sources[TLS_FILES];
	struct tls tls;

	(void)state;
	make_pair("weak", "rsa:1024");
	use_pair(sources, "weak");
	assert_false(tls_open(&tls, sources));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_token_that_becomes_readable_is_read,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_key_that_becomes_readable_is_read,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pair_that_openssl_does_not_use_is_refused,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
