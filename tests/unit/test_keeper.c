// SPDX-License-Identifier: MIT
#include "unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/keeper.h"
#include "common/live.h"
#include "common/log.h"

#define WATCHDOG_USEC	"80000"	/* systemd's time; the keeper looks each 21 ms */

/**
 * struct systemd - what it hears
 * @socket: of sd_notify(3)
 * @log: the other end is where the keeper logs
 */
struct systemd {
	int socket;
	int log;
	struct sockaddr_un address;
};

static int set_up(void **state)
{
	static struct systemd systemd;
	char path[64];
	int pipes[2];

	systemd = (struct systemd) {
		.socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0),
		.address = { .sun_family = AF_UNIX },
	};
	snprintf(systemd.address.sun_path, sizeof(systemd.address.sun_path),
		 "/tmp/test_keeper.%d", getpid());
	unlink(systemd.address.sun_path);
	assert_int_equal(bind(systemd.socket, (struct sockaddr *)&systemd.address,
			      sizeof(systemd.address)), 0);
	setenv("NOTIFY_SOCKET", systemd.address.sun_path, 1);
	setenv("WATCHDOG_USEC", WATCHDOG_USEC, 1);
	assert_int_equal(pipe(pipes), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", pipes[1]);
	assert_true(log_to(path));
	close(pipes[1]);
	systemd.log = pipes[0];
	*state = &systemd;
	return 0;
}

static int tear_down(void **state)
{
	struct systemd *systemd = *state;

	log_to(NULL);
	close(systemd->log);
	close(systemd->socket);
	unlink(systemd->address.sun_path);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	return 0;
}

/* What systemd is told next; waits for it. */
static void hear(struct systemd *systemd, char *text, size_t size)
{
	ssize_t n = recv(systemd->socket, text, size - 1, 0);

	assert_true(n > 0);
	text[n] = '\0';
}

static void hear_until(struct systemd *systemd, const char *beginning)
{
	char text[512];

	do
		hear(systemd, text, sizeof(text));
	while (strncmp(text, beginning, strlen(beginning)));
}

static unsigned int forget(struct systemd *systemd)
{
	unsigned int count = 0;
	char text[512];

	while (recv(systemd->socket, text, sizeof(text), MSG_DONTWAIT) > 0)
		count++;
	return count;
}

static void hear_log(struct systemd *systemd, const char *word)
{
	char text[512];
	ssize_t n = read(systemd->log, text, sizeof(text) - 1);

	assert_true(n > 0);
	text[n] = '\0';
	if (!strstr(text, word))
		fail_msg("expected \"%s\" in \"%s\"", word, text);
}

/* A thread that sleeps until it is woken, as all of the programs' do. */
struct sleeper {
	pthread_t thread;
	int wake;
	bool hang;	/* does not come round when woken */
	bool away;
	bool stop;
	sem_t woken;	/* as often as the keeper has */
};

static void sleeper_wake(void *context)
{
	struct sleeper *sleeper = context;

	sem_post(&sleeper->woken);
	assert_int_equal(eventfd_write(sleeper->wake, 1), 0);
}

static void *sleeper_run(void *context)
{
	struct sleeper *sleeper = context;
	eventfd_t value;

	keeper_join("sleeping", sleeper_wake, sleeper);
	while (!__atomic_load_n(&sleeper->stop, __ATOMIC_ACQUIRE)) {
		keeper_away(__atomic_load_n(&sleeper->away, __ATOMIC_RELAXED));
		if (!__atomic_load_n(&sleeper->hang, __ATOMIC_RELAXED))
			keeper_round();
		assert_int_equal(eventfd_read(sleeper->wake, &value), 0);
	}
	keeper_leave();
	return NULL;
}

static void sleeper_start(struct sleeper *sleeper)
{
	sleeper->wake = eventfd(0, EFD_CLOEXEC);
	assert_int_equal(sem_init(&sleeper->woken, 0, 0), 0);
	assert_int_equal(pthread_create(&sleeper->thread, NULL, sleeper_run, sleeper), 0);
}

static void sleeper_stop(struct sleeper *sleeper)
{
	__atomic_store_n(&sleeper->stop, true, __ATOMIC_RELEASE);
	sleeper_wake(sleeper);
	pthread_join(sleeper->thread, NULL);
	close(sleeper->wake);
	sem_destroy(&sleeper->woken);
}

