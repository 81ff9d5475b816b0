/*
 * dir - the tracked, securely created staging directory
 *
 * A struct stage_dir is one private directory in a temp root, mode 0700, with a name from the
 * kernel's randomness. It gives out names of files in it, and tracks each name until it is told to
 * forget it. So cleanup removes exactly the files that came from here, one by one, and then the empty
 * directory. Nothing is ever removed recursively, and nothing with a name that it did not give.
 *
 *	struct stage_dir *dir;
 *	char *path;
 *	int fd;
 *
 *	if (stage_dir_open("/var/tmp", NULL, &dir, &error) < 0)
 *		return -1;
 *	if (stage_dir_mkstemp(dir, &fd, &path, &error) == 0) {
 *		...write fd, close it, use path...
 *		unlink(path);
 *		stage_dir_forget(dir, path, NULL);
 *		free(path);
 *	}
 *	stage_dir_close(&dir);		(removes what was not forgotten)
 *
 * What holds
 *	- All work is done relative to a descriptor of the directory and follows no symbolic link.
 *	  The directory's path is used only to see that it still leads here, at most every 10 ms.
 *	  If it does not, no name is given out any more (STAGE_E_SWAPPED). Cleanup then empties the
 *	  directory itself, wherever it is, and leaves alone whatever stands in its place.
 *	- The directory holds an exclusive flock(2) on itself from open to cleanup. While it is held
 *	  the directory is live: stage_orphan_reclaim() and systemd-tmpfiles (tmpfiles.d(5), "Age")
 *	  keep away. The kernel drops it when the process dies, however it dies. Where no lock proves
 *	  that a run lives (FUSE, NFS and others), a warning is logged, and nothing can take the
 *	  directory for an orphan before the operator says so (stage_orphan_release()).
 *	- Files are made 0600 with O_EXCL | O_NOFOLLOW | O_CLOEXEC. Every descriptor is
 *	  close-on-exec.
 *
 * Threads: any thread may call any function at any time; close must be the last call. Forks: a
 * directory belongs to the process that opened it. In a child every function fails with
 * STAGE_E_FORKED before it takes a lock. Cleanup does nothing there. Close frees memory and
 * descriptors, and touches no file. So a fork may happen at any moment, also while another thread
 * is in here.
 */
#ifndef STAGEDIR_DIR_H
#define STAGEDIR_DIR_H

#include <stdbool.h>

#include "error.h"
#include "log.h"
#include "root.h"

#pragma GCC visibility push(default)

struct stage_dir;

/*
 * Makes a staging directory in root, an existing directory that the caller has reason to trust:
 * links on its path are followed, nothing is vetted. log is copied; its context must live as long
 * as the directory; NULL is silence. Returns 0 and a directory that the caller closes;
 * STAGE_E_SYSTEM, STAGE_E_MEMORY. On failure nothing is left behind.
 */
int stage_dir_open(const char *root, const struct stage_log *log, struct stage_dir **ret_dir,
	struct stage_error *error);

/*
 * The same in a directory that is no temp root, such as duplicity's archive directory: nobody else can write there, and
 * what is made is no more private than all that lies beside it. That the file system gives files another owner
 * (exfat, CIFS, root_squash), or refuses chmod(2), is no error. No warning is logged where locks prove nothing.
 */
int stage_dir_open_lenient(const char *root, const struct stage_log *log,
	struct stage_dir **ret_dir, struct stage_error *error);

/*
 * The same in a root that was vetted and not refused (root.h). It is used by the descriptor that was
 * vetted, so nothing is made in another directory that stands in its place by now. If one does:
 * STAGE_E_SWAPPED, since paths would lead there; the new directory is removed again.
 */
int stage_dir_open_root(const struct stage_root *root, const struct stage_log *log,
	struct stage_dir **ret_dir, struct stage_error *error);

/*
 * The same in the best of the ranked roots (stage_roots_next()), or if that fails, since it may have
 * filled up, in the next. Logs which root it is, and why those before it are not used.
 * STAGE_E_NO_ROOT, with all reasons, if there is none. roots may be freed afterwards.
 */
int stage_dir_open_ranked(const struct stage_roots *roots, const struct stage_log *log,
	struct stage_dir **ret_dir, struct stage_error *error);

