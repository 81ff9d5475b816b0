/*
 * archive - files of the host's archive directory: are they on disk, complete, the same?
 *
 * The host keeps there the signatures and the manifest of each backup: partial ones while it is made,
 * final ones afterwards. What their names mean the host alone knows (file_naming.parse).
 *
 * Nothing here knows Python; any thread may call it. Paths are the caller's. STAGE_E_SYSTEM is the
 * only error: a file could not be opened, read or written.
 */
#ifndef STAGEDIR_ARCHIVE_FILES_H
#define STAGEDIR_ARCHIVE_FILES_H

#include <stdbool.h>

#include "error.h"

/* What a file is beside another one. */
enum archive_part { ARCHIVE_OTHER, ARCHIVE_IN_PART, ARCHIVE_WHOLE };

/*
 * Is the file at part the same as the file at whole, or the beginning of it? An empty one is the
 * beginning of any.
 */
int archive_compare(const char *whole, const char *part, enum archive_part *ret_part,
	struct stage_error *error);

/*
 * Does a file end as a tar file does, by two empty blocks? A partial file of signatures that does
 * is complete.
 */
int archive_is_ended(const char *path, bool *ret_is_ended, struct stage_error *error);

/*
 * Has a file on disk, with the permissions of the file at like, unless that is NULL. Of a directory
 * its names: as well as can be, as some file systems cannot.
 */
int archive_sync(const char *path, const char *like, struct stage_error *error);

#endif
