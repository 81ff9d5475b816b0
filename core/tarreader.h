/*
 * tarreader - reads the members of tar archives, one archive behind the other
 *
 *	struct stage_tarsource source = stage_tarreader_readahead(readahead);
 *	const struct stage_tarmember *member;
 *
 *	stage_tarreader_new("volume", &reader, &error);
 *	stage_tarreader_begin(reader, &source, path);
 *	while ((code = stage_tarreader_next(reader, &member, &error)) > 0)
 *		stage_tarreader_read(reader, buffer, sizeof(buffer), &count, &error);
 *	stage_tarreader_free(&reader);
 *
 * What the host's tarfile takes for a member is one here (tarheader.h). An archive may end with the tar's
 * end or without, and may be empty. All else is damage, also where the host would take it for the end: a
 * header that is none, or a cut. When the last member has been read, the source is read to its end, so that a
 * gzip file's checksum is looked at. The content of a member is passed over unless it is asked for.
 *
 * Memory: what the names of a member take, up to STAGE_TARREADER_RECORDS_MAX each.
 *
 * Errors: the first is kept, and every later call fails with it. STAGE_E_DAMAGED, STAGE_E_MEMORY, and the
 * codes of the source. Messages name the archive.
 *
 * Threads: one at a time. Forks: those of the source. Not installed.
 */
#ifndef STAGEDIR_TARREADER_H
#define STAGEDIR_TARREADER_H

#include <stddef.h>
#include <stdint.h>

#include "entry.h"
#include "error.h"
#include "readahead.h"

/* The longest name, or set of pax records, in bytes. */
#define STAGE_TARREADER_RECORDS_MAX ((size_t)1024 * 1024)

struct stage_tarreader;

/* The bytes of an archive. Both functions do less than size at its end only; 0, or a code with *error filled. */
struct stage_tarsource {
	int (*read)(void *context, void *buffer, size_t size, size_t *ret_count,
		struct stage_error *error);
	/* forgets them */
	int (*skip)(void *context, uint64_t size, uint64_t *ret_count, struct stage_error *error);
	void *context;
};

struct stage_tarmember {
	const char *name; /* as the host has it: a directory's ends with a slash; ended by a NUL */
	size_t name_length;
	/* Without an index. Its size is the content's; its type is STAGE_ENTRY_NONE where the host has none. */
	struct stage_entry entry;
	const char *user, *group; /* names, not ended by a NUL */
	size_t user_length, group_length;
};

/* A readahead as a source; it stays the caller's. */
struct stage_tarsource stage_tarreader_readahead(struct stage_readahead *readahead);

/* kind says in messages what is read, and is kept. STAGE_E_MEMORY. */
int stage_tarreader_new(
	const char *kind, struct stage_tarreader **ret_reader, struct stage_error *error);

/* Goes to the first member of another archive. path is for messages. Both are kept until the next call. */
void stage_tarreader_begin(
	struct stage_tarreader *reader, const struct stage_tarsource *source, const char *path);

/* Goes to the next member: 1, 0 behind the last, or an error. *ret_member lasts until the next call. */
int stage_tarreader_next(struct stage_tarreader *reader, const struct stage_tarmember **ret_member,
	struct stage_error *error);

/*
 * Does the host make a path of the member? 0, or STAGE_E_UNSUPPORTED: not of a hard link, or what it has no type for;
 * STAGE_E_DAMAGED: not of one before 1970, for which it has a traceback, and writes 0 itself.
 */
int stage_tarreader_check(struct stage_tarreader *reader, struct stage_error *error);

/* Reads size bytes of the member's content, fewer at its end. */
int stage_tarreader_read(struct stage_tarreader *reader, void *buffer, size_t size,
	size_t *ret_count, struct stage_error *error);

/* So many bytes of the content were not read yet. */
uint64_t stage_tarreader_left(const struct stage_tarreader *reader);

/* Frees *reader, which may be NULL, and sets it to NULL. Keeps errno. */
void stage_tarreader_free(struct stage_tarreader **reader);

#endif
