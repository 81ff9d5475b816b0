/*
 * volume - a tar archive in the form in which the host keeps files, and pieces of files
 *
 * The host's backups are tar archives whose members say in the front of their names what they are:
 *
 *	snapshot/NAME			a file, directory, link, ... as it is
 *	diff/NAME			what makes a file of the one in the backup before
 *	multivol_snapshot/NAME/N	the same in pieces, of 64 KiB but for the last, from 1 on: so that
 *	multivol_diff/NAME/N		a volume can end anywhere in a file
 *	deleted/NAME			is no longer there
 *
 * and an archive of signatures is like it, with the librsync signature of a file as the content of
 *
 *	signature/NAME
 *
 * A volume is written member by member, each whole, to a function of the caller's. Here it goes to
 * a gzip file, in which the host's volumes end without a tar's end:
 *
 *	static int
 *	write_gzip(void *context, const void *data, size_t size, struct stage_error *error)
 *	{
 *		return stage_gzip_write(context, data, size, error);
 *	}
 *
 *	stage_tar_open(write_gzip, gzip, &volume, &error);
 *	stage_tar_add(volume, &member, data, size, &error);
 *	stage_tar_close(&volume);
 *
 * Format: what plain ustar (POSIX.1-1988) cannot hold - long names, what is not ASCII, large
 * numbers - is in pax records (POSIX.1-2001). Names are bytes, and stay what they are whatever the
 * locale is: where one is not all ASCII, a record hdrcharset=BINARY says so. It is libarchive that
 * writes them, for 1 to 2 microseconds a member: a tenth of what the host needs. A header has at
 * most STAGE_VOLUME_HEADER_MAX bytes, and what is written is a multiple of 512.
 *
 * Memory: less than 200 KiB. Nothing is kept of a member.
 *
 * Errors: what libarchive cannot write is STAGE_E_ARGUMENT, with the member's name in the message;
 * what the function of the caller returns is passed on. Either is kept, and what every later call
 * fails with: half a member may have been written. A call in the wrong state - behind the archive's
 * end, or of one that is closed, which is NULL - is STAGE_E_ARGUMENT, and writes nothing.
 *
 * Threads: a volume is for one thread at a time. Forks: it is plain memory.
 */
#ifndef STAGEDIR_TAR_H
#define STAGEDIR_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#pragma GCC visibility push(default)

/* Of a member with data: a name of 4 KiB and those of the owner in records, ustar's header. */
#define STAGE_VOLUME_HEADER_MAX ((size_t)8 * 1024)

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

	/* Strings end with a NUL; NULL is as good as "". A name may be "" and end with a slash. */
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
int stage_tar_open(stage_tar_write write, void *context, struct stage_tar **ret_volume,
	struct stage_error *error);

/* Writes a member with size bytes of data, which all but files have none of. STAGE_E_ARGUMENT,
 * STAGE_E_MEMORY, and what write() returns. */
int stage_tar_add(struct stage_tar *volume, const struct stage_member *member, const void *data,
	size_t size, struct stage_error *error);

/*
 * Writes a tar's end, as archives of signatures have one: two empty blocks, and more up to a
 * multiple of 10240 bytes. Nothing can be added behind it. STAGE_E_ARGUMENT, and what write()
 * returns.
 */
int stage_tar_end(struct stage_tar *volume, struct stage_error *error);

/* Writes nothing, frees *volume, which may be NULL, and sets it to NULL. Keeps errno. */
void stage_tar_close(struct stage_tar **volume);

#pragma GCC visibility pop

#endif
