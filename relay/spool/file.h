/* SPDX-License-Identifier: MIT */
/*
 * The files of a ring, as the relay's thread knows them: in the ring's list while
 * something of them is not acknowledged, then in that of those that go. What touches
 * the disk is a job; a file has one at a time.
 */
#ifndef SPOOL_FILE_H
#define SPOOL_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/disk.h"
#include "spool/spool.h"
#include "spool/worker.h"

/**
 * struct spool_file - a file of a ring
 * @begin, @end: offsets of its first byte, and behind its last one
 * @bytes: of the file
 * @fd: where it is still written to; -1: no more
 * @map: as of struct disk_load
 * @map_end: the offset behind what is mapped
 * @busy: @job is under way, with @load or without
 * @kept: it is damaged, or cannot be read to its end: not removed
 * @acked: it is not in the ring's list of those that are not
 */
struct spool_file {
	struct spool_file *next;
	struct spool_ring *ring;
	uint64_t begin;
	uint64_t end;
	uint64_t bytes;
	int fd;
	const uint8_t *map;
	uint64_t map_bytes;
	uint64_t map_end;
	bool busy;
	bool kept;
	bool acked;
	struct worker_job job;
	struct disk_load load;
};

/* A new last one of the ring's. */
struct spool_file *spool_file_add(struct spool_ring *ring, uint64_t begin, uint64_t end,
				  uint64_t bytes, int fd);

/* All of it is acknowledged, or is no use: it goes. */
void spool_file_retire(struct spool_file *file);

/* Nothing more is written to it. */
void spool_file_close(struct spool_file *file);

/* Without a job; @file: a list of them, whose maps nobody refers to. */
void spool_file_free_list(struct spool_file *file);

/* The name of a file of @ring that begins at @offset. */
struct spoolfile_id spool_file_id(const struct spool_ring *ring, uint64_t offset);

/* Begin to read, check and map it, unless it is, or cannot be now. */
void spool_file_load(struct spool_file *file);

/* Begin to unmap what nobody refers to, or to remove it; no job is under way. */
void spool_file_unmap(struct spool_file *file);
void spool_file_remove(struct spool_file *file);

#endif
