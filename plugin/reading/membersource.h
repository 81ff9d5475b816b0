/*
 * membersource - from where a restore has its members: one of the host's iterators, or a reader in C
 *
 * Whoever makes one says how long it lives. All of its functions are called with the GIL held, and by one thread.
 */
#ifndef STAGEDIR_MEMBERSOURCE_H
#define STAGEDIR_MEMBERSOURCE_H

#include <Python.h>

#include <stddef.h>

#include "entry.h"

struct membersource {
	/* The next member; it lives until the next call. 1; 0 at the end; -1 with an exception. */
	int (*next)(void *context, const struct stage_entry **ret_entry);

	/* The ROPath of that member, for the host: a new reference, NULL with an exception. */
	PyObject *(*path)(void *context);

	/*
	 * Some of its content, which lives until the next call: at most wanted bytes, and 0 at its end alone. -1 with an
	 * exception. Only for a file; it need not be read to its end, nor at all.
	 */
	int (*read)(void *context, size_t wanted, const void **ret_bytes, size_t *ret_size);

	/* After its end was read: 0; -1 with an exception, where something was wrong with it all the same. */
	int (*end)(void *context);

	/* Once some of it was read: nobody reads on. 0; -1 with an exception. */
	int (*pass)(void *context);

	void *context;
};

#endif
