/*
 * output - a descriptor to which all that is given is written, or an error
 *
 * Interrupted and short writes go on. Where there is no space (ENOSPC, EDQUOT) a function of the
 * owner may free some. What was written another function of his may be told, so that it need not be
 * read again.
 *
 * Not installed. For one thread at a time. Holds nothing: what it points to is the owner's.
 */
#ifndef STAGEDIR_OUTPUT_H
#define STAGEDIR_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

struct stage_output {
	int fd;
	const char *name; /* for messages */
	uint64_t size;    /* bytes that were written */

	/* True: space was freed, try again. Called as often as there is none; may be NULL. */
	bool (*make_room)(void *context);

	/* These bytes were written. May be NULL. */
	void (*wrote)(void *context, const void *data, size_t size);
	void *context;
};

/* STAGE_E_SYSTEM: less than all was written, and size tells how much. */
int stage_output_write(
	struct stage_output *output, const void *data, size_t size, struct stage_error *error);

#endif
