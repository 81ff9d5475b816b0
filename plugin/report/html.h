/*
 * html - texts and figures of a run, written to a page
 *
 * Whatever comes from a record goes through these functions: a name of a file, a URL or a message may have any bytes.
 * The page is HTML and XML at once, so that programs can read it with either parser.
 *
 * A figure is written twice: as people read it, and in the attribute value of an element data, or datetime of an element time,
 * to the byte and the millisecond. With an id (which may be NULL) a program finds it.
 *
 * For errors ask ferror(3) of the stream at the end. Any thread.
 */
#ifndef STAGEDIR_HTML_H
#define STAGEDIR_HTML_H

#include <stdint.h>
#include <stdio.h>

/* A text as it stands between tags or in an attribute: printable (error.h), and escaped. NULL is "". */
void html_text(FILE *out, const char *text);

/* The same of a URL or a path, which may be broken into lines behind each /. Not for an attribute. */
void html_path(FILE *out, const char *text);

void html_number(FILE *out, const char *id, uint64_t number);
void html_size(FILE *out, const char *id, uint64_t bytes);
void html_duration(FILE *out, const char *id, int64_t milliseconds);

/* Bytes a second; "-" for 0, which is not known. */
void html_speed(FILE *out, const char *id, uint64_t bytes);

/* With the date, and without. */
void html_moment(FILE *out, const char *id, int64_t time);
void html_clock(FILE *out, const char *id, int64_t time);

#endif
