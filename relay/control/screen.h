/* SPDX-License-Identifier: MIT */
/* All that the control program knows of ncurses: a terminal, for its own. */
#ifndef CONTROL_SCREEN_H
#define CONTROL_SCREEN_H

#include <stdbool.h>
#include <time.h>

enum screen_look { SCREEN_PLAIN, SCREEN_TITLE, SCREEN_ALARM };

/*
 * @SCREEN_DUE: the time has come
 * @SCREEN_KEY: a key was pressed
 * @SCREEN_RESIZED: the terminal has another size
 * @SCREEN_ENDED: a signal would end the program, or the terminal is gone
 */
enum screen_event { SCREEN_DUE, SCREEN_KEY, SCREEN_RESIZED, SCREEN_ENDED };

/* Standard input and output are a terminal. */
bool screen_is_there(void);

/*
 * From here to screen_close(), signals that would end the program are held back.
 * False: standard error has said why.
 */
bool screen_open(void);

/* The terminal is as it was before; a signal that was held back does its work. */
void screen_close(void);

/* In characters. */
int screen_width(void);
int screen_height(void);

/* From screen_clear() to screen_show(), lines are written, from above. */
void screen_clear(void);
void screen_line(const char *text, enum screen_look look);
void screen_show(void);

/* Until @due of CLOCK_MONOTONIC, or something happens. @key: that was pressed. */
enum screen_event screen_wait(const struct timespec *due, int *key);

#endif
