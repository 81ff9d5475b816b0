/*
 * owners - which number the owner of a path has here, by the name that an archive has for it
 *
 * As the host's ROPath.init_from_tarinfo(): by the name, with cached_ops; where no such user or group is
 * known, or with --numeric-owner, by the number in the archive. Each name is looked up once. All functions
 * are called with the GIL held.
 */
#ifndef STAGEDIR_OWNERS_H
#define STAGEDIR_OWNERS_H

#include <Python.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names of either users or groups. Zeroed it knows none; with function it looks up. */
struct owners {
	const char *function; /* of cached_ops: "getpwnam" or "getgrnam" */
	PyObject *known;      /* name to number, or None */

	/* the last, as most files are of the same owner */
	char last[64];
	size_t last_length;
	bool has_last, last_found;
	int64_t last_id;
};

/* Has both look up, unless --numeric-owner is given: 0, or -1 with an exception. */
int owners_begin(struct owners *users, struct owners *groups);

/* Puts the number of the owner of this name into *id, or leaves it: 0, or -1 with an exception. */
int owners_find(struct owners *owners, const char *name, size_t length, int64_t *id);

void owners_release(struct owners *owners);

#endif
