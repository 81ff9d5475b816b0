/*
 * released - a staging directory whose run is known to be gone, where no lock could tell
 *
 * On a file system whose locks prove nothing (locks.h) a directory is nobody's until somebody who
 * knows says that its run is gone: the run itself, when it ends and leaves what waits, or the
 * operator, for one that was killed (stagedir adopt). Either makes an empty file in it, whose name
 * tells for which machine, as it was started: another one, which has neither the archive directory
 * nor perhaps another id, must not judge it.
 *
 * Whoever takes it over removes that file first. Of several that try at once the removal succeeds
 * for one, on any file system: that is the claim which the lock is elsewhere. If that one is killed
 * the directory is nobody's again.
 *
 * Where locks do prove something, the lock is the claim, and the file only says that a directory of
 * another machine is this one's now. There it stays until the directory goes.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_RELEASED_H
#define STAGEDIR_RELEASED_H

#include <stdbool.h>

#include "error.h"
#include "lockdir.h"

/* Has the directory been released to this machine, as it was started or, where locks prove, ever? */
bool stage_released_is(const struct stage_lockdir *held);

/* Releases it; that it was already is no error. path for messages. STAGE_E_SYSTEM. */
int stage_released_set(
	const struct stage_lockdir *held, const char *path, struct stage_error *error);

/* Takes that back, where locks prove nothing. False where it was not released, or somebody else has. */
bool stage_released_take(const struct stage_lockdir *held);

#endif
