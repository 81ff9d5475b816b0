#include "text.h"

#include <stdio.h>
#include <string.h>

void
stage_text_format(char *buffer, size_t size, const char *format, va_list arguments)
{
	int length = vsnprintf(buffer, size, format, arguments);

	if (length < 0 || (size_t)length >= size)
		memcpy(buffer + size - 4, "...", 4);
}

void
stage_text_append(char *buffer, size_t size, const char *format, ...)
{
	size_t used = strlen(buffer);
	va_list arguments;

	if (size - used < 4) {
		memcpy(buffer + size - 4, "...", 4);
		return;
	}
	va_start(arguments, format);
	stage_text_format(buffer + used, size - used, format, arguments);
	va_end(arguments);
}

void
stage_text_cut(char *text, size_t most)
{
	size_t end = most - 3;

	if (strnlen(text, most + 1) <= most)
		return;
	while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
		end--;
	memcpy(text + end, "...", 4);
}
