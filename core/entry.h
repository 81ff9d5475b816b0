/*
 * entry - a path with what the host compares of it: as it is in the source, or as a backup has it
 *
 * Both sides of an increment are made into entries, and compared here without a Python object. The rules are
 * those of the host's ROPath.__eq__() and collate2iters():
 *
 *	order = stage_entry_order(&there, &was);
 *	if (order == 0 && stage_entry_is_same(&there, &was))
 *		unchanged++;
 *
 * Strings are bytes of their owner, and no NUL ends them. Not installed. Any thread.
 */
#ifndef STAGEDIR_ENTRY_H
#define STAGEDIR_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum stage_entry_type {
	STAGE_ENTRY_NONE, /* it does not exist; nothing of it counts but its index */
	STAGE_ENTRY_FILE,
	STAGE_ENTRY_DIRECTORY,
	STAGE_ENTRY_LINK,
	STAGE_ENTRY_FIFO,
	STAGE_ENTRY_CHARACTER,
	STAGE_ENTRY_BLOCK,
};

struct stage_entry {
	/* the path below the source, with slashes between its parts; "": the source itself */
	const char *index;
	size_t index_length;

	enum stage_entry_type type;
	int64_t mode; /* without the type of the file */
	int64_t uid, gid;
	/* whole seconds, cut towards 0. Of a file's time they are those of the double that Python
	 * makes of it, which may be the next second: int(os.lstat(path).st_mtime) */
	int64_t mtime;
	uint64_t size; /* is not compared: a signature is shorter than its file */

	const char *target; /* of a link */
	size_t target_length;
	int64_t dev_major, dev_minor; /* of a device */
};

/*
 * Seconds as CPython computes those of os.stat_result, in the same order: a double has no room for all nanoseconds, and the
 * last of them are the next second.
 */
double stage_entry_seconds(const struct timespec *time);

/* Sets all but the index and the target by what lstat(2) says. */
void stage_entry_set_stat(struct stage_entry *entry, const struct stat *stat);

/*
 * In which order the host goes through a tree: less than 0 if a comes before b, 0 if it is the same path,
 * more than 0 if it comes after. A folder comes before what is in it; names are compared by bytes.
 */
int stage_entry_order(const struct stage_entry *a, const struct stage_entry *b);

/*
 * Does the host take them for the same? Of a link the target alone counts; of a device no time. Times before
 * 1970 are all the same, as archives have 0 for them.
 */
bool stage_entry_is_same(const struct stage_entry *a, const struct stage_entry *b);

#endif
