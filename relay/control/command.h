/* SPDX-License-Identifier: MIT */
/* The commands; each takes the words after its name, and gives an exit status. */
#ifndef CONTROL_COMMAND_H
#define CONTROL_COMMAND_H

/* @COMMAND_PARTLY: done, but for what standard error names */
enum command_status { COMMAND_FINE, COMMAND_FAILURE, COMMAND_USAGE, COMMAND_PARTLY };

int command_show(char **words);
int command_add(char **words);
int command_set(char **words);
int command_del(char **words);
int command_freeze(char **words);
int command_thaw(char **words);
int command_snapshot(char **words);
int command_save(char **words);
int command_restore(char **words);
int command_stats(char **words);
int command_top(char **words);
int command_monitor(char **words);

#endif
