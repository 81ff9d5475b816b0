/*
 * Once a backup is complete the host makes SIGNATURES.sigtar.gz from SIGNATURES.sigtar.part and
 * then removes the latter (dup_temp.FileobjHooked.to_final). A run that is killed in between leaves
 * both, the first perhaps not complete, and from then on every run, with the plugin or without,
 * ends in an assertion (dup_collections.get_sorted_chains; duplicity 0.8.22). The .part file is
 * whole - it was closed before - so without the other the host goes on from it as after any
 * interruption.
 */
#include "module.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARTIAL ".sigtar.part"
#define FINAL ".sigtar.gz"

/* The final name that belongs to a partial one. False if name is no partial one. */
static bool
final_name(const char *name, char *ret_final, size_t size)
{
	size_t length = strlen(name);

	if (length <= strlen(PARTIAL) || strcmp(name + length - strlen(PARTIAL), PARTIAL) != 0)
		return false;
	return snprintf(ret_final, size, "%.*s%s", (int)(length - strlen(PARTIAL)), name, FINAL) <
	       (int)size;
}

static bool
is_file(int fd, const char *name)
{
	struct stat stat;

	return fstatat(fd, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(stat.st_mode) &&
	       stat.st_uid == geteuid();
}

void
mend_archive(const char *archive_dir)
{
	char final[NAME_MAX + 1];
	struct dirent *entry;
	DIR *stream;

	stream = opendir(archive_dir);
	if (!stream)
		return;
	while ((entry = readdir(stream))) {
		if (!final_name(entry->d_name, final, sizeof(final)) ||
			!is_file(dirfd(stream), entry->d_name) || !is_file(dirfd(stream), final))
			continue;
		if (unlinkat(dirfd(stream), final, 0) == 0)
			stage_log_line(&host_log, STAGE_NOTICE,
				"removed %s/%s: an earlier run was killed while it made it from %s",
				archive_dir, final, entry->d_name);
		else
			stage_log_line(&host_log, STAGE_WARNING, "cannot remove %s/%s: %s",
				archive_dir, final, stage_errno_text(errno));
	}
	closedir(stream);
}
