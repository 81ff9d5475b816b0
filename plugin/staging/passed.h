/*
 * passed - tells of files that wait in the temp roots and are not taken over by this run
 *
 * A notice says how much it is, why it is passed over, and what to do.
 */
#ifndef STAGEDIR_PASSED_H
#define STAGEDIR_PASSED_H

#include <stdbool.h>

#include "log.h"
#include "spool_find.h"

/* Are these two paths of one archive directory? */
bool passed_same_home(const char *a, const char *b);

/*
 * Tells of a spool that a run for target, with the archive directory home, does not take over. Only if it
 * may concern its user: its target or archive directory is the same, or nobody can tell.
 */
void passed_tell(const char *target, const char *home, const struct stage_spool_found *found);

/* The same for a spool that is this run's, and could not be had. *error says why. */
void passed_tell_failed(enum stage_level level, const struct stage_spool_found *found,
	const struct stage_error *error);

#endif
