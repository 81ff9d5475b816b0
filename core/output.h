/*
 * output - writes all bytes to a descriptor, or fails
 *
 * Interrupted and short writes go on. If there is no space (ENOSPC, EDQUOT), a function of the owner may
 * free some. Another function of the owner gets all bytes that were written, so that nobody reads them
 * again. A third one is asked before each write whether to go on.
 *
 * Not installed. For one thread at a time. All pointers in it are the owner's.
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

	/* Called before each write(2). A code < 0, with *error filled: nothing more is written. May be
	 * NULL. */
	int (*before)(void *context, struct stage_error *error);

	/* True: space was freed, try again. Called each time that there is none. May be NULL. */
	bool (*make_room)(void *context);

	/* These bytes were written. May be NULL. */
	void (*wrote)(void *context, const void *data, size_t size);
	void *context;
};

/* STAGE_E_SYSTEM, or before's code: not all was written; size says how much. */
int stage_output_write(
	struct stage_output *output, const void *data, size_t size, struct stage_error *error);

/*
 * Would size bytes be written without waiting for whoever reads a pipe? One that has less room in all has to be empty. Of all
 * but pipes the answer is yes.
 */
bool stage_output_has_room(const struct stage_output *output, size_t size);

#endif