/* The keeper looks so often at all threads. */
static void wait_for_looks(struct sleeper *sleeper, int count)
{
	while (sem_trywait(&sleeper->woken) == 0)
		;
	while (count--)
		sem_wait(&sleeper->woken);
}

static void start(const struct keeper_config *config)
{
	assert_true(keeper_start(config));
}

static void test_a_thread_that_comes_round_feeds_the_watchdog(void **state)
{
	struct sleeper sleeper = {};

	sleeper_start(&sleeper);
	start(&(struct keeper_config){ .reloads = -1 });
	for (int i = 0; i < 8; i++)
		hear_until(*state, "WATCHDOG=1");
	wait_for_looks(&sleeper, 1);
	keeper_stop();
	sleeper_stop(&sleeper);
}

static void test_one_that_hangs_starves_it(void **state)
{
	struct systemd *systemd = *state;
	struct sleeper sleeper = {}, other = {};

	sleeper_start(&sleeper);
	sleeper_start(&other);
	start(&(struct keeper_config){ .reloads = -1 });
	hear_until(systemd, "WATCHDOG=1");
	__atomic_store_n(&sleeper.hang, true, __ATOMIC_RELAXED);
	/* said at the second look without it; what was under way has been told */
	hear_log(systemd, "the sleeping thread has not come round");
	wait_for_looks(&other, 2);
	forget(systemd);
	wait_for_looks(&other, 4);
	assert_int_equal(forget(systemd), 0);

	__atomic_store_n(&sleeper.hang, false, __ATOMIC_RELAXED);
	hear_until(systemd, "WATCHDOG=1");
	keeper_stop();
	sleeper_stop(&sleeper);
	sleeper_stop(&other);
}

static void test_one_that_is_away_does_not(void **state)
{
	struct sleeper sleeper = { .away = true, .hang = true };

	sleeper_start(&sleeper);
	start(&(struct keeper_config){ .reloads = -1 });
	for (int i = 0; i < 8; i++)
		hear_until(*state, "WATCHDOG=1");
	keeper_stop();
	sleeper_stop(&sleeper);
}

static void test_one_that_has_left_does_not(void **state)
{
	struct sleeper sleeper = { .hang = true };

	sleeper_start(&sleeper);
	start(&(struct keeper_config){ .reloads = -1 });
	hear_log(*state, "has not come round");
	sleeper_stop(&sleeper);
	for (int i = 0; i < 3; i++)
		hear_until(*state, "WATCHDOG=1");
	keeper_stop();
}

static void test_sleep_is_short_enough_for_the_watchdog(void **state)
{
	int patience = keeper_patience();

	(void)state;
	assert_true(patience > 0);
	assert_true(patience * 1000 * 4 < atoi(WATCHDOG_USEC));
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(keeper_patience(), -1);
}

static bool look(void *context, struct live_numbers *numbers)
{
	*numbers = (struct live_numbers) { .packets = ++*(unsigned int *)context * 1000 };
	return true;
}

static void test_systemd_hears_how_things_are(void **state)
{
	unsigned int looks = 0;

	unsetenv("WATCHDOG_USEC");
	start(&(struct keeper_config){ .reloads = -1, .look = look, .looked_at = &looks });
	hear_until(*state, "STATUS=");
	keeper_stop();
	assert_true(looks >= 2);
}

static void count(void *context)
{
	++*(unsigned int *)context;
}

static void test_a_reload_is_told_from_beginning_to_end(void **state)
{
	unsigned int reloads = 0;
	char text[512];
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	unsetenv("WATCHDOG_USEC");
	start(&(struct keeper_config){ .reloads = fd, .reload = count, .context = &reloads });
	kill(getpid(), SIGHUP);
	hear(*state, text, sizeof(text));
	assert_int_equal(strncmp(text, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	hear(*state, text, sizeof(text));
	assert_string_equal(text, "READY=1");
	keeper_stop();
	assert_int_equal(reloads, 1);
	close(fd);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_thread_that_comes_round_feeds_the_watchdog),
		TEST(test_one_that_hangs_starves_it),
		TEST(test_one_that_is_away_does_not),
		TEST(test_one_that_has_left_does_not),
		TEST(test_sleep_is_short_enough_for_the_watchdog),
		TEST(test_systemd_hears_how_things_are),
		TEST(test_a_reload_is_told_from_beginning_to_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
