/*
 * manifestline - words, numbers and hashes in a line of a manifest, or in a note (manifest.h)
 *
 *	struct manifestline_text rest = {line, length};
 *
 *	name = manifestline_word(&rest);
 *	if (manifestline_is(name, "Hash"))
 *		type = manifestline_hash(&rest, hash);
 *
 * Any thread.
 */
#ifndef STAGEDIR_MANIFESTLINE_H
#define STAGEDIR_MANIFESTLINE_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of a hash type and a hash, as in "MD5 d41d8cd98f00b204e9800998ecf8427e", with the NUL. */
#define MANIFESTLINE_HASH_MAX 48

/* Part of a line: it may hold any bytes. */
struct manifestline_text {
	const char *start;
	size_t length;
};

/* Does the line begin with a blank? */
bool manifestline_is_indented(struct manifestline_text line);

/* Cuts the first word off. */
struct manifestline_text manifestline_word(struct manifestline_text *rest);

/* Is the word this one, in whatever case? */
bool manifestline_is(struct manifestline_text word, const char *text);

/* Takes a number of volume from the beginning of text; returns how many digits it has, 0: none. */
size_t manifestline_number(struct manifestline_text text, unsigned long *ret_number);

/* How many types of hash are known. The better one has the smaller number, as the host has it. */
#define MANIFESTLINE_TYPES 2

/*
 * Cuts the type of a hash and the hash off, and writes both. Returns the number of the type, or
 * MANIFESTLINE_TYPES if there is no hash of a known type.
 */
size_t manifestline_hash(struct manifestline_text *rest, char ret_hash[MANIFESTLINE_HASH_MAX]);

#endif
