/*
 * walk - what is below a directory, read ahead by threads, in a fixed order
 *
 *	static const struct stage_walk_options options = {.descends = true};
 *
 *	stage_walk_open("/usr", &options, &walk, &error);
 *	while ((step = stage_walk_next(walk, &entry, &error)) > 0) {
 *		if (step != STAGE_WALK_ENTRY)
 *			continue;
 *		...entry.path...
 *		if (entry.failed == 0 && S_ISDIR(entry.stat->st_mode))
 *			stage_walk_enter(walk, &error);
 *	}
 *	stage_walk_close(&walk);
 *
 * Order: the names of a directory sorted as bytes, a directory before what is in it, depth first. "a", what is
 * in "a", "a-b", "a.b". The caller says which directories he enters.
 *
 * Read ahead are, by threads of the walk: the names of directories, what lstat(2), access(2) and readlink(2) say
 * of each. Without options.descends nothing is read of a directory before the caller has entered it: he may want
 * to leave out one that waits for a dead server. With it, he should enter each that is readable.
 *
 * Paths are used as a program without descriptors would use them: what is PATH_MAX long or longer is
 * ENAMETOOLONG; a directory is followed where it was moved to by nobody. Within a directory the calls are relative
 * to its descriptor, which is held while some of its names are looked at: few are open at once. With options.follow
 * they take whole paths, as the kernel counts the links in each: a loop of links ends with ELOOP where it would end so.
 *
 * Memory: the names of the directories that are entered, and what is ahead: 4096 entries, 65536 names and a
 * directory more, STAGE_WALK_CONTENTS_MAX of content and 4 MiB for each thread more.
 *
 * Errors: those of a directory or of a file have their place in the order. A walk ends with STAGE_E_MEMORY alone.
 *
 * Threads: a walk is for one thread at a time. Its own block all signals. Without any it still works.
 * Forks: it belongs to the process that has opened it. In another one STAGE_E_FORKED; close does nothing.
 *
 * Not installed.
 */
#ifndef STAGEDIR_WALK_H
#define STAGEDIR_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "error.h"

struct stage_walk;

struct stage_walk_options {
	bool follow;   /* stat(2) in the place of lstat(2): no link is seen */
	bool descends; /* also into directories that are not yet entered */
	bool reads;    /* small files, too: stage_walk_take_content() */
};

/* A file of at most so many bytes is read ahead; and in all so much. */
#define STAGE_WALK_CONTENT_MAX ((size_t)65535)
#define STAGE_WALK_CONTENTS_MAX ((size_t)8 * 1024 * 1024)

/* All that is in a file. */
struct stage_content {
	size_t size;
	unsigned char bytes[];
};

/* Frees *content, which may be NULL, and sets it to NULL. Keeps errno. */
void stage_content_free(struct stage_content **content);

/* Its pointers are valid until the next call. */
struct stage_walk_entry {
	const char *path; /* the whole one, beginning with that of the walk */
	size_t path_length;
	const char *name; /* its last component */
	int failed;       /* errno of lstat(2); 0: the rest tells */
	const struct stat *stat;
	bool is_readable; /* by access(2); asked of files and directories, else true */

	/* Of a symbolic link. NULL: it could not be read. */
	const char *target;
};

enum stage_walk_step {
	STAGE_WALK_END = 0, /* there is nothing more */

	STAGE_WALK_ENTRY,

	/* The directory that was entered last cannot be listed. entry->failed has the errno, nothing else is
	 * set. What follows is STAGE_WALK_LEAVE. */
	STAGE_WALK_UNREADABLE,

	/* The end of the directory that was entered last. Nothing of *ret_entry is set. */
	STAGE_WALK_LEAVE,
};

/* Begins one, in the directory root. options may be NULL. STAGE_E_MEMORY, STAGE_E_SYSTEM. */
int stage_walk_open(const char *root, const struct stage_walk_options *options,
	struct stage_walk **ret_walk, struct stage_error *error);

/* Is what stage_walk_next() gives there already, without waiting for a disk? */
bool stage_walk_is_ready(const struct stage_walk *walk);

/* The next step, an enum stage_walk_step. STAGE_E_MEMORY, STAGE_E_FORKED. */
int stage_walk_next(
	struct stage_walk *walk, struct stage_walk_entry *ret_entry, struct stage_error *error);

/* Goes into the directory that the last step has given as an entry. STAGE_E_MEMORY. */
int stage_walk_enter(struct stage_walk *walk, struct stage_error *error);

/*
 * Behind STAGE_WALK_UNREADABLE: takes these names, sorted, as those of the directory. They are copied.
 * STAGE_E_MEMORY.
 */
int stage_walk_set_names(
	struct stage_walk *walk, const char *const *names, size_t count, struct stage_error *error);

/*
 * What is in the file that was the last step's entry, if it was read ahead: the caller frees it. NULL: it was not, or something
 * went wrong, it has more than its size, or by fstat(2) it was no longer what the entry says. The caller then looks at it again, and opens it.
 * May wait for a disk.
 */
struct stage_content *stage_walk_take_content(struct stage_walk *walk);

/* Frees *walk, which may be NULL, and sets it to NULL. Keeps errno. */
void stage_walk_close(struct stage_walk **walk);

#endif
