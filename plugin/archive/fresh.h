/*
 * fresh - a new file or directory gets into a backup without a Python object
 *
 *	fresh = fresh_new(diffdir, signatures);
 *	if (fresh && fresh_can(found) && content)
 *		fresh_add(fresh, found, content, &member);
 *	...
 *	fresh_flush(fresh);
 *
 * It does what Deltas and SourceFile do of a path that no backup had before: the host's statistics are counted, and the
 * archive of signatures gets a member. The caller writes the one of the volume. Done so are directories, and files whose
 * content was read ahead, as nothing of these can fail that the host would have to be told.
 *
 * Statistics are counted a few files at a time, as unchanged files are (collation.h). So they have to be flushed before
 * other code of the host may look at them. The list of changed files that the host keeps gets each at once.
 *
 * All functions are called with the GIL held, which is given up while something is computed.
 */
#ifndef STAGEDIR_FRESH_H
#define STAGEDIR_FRESH_H

#include <Python.h>

#include <stdbool.h>

#include "tar.h"
#include "walk.h"

#include "archive/selection.h"

struct fresh;

/*
 * diffdir is the host's module, signatures the archive of them (signatures.h). NULL with an exception; NULL without one
 * where the host's statistics are not those that are known here.
 */
struct fresh *fresh_new(PyObject *diffdir, PyObject *signatures);

/* May it be added? A file needs its content, too. */
bool fresh_can(const struct selection_found *found);

/*
 * Adds what was found. content is all that is in a file; NULL of a directory. *ret_member is what it is in a volume; its
 * strings live until the next call, and not longer than found. 0, or -1 with an exception.
 */
int fresh_add(struct fresh *fresh, const struct selection_found *found,
	const struct stage_content *content, struct stage_member *ret_member);

/* Adds what was counted to the host's statistics. fresh may be NULL. 0, or -1 with an exception. */
int fresh_flush(struct fresh *fresh);

/* Frees *fresh, which may be NULL, and sets it to NULL. */
void fresh_free(struct fresh **fresh);

#endif
