/*
 * sigarchive - reads an archive of signatures: what one backup says of each path
 *
 *	const struct stage_sigarchive_entry *entry;
 *
 *	stage_sigarchive_open(gunzip, path, &archive, &error);
 *	while ((code = stage_sigarchive_next(archive, &entry, &error)) > 0)
 *		...
 *	stage_sigarchive_close(&archive);
 *
 * Such an archive is a tar file (tar.h) in a gzip file (gunzip.h). Its members are in the order of
 * stage_entry_order(). The content of one, the signature of a file, is passed over unless it is asked for.
 *
 * What the host's tarfile takes for a member is one here (tarheader.h). An archive may end with the tar's
 * end or without, and may be empty. All else is damage, also where the host would take it for the end and so
 * make an increment against what an older backup knows: a header that is none, a cut, a checksum of gzip's
 * that is wrong. That one is looked at when the last member has been read.
 *
 * Memory: what the names of a member take, up to STAGE_SIGARCHIVE_RECORDS_MAX each; and the gunzip's.
 *
 * Errors: the first is kept, and every later call fails with it. STAGE_E_DAMAGED, also for a member that no
 * backup writes; STAGE_E_UNSUPPORTED: a hard link, or what the host has no type for; STAGE_E_MEMORY; and
 * the codes of stage_gunzip_read(). Messages name the archive.
 *
 * Threads: one at a time. Forks: see gunzip.h. Not installed.
 */
#ifndef STAGEDIR_SIGARCHIVE_H
#define STAGEDIR_SIGARCHIVE_H

#include "entry.h"
#include "error.h"
#include "gunzip.h"
#include "tar.h"

/* The longest name, or set of pax records, in bytes. */
#define STAGE_SIGARCHIVE_RECORDS_MAX ((size_t)1024 * 1024)

struct stage_sigarchive;

struct stage_sigarchive_entry {
	enum stage_member_kind kind;
	struct stage_entry entry; /* its size is the content's */
	const char *user, *group; /* names, not ended by a NUL */
	size_t user_length, group_length;
};

/* Takes over gunzip; on failure it is still the caller's. path is for messages, and is copied. STAGE_E_MEMORY. */
int stage_sigarchive_open(struct stage_gunzip *gunzip, const char *path,
	struct stage_sigarchive **ret_archive, struct stage_error *error);

/* Goes to the next member: 1, 0 behind the last, or an error. *ret_entry lasts until the next call. */
int stage_sigarchive_next(struct stage_sigarchive *archive,
	const struct stage_sigarchive_entry **ret_entry, struct stage_error *error);

/* Reads size bytes of the member's content, fewer at its end. */
int stage_sigarchive_read(struct stage_sigarchive *archive, void *buffer, size_t size,
	size_t *ret_count, struct stage_error *error);

/* Frees *archive, which may be NULL, with its gunzip, and sets it to NULL. Keeps errno. */
void stage_sigarchive_close(struct stage_sigarchive **archive);

#endif
