// SPDX-License-Identifier: MIT
#include "control/screen.h"

#include <errno.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/log.h"

#define SCREEN_ALARM_PAIR	1

/* ncurses has one terminal at a time, so have we. */
static struct {
	SCREEN *terminal;
	int signals;
	sigset_t mask;
	int signal;
	int line;
} screen;

static const int screen_deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

bool screen_is_there(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static bool screen_hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(screen_deadly) / sizeof(*screen_deadly); i++)
		sigaddset(&set, screen_deadly[i]);
	screen.signal = 0;
	screen.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (screen.signals >= 0 && !sigprocmask(SIG_BLOCK, &set, &screen.mask))
		return true;
	log_error("top: cannot receive signals: %m");
	return false;
}

/* ncurses has put handlers of its own in the place of those that end a program. */
static void screen_release_signals(void)
{
	close(screen.signals);
	if (screen.signal) {
		signal(screen.signal, SIG_DFL);
		raise(screen.signal);
	}
	sigprocmask(SIG_SETMASK, &screen.mask, NULL);
}

static void screen_set_up(void)
{
	cbreak();
	noecho();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	if (!has_colors())
		return;
	start_color();
	use_default_colors();
	init_pair(SCREEN_ALARM_PAIR, COLOR_RED, -1);
}

bool screen_open(void)
{
	const char *type = getenv("TERM");

	if (!screen_hold_signals())
		return false;
	screen.terminal = newterm(NULL, stdout, stdin);
	if (!screen.terminal) {
		log_error("top: terminal '%s' is not known: set TERM, or have plain lines: pcapring top | cat",
			  type ? type : "");
		screen_release_signals();
		return false;
	}
	screen_set_up();
	return true;
}

void screen_close(void)
{
	endwin();
	delscreen(screen.terminal);
	screen_release_signals();
}

int screen_width(void)
{
	return COLS;
}

int screen_height(void)
{
	return LINES;
}

void screen_clear(void)
{
	erase();
	screen.line = 0;
}

static attr_t screen_attributes(enum screen_look look)
{
	switch (look) {
	case SCREEN_TITLE:
		return A_REVERSE;
	case SCREEN_ALARM:
		return A_BOLD | (has_colors() ? COLOR_PAIR(SCREEN_ALARM_PAIR) : 0);
	default:
		return A_NORMAL;
	}
}

/* What is too long is cut, what is too far below is not seen. */
void screen_line(const char *text, enum screen_look look)
{
	attrset(screen_attributes(look));
	mvaddnstr(screen.line++, 0, text, COLS);
	attrset(A_NORMAL);
}

void screen_show(void)
{
	refresh();
}

/* Milliseconds, not one too few. */
static int screen_left(const struct timespec *due)
{
	struct timespec now;
	long long left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (due->tv_sec - now.tv_sec) * 1000000000LL + due->tv_nsec - now.tv_nsec;
	return left > 0 ? (left + 999999) / 1000000 : 0;
}

static bool screen_take_signal(void)
{
	struct signalfd_siginfo info;

	if (read(screen.signals, &info, sizeof(info)) != sizeof(info))
		return false;
	screen.signal = info.ssi_signo;
	return true;
}

/* Keys are asked for after a signal, too: a new size comes as one. */
static bool screen_take_key(int *key, enum screen_event *event)
{
	*key = getch();
	if (*key == ERR)
		return false;
	*event = *key == KEY_RESIZE ? SCREEN_RESIZED : SCREEN_KEY;
	return true;
}

enum screen_event screen_wait(const struct timespec *due, int *key)
{
	enum screen_event event;
	struct pollfd files[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = screen.signals, .events = POLLIN },
	};

	for (;;) {
		int ready = poll(files, 2, screen_left(due));

		if (screen_take_signal())
			return SCREEN_ENDED;
		if (screen_take_key(key, &event))
			return event;
		if (!ready)
			return SCREEN_DUE;
		/* readable, but there is no key: its end */
		if (ready > 0 && files[0].revents) {
			screen.signal = SIGHUP;
			return SCREEN_ENDED;
		}
	}
}
