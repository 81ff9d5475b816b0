/*
 * journal_internal - what the files of the journal share
 *
 *	journal.c		records are written
 *	journal_read.c		a journal is read and becomes a struct stage_journal_content
 *	journal_format.c	one record as text (journal_format.h)
 *
 * Not installed.
 */
#ifndef STAGEDIR_JOURNAL_INTERNAL_H
#define STAGEDIR_JOURNAL_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "journal.h"

/*
 * Opens the journal in dirfd with these flags of open(2). Anything but a regular file under its name is
 * neither waited for nor followed: STAGE_E_DAMAGED. STAGE_E_SYSTEM.
 */
int stage_journal_read_open(int dirfd, const char *path, int flags, int *ret_fd, uint64_t *ret_size,
	struct stage_error *error);

/* Set *error, and return its code. path is that of the directory. */
int stage_journal_fail_memory(const char *path, struct stage_error *error);
int stage_journal_fail_damaged(const char *path, const char *why, struct stage_error *error);

#endif
