#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define WRITE_BACK_BYTES ((uint64_t)8 * 1024 * 1024) /* at least, as each time costs a call */

static bool
may_try_again(const struct stage_output *output, int sys_errno)
{
	if (sys_errno == EINTR)
		return true;
	return (sys_errno == ENOSPC || sys_errno == EDQUOT) && output->make_room &&
	       output->make_room(output->context);
}

/* Whatever comes of it is told by the sync at the end. */
static void
write_back(struct stage_output *output)
{
	uint64_t bytes = output->size - output->begun;
	off_t end;

	if (!output->write_back || bytes < WRITE_BACK_BYTES)
		return;
	end = lseek(output->fd, 0, SEEK_CUR);
	if (end >= (off_t)bytes)
		(void)sync_file_range(
			output->fd, end - (off_t)bytes, (off_t)bytes, SYNC_FILE_RANGE_WRITE);
	output->begun = output->size;
}

int
stage_output_write(
	struct stage_output *output, const void *data, size_t size, struct stage_error *error)
{
	const char *next = data;
	ssize_t written;
	int sys_errno;

	while (size > 0) {
		written = write(output->fd, next, size);
		if (written > 0) {
			next += written;
			size -= (size_t)written;
			output->size += (size_t)written;
			continue;
		}
		sys_errno = written < 0 ? errno : EIO; /* 0 bytes: no file does that for ever */
		if (!may_try_again(output, sys_errno))
			return stage_error_set(
				error, STAGE_E_SYSTEM, sys_errno, "cannot write %s", output->name);
	}
	write_back(output);
	return 0;
}
