/*
 * unpack - writes the members of an archive below a directory, by a small pool of threads
 *
 *	static const struct stage_unpack_options options = {.owners = true};
 *
 *	stage_unpack_open(base_fd, &options, &unpack, &error);
 *	for each member, in the order of stage_entry_order():
 *		stage_unpack_add(unpack, &entry, &error);
 *		if (entry.type == STAGE_ENTRY_FILE) {
 *			while (...more content...)
 *				stage_unpack_write(unpack, buffer, size, &error);
 *			stage_unpack_end(unpack, true, &error);
 *		}
 *		while (stage_unpack_failure(unpack, &failed))
 *			...tell...
 *	stage_unpack_finish(unpack, true, &error);
 *	while (stage_unpack_failure(unpack, &failed))
 *		...tell...
 *	stage_unpack_close(&unpack);
 *
 * Folders are made at once. A file of at most STAGE_UNPACK_SMALL bytes is kept until its end; then, like a link, a
 * fifo and a device, it is made by a thread. A larger one is written by the caller while it comes in.
 *
 * Attributes: the owner, then the mode, then the times: of access now, of change as the entry says. Of a link the
 * owner alone. Until then a file is 0600 and a folder 0700. A folder gets them when nothing more can come into it
 * and all in it is complete: children before parents. Where one of them cannot be set the rest is left out, unless
 * options.ignores_errors. What did not get its mode has the one that open(2) or mkdir(2) would have given it. So
 * does a file whose content failed, and so do folders that are not complete when an unpack is given up.
 *
 * Places: each call is relative to the descriptor of a folder that was made here, or that is the base. Nothing is
 * followed, no file is opened that was there before (EEXIST), and a folder that another user has put in the place
 * of one of ours is refused (ENOENT). A name that is "", "." or ".." or has a NUL in it is refused (EINVAL).
 * Folders on the way to a member that were no members themselves are made for a folder, as mkdir -p makes them, and
 * must be there for anything else.
 *
 * Depth: as deep as memory reaches. At most 70 descriptors are open, and one for each thread.
 * Memory: STAGE_UNPACK_QUEUED bytes that wait, and the folders that are not complete.
 *
 * Errors: those of a member do not end an unpack. stage_unpack_failure() tells them, in no particular order; what
 * was not told yet is kept. Codes: STAGE_E_ARGUMENT for calls in a wrong order, STAGE_E_MEMORY, STAGE_E_FORKED.
 *
 * Threads: an unpack is for one thread at a time. Its own block all signals. Without any it still works.
 * Forks: it belongs to the process that has opened it. In another one STAGE_E_FORKED; close does nothing.
 *
 * Not installed.
 */
#ifndef STAGEDIR_UNPACK_H
#define STAGEDIR_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "entry.h"
#include "error.h"

struct stage_unpack;

#define STAGE_UNPACK_SMALL ((size_t)256 * 1024)
#define STAGE_UNPACK_QUEUED ((size_t)16 * 1024 * 1024)

struct stage_unpack_options {
	bool owners;         /* set them */
	bool ignores_errors; /* of attributes: goes on with the next one */
	mode_t mask;         /* the umask, as stage_umask() gives it */
};

enum stage_unpack_call {
	STAGE_UNPACK_OPEN, /* of a file */
	STAGE_UNPACK_WRITE,
	STAGE_UNPACK_MKDIR,
	STAGE_UNPACK_SYMLINK,
	STAGE_UNPACK_MKFIFO,
	STAGE_UNPACK_MKNOD,
	STAGE_UNPACK_LCHOWN, /* of a link */
	/* These are of a folder, where the entry is one, whose content is complete. */
	STAGE_UNPACK_CHOWN,
	STAGE_UNPACK_CHMOD,
	STAGE_UNPACK_UTIME,
};

/* Its pointers are valid until the next call. */
struct stage_unpack_failed {
	const struct stage_entry *entry; /* a copy of the member's */
	enum stage_unpack_call call;
	int sys_errno;
};

/*
 * Begins one below the directory base_fd, which is the caller's and stays open until the close. options are
 * copied. STAGE_E_MEMORY, STAGE_E_SYSTEM.
 */
int stage_unpack_open(int base_fd, const struct stage_unpack_options *options,
	struct stage_unpack **ret_unpack, struct stage_error *error);

/* Is it below a folder that could not be made? Then stage_unpack_add() does nothing with it. */
bool stage_unpack_is_lost(const struct stage_unpack *unpack, const struct stage_entry *entry);

/*
 * Takes a member; all of the entry is copied. The entry of the base itself, "", may come first: a directory, which
 * has its attributes set at the end. STAGE_ENTRY_NONE is nothing. May wait for a disk.
 */
int stage_unpack_add(
	struct stage_unpack *unpack, const struct stage_entry *entry, struct stage_error *error);

/*
 * More content of the file that was added last. 1: the file has failed, and no more of it is wanted. May wait for a
 * disk.
 */
int stage_unpack_write(
	struct stage_unpack *unpack, const void *data, size_t size, struct stage_error *error);

/* The end of that file. Not is_whole: its content failed; what there is of it is kept, without attributes. */
int stage_unpack_end(struct stage_unpack *unpack, bool is_whole, struct stage_error *error);

/* Tells the next failure; false: there is none. Does not wait. */
bool stage_unpack_failure(struct stage_unpack *unpack, struct stage_unpack_failed *ret_failed);

/*
 * No member is to come: waits until all is complete. Not is_whole: the unpack is given up; what was added is written,
 * and a file that has not come to its end is one whose content failed. Only failure and close may follow.
 */
int stage_unpack_finish(struct stage_unpack *unpack, bool is_whole, struct stage_error *error);

/* Gives it up, if it is not finished, frees *unpack, which may be NULL, and sets it to NULL. Keeps errno. */
void stage_unpack_close(struct stage_unpack **unpack);

#endif
