/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
#ifndef PCAPRING_CAPLEN_H
#define PCAPRING_CAPLEN_H

#include <linux/minmax.h>
#include <linux/types.h>

/*
 * How much of a frame to keep. @readable and @verdict (what a filter said) do
 * not count what is added, @snaplen does.
 */
static inline u32 pcapring_caplen(u32 readable, u32 added_bytes, u32 verdict, u32 snaplen)
{
	return min(min(readable, verdict) + added_bytes, snaplen);
}

#endif /* PCAPRING_CAPLEN_H */
