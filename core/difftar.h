/*
 * difftar - reads the volumes of one backup: a path for each file that it has in whole, as a delta, or as deleted
 *
 *	const struct stage_difftar_entry *entry;
 *
 *	stage_difftar_new(next_volume, context, &difftar, &error);
 *	while ((code = stage_difftar_next(difftar, &entry, &error)) > 0)
 *		while (stage_difftar_read(difftar, buffer, size, &count, &error) == 0 && count > 0)
 *			...
 *	stage_difftar_free(&difftar);
 *
 * A volume is a tar archive (tar.h says how its members are named), and may be empty. The function of the
 * caller gives one after the other, each when what is behind the one before is asked for. A file in parts
 * is one path, whose parts may be in several volumes. With the last byte of a part that is read comes the next
 * header, and so perhaps the next volume: so does the host, whose downloads have to keep their order. The
 * content is passed over as far as it is not read.
 *
 * This is the host's difftar2path_iter(), with the same refusals. Damage that it would take for the end of a
 * volume is an error here (tarreader.h). So is an empty volume, behind which it would read no more, none.
 *
 * An index may be any path without a part "..": it may begin with a slash, and have empty parts. Who writes
 * by it has to see to it that nothing leads out.
 *
 * Memory: what the names of a member take (tarreader.h), twice; and the caller's source.
 *
 * Errors: the first is kept, and every later call fails with it. STAGE_E_DAMAGED, also for a member that no
 * backup writes; STAGE_E_UNSUPPORTED: a hard link, or what the host has no type for; STAGE_E_MEMORY; and
 * the codes of the caller's functions. Messages name the volume.
 *
 * Threads: one at a time. Forks: those of the sources. Not installed.
 */
#ifndef STAGEDIR_DIFFTAR_H
#define STAGEDIR_DIFFTAR_H

#include "entry.h"
#include "error.h"
#include "tar.h"
#include "tarreader.h"

struct stage_difftar;

struct stage_difftar_entry {
	enum stage_member_kind kind; /* STAGE_MEMBER_SNAPSHOT, _DIFF or _DELETED */
	/* Its size is the content's, of one in parts that of the first. Of STAGE_MEMBER_DELETED only index,
	 * mode, owner and time are set. */
	struct stage_entry entry;
	bool in_parts;
	const char *user, *group; /* names, not ended by a NUL */
	size_t user_length, group_length;
};

/*
 * Ends the volume that was given before, and gives the next one, with its name for messages: 1, 0 behind the last, or a code
 * with *error filled. What it gives is used until the next call.
 */
typedef int (*stage_difftar_volume)(void *context, struct stage_tarsource *ret_source,
	const char **ret_path, struct stage_error *error);

/* STAGE_E_MEMORY. */
int stage_difftar_new(stage_difftar_volume next_volume, void *context,
	struct stage_difftar **ret_difftar, struct stage_error *error);

/* Goes to the next path: 1, 0 behind the last, or an error. *ret_entry lasts until the next call of this function. */
int stage_difftar_next(struct stage_difftar *difftar, const struct stage_difftar_entry **ret_entry,
	struct stage_error *error);

/* Reads size bytes of the path's content, fewer at its end. */
int stage_difftar_read(struct stage_difftar *difftar, void *buffer, size_t size, size_t *ret_count,
	struct stage_error *error);

/* Nobody will read on in the content. Of a file in parts they are passed over now, as the host does it. */
int stage_difftar_pass(struct stage_difftar *difftar, struct stage_error *error);

/* Frees *difftar, which may be NULL, and sets it to NULL; the volume is the caller's to end. Keeps errno. */
void stage_difftar_free(struct stage_difftar **difftar);

#endif
