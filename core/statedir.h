/*
 * statedir - the folder in which stagedir keeps what people may want to know of past runs
 *
 * It is this user's, the first of these that is named:
 *	$STATE_DIRECTORY		of systemd's StateDirectory=; of several the first
 *	$XDG_STATE_HOME/stagedir
 *	~/.local/state/stagedir		~ is $HOME, or else the home directory that the user database has
 *
 * One that belongs to another user (sudo -E) is passed over. So is one that is not there if the nearest folder above it
 * belongs to another user: nothing is made in another user's folder. Folders of root are nobody else's.
 *
 * No backup depends on it. It may be removed at any time.
 *
 *	stage_statedir_open("runs", true, &fd, &path, &error);
 *
 * The folder must belong to the user, and nobody else may be able to write to it: what is made in it could be
 * replaced otherwise.
 *
 * Not installed. Reads the environment and the user database: one thread at a time.
 */
#ifndef STAGEDIR_STATEDIR_H
#define STAGEDIR_STATEDIR_H

#include <stdbool.h>

#include "error.h"

/*
 * Opens a folder in it. make: what is missing is made, 0700. Returns 0, a descriptor that the caller closes, and
 * its path, which the caller frees; ret_path may be NULL. STAGE_E_SYSTEM: with ENOENT if there is none;
 * STAGE_E_SETTING: it is another user's, or others may write to it, or no home is known; STAGE_E_MEMORY.
 */
int stage_statedir_open(
	const char *folder, bool make, int *ret_fd, char **ret_path, struct stage_error *error);

#endif
