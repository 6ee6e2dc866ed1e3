/* SPDX-License-Identifier: MIT */
/*
 * accept4() of this program is ours: core, like all libraries, calls it, and any error
 * but EAGAIN makes core accept nothing any more. Who connects to core's port has to pass
 * the door.
 */
#ifndef COLLECTOR_SERVER_ACCEPT_H
#define COLLECTOR_SERVER_ACCEPT_H

struct door;

/* There is one door. Others go on as ever. */
void accept_open(struct door *door);
void accept_close(void);

/* From now on it is in the way of those who connect to @port. */
void accept_watch(unsigned int port);

#endif
