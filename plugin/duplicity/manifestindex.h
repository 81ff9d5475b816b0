/*
 * manifestindex - the hash of each volume in a partial manifest (manifest.h), which is read once
 *
 *	struct manifestindex index = {0};
 *
 *	while (...) {
 *		code = manifestindex_read(&index, path, &error);
 *		hash = manifestindex_hash(&index, volume);
 *	}
 *	manifestindex_release(&index);
 *
 * A manifest that the host adds to is read on from where it ended before. That is done only if it is the
 * same file, it has become longer, and the last bytes that were read are still there. If anything else has
 * changed it is read anew. So many volumes are looked up at the cost of reading it once.
 *
 * Nothing here knows Python; one thread at a time for an index.
 */
#ifndef STAGEDIR_MANIFESTINDEX_H
#define STAGEDIR_MANIFESTINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "error.h"

/*
 * In a larger manifest no volume is looked for: STAGE_E_DAMAGED. Some half a million volumes. While a backup
 * is made its manifest has no list of changed files, which may be larger.
 */
#define MANIFESTINDEX_BYTES_MAX (256 * 1024 * 1024)

/* Bytes before the place that was read to, by which a file is known that has only grown. */
#define MANIFESTINDEX_TAIL 128

/* What of the manifest is kept, and how much of it is read. */
enum manifestindex_kind {
	MANIFESTINDEX_ALL, /* all volumes; at most MANIFESTINDEX_BYTES_MAX: STAGE_E_DAMAGED beyond */
	MANIFESTINDEX_LAST, /* the last volume alone; any size */
};

/* Its members are its own, but for kind. All zero is an index of nothing. */
struct manifestindex {
	enum manifestindex_kind kind;
	char *path;
	struct stat stat; /* of the file, when it was read */
	uint64_t offset;  /* behind the last whole line */
	char tail[MANIFESTINDEX_TAIL];
	size_t tail_length;
	struct manifestindex_volume *list; /* by number, which only grows */
	size_t count, room;
	long files; /* lines that the list of files lacks; -1 outside of one */
	bool torn;  /* the last line has no newline */
};

/*
 * Has the index tell what the manifest at path has now. On failure the index is empty. STAGE_E_SYSTEM, with
 * ENOENT if there is none; STAGE_E_DAMAGED: it is no manifest, no regular file or too large;
 * STAGE_E_MEMORY.
 */
int manifestindex_read(struct manifestindex *index, const char *path, struct stage_error *error);

/*
 * The hash of a volume, SHA1 or else MD5, which is the index's until it is read again. NULL: the manifest
 * does not have that volume, or no hash of it.
 */
const char *manifestindex_hash(const struct manifestindex *index, unsigned long volume);

/* The number of the last volume and its hash, which is "" if there is none. 0: no volume. */
unsigned long manifestindex_last(const struct manifestindex *index, const char **ret_hash);

/* Is the list of files, with which the host ends a manifest, there and whole? */
bool manifestindex_is_complete(const struct manifestindex *index);

/* Empties it. */
void manifestindex_release(struct manifestindex *index);

#endif
