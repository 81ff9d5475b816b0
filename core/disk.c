#include "disk.h"

#include <errno.h>
#include <fcntl.h>

bool
stage_disk_has_taken(int fd)
{
	if (sync_file_range(fd, 0, 1, SYNC_FILE_RANGE_WAIT_BEFORE) == 0)
		return true;
	/* what else there is - a file system without it, a filter of system calls - tells nothing of the disk */
	return errno != EIO && errno != ENOSPC && errno != EDQUOT && errno != ESTALE;
}
