/*
 * journal_format - a record of a journal as text (journal.h has the list of records)
 *
 * One half writes a record from its fields, the other takes a line apart:
 *
 *	text = malloc(stage_journal_format_room(fields));
 *	end = stage_journal_format_record(text, fields);
 *
 *	switch (stage_journal_format_check(line, end, &next)) ...
 *	while ((field = stage_journal_format_field(&next, end)))
 *		...
 *
 * A field is decoded where it stands, since that only makes it shorter, and ends with a NUL.
 *
 * Not installed. Any thread. Nothing here allocates, and only a wrong text makes it fail.
 */
#ifndef STAGEDIR_JOURNAL_FORMAT_H
#define STAGEDIR_JOURNAL_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"

#define STAGE_JOURNAL_VERSION "1"

/*
 * A torn line ends in this once another record was written behind it. No record can end like that, nor can
 * one with a single damaged byte.
 */
#define STAGE_JOURNAL_TORN_MARK "%%%"

/* Bytes that are enough for the record of these fields, up to a NULL, behind a torn mark. */
size_t stage_journal_format_room(const char *const *fields);

/* Writes the record of these fields, up to a NULL, as a line. Returns its end. */
char *stage_journal_format_record(char *out, const char *const *fields);

enum stage_journal_line {
	STAGE_JOURNAL_LINE_RECORD,
	STAGE_JOURNAL_LINE_NOTHING, /* empty, or torn: with the torn mark at its end */
	STAGE_JOURNAL_LINE_DAMAGED,
};

/*
 * Checks the line up to end, where its newline is. *ret_text is the text behind the checksum of a record.
 */
enum stage_journal_line stage_journal_format_check(char *line, char *end, char **ret_text);

/* Was the text up to end, which lacks a newline, a whole record whose newline has become another byte? */
bool stage_journal_format_lost_newline(const char *line, const char *end);

/*
 * The next field, decoded, of a record that ends at end. *next goes on to the field after it, and is NULL
 * after the last. NULL if there is no field, or it is wrong.
 */
char *stage_journal_format_field(char **next, char *end);

/* Reads a decimal number up to most, in the one spelling that is written. */
bool stage_journal_format_number(const char *text, uint64_t most, uint64_t *ret_number);

/* Reads a SHA-256 in lower-case hexadecimal digits. */
bool stage_journal_format_sha256(const char *text, unsigned char ret_sha256[STAGE_DIGEST_BYTES]);

#endif
