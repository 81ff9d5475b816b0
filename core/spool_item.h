/*
 * spool_item - a file of a spool, with the members that only the spool may see
 *
 * Callers see a struct stage_spool_file. It is the first member of a struct stage_spool_item, and is never
 * made without one: stage_spool_item_of() goes from one to the other.
 *
 *	item = stage_spool_item_new(path, base, name, note);
 *	...the spool has it in its list...
 *	stage_spool_item_free(&item->file);
 *
 * An item has a descriptor of its file until that is on disk. The kernel reports a failure of the disk to
 * descriptors that were open when it happened (durable.h). The item owns the descriptor.
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
	struct stage_digest digest;   /* of a sealed file, or from the caller */
	bool told;                    /* the caller has given the digest */
	bool measured;                /* its size is known */
	bool written;                 /* the disk has taken its content */
	int lost;                     /* errno with which the disk failed to take it, or 0 */
	int fd;                       /* reports failures of writing it back; -1 if there is none */
	bool kept; /* it is sealed, or about to be, and keeps fd (stage_spool_seal_let_go()) */
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

/* Makes an item for the file base in the directory at path, without a descriptor. NULL: no memory. */
struct stage_spool_item *stage_spool_item_new(
	const char *path, const char *base, const char *name, const char *note);

/* Closes its descriptor and frees it. NULL is no error. */
void stage_spool_item_free(struct stage_spool_file *file);

/* Closes its descriptor, if it has one. */
void stage_spool_item_drop_fd(struct stage_spool_item *item);

/* The file's name in the spool's directory: a part of its path. */
char *stage_spool_item_base(const struct stage_spool_file *file);

/*
 * Opens the file in the directory dirfd for reading. If something else has its name now, that is neither
 * waited for nor followed. STAGE_E_DAMAGED: it is no regular file, or it was sealed and is gone.
 * STAGE_E_SYSTEM, with ENOENT if it is gone. looking: a sealed file that is gone is that, too, since
 * somebody may have handed it off.
 */
int stage_spool_item_open(const struct stage_spool_item *item, int dirfd, bool looking, int *ret_fd,
	uint64_t *ret_size, struct stage_error *error);

/*
 * Does the name in the directory dirfd still lead to the file that was accepted? STAGE_E_DAMAGED: to
 * another one; STAGE_E_SYSTEM. Without a descriptor nothing can be compared: 0.
 */
int stage_spool_item_check_same(
	const struct stage_spool_item *item, int dirfd, struct stage_error *error);

/*
 * Waits until the disk has the file, by the item's descriptor, or if it has none by fd. Returns 0, or -1
 * with errno, which is kept in lost.
 */
int stage_spool_item_write_out(struct stage_spool_item *item, int fd);

/* Sets *error: the file is damaged, and in which way. Returns STAGE_E_DAMAGED. */
int stage_spool_item_fail_damaged(
	const struct stage_spool_file *file, const char *what, struct stage_error *error);

/* The same of a file that is not there any more. */
int stage_spool_item_fail_gone(const struct stage_spool_file *file, struct stage_error *error);

#endif
