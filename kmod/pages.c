// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's pages, R being the pages of one ring's data:
 *
 *	| info | consumers | producers | ring 0 | ring 0 | ring 1 | ring 1 | ...
 *	  1      rings       rings       R        again    R        again
 *
 * The kernel, too, sees each ring's data twice, back to back, so that a record
 * that runs over the end is one stretch of memory for both sides.
 */

#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/pcapring.h>
#include <linux/sched/signal.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include "pages.h"
#include "ring.h"

static unsigned long pcapring_pages_first_data(const struct pcapring_pages *pages)
{
	return 1 + 2ul * pages->ring_count;
}

static struct page *pcapring_pages_at(const struct pcapring_pages *pages, unsigned long index)
{
	unsigned long first_data = pcapring_pages_first_data(pages);
	unsigned long ring;

	if (index >= first_data) {
		index -= first_data;
		ring = index / (2 * pages->ring_pages);
		index = first_data + ring * pages->ring_pages + index % pages->ring_pages;
	}
	return pages->page[index];
}

/* The node of all CPUs that feed a ring; NUMA_NO_NODE: they are of several. */
static int pcapring_pages_node(const struct pcapring_pages *pages, u32 ring, u32 steer)
{
	int node = NUMA_NO_NODE;
	int cpu;

	if (steer != PCAPRING_STEER_CPU)
		return NUMA_NO_NODE;
	for_each_online_cpu(cpu) {
		if (cpu % pages->ring_count != ring)
			continue;
		if (node != NUMA_NO_NODE && node != cpu_to_mem(cpu))
			return NUMA_NO_NODE;
		node = cpu_to_mem(cpu);
	}
	return node;
}

static bool pcapring_pages_allocate(struct pcapring_pages *pages, unsigned long count, int node)
{
	gfp_t gfp = PCAPRING_GFP_CHARGED | __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL;
	struct page *page;

	while (count--) {
		/* it may take long, and who asked be killed meanwhile */
		if (fatal_signal_pending(current))
			return false;
		/* where the node does not matter, by the policy of the process */
		if (node == NUMA_NO_NODE)
			page = alloc_page(gfp);
		else
			page = alloc_pages_node(node, gfp, 0);
		if (!page)
			return false;
		pages->page[pages->count++] = page;
		cond_resched();
	}
	return true;
}

/* In the order of @pages->page. */
static bool pcapring_pages_allocate_all(struct pcapring_pages *pages, u32 steer)
{
	u32 count = pages->ring_count;
	u32 i;

	if (!pcapring_pages_allocate(pages, 1, NUMA_NO_NODE))
		return false;
	for (i = 0; i < 2 * count; i++) /* consumers, producers */
		if (!pcapring_pages_allocate(pages, 1,
					     pcapring_pages_node(pages, i % count, steer)))
			return false;
	for (i = 0; i < count; i++)
		if (!pcapring_pages_allocate(pages, pages->ring_pages,
					     pcapring_pages_node(pages, i, steer)))
			return false;
	return true;
}

static void *pcapring_pages_map_twice(struct page **page, unsigned long count)
{
	struct page **twice = kvmalloc_array(2 * count, sizeof(*twice), GFP_KERNEL);
	void *data;

	if (!twice)
		return NULL;
	memcpy(twice, page, count * sizeof(*twice));
	memcpy(twice + count, page, count * sizeof(*twice));
	data = vmap(twice, 2 * count, VM_MAP, PAGE_KERNEL);
	kvfree(twice);
	return data;
}

static bool pcapring_pages_connect(struct pcapring_pages *pages, struct pcapring_ring *rings)
{
	struct page **data = pages->page + pcapring_pages_first_data(pages);
	u32 i;

	pages->info = page_address(pages->page[0]);
	for (i = 0; i < pages->ring_count; i++, data += pages->ring_pages) {
		rings[i].consumer = page_address(pages->page[1 + i]);
		rings[i].producer = page_address(pages->page[1 + pages->ring_count + i]);
		rings[i].size = (u64)pages->ring_pages << PAGE_SHIFT;
		rings[i].data = pcapring_pages_map_twice(data, pages->ring_pages);
		if (!rings[i].data)
			return false;
	}
	return true;
}

struct pcapring_pages *pcapring_pages_create(struct pcapring_ring *rings, u32 ring_count,
					     u64 ring_bytes, u32 steer)
{
	unsigned long ring_pages = ring_bytes >> PAGE_SHIFT;
	unsigned long count = 1 + ring_count * (2 + ring_pages);
	struct pcapring_pages *pages;

	pages = kvzalloc(struct_size(pages, page, count), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return NULL;
	pages->ring_count = ring_count;
	pages->ring_pages = ring_pages;
	if (pcapring_pages_allocate_all(pages, steer) && pcapring_pages_connect(pages, rings))
		return pages;
	pcapring_pages_free(pages, rings);
	return NULL;
}

void pcapring_pages_free(struct pcapring_pages *pages, struct pcapring_ring *rings)
{
	unsigned long i;

	for (i = 0; i < pages->ring_count; i++)
		vunmap(rings[i].data);
	for (i = 0; i < pages->count; i++) {
		__free_page(pages->page[i]);
		cond_resched();
	}
	kvfree(pages);
}

bool pcapring_pages_exist(const struct pcapring_pages *pages, unsigned long first,
			  unsigned long count)
{
	unsigned long all = pcapring_pages_first_data(pages) +
			    2 * pages->ring_count * pages->ring_pages;

	return first < all && count <= all - first;
}

bool pcapring_pages_have_consumers(const struct pcapring_pages *pages, unsigned long first,
				   unsigned long count)
{
	return first < 1 + pages->ring_count && first + count > 1;
}

bool pcapring_pages_only_consumers(const struct pcapring_pages *pages, unsigned long first,
				   unsigned long count)
{
	return first >= 1 && first + count <= 1 + pages->ring_count;
}

int pcapring_pages_map(const struct pcapring_pages *pages, struct vm_area_struct *vma)
{
	unsigned long index = vma->vm_pgoff;
	unsigned long address;
	int err;

	for (address = vma->vm_start; address < vma->vm_end; address += PAGE_SIZE) {
		err = vm_insert_page(vma, address, pcapring_pages_at(pages, index++));
		if (err)
			return err;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
