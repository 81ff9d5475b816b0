/*
 * claim - whose a staging directory is, and how a dead run's is held
 *
 * What tells a directory that may be taken over from one that may not. On a file system whose locks
 * prove something (locks.h): it is of this user, made by this machine or one without an id
 * (naming.h), and its lock can be had. Anywhere, also of another machine: it was released to this one
 * (released.h), which is how the operator, or the run itself when it ended, says that the run is gone.
 *
 *	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
 *	stage_claim_hold(path, &held, &root, &error);
 *	...nobody else takes it over...
 *	stage_lockdir_release(&held);
 *	free(root);
 *
 * Two that take over at once never both win: where locks prove, by the lock; elsewhere by who removes
 * the file that releases the directory. Whoever only looks has neither: stage_claim_look() holds
 * nothing, and so nothing that a backup could take for life. What is looked at may be handed off and
 * removed meanwhile.
 *
 * Not installed. Any thread, and any number of processes, may try for one path at once.
 */
#ifndef STAGEDIR_CLAIM_H
#define STAGEDIR_CLAIM_H

#include <stdbool.h>

#include "error.h"
#include "lockdir.h"
#include "orphan.h"

/*
 * Whose is the directory that stage_lockdir_look() has found? this_machine is what its name tells
 * (naming.h).
 */
enum stage_owner stage_claim_owner(const struct stage_lockdir *held, bool this_machine);

/*
 * Claims the orphan that held was found as, by lock and, where that proves nothing, by taking its
 * release. STAGE_E_BUSY: it lives by now, or somebody else was quicker. STAGE_E_ARGUMENT: nobody can
 * tell any more. path for messages. Then nobody else has it until the caller releases held.
 */
int stage_claim_take(struct stage_lockdir *held, const char *path, struct stage_error *error);

/*
 * Ends a claim of what stays there for others: where a lock alone could not tell, or it is another
 * machine's, releases it again. It goes on past failures. The lock goes with stage_lockdir_release().
 */
void stage_claim_leave(const struct stage_lockdir *held, const char *path);

/*
 * Opens and claims the directory at path, which is absolute. STAGE_E_BUSY: a live run has it, or
 * somebody has just taken it over. STAGE_E_ARGUMENT: it is nothing that this user could take over on
 * this machine; the message says why. STAGE_E_SYSTEM, with ENOENT where it is gone; STAGE_E_MEMORY. On
 * failure it is left as it was. The caller releases held whatever is returned, and on success frees *ret_root, the path of the
 * temp root that it is in.
 */
int stage_claim_hold(
	const char *path, struct stage_lockdir *held, char **ret_root, struct stage_error *error);

/*
 * Opens the directory at path and holds nothing, whoever lives in it. Codes as of hold, but for BUSY;
 * that it is another machine's is no error.
 */
int stage_claim_look(
	const char *path, struct stage_lockdir *held, char **ret_root, struct stage_error *error);

/* As stage_orphan_release(), of what stage_claim_look() has opened. */
int stage_claim_release(
	struct stage_lockdir *held, const char *path, bool sure, struct stage_error *error);

#endif
