/*
 * listing - the entries of a directory, one after another
 *
 *	struct stage_listing listing;
 *	const struct dirent *entry;
 *
 *	stage_listing_open(&listing, dirfd);
 *	while ((entry = stage_listing_next(&listing)))
 *		...
 *	if (stage_listing_close(&listing) < 0)
 *		...errno tells why not all entries were seen...
 *
 * The directory is given by descriptor, so no link can lead elsewhere. "." and ".." are left out. An
 * error, whether of open or of next, is told by close alone: a loop that asks close cannot take a disk
 * that cannot be read for an empty directory. A loop may also be left early.
 *
 * Entries that come or go meanwhile may be seen or not (readdir(3)).
 *
 * Not installed. One thread at a time for a listing.
 */
#ifndef STAGEDIR_LISTING_H
#define STAGEDIR_LISTING_H

#include <dirent.h>

#include "error.h"

struct stage_listing {
	DIR *stream; /* NULL where it could not be opened */
	int failed;  /* errno of the first failure, or 0 */
};

/* dirfd, O_PATH or better, stays the caller's, as does its offset. Close the listing. */
void stage_listing_open(struct stage_listing *listing, int dirfd);

/* The next entry, valid until the next call; NULL at the end and after a failure. Changes errno. */
const struct dirent *stage_listing_next(struct stage_listing *listing);

/* Returns 0 with errno kept; STAGE_E_SYSTEM, with errno, where open or next has failed. */
int stage_listing_close(struct stage_listing *listing);

#endif
