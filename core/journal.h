/*
 * journal - the durable record of the sealed files in a staging directory
 *
 * A staging directory that holds files for storage describes itself by the file `journal` in it:
 * whose files they are and which of them wait. It is text, a record a line, and only ever grows:
 *
 *	CRC32 stagedir 1
 *	CRC32 target TARGET HOME
 *	CRC32 staged FILE SIZE SHA256 SECONDS NAME NOTE
 *	CRC32 failed FILE SECONDS ATTEMPT MESSAGE
 *	CRC32 confirmed FILE		storage has it: it is forgotten, and the next one may go
 *	CRC32 stored FILE NAME NOTE	the same of one that was never staged
 *	CRC32 forgotten FILE		it is of no use any more
 *
 * CRC32 (RFC 1952) is of all behind its blank, as 8 hexadecimal digits. Fields are separated by one
 * blank; in them, bytes up to the blank, `%`, and those from DEL on are written as %XX; an empty
 * one is `%`. SECONDS are since 1970 (UTC). A record is one write(2) to a file that is open for
 * appending. What a crash or a full disk tore off is an incomplete last line, which counts for
 * nothing; a whole line that is wrong is counted as damage, and so is a last one of which only the
 * newline is wrong. The first record after a torn one is
 * written behind `%%%` and a newline: a line that ends so counts for nothing either, not even where
 * a newline was all that it lacked, and is no damage. Nor is an empty line.
 *
 *	stage_journal_create(dirfd, path, &about, true, &journal, &error);
 *	stage_journal_staged(journal, &record, &error);		(a file is durable before)
 *	stage_journal_forgotten(journal, "staged-...", &error);
 *	stage_journal_close(&journal);
 *
 * Not installed. One thread at a time for a struct stage_journal; reading needs no lock: a journal
 * may be read while its run appends to it.
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

/* What is the same for all files of a journal. Texts of the caller, who may read more into them. */
struct stage_journal_about {
	const char *target; /* where the files are to go: a URL in its target form (url.h) */
	const char *home; /* the host's directory with what belongs to them; "" where it has none */
};

/* A file that waits for hand-off. All strings are the content's; none is NULL. */
struct stage_journal_record {
	char *file; /* in the staging directory */
	struct stage_digest digest;
	int64_t sealed; /* seconds since 1970 */
	char *name;     /* in storage; any bytes */
	char *note;     /* the caller's */

	unsigned int attempts; /* to hand it off that have failed, as the last of them counted */
	int64_t failed;        /* seconds since 1970, 0 where none has */
	char *failure;         /* why, "" where none has */
};

struct stage_journal_content {
	char *target, *home;               /* "" where the record is missing or damaged */
	struct stage_journal_record *list; /* in the order in which they were sealed */
	size_t count;
	/*
	 * Of the last file that storage has confirmed, as far as the journal tells; NULL where it
	 * tells of none. Only then a file that was staged behind it may follow it.
	 */
	const char *confirmed_name, *confirmed_note;

	size_t damaged; /* whole lines that are no record; files that they told of are not in list */
	bool torn;      /* the last line is incomplete */
	bool needs_newline; /* for stage_journal_append(): what is there does not end in one */
};

/*
 * Reads the journal in the directory dirfd. path is that directory's, for messages. STAGE_E_SYSTEM
 * with ENOENT where there is none; STAGE_E_DAMAGED where it is not a regular file, larger than
 * STAGE_JOURNAL_MAX, or holds no record at all that begins a journal of a known version; what can
 * be understood otherwise is in the content, which the caller frees. STAGE_E_MEMORY.
 */
int stage_journal_read(int dirfd, const char *path, struct stage_journal_content **ret_content,
	struct stage_error *error);

/* The same of bytes in memory, which need no NUL. */
int stage_journal_parse(const char *bytes, size_t size, const char *path,
	struct stage_journal_content **ret_content, struct stage_error *error);

/* Frees *content and sets it to NULL; NULL in it is no error. Keeps errno. */
void stage_journal_content_free(struct stage_journal_content **content);

/*
 * Makes a journal, 0600 and O_EXCL, in dirfd, which stays the caller's and must stay open. With
 * durable, it and every later record that a file is staged, confirmed or stored are on disk (fsync(2) of
 * file, and here of directory) when the call returns. On failure there is no journal.
 * STAGE_E_SYSTEM, STAGE_E_MEMORY.
 */
int stage_journal_create(int dirfd, const char *path, const struct stage_journal_about *about,
	bool durable, struct stage_journal **ret_journal, struct stage_error *error);

/* Goes on with one that was read: content is what stage_journal_read() gave. */
int stage_journal_append(int dirfd, const char *path, const struct stage_journal_content *content,
	bool durable, struct stage_journal **ret_journal, struct stage_error *error);

/*
 * Records. Of a record, staged writes the fields up to note. A record that could not be written
 * whole counts for nothing, and the next one is written behind it; one of a staged file that was
 * written and could not be made durable is taken back by one that it is forgotten. STAGE_E_SYSTEM,
 * with EFBIG for staged, failed and stored where the journal would get larger than half of
 * STAGE_JOURNAL_MAX: what waits can always be forgotten and read. STAGE_E_MEMORY. STAGE_E_ARGUMENT
 * where file is not a name that stage_naming_file() gives.
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
