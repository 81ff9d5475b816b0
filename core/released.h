/*
 * released - a staging directory whose run is known to be gone, where no lock could tell
 *
 * On a file system whose locks prove nothing (locks.h) a directory is nobody's until somebody who knows
 * says that its run is gone. The run says so itself, if it ends in order and leaves files that wait. For
 * a run that was killed the operator says so (stagedir adopt). Either makes an empty file in the
 * directory. Its name holds the machine and its boot for which the directory is released: no other
 * machine, even one with the same id, must judge these files without their archive directory.
 *
 * Whoever takes the directory over removes that file first. If several try at once, the removal succeeds
 * for one, on any file system: that is the claim here, as the lock is elsewhere. If that one is killed,
 * the directory is nobody's again.
 *
 * Where locks do prove something, the lock is the claim. There the file only says that a directory of
 * another machine is this one's now, and stays until the directory goes.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_RELEASED_H
#define STAGEDIR_RELEASED_H

#include <stdbool.h>

#include "error.h"
#include "lockdir.h"

/*
 * Is the directory released to this machine? Where locks prove nothing, only a release since this machine
 * was started counts.
 */
bool stage_released_is(const struct stage_lockdir *held);

/* Releases it. No error if it was released before. path is for messages. STAGE_E_SYSTEM. */
int stage_released_set(
	const struct stage_lockdir *held, const char *path, struct stage_error *error);

/*
 * Takes the release back, where locks prove nothing. False if the directory was not released, or somebody
 * else was quicker.
 */
bool stage_released_take(const struct stage_lockdir *held);

#endif
