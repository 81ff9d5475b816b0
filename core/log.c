#include "log.h"

#include <errno.h>
#include <stdarg.h>

#include "error.h"
#include "text.h"

void
stage_log_line(const struct stage_log *log, enum stage_level level, const char *format, ...)
{
	char text[STAGE_ERROR_MESSAGE_MAX], line[STAGE_ERROR_MESSAGE_MAX];
	int saved_errno = errno;
	va_list arguments;

	if (!log || !log->write)
		return;
	va_start(arguments, format);
	stage_text_format(text, sizeof(text), format, arguments);
	va_end(arguments);
	log->write(log->context, level, stage_error_printable(line, sizeof(line), text));
	errno = saved_errno;
}
