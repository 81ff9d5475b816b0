/*
 * unlisted - files of a spool that have no record in its journal, but may have had one
 *
 * A damaged record says neither which file it was for, nor whether that was staged. So if a journal has a
 * damaged record, each file in the spool without a record may be a volume that was reported as staged.
 * Nobody can hand it off, since its name is lost. But nobody removes it either, unless he says so.
 *
 * If no record is damaged, such a file was never sealed, and is of no use.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_UNLISTED_H
#define STAGEDIR_UNLISTED_H

#include <stddef.h>
#include <stdint.h>

#include "journal.h"
#include "naming.h"

struct stage_unlisted {
	struct stage_unlisted_file {
		char name[STAGE_FILE_NAME_MAX];
		uint64_t size;
	} * list; /* the caller frees; by name */
	size_t count;
	uint64_t bytes; /* the sum of their sizes */
};

/*
 * Finds these files in the directory dirfd. If content has no damage there are none. content is NULL if
 * the journal cannot be read at all. STAGE_E_SYSTEM with errno, STAGE_E_MEMORY; no message.
 */
int stage_unlisted_find(int dirfd, const struct stage_journal_content *content,
	struct stage_unlisted *ret_unlisted);

#endif
