/*
 * claim - whose a staging directory is, and how a dead run's is held
 *
 * A directory may be taken over in two cases:
 *	- On a file system whose locks prove something (locks.h): it is this user's, it was made by this
 *	  machine or by one without an id (naming.h), and its lock can be had.
 *	- Anywhere, even if another machine made it: it was released to this machine (released.h). That is
 *	  how the operator, or the run itself at its end, says that the run is gone.
 *
 *	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
 *	stage_claim_hold(path, &held, &root, &error);
 *	...nobody else takes it over...
 *	stage_lockdir_release(&held);
 *	free(root);
 *
 * If two take over at once, one wins: by the lock, where locks prove; elsewhere by removing the file that
 * releases the directory. Whoever only looks does neither. stage_claim_look() holds nothing, so no backup
 * can take it for a live run. The files that it looks at may be handed off and removed meanwhile.
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
 * Whose is the directory that stage_lockdir_look() has found? this_machine comes from its name
 * (stage_naming_is_dir()).
 */
enum stage_owner stage_claim_owner(const struct stage_lockdir *held, bool this_machine);

/*
 * Claims an orphan that was found: by its lock and, where locks prove nothing, by taking its release. On
 * success nobody else has it until the caller releases held. STAGE_E_BUSY: it lives by now, or somebody
 * else was quicker. STAGE_E_ARGUMENT: nobody can tell any more. path is for messages.
 */
int stage_claim_take(struct stage_lockdir *held, const char *path, struct stage_error *error);

/*
 * Ends a claim of a directory that stays there for others. It is released again if locks prove nothing, or
 * if it is another machine's. Goes on past failures. The lock ends with stage_lockdir_release().
 */
void stage_claim_leave(const struct stage_lockdir *held, const char *path);

/*
 * Opens and claims the directory at path, which is absolute. *ret_root is the path of its temp root, which
 * the caller frees. STAGE_E_BUSY: a live run has it, or somebody has just taken it over.
 * STAGE_E_ARGUMENT: this user on this machine may not take it over; the message says why.
 * STAGE_E_SYSTEM, with ENOENT if it is gone; STAGE_E_MEMORY. On failure the directory is left as it was.
 * The caller releases held in any case.
 */
int stage_claim_hold(
	const char *path, struct stage_lockdir *held, char **ret_root, struct stage_error *error);

/*
 * Opens the directory at path and holds nothing, whoever lives in it. Codes as of hold, except BUSY. A
 * directory of another machine is no error.
 */
int stage_claim_look(
	const char *path, struct stage_lockdir *held, char **ret_root, struct stage_error *error);

/* As stage_orphan_release(), for a directory that stage_claim_look() has opened. */
int stage_claim_release(
	struct stage_lockdir *held, const char *path, bool sure, struct stage_error *error);

#endif