/* The absolute path, valid until close; NULL once cleanup has begun. */
const char *stage_dir_path(struct stage_dir *dir);

/*
 * Is path directly in dir, as the paths of mktemp and mkstemp are, whether tracked or not? Until close.
 * This compares paths and looks at no file: by now somebody else's may be there.
 */
bool stage_dir_contains(const struct stage_dir *dir, const char *path);

/*
 * The temp root of the directory: a descriptor (O_PATH or better), which the caller closes, and its
 * absolute path, which he frees. STAGE_E_CLOSED, STAGE_E_FORKED, STAGE_E_SYSTEM,
 * STAGE_E_MEMORY.
 */
int stage_dir_root(struct stage_dir *dir, int *ret_fd, char **ret_path, struct stage_error *error);

/*
 * Gives out the path of a file that does not exist, never the same twice, and tracks it. The file is
 * not made. Use mkstemp wherever that will do. The caller frees *ret_path. STAGE_E_SWAPPED,
 * STAGE_E_CLOSED, STAGE_E_FORKED, STAGE_E_SYSTEM, STAGE_E_MEMORY.
 */
int stage_dir_mktemp(struct stage_dir *dir, char **ret_path, struct stage_error *error);

/*
 * Makes an empty file, 0600, and tracks it. The caller closes *ret_fd (read and write) and frees
 * *ret_path. Errors as of mktemp; on failure there is no file.
 */
int stage_dir_mkstemp(
	struct stage_dir *dir, int *ret_fd, char **ret_path, struct stage_error *error);

/*
 * Opens a tracked file for writing, and empties it. Makes it, 0600, if it does not exist. This works by
 * descriptor: whoever swaps the directory could lead a caller that opens path into another one. The
 * caller closes *ret_fd. STAGE_E_SYSTEM; errors besides: as of forget.
 */
int stage_dir_create(
	struct stage_dir *dir, const char *path, int *ret_fd, struct stage_error *error);

/*
 * Stops tracking path, which mktemp or mkstemp gave. Call it after the file was deleted or moved
 * away. If the file still exists, it is the caller's from now on. Constant time. STAGE_E_UNTRACKED,
 * STAGE_E_CLOSED, STAGE_E_FORKED.
 */
int stage_dir_forget(struct stage_dir *dir, const char *path, struct stage_error *error);

/*
 * Removes a tracked file and forgets it. This works by descriptor: whoever swaps the directory could
 * lead a caller that unlinks path to another file. No error if the file is gone already.
 * STAGE_E_SYSTEM: it could not be removed, and is still tracked. Errors besides: as of forget.
 */
int stage_dir_remove(struct stage_dir *dir, const char *path, struct stage_error *error);

/*
 * Does the directory's path still lead to it? To be asked before a path is used that was given out
 * earlier. STAGE_E_SWAPPED; STAGE_E_SYSTEM: that cannot be found out; STAGE_E_CLOSED, STAGE_E_FORKED.
 */
int stage_dir_check(struct stage_dir *dir, struct stage_error *error);

/*
 * Moves a tracked file to another directory, never over an existing file (STAGE_E_SYSTEM, EEXIST), nor
 * to another file system (EXDEV). On success it is forgotten. The descriptor stays the caller's. Where the
 * file system cannot rename without replacing, the directory must be one that only this user can write, or
 * the file system must have hard links; and of the former a file that another process of this user makes at
 * the same moment may be replaced. Errors besides: as of forget.
 */
int stage_dir_move(struct stage_dir *dir, const char *path, int to_dirfd, const char *to_name,
	struct stage_error *error);

/*
 * Removes every tracked file that still exists, then the directory if it is empty and still at its
 * path. Never fails: a file that cannot be removed, or was not tracked, is logged as a warning and
 * left. Returns how many things are left, with the directory itself as one. Afterwards only path
 * (which gives NULL) and close may be called; a second cleanup does nothing and returns 0.
 */
size_t stage_dir_cleanup(struct stage_dir *dir);

/*
 * Cleans up unless that was done, frees *dir, sets it to NULL; NULL in it is no error. Keeps errno.
 */
void stage_dir_close(struct stage_dir **dir);

#pragma GCC visibility pop

#endif
