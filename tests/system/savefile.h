/* SPDX-License-Identifier: MIT */
/* What `traffic` writes into its datagrams and `savefile sequence` finds. */
#ifndef SYSTEM_SAVEFILE_H
#define SYSTEM_SAVEFILE_H

#define SAVEFILE_MARK		"pcapring"
#define SAVEFILE_MARK_BYTES	16	/* the mark, then a big-endian number */

#endif
