/*
 * journal_text - records and journals that the tests of the journal make and read
 */
#ifndef STAGEDIR_TESTS_JOURNAL_TEXT_H
#define STAGEDIR_TESTS_JOURNAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "journal.h"

/* The SHA-256 of "abc" (FIPS 180-4) */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* What the journals that are made here begin with. */
extern const struct stage_journal_about sample_about;

/* The names of staged files, by number from 1; several are valid at a time. */
char *file_of(size_t number);

/* A record of such a file. The strings are only read when it is written. */
struct stage_journal_record record_of(size_t number, const char *name, const char *note);

/* Are they the same, but for attempts to hand off? */
bool same_record(const struct stage_journal_record *a, const struct stage_journal_record *b);

/* The record of a file; NULL where it does not wait. */
const struct stage_journal_record *find(
	const struct stage_journal_content *content, const char *file);

/* A descriptor of test_dir; the caller closes it. */
int open_dir(void);

/* Bytes that a test puts together; the caller frees text. */
struct bytes {
	char *text;
	size_t size, room;
};
void add(struct bytes *bytes, const void *more, size_t size);

/* What the journal in test_dir holds. */
struct bytes slurp(void);

#endif
