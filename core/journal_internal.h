/*
 * journal_internal - what the files of the journal share
 *
 *	journal.c		records are written
 *	journal_compact.c	a journal that has grown is written anew
 *	journal_read.c		a journal is read and becomes a struct stage_journal_content
 *	journal_format.c	one record as text (journal_format.h)
 *
 * Not installed.
 */
#ifndef STAGEDIR_JOURNAL_INTERNAL_H
#define STAGEDIR_JOURNAL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "journal.h"
#include "naming.h"

/*
 * Beyond this size only records that a file is forgotten are written. Such a record is less than half as long
 * as that of its staged file. So there is room for all of them, and the whole can always be read.
 */
#define STAGE_JOURNAL_GROWTH_MAX (STAGE_JOURNAL_MAX / 2)

/* A file that is smaller is not written anew: some 700 files that were staged and confirmed. */
#define STAGE_JOURNAL_COMPACT_MIN (256 * 1024)

/* As compact_at: it is not written anew, however large it is. */
#define STAGE_JOURNAL_NEVER UINT64_MAX

struct stage_journal {
	int fd;
	int dirfd; /* the caller's */
	bool durable;
	bool torn;           /* the file may not end in a newline */
	bool unnamed;        /* it may not be on disk that this file has the name now */
	uint64_t size;       /* of the file */
	uint64_t compact_at; /* a file as large as this is written anew before the next record */
	struct stage_random random; /* for the names under which that is done */
	uint64_t given;             /* such names so far */
	char path[];                /* of the file, for messages */
};

/* A journal without a file. NULL: no memory. */
struct stage_journal *stage_journal_new(int dirfd, const char *path, bool durable);

/* Writes a record. STAGE_E_SYSTEM, with EFBIG if the file would get larger than size_max; STAGE_E_MEMORY. */
int stage_journal_write(struct stage_journal *journal, const char *const *fields, uint64_t size_max,
	struct stage_error *error);

/* The same of one of these. They make nothing durable, and a record of failed has its time from the caller. */
int stage_journal_write_staged(struct stage_journal *journal,
	const struct stage_journal_record *record, struct stage_error *error);
int stage_journal_write_failed(struct stage_journal *journal, const char *file, int64_t failed,
	unsigned int attempt, const char *message, struct stage_error *error);
int stage_journal_write_stored(struct stage_journal *journal, const char *file, const char *name,
	const char *note, struct stage_error *error);

/*
 * Sets the mode of a file that was just made, and writes what a journal begins with. Without a record of
 * target and home, if target is NULL. STAGE_E_SYSTEM, STAGE_E_MEMORY.
 */
int stage_journal_begin(struct stage_journal *journal, const char *target, const char *home,
	struct stage_error *error);

/*
 * Writes the journal anew, with the records alone that still tell something. Does nothing if one of them is
 * damaged, since what it told of is not known. On failure the journal is as before. Sets when this is to be
 * done next.
 */
void stage_journal_compact(struct stage_journal *journal);

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
