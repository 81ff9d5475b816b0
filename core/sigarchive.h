/*
 * sigarchive - reads an archive of signatures: what one backup says of each path
 *
 *	const struct stage_sigarchive_entry *entry;
 *
 *	stage_sigarchive_open(readahead, path, &archive, &error);
 *	while ((code = stage_sigarchive_next(archive, &entry, &error)) > 0)
 *		...
 *	stage_sigarchive_close(&archive);
 *
 * Such an archive is a tar file (tar.h) in a gzip file (gunzip.h). Its members are in the order of
 * stage_entry_order(). The content of one, the signature of a file, is passed over unless it is asked for.
 *
 * What is a member, and what is damage, says tarreader.h. Some of it the host would take for the end, and so
 * make an increment against what an older backup knows.
 *
 * Memory: what the names of a member take (tarreader.h), and the readahead's.
 *
 * Errors: the first is kept, and every later call fails with it. STAGE_E_DAMAGED, also for a member that no
 * backup writes; STAGE_E_UNSUPPORTED: a hard link, or what the host has no type for; STAGE_E_MEMORY; and
 * the codes of stage_readahead_read(). Messages name the archive.
 *
 * Threads: one at a time. Forks: see readahead.h. Not installed.
 */
#ifndef STAGEDIR_SIGARCHIVE_H
#define STAGEDIR_SIGARCHIVE_H

#include "entry.h"
#include "error.h"
#include "readahead.h"
#include "tar.h"

struct stage_sigarchive;

struct stage_sigarchive_entry {
	enum stage_member_kind kind;
	struct stage_entry entry; /* its size is the content's */
	const char *user, *group; /* names, not ended by a NUL */
	size_t user_length, group_length;
};

/* Takes over readahead; on failure it is still the caller's. path is for messages, and is copied. STAGE_E_MEMORY. */
int stage_sigarchive_open(struct stage_readahead *readahead, const char *path,
	struct stage_sigarchive **ret_archive, struct stage_error *error);

/* Goes to the next member: 1, 0 behind the last, or an error. *ret_entry lasts until the next call. */
int stage_sigarchive_next(struct stage_sigarchive *archive,
	const struct stage_sigarchive_entry **ret_entry, struct stage_error *error);

/* Reads size bytes of the member's content, fewer at its end. */
int stage_sigarchive_read(struct stage_sigarchive *archive, void *buffer, size_t size,
	size_t *ret_count, struct stage_error *error);

/* Frees *archive, which may be NULL, with its readahead, and sets it to NULL. Keeps errno. */
void stage_sigarchive_close(struct stage_sigarchive **archive);

#endif
