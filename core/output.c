#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "durable.h"

static bool
may_try_again(const struct stage_output *output, int sys_errno)
{
	if (sys_errno == EINTR)
		return true;
	return stage_durable_is_full(sys_errno) && output->make_room &&
	       output->make_room(output->context);
}

int
stage_output_write(
	struct stage_output *output, const void *data, size_t size, struct stage_error *error)
{
	const char *next = data;
	ssize_t written;
	int sys_errno, code;

	while (size > 0) {
		code = output->before ? output->before(output->context, error) : 0;
		if (code < 0)
			return code;
		written = write(output->fd, next, size);
		if (written > 0) {
			if (output->wrote)
				output->wrote(output->context, next, (size_t)written);
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
	return 0;
}

bool
stage_output_has_room(const struct stage_output *output, size_t size)
{
	int room = fcntl(output->fd, F_GETPIPE_SZ), unread;

	if (room < 0 || ioctl(output->fd, FIONREAD, &unread) < 0)
		return true;
	return unread == 0 || (unread < room && (size_t)(room - unread) >= size);
}
