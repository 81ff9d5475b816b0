/*
 * stored - which volumes that dead runs have staged may go behind those that storage has
 *
 * The host counts the volumes of a backup that it finds in storage, and trusts every one that has
 * another behind it. So such a one is never touched, and none is put behind one that may be there in
 * part only. The last one may be, unless storage has confirmed it.
 *
 *	struct stored stored = {0};
 *	stored_add(&stored, backup, 1, false, &error);
 *	verdict = stored_judge(&stored, backup, 2);
 *	stored_release(&stored);
 *
 * A backup is known by any text that is the same for all its volumes. Volumes are to be judged in the order
 * of their numbers. Nothing here knows Python; one thread at a time for one set.
 */
#ifndef STAGEDIR_STORED_H
#define STAGEDIR_STORED_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

enum stored_verdict {
	STORED_THERE, /* storage has it, and one behind it */
	STORED_NEXT,  /* it may be handed off, again where it is the last one */
	STORED_GAP,   /* it is not certain that storage has all before it */
};

/* Its members are its own; all zero is an empty set. */
struct stored {
	struct stored_volume *list;
	size_t count;
};

/*
 * Storage has a volume; is it certain that all of it is there, as storage has confirmed it? backup is
 * copied. STAGE_E_MEMORY.
 */
int stored_add(struct stored *stored, const char *backup, unsigned long volume, bool is_certain,
	struct stage_error *error);

/* What is to become of a staged volume. Add it afterwards, with certainty, where it is handed off. */
enum stored_verdict stored_judge(
	const struct stored *stored, const char *backup, unsigned long volume);

void stored_release(struct stored *stored);

#endif
