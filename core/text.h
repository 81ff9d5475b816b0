/*
 * text - formatting into a buffer of fixed size
 *
 * Not installed.
 */
#ifndef STAGEDIR_TEXT_H
#define STAGEDIR_TEXT_H

#include <stdarg.h>
#include <stddef.h>

/*
 * As vsnprintf(3). A text that does not fit ends in "...". size is that of buffer, at least 4.
 */
void stage_text_format(char *buffer, size_t size, const char *format, va_list arguments)
	__attribute__((format(printf, 3, 0)));

/* The same, behind the text that buffer holds already. */
void stage_text_append(char *buffer, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Cuts a text in UTF-8 that is longer than most bytes, at least 4, between two characters, so that it is not longer with
 * the "..." that it then ends in.
 */
void stage_text_cut(char *text, size_t most);

#endif
