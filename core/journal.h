/*
 * journal - the durable record of the sealed files in a staging directory
 *
 * The file `journal` in a staging directory says where its files are to go, and which of them wait. It is
 * text, one record a line, and records are only ever added:
 *
 *	CRC32 stagedir 1
 *	CRC32 target TARGET HOME
 *	CRC32 staged FILE SIZE SHA256 SECONDS NAME NOTE
 *	CRC32 failed FILE SECONDS ATTEMPT MESSAGE
 *	CRC32 confirmed FILE		storage has it: it is forgotten, and the next one may go
 *	CRC32 stored FILE NAME NOTE	storage has it, and it was never staged
 *	CRC32 forgotten FILE		it is of no use any more
 *
 * CRC32 (RFC 1952) is of all behind its blank, as 8 hexadecimal digits. Fields are separated by one
 * blank. In a field, bytes up to the blank, `%`, and bytes from DEL on are written as %XX. An empty
 * field is `%`. SECONDS are since 1970 (UTC). A record is one write(2) to a file that is open for
 * appending.
 *
 * A crash or a full disk may tear a record. So a journal is read like this (journal_read.c):
 *	- An incomplete last line is a torn record, and counts for nothing.
 *	- The record that is written after it begins with `%%%` and a newline, which end the torn line. So
 *	  a line that ends in `%%%` counts for nothing, also if its record lacked only the newline.
 *	- An empty line counts for nothing.
 *	- Any other line that is no record is damaged, and is counted.
 *	- If in a whole record only the newline has become another byte, that is damage too.
 *
 * A journal that has grown well beyond the records that still tell something is written anew with these
 * alone (journal_compact.c): the version, the target, the last file that storage has confirmed as a record
 * "stored", and each file that waits, with its last failed attempt. The new file takes the name of the old
 * one when it is whole and on disk. So there always is a valid journal. Whoever has the old one open goes on
 * to read what it was. A journal with a damaged record is never written anew.
 *
 *	stage_journal_create(dirfd, path, &about, true, &journal, &error);
 *	stage_journal_staged(journal, &record, &error);		(a file is durable before)
 *	stage_journal_forgotten(journal, "staged-...", &error);
 *	stage_journal_close(&journal);
 *
 * Not installed. One thread at a time for a struct stage_journal; reading needs no lock: a journal
 * may be read while its run appends to it, or writes it anew.
 */
#ifndef STAGEDIR_JOURNAL_H
#define STAGEDIR_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "error.h"

#define STAGE_JOURNAL_NAME "journal"

/* A larger one is not read: STAGE_E_DAMAGED. Some 300,000 records. */
#define STAGE_JOURNAL_MAX (64 * 1024 * 1024)

struct stage_journal;

/* The same for all files of a journal. The texts are the caller's, who may read more into them. */
struct stage_journal_about {
	const char *target; /* where the files are to go: a URL in its target form (url.h) */
	const char *home;   /* the host's directory that belongs to them; "" if there is none */
};

/* A file that waits for hand-off. All strings are the content's; none is NULL. */
struct stage_journal_record {
	char *file; /* in the staging directory */
	struct stage_digest digest;
	int64_t sealed; /* seconds since 1970 */
	char *name;     /* in storage; any bytes */
	char *note;     /* the caller's */

	unsigned int
		attempts; /* attempts to hand it off that have failed, as the last one counted */
	int64_t failed;   /* when the last one did, in seconds since 1970; 0: none has */
	char *failure;    /* why it did; "": none has */
};

struct stage_journal_content {
	char *target, *home;               /* "" where they were put so, or has_target is false */
	bool has_target;                   /* the record of both is there, and not damaged */
	struct stage_journal_record *list; /* in the order in which they were sealed */
	size_t count;
	/*
	 * The last file that storage has confirmed; NULL if the journal tells of none. A file that
	 * was staged behind it may be handed off only if this is known.
	 */
	const char *confirmed_name, *confirmed_note;
	const char *confirmed_file; /* in the staging directory, where it is no more */

	size_t damaged;     /* damaged lines; the files of their records are not in list */
	bool torn;          /* the last line is incomplete */
	bool needs_newline; /* for stage_journal_append(): the text does not end in one */
};

/*
 * Reads the journal in the directory dirfd. path is that directory's, for messages. The content holds
 * all that can be understood. The caller frees it. STAGE_E_SYSTEM, with ENOENT if there is no journal;
 * STAGE_E_DAMAGED: it is no regular file, or larger than STAGE_JOURNAL_MAX, or has no record that
 * begins a journal of a known version; STAGE_E_MEMORY.
 */
int stage_journal_read(int dirfd, const char *path, struct stage_journal_content **ret_content,
	struct stage_error *error);

/* The same of bytes in memory, which need no NUL. */
int stage_journal_parse(const char *bytes, size_t size, const char *path,
	struct stage_journal_content **ret_content, struct stage_error *error);

/* Frees *content and sets it to NULL; NULL in it is no error. Keeps errno. */
void stage_journal_content_free(struct stage_journal_content **content);

/*
 * Makes a journal, 0600 and O_EXCL, in dirfd, which stays the caller's and must stay open. With durable
 * the journal is on disk when the call returns (fsync(2) of file and directory). So is every later
 * record that a file is staged, confirmed or stored. On failure there is no journal. STAGE_E_SYSTEM,
 * STAGE_E_MEMORY.
 */
int stage_journal_create(int dirfd, const char *path, const struct stage_journal_about *about,
	bool durable, struct stage_journal **ret_journal, struct stage_error *error);

/* Goes on with a journal that was read: content is that of stage_journal_read(). */
int stage_journal_append(int dirfd, const char *path, const struct stage_journal_content *content,
	bool durable, struct stage_journal **ret_journal, struct stage_error *error);

/*
 * Write a record each. stage_journal_staged() writes the fields of its record up to note. A record that
 * could not be written whole counts for nothing, and the next one is written behind it. If a record
 * "staged" was written and could not be made durable, a record "forgotten" takes it back. STAGE_E_SYSTEM,
 * with EFBIG for staged, failed and stored if the journal would get larger than half of
 * STAGE_JOURNAL_MAX: so files can always be forgotten, and the journal be read. STAGE_E_MEMORY.
 * STAGE_E_ARGUMENT if file is not a name that stage_naming_file() gives.
 */
int stage_journal_staged(struct stage_journal *journal, const struct stage_journal_record *record,
	struct stage_error *error);
int stage_journal_failed(struct stage_journal *journal, const char *file, unsigned int attempt,
	const char *message, struct stage_error *error);
int stage_journal_confirmed(
	struct stage_journal *journal, const char *file, struct stage_error *error);
int stage_journal_stored(struct stage_journal *journal, const char *file, const char *name,
	const char *note, struct stage_error *error);
int stage_journal_forgotten(
	struct stage_journal *journal, const char *file, struct stage_error *error);

/* Closes the file, frees *journal, sets it to NULL; NULL in it is no error. Keeps errno. */
void stage_journal_close(struct stage_journal **journal);

#endif
