/*
 * sigarchive_run - archives of signatures that are put together byte by byte, since what writes them is
 * no judge of what reads them
 */
#ifndef STAGEDIR_SIGARCHIVE_RUN_H
#define STAGEDIR_SIGARCHIVE_RUN_H

#include "sigarchive.h"

struct tarfile {
	unsigned char bytes[256 * 1024];
	size_t size;
};

/* What is in a header; NULL and 0 are as they are in most. */
struct tarmember {
	const char *name;
	char type; /* '0' where it is 0 */
	const char *target, *prefix, *user;
	unsigned long mode, uid, size;
	const char *mtime; /* the field's digits */
	const char *content;
	const char *raw; /* bytes that it has besides */
	size_t raw_at, raw_size;
};

/* Adds a member with its content, and the checksum of its header. */
void tarfile_add(struct tarfile *tar, const struct tarmember *member);

/* Adds the two blocks of a tar's end. */
void tarfile_end(struct tarfile *tar);

/* Its gzip file; the caller frees it. */
unsigned char *tarfile_compress(const struct tarfile *tar, size_t *ret_size);

/* Opens a gzip file of so many bytes. */
struct stage_sigarchive *open_bytes(const void *bytes, size_t size, bool ahead);

/* Opens an archive. */
struct stage_sigarchive *open_tarfile(const struct tarfile *tar, bool ahead);

/* Is the next one of that name and content? */
void check_next(struct stage_sigarchive *archive, const char *index, const char *content);

#endif
