/*
 * pagefile - pages as files: written beside and renamed, 0600; in the folder of the setting report so many are kept
 *
 * One thread at a time, see statedir.h.
 */
#ifndef STAGEDIR_PAGEFILE_H
#define STAGEDIR_PAGEFILE_H

#include <stddef.h>

#include "error.h"

/*
 * Writes a file. What has that path is replaced, if it is a regular file; who reads sees the one or the other. STAGE_E_SYSTEM,
 * STAGE_E_DAMAGED: it is something else, as before.
 */
int pagefile_write(const char *path, const char *text, size_t length, struct stage_error *error);

/*
 * Makes the page of a record, as RECORD.html in the folder, and removes the oldest pages there, so that keep are left. No other
 * file is touched. Errors: as of page_make(), and of pagefile_write().
 */
int pagefile_add(
	const char *folder, const char *record, unsigned int keep, struct stage_error *error);

#endif
