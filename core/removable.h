/*
 * removable - which files of a staging directory may be removed
 *
 * Files that this program has made: regular files of this user with a name that only stagedir gives
 * (naming.h), or with that of the journal, of a reservation (reserve.h) or of a release (released.h). And
 * what the host's backends leave there (leftover.h), which may be folders. Anything else in a staging
 * directory stays, and is named in a warning.
 *
 * The caller must know that they may be removed now: he holds the directory, and nothing waits in it.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_REMOVABLE_H
#define STAGEDIR_REMOVABLE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "log.h"

/* Is name in the directory dirfd such a file, or folder? Fills *ret_stat if so (leftover.h). */
bool stage_removable_is(int dirfd, const char *name, struct stat *ret_stat);

/* Is this the name of a journal, a reservation or a release? These hold nobody's data. */
bool stage_removable_is_record(const char *name);

enum stage_removed {
	STAGE_REMOVED,       /* or gone already */
	STAGE_NOT_OURS,      /* a warning names it */
	STAGE_NOT_REMOVABLE, /* a warning says why */
};

/*
 * Removes name from the directory dirfd, if it is such a file. path is that of the directory, for messages.
 * *ret_stat is the status that the file had, if it was removed.
 */
enum stage_removed stage_removable_remove(int dirfd, const char *path, const char *name,
	const struct stage_log *log, struct stat *ret_stat);

/* Warns that name in the directory at path is not ours, and stays. */
void stage_removable_leave(const char *path, const char *name, const struct stage_log *log);

#endif
