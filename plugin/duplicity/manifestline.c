#include "duplicity/manifestline.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	size_t digits;
} types[MANIFESTLINE_TYPES] = {{"SHA1", 40}, {"MD5", 32}};

static bool
is_blank(char character)
{
	return character == ' ' || (character >= '\t' && character <= '\r');
}

bool
manifestline_is_indented(struct manifestline_text line)
{
	return line.length && is_blank(*line.start);
}

struct manifestline_text
manifestline_word(struct manifestline_text *rest)
{
	struct manifestline_text word;

	while (rest->length && is_blank(*rest->start)) {
		rest->start++;
		rest->length--;
	}
	word = (struct manifestline_text){rest->start, 0};
	while (rest->length && !is_blank(*rest->start)) {
		word.length++;
		rest->start++;
		rest->length--;
	}
	return word;
}

bool
manifestline_is(struct manifestline_text word, const char *text)
{
	return word.length == strlen(text) && strncasecmp(word.start, text, word.length) == 0;
}

static size_t
count_of(struct manifestline_text text, const char *allowed)
{
	size_t count = 0;

	while (count < text.length && text.start[count] && strchr(allowed, text.start[count]))
		count++;
	return count;
}

size_t
manifestline_number(struct manifestline_text text, unsigned long *ret_number)
{
	size_t digits = count_of(text, "0123456789"), i;
	unsigned long number = 0;

	if (digits > 9)
		return 0;
	for (i = 0; i < digits; i++)
		number = 10 * number + (unsigned long)(text.start[i] - '0');
	*ret_number = number;
	return digits;
}

size_t
manifestline_hash(struct manifestline_text *rest, char ret_hash[MANIFESTLINE_HASH_MAX])
{
	struct manifestline_text type = manifestline_word(rest), hash = manifestline_word(rest);
	size_t i;

	for (i = 0; i < MANIFESTLINE_TYPES; i++)
		if (manifestline_is(type, types[i].name) && hash.length == types[i].digits &&
			count_of(hash, "0123456789abcdefABCDEF") == hash.length)
			break;
	if (i < MANIFESTLINE_TYPES)
		snprintf(ret_hash, MANIFESTLINE_HASH_MAX, "%s %.*s", types[i].name,
			(int)hash.length, hash.start);
	return i;
}
