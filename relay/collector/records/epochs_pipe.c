// SPDX-License-Identifier: MIT
/* Epochs on standard output: one after the other, behind the header of the first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "epochs_inside.h"

#define EPOCHS_PACKAGE	"pcapring.v1"

/* There is one header on a pipe, and one capture at a time. */
static bool epochs_begin_pipe(struct epochs *epochs, struct epoch *epoch,
			      struct call_status *status)
{
	struct output *output = epochs->config.output;

	if (!output_fits(output, EPOCHS_PACKAGE, status))
		return false;
	if (epochs->pipe) {
		epoch->file = epochs->pipe->file;
		epoch->header = true;
		return true;
	}
	if (!ringfile_pipe(&epoch->file, output->stop_fd)) {
		call_fail(status, CALL_INTERNAL,
			  "cannot write standard output: %s", strerror(errno));
		output->stop();
		return false;
	}
	output->package = EPOCHS_PACKAGE;
	return true;
}

/* The capture before has left standard output to this one. */
static bool epochs_swap_pipe(struct epochs *epochs, struct epoch *epoch,
			     struct call_status *status)
{
	struct epoch *old = epochs->pipe;

	if (old && epoch_attached(old)) {
		call_fail(status, CALL_RESOURCE_EXHAUSTED,
			  "the collector writes to standard output, which sensor %.128s uses",
			  old->state->sensor);
		return false;
	}
	if (old && !ringfile_same(&old->format, &epoch->format)) {
		call_fail(status, CALL_FAILED_PRECONDITION,
			  "standard output has begun with link type %u, %sseconds: no other can follow",
			  old->format.linktype,
			  old->format.microseconds ? "micro" : "nano");
		return false;
	}
	return epochs_begin_pipe(epochs, epoch, status);
}

static void epochs_drop_pipe(struct epochs *epochs)
{
	struct epoch *old = epochs->pipe;

	epochs->first = epochs->opened = epochs->pipe = NULL;
	if (!old)
		return;
	old->file.fd = -1;
	epoch_free(old);
}

struct epoch *epochs_get_pipe(struct epochs *epochs, const struct hello *hello,
			      const char *key, uint64_t now, struct call_status *status)
{
	struct ledger_file *state;
	struct epoch *epoch;
	bool split, header;

	epoch = epochs_find(epochs, hello, &split);
	if (epoch)
		return epoch;
	call_fail(status, CALL_RESOURCE_EXHAUSTED, "no memory");
	state = epochs_declare(epochs, hello, key, false);
	epoch = state ? epoch_new(state, "standard output") : NULL;
	if (!epoch)
		return NULL;
	if (!epochs_swap_pipe(epochs, epoch, status)) {
		epoch->file.fd = -1;
		epoch_free(epoch);
		return NULL;
	}
	header = epoch->header;
	epochs_drop_pipe(epochs);
	epochs->first = epochs->pipe = epoch;
	if (!epochs_use(epochs, epoch, now))
		abort();	/* its descriptor is the only one */
	epoch->header = header;
	return epoch;
}
