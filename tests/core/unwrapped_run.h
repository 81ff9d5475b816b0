/* unwrapped_run - messages are read, as gpg --unwrap would give them */
#ifndef STAGEDIR_UNWRAPPED_RUN_H
#define STAGEDIR_UNWRAPPED_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "unwrapped.h"

/* Opens "the message"; takes over fd. */
struct stage_readahead *unwrapped_open(int fd, bool ahead);

/*
 * Reads all, and closes it: 0 or an error. What comes has to be the data, from their beginning. *ret_done: how many bytes
 * were read before the call that failed.
 */
int unwrapped_read_all(struct stage_readahead **readahead, const unsigned char *data, size_t size,
	size_t *ret_done);

#endif
