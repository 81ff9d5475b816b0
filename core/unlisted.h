/*
 * unlisted - files of a spool of which its journal does not tell, though it once may have
 *
 * A record in which a bit has turned is known to be damaged, and no more: neither whose file it told
 * of nor whether it told that one is staged. So where a journal has a damaged record, each file in the
 * spool of which no other record tells may be a volume that was reported as staged. Nobody can hand it
 * off, for want of its name; but nobody removes it either, unless he says so.
 *
 * Where no record is damaged such a file was never sealed, and is of no use.
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
 * Finds them in the directory dirfd; none where content has no damage. content is NULL for a journal
 * that cannot be read at all. STAGE_E_SYSTEM with errno, STAGE_E_MEMORY; no message.
 */
int stage_unlisted_find(int dirfd, const struct stage_journal_content *content,
	struct stage_unlisted *ret_unlisted);

#endif
