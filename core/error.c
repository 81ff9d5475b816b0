#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

/*
 * Length of the UTF-8 sequence of a printable character at the start of text, 0 where there is
 * none: a control character, a byte of another encoding, an overlong form, a surrogate.
 */
static size_t
printable_length(const unsigned char *text)
{
	static const unsigned int least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned int character;
	size_t length, i;

	if (text[0] < 0x80)
		return text[0] >= 0x20 && text[0] != 0x7f;
	if (text[0] >= 0xc2 && text[0] <= 0xdf)
		length = 2, character = text[0] & 0x1f;
	else if (text[0] >= 0xe0 && text[0] <= 0xef)
		length = 3, character = text[0] & 0x0f;
	else if (text[0] >= 0xf0 && text[0] <= 0xf4)
		length = 4, character = text[0] & 0x07;
	else
		return 0;
	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (text[i] & 0x3f);
	}
	if (character < least[length] || character > 0x10ffff)
		return 0;
	/* surrogates, and the control characters of Latin-1 that terminals obey */
	if ((character >= 0xd800 && character <= 0xdfff) || character < 0xa0)
		return 0;
	return length;
}

char *
stage_error_printable(char *buffer, size_t size, const char *text)
{
	const unsigned char *in = (const unsigned char *)text;
	size_t used = 0, fits = 0, length;
	char escaped[5];

	while (*in) {
		const void *piece = in;
		size_t taken = printable_length(in);

		length = taken;
		if (!taken) {
			taken = 1;
			length = (size_t)snprintf(escaped, sizeof(escaped), "\\x%02x", *in);
			piece = escaped;
		}
		if (used + length >= size) {
			memcpy(buffer + fits, "...", 4);
			return buffer;
		}
		memcpy(buffer + used, piece, length);
		used += length;
		in += taken;
		if (used + 4 <= size)
			fits = used;
	}
	buffer[used] = '\0';
	return buffer;
}

const char *
stage_error_errno_text(int sys_errno)
{
	/*
	 * strerror(3) is not safe among threads, and speaks the user's language in the library's
	 * log
	 */
	const char *text = strerrordesc_np(sys_errno);

	return text ? text : "unknown error";
}

int
stage_error_set(
	struct stage_error *error, enum stage_code code, int sys_errno, const char *format, ...)
{
	char text[STAGE_ERROR_MESSAGE_MAX];
	int saved_errno = errno;
	va_list arguments;

	if (!error)
		return code;
	error->code = code;
	error->sys_errno = sys_errno;
	va_start(arguments, format);
	stage_text_format(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (sys_errno)
		stage_text_append(text, sizeof(text), ": %s", stage_error_errno_text(sys_errno));
	stage_error_printable(error->message, sizeof(error->message), text);
	errno = saved_errno;
	return code;
}

const char *
stage_error_code_name(int code)
{
	switch (code) {
#define NAME(code)                                                                                 \
	case code:                                                                                 \
		return #code
		NAME(STAGE_OK);
		NAME(STAGE_E_MEMORY);
		NAME(STAGE_E_SYSTEM);
		NAME(STAGE_E_SETTING);
		NAME(STAGE_E_NO_ROOT);
		NAME(STAGE_E_SWAPPED);
		NAME(STAGE_E_UNTRACKED);
		NAME(STAGE_E_CLOSED);
		NAME(STAGE_E_FORKED);
		NAME(STAGE_E_ARGUMENT);
		NAME(STAGE_E_DAMAGED);
		NAME(STAGE_E_NO_ROOM);
		NAME(STAGE_E_HANDOFF);
		NAME(STAGE_E_AGAIN);
		NAME(STAGE_E_BUSY);
		NAME(STAGE_E_UNSUPPORTED);
#undef NAME
	}
	return "unknown";
}
