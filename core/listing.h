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
 *		...errno says why not all entries were seen...
 *
 * The directory is given by descriptor, so no link can lead elsewhere. "." and ".." are left out. Close
 * alone reports errors, of open and next too: a loop that asks it cannot take an unreadable disk for an
 * empty directory. A loop may also be left early.
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
	DIR *stream; /* NULL if it could not be opened */
	int failed;  /* errno of the first failure, or 0 */
};

/* dirfd, O_PATH or better, stays the caller's, and keeps its offset. The caller closes the listing. */
void stage_listing_open(struct stage_listing *listing, int dirfd);

/*
 * The same with a directory that was just opened with O_RDONLY. fd becomes the listing's, which closes it; -1 is one
 * that could not be opened, with errno.
 */
void stage_listing_take(struct stage_listing *listing, int fd);

/* The next entry, valid until the next call; NULL at the end and after a failure. Changes errno. */
const struct dirent *stage_listing_next(struct stage_listing *listing);

/* Returns 0 with errno kept; STAGE_E_SYSTEM, with errno, if open or next has failed. */
int stage_listing_close(struct stage_listing *listing);

#endif
