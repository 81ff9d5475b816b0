/*
 * stored - which staged volumes of dead runs may follow the volumes that storage has
 *
 * The host counts the volumes of a backup that it finds in storage, and trusts each one that has another
 * behind it. So a volume with another behind it is never written again. And no volume is put behind one
 * that may be there in part only: the last one may be, unless storage has confirmed it.
 *
 *	struct stored stored = {0};
 *	stored_add(&stored, backup, 1, false, &error);
 *	verdict = stored_judge(&stored, backup, 2);
 *	stored_release(&stored);
 *
 * A backup is known by any text that is the same for all its volumes. Its volumes are to be judged in the
 * order of their numbers.
 *
 * Who judges whether a staged volume of a dead run is still of use
 *
 *	in common	manifest_note_check() (manifest.h): the partial manifest in the archive directory
 *			still has the volume, by number and hash. stage_spool_check() (spool.h): its
 *			content is what was sealed.
 *
 *	a run		staging/adopt.c at its begin, under the lock of the archive directory. A volume that
 *			cannot be read is discarded as well. Then, in staging/resume.c, this file decides, by
 *			what storage has.
 *
 *	a run, with	staging/resume.c, before this file does. With so few the host may begin the backup
 *	fewer than two	anew. A run that makes a backup goes on only if source, encryption and keys are its own
 *	in storage	(_stagerepair.py); otherwise it discards the volumes. Any other run leaves them.
 *
 *	stagedir gc	command/judge.c, without storage. It also removes the volumes behind a damaged one,
 *			and files that nobody can hand off since their record is damaged.
 *
 * Whoever cannot find something out leaves the volume where it is.
 *
 * Nothing here knows Python; one thread at a time for one set.
 */
#ifndef STAGEDIR_STORED_H
#define STAGEDIR_STORED_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* Volumes in storage from which on the host goes on with a backup; with fewer it begins the backup anew. */
#define STORED_GOES_ON 2

enum stored_verdict {
	STORED_THERE, /* storage has it, and one behind it */
	STORED_NEXT,  /* it may be handed off, again where it is the last one */
	STORED_GAP,   /* storage may lack a volume before it, or a part of one */
};

/* Its members are its own; all zero is an empty set. */
struct stored {
	struct stored_volume *list;
	size_t count;
};

/*
 * Storage has a volume. is_certain: it has confirmed the size, so that all of it is there. backup is
 * copied. STAGE_E_MEMORY.
 */
int stored_add(struct stored *stored, const char *backup, unsigned long volume, bool is_certain,
	struct stage_error *error);

/* Does the host go on with a backup, by how many volumes of it are in storage? */
bool stored_goes_on(const struct stored *stored, const char *backup);

/* Decides on a staged volume. If it is handed off then, add it, as certain. */
enum stored_verdict stored_judge(
	const struct stored *stored, const char *backup, unsigned long volume);

void stored_release(struct stored *stored);

#endif
