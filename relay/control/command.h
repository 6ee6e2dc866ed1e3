/* SPDX-License-Identifier: MIT */
/* The commands; each takes the words after its name, and gives an exit status. */
#ifndef CONTROL_COMMAND_H
#define CONTROL_COMMAND_H

enum command_status { COMMAND_FINE, COMMAND_FAILURE, COMMAND_USAGE };

int command_show(char **words);
int command_add(char **words);
int command_set(char **words);
int command_del(char **words);
int command_freeze(char **words);
int command_thaw(char **words);
int command_snapshot(char **words);
int command_stats(char **words);
int command_monitor(char **words);

#endif
