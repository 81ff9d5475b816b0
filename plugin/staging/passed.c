/*
 * Silence would have the user make everything again, and wonder about his disk.
 */
#include "staging/passed.h"

#include <string.h>
#include <sys/stat.h>

#include "log.h"
#include "url.h"

#include "python/hostlog.h"

/* "2 volumes, 52428800 bytes, wait" */
#define AMOUNT_WAITS "%zu volume%s, %llu bytes, wait%s "
#define AMOUNT_OF(found)                                                                           \
	(found)->count, (found)->count == 1 ? "" : "s", (unsigned long long)(found)->bytes,        \
		(found)->count == 1 ? "s" : ""

bool
passed_same_home(const char *a, const char *b)
{
	struct stat first, second;

	return strcmp(a, b) == 0 ||
	       (*a && *b && stat(a, &first) == 0 && stat(b, &second) == 0 &&
		       first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

/* What nobody can hand off any more, as the journal is damaged: it stays. */
static void
tell_lost(const struct stage_spool_found *found)
{
	const char *why =
		found->unreadable ? found->unreadable : "its journal has no target any more";

	stage_log_line(&hostlog, STAGE_WARNING,
		"nobody can tell what waits in %s: %s; %zu staged files without a record (%llu bytes) stay there, and \"stagedir status\" and \"stagedir gc\" tell more",
		found->path, why, found->unlisted, (unsigned long long)found->unlisted_bytes);
}

/* What may be this run's, and is left alone as nobody can tell whether its own run is gone. */
static void
tell_not_ours(const struct stage_spool_found *found)
{
	stage_log_line(&hostlog, STAGE_NOTICE,
		AMOUNT_WAITS
		"for %s in %s and must stay there, as %s; once you know that its run is gone, \"stagedir adopt %s\" has the next backup hand them off",
		AMOUNT_OF(found), found->target, found->path,
		found->owner == STAGE_OWNER_OTHER_MACHINE
			? "another machine made it"
			: "its file system has no locks that prove that it is not in use",
		found->path);
}

/* A dead run's, which differs from this one in one of the two things that must be the same. */
static void
tell_other_backup(const struct stage_spool_found *found, bool same_target)
{
	if (same_target)
		stage_log_line(&hostlog, STAGE_NOTICE,
			AMOUNT_WAITS
			"for the URL of this run in %s, but with another archive directory, %s (--name, --archive-dir): a backup with that one, or \"stagedir flush\", hands them off",
			AMOUNT_OF(found), found->path, found->home);
	else
		stage_log_line(&hostlog, STAGE_NOTICE,
			AMOUNT_WAITS
			"in %s with the archive directory of this run, but for another URL, %s: a backup to that one, or \"stagedir flush\", hands them off",
			AMOUNT_OF(found), found->path, found->target);
}

void
passed_tell(const char *target, const char *home, const struct stage_spool_found *found)
{
	bool same_target, same_home;

	if (found->unreadable || !*found->target) {
		if (found->owner != STAGE_OWNER_LIVE)
			tell_lost(found);
		return;
	}
	if (stage_url_same(found->target, target, &same_target, NULL) < 0)
		same_target = false;
	same_home = passed_same_home(found->home, home);
	if (found->count == 0 || (!same_target && !same_home))
		return;
	if (found->owner == STAGE_OWNER_OTHER_MACHINE || found->owner == STAGE_OWNER_UNKNOWN)
		tell_not_ours(found);
	else if (found->owner == STAGE_OWNER_DEAD && same_target != same_home)
		tell_other_backup(found, same_target);
}

void
passed_tell_failed(enum stage_level level, const struct stage_spool_found *found,
	const struct stage_error *error)
{
	stage_log_line(&hostlog, level,
		AMOUNT_WAITS
		"for this run, and must be passed over: %s. The next run, or \"stagedir "
		"flush\", hands off what is there then",
		AMOUNT_OF(found), error->message);
}
