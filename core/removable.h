/*
 * removable - which files of a staging directory may be removed
 *
 * Those that this program has made, and no others: regular files of this user with a name that only
 * stagedir gives (naming.h), or that of the journal, of a reservation (reserve.h) or of a release
 * (released.h). Whatever else lies in a staging directory stays, and is named in a warning.
 *
 * Whether it is time to remove them, the caller knows: who holds the directory, and what waits in it.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_REMOVABLE_H
#define STAGEDIR_REMOVABLE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "log.h"

/* Is name in the directory dirfd such a file? Fills *ret_stat if so. */
bool stage_removable_is(int dirfd, const char *name, struct stat *ret_stat);

/* Is this the name of a record - a journal, a reservation, a release - which holds nobody's data? */
bool stage_removable_is_record(const char *name);

enum stage_removed {
	STAGE_REMOVED,       /* or gone already */
	STAGE_NOT_OURS,      /* a warning names it */
	STAGE_NOT_REMOVABLE, /* a warning tells why */
};

/*
 * Removes name from the directory dirfd, if it is such a file. path of the directory, for messages;
 * *ret_stat, if the file is gone now, is its status before.
 */
enum stage_removed stage_removable_remove(int dirfd, const char *path, const char *name,
	const struct stage_log *log, struct stat *ret_stat);

/* Warns of name in the directory at path, which is not ours, and stays. */
void stage_removable_leave(const char *path, const char *name, const struct stage_log *log);

#endif
