/*
 * spool_item - a file of a spool, with what only the spool knows of it
 *
 * A struct stage_spool_file is what callers see. It is the first member of a struct stage_spool_item, and
 * each of them was made as one: stage_spool_item_of() goes from one to the other.
 *
 *	item = stage_spool_item_new(path, base, name, note);
 *	...the spool has it in its list...
 *	stage_spool_item_free(&item->file);
 *
 * An item has a descriptor of its file until that is on disk, because the disk's failures are told to
 * descriptors that were open when they happened (durable.h). The item owns it.
 *
 * Not installed. One thread at a time for an item.
 */
#ifndef STAGEDIR_SPOOL_ITEM_H
#define STAGEDIR_SPOOL_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "error.h"
#include "spool.h"

struct stage_spool_item {
	struct stage_spool_file file; /* first: the two are converted */
	struct stage_digest digest;   /* of a sealed file, or as the caller has told */
	bool told;
	bool measured; /* its size is known */
	bool written;  /* the disk has taken what is in it */
	int lost;      /* errno: the disk has failed to take it; 0 where it has not */
	int fd;        /* tells of all that was written back; -1 where it could not be had */
	bool kept;     /* it is sealed, or about to be, and keeps fd (stage_spool_seal_let_go()) */
};

static inline struct stage_spool_item *
stage_spool_item_of(struct stage_spool_file *file)
{
	return (struct stage_spool_item *)file;
}

static inline const struct stage_spool_item *
stage_spool_item_of_const(const struct stage_spool_file *file)
{
	return (const struct stage_spool_item *)file;
}

/* Makes one of the file base in the directory at path, without a descriptor. NULL: there is no memory. */
struct stage_spool_item *stage_spool_item_new(
	const char *path, const char *base, const char *name, const char *note);

/* Closes its descriptor and frees it. NULL is no error. */
void stage_spool_item_free(struct stage_spool_file *file);

/* Closes its descriptor, if it has one. */
void stage_spool_item_drop_fd(struct stage_spool_item *item);

/* The file's name in the spool's directory: a part of its path. */
char *stage_spool_item_base(const struct stage_spool_file *file);

/*
 * Opens for reading what has the file's name in the directory dirfd now. Whatever has taken its place is
 * neither waited for nor followed. Whoever only looks (looking) does not take a file that is gone for
 * damage. STAGE_E_DAMAGED: it is no regular file, or was sealed and is gone. STAGE_E_SYSTEM; with ENOENT
 * where it is gone.
 */
int stage_spool_item_open(const struct stage_spool_item *item, int dirfd, bool looking, int *ret_fd,
	uint64_t *ret_size, struct stage_error *error);

/*
 * Has the name in the directory dirfd still the file that was accepted? STAGE_E_DAMAGED where it has
 * another one; STAGE_E_SYSTEM. Nothing to compare, and 0, where the item has no descriptor.
 */
int stage_spool_item_check_same(
	const struct stage_spool_item *item, int dirfd, struct stage_error *error);

/*
 * Waits until the disk has the file, by the item's descriptor, or by fd where it has none. Returns 0, or
 * -1 with errno, which is kept in lost.
 */
int stage_spool_item_write_out(struct stage_spool_item *item, int fd);

/* Sets *error: the file is damaged, and in which way. Returns STAGE_E_DAMAGED. */
int stage_spool_item_fail_damaged(
	const struct stage_spool_file *file, const char *what, struct stage_error *error);

#endif
