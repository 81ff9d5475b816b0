/*
 * tar - writes tar archives as the host does: volumes and archives of signatures
 *
 * The names of members begin with their kind:
 *
 *	snapshot/NAME			a file, directory, link, ... as it is
 *	diff/NAME			the delta of a file against the backup before
 *	multivol_snapshot/NAME/N	both in pieces, numbered from 1, of 64 KiB except the last: so
 *	multivol_diff/NAME/N		a volume can end anywhere in a file
 *	deleted/NAME			exists no longer
 *	signature/NAME			its content is the librsync signature of a file
 *
 * An archive is written member by member, each whole, to a function of the caller. Here it goes to a gzip
 * file. A volume without encryption has no tar's end:
 *
 *	static int
 *	write_gzip(void *context, const void *data, size_t size, struct stage_error *error)
 *	{
 *		return stage_gzip_write(context, data, size, error);
 *	}
 *
 *	stage_tar_open(write_gzip, gzip, &tar, &error);
 *	stage_tar_add(tar, &member, data, size, &error);
 *	stage_tar_close(&tar);
 *
 * Format: ustar (POSIX.1-1988), with pax records (POSIX.1-2001) for long names, names that are not ASCII,
 * and large numbers. Names are bytes, and do not depend on the locale: for one that is not all ASCII a
 * record says hdrcharset=BINARY. libarchive writes the members, in 1 to 2 microseconds each, a tenth of
 * the host's time. A header has at most STAGE_TAR_HEADER_MAX bytes. All that is written is a multiple of
 * 512 bytes.
 *
 * Memory: less than 200 KiB. Nothing is kept of a member.
 *
 * Errors: a member that libarchive cannot write is STAGE_E_ARGUMENT, with its name in the message. Errors
 * of the caller's function are passed on. Either is kept, and every later call fails with it: half a
 * member may have been written. A call behind the archive's end, or of one that is closed (NULL), is
 * STAGE_E_ARGUMENT, and writes nothing.
 *
 * Threads: an archive is for one thread at a time. Forks: it is plain memory.
 */
#ifndef STAGEDIR_TAR_H
#define STAGEDIR_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#pragma GCC visibility push(default)

/* Room for the header of a member with data: ustar's, and records with a name of 4 KiB and the owner's. */
#define STAGE_TAR_HEADER_MAX ((size_t)8 * 1024)

struct stage_tar;

enum stage_member_kind {
	STAGE_MEMBER_SNAPSHOT,
	STAGE_MEMBER_DIFF,
	STAGE_MEMBER_DELETED,
	STAGE_MEMBER_SIGNATURE,
};

enum stage_member_type {
	STAGE_MEMBER_FILE,
	STAGE_MEMBER_DIRECTORY,
	STAGE_MEMBER_LINK,
	STAGE_MEMBER_FIFO,
	STAGE_MEMBER_CHARACTER,
	STAGE_MEMBER_BLOCK,
};

struct stage_member {
	enum stage_member_kind kind;
	enum stage_member_type type;

	/* The number of a piece, from 1; 0: not in pieces. */
	uint64_t piece;

	/* Strings end with a NUL; NULL counts as "". A name may be "", and may end with a slash. */
	const char *name;
	const char *target;                /* of a symbolic link */
	const char *user, *group;          /* names */
	unsigned int mode;                 /* the lower 12 bits count */
	uint64_t uid, gid;                 /* up to INT64_MAX */
	int64_t mtime;                     /* seconds since 1970 */
	unsigned int dev_major, dev_minor; /* of a device */
};

/* Takes size bytes, or fails with a code and fills *error. */
typedef int (*stage_tar_write)(
	void *context, const void *data, size_t size, struct stage_error *error);

/* Begins one; nothing is written yet. STAGE_E_MEMORY. */
int stage_tar_open(stage_tar_write write, void *context, struct stage_tar **ret_tar,
	struct stage_error *error);

/* Writes a member with size bytes of data; only files have data. STAGE_E_ARGUMENT, STAGE_E_MEMORY, and
 * the codes of write(). */
int stage_tar_add(struct stage_tar *tar, const struct stage_member *member, const void *data,
	size_t size, struct stage_error *error);

/*
 * Writes a tar's end, as archives of signatures have one: two empty blocks, and more up to a multiple
 * of 10240 bytes. Nothing can be added behind it. STAGE_E_ARGUMENT, and the codes of write().
 */
int stage_tar_end(struct stage_tar *tar, struct stage_error *error);

/* Writes nothing, frees *tar, which may be NULL, and sets it to NULL. Keeps errno. */
void stage_tar_close(struct stage_tar **tar);

#pragma GCC visibility pop

#endif
