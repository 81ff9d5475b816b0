#include "removable.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "journal.h"
#include "leftover.h"
#include "naming.h"
#include "regular.h"
#include "reserve_internal.h"

bool
stage_removable_is_record(const char *name)
{
	bool this_machine, this_boot;

	return strcmp(name, STAGE_JOURNAL_NAME) == 0 || strcmp(name, STAGE_RESERVE_NAME) == 0 ||
	       stage_naming_is_released(name, &this_machine, &this_boot);
}

/* Has it a name that only stagedir gives? */
static bool
is_named_so(const char *name)
{
	return stage_naming_is_file(name) || stage_removable_is_record(name);
}

bool
stage_removable_is(int dirfd, const char *name, struct stat *ret_stat)
{
	return is_named_so(name) ? stage_regular_is_own(dirfd, name, ret_stat)
				 : stage_leftover_is(dirfd, name, ret_stat);
}

void
stage_removable_leave(const char *path, const char *name, const struct stage_log *log)
{
	stage_log_line(
		log, STAGE_WARNING, "%s/%s was not made by stagedir and is left there", path, name);
}

enum stage_removed
stage_removable_remove(int dirfd, const char *path, const char *name, const struct stage_log *log,
	struct stat *ret_stat)
{
	int failed = 0;

	if (!stage_removable_is(dirfd, name, ret_stat)) {
		stage_removable_leave(path, name, log);
		return STAGE_NOT_OURS;
	}
	if (!is_named_so(name))
		failed = stage_leftover_remove(dirfd, name);
	else if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		failed = errno;
	if (!failed)
		return STAGE_REMOVED;
	stage_log_line(log, STAGE_WARNING, "cannot remove %s/%s: %s", path, name,
		stage_error_errno_text(failed));
	return STAGE_NOT_REMOVABLE;
}
