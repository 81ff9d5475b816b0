/*
 * passed - what waits in the temp roots and is not taken over by this run
 *
 * The user is told how much it is, why it is passed over, and what to do.
 */
#ifndef STAGEDIR_PASSED_H
#define STAGEDIR_PASSED_H

#include <stdbool.h>

#include "log.h"
#include "spool_find.h"

/* Are these two paths of one archive directory? */
bool passed_same_home(const char *a, const char *b);

/*
 * Tells what waits in a spool that was found and that a run for target with the archive directory home
 * does not take over, if it may be its user's concern: of this target or archive directory, or of
 * nobody can tell which.
 */
void passed_tell(const char *target, const char *home, const struct stage_spool_found *found);

/* The same of one that is this run's, and that could not be had as *error says. */
void passed_tell_failed(enum stage_level level, const struct stage_spool_found *found,
	const struct stage_error *error);

#endif
