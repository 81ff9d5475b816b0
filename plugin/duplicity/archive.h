/*
 * archive - files of the host's archive directory: are they on disk, complete, the same?
 *
 * The host keeps there the signatures and the manifest of each backup: partial ones while it is made,
 * final ones afterwards. Only the host knows the meaning of their names (file_naming.parse).
 *
 * Nothing here knows Python; any thread may call it. Paths are the caller's. The error is STAGE_E_SYSTEM
 * where nothing else is said: a file could not be opened, read or written.
 */
#ifndef STAGEDIR_ARCHIVE_FILES_H
#define STAGEDIR_ARCHIVE_FILES_H

#include <stdbool.h>

#include "error.h"

/* How much a file has of another one. */
enum archive_part { ARCHIVE_OTHER, ARCHIVE_IN_PART, ARCHIVE_WHOLE };

/*
 * Is the file at part the same as the file at whole, or its beginning? An empty file is the beginning of
 * any.
 */
int archive_compare(const char *whole, const char *part, enum archive_part *ret_part,
	struct stage_error *error);

/*
 * Does a file end like a tar file, with two empty blocks? Then a partial file of signatures is complete.
 */
int archive_is_ended(const char *path, bool *ret_is_ended, struct stage_error *error);

/*
 * Expands the gzip file source into target, which it makes (0600). STAGE_E_DAMAGED: source is no gzip
 * file, or is not whole; STAGE_E_MEMORY. After an error target is there in part, or is not there.
 */
int archive_expand(const char *source, const char *target, struct stage_error *error);

/*
 * Makes a file durable, and gives it the permissions of the file at like, unless that is NULL, if the file system lets
 * us. For a directory it makes the names durable, if the file system can.
 */
int archive_sync(const char *path, const char *like, struct stage_error *error);

#endif
