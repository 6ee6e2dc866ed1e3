/* SPDX-License-Identifier: GPL-2.0-only */
/* The pages of a capture, in the order in which its device maps them. */
#ifndef PCAPRING_PAGES_H
#define PCAPRING_PAGES_H

#include <linux/types.h>

struct page;
struct pcapring_info;
struct pcapring_ring;
struct vm_area_struct;

/**
 * struct pcapring_pages - info page, consumer, producer and data pages
 * @info: the info page
 * @ring_count: number of rings
 * @ring_pages: pages of one ring's data
 * @count: number of @page
 * @page: info, consumers, producers, then the data of each ring, once
 */
struct pcapring_pages {
	struct pcapring_info *info;
	u32 ring_count;
	unsigned long ring_pages;
	unsigned long count;
	struct page *page[];
};

/*
 * Allocate all pages, zeroed, and point @rings at them: where @steer lets CPUs
 * of one node alone feed a ring, its pages on that node. NULL: no memory. The
 * caller frees them with pcapring_pages_free() after the last use of @rings.
 */
struct pcapring_pages *pcapring_pages_create(struct pcapring_ring *rings, u32 ring_count,
					     u64 ring_bytes, u32 steer);
void pcapring_pages_free(struct pcapring_pages *pages, struct pcapring_ring *rings);

/* What [first, first + count) of the device's pages is. */
bool pcapring_pages_exist(const struct pcapring_pages *pages, unsigned long first,
			  unsigned long count);
bool pcapring_pages_have_consumers(const struct pcapring_pages *pages, unsigned long first,
				   unsigned long count);
bool pcapring_pages_only_consumers(const struct pcapring_pages *pages, unsigned long first,
				   unsigned long count);

/* Fill @vma, whose range exists. */
int pcapring_pages_map(const struct pcapring_pages *pages, struct vm_area_struct *vma);

#endif /* PCAPRING_PAGES_H */
