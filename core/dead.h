/*
 * dead - the spool of a dead run, found by its path and held
 *
 * What tells a spool that may be taken over from one that may not: it is a staging directory of this
 * machine and this user, at its path, and no live run has its lock.
 *
 *	struct stage_held held = STAGE_HELD_NONE;
 *	stage_dead_hold(path, &held, &root, &error);
 *	...nobody else takes it over...
 *	stage_held_release(&held);
 *	free(root);
 *
 * Not installed. Any thread, and any number of processes, may try for one path at once; one of them
 * gets it.
 */
#ifndef STAGEDIR_DEAD_H
#define STAGEDIR_DEAD_H

#include "error.h"
#include "held.h"

/*
 * Opens and locks the directory at path, which is absolute. Those who only look at it have its lock
 * for moments, and are waited for: at most 0.1 s. STAGE_E_BUSY: a live run has it. STAGE_E_ARGUMENT:
 * it is nothing that this user could take over on this machine; the message says why.
 * STAGE_E_SYSTEM, with ENOENT where it is gone; STAGE_E_MEMORY. The caller releases held whatever is
 * returned, and on success frees *ret_root, the path of the temp root that it is in.
 */
int stage_dead_hold(
	const char *path, struct stage_held *held, char **ret_root, struct stage_error *error);

#endif
