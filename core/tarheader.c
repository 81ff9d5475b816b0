#include "tarheader.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A header's fields, POSIX.1-1988. */
enum {
	NAME = 0,
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	MTIME = 136,
	CHECKSUM = 148,
	TYPE = 156,
	TARGET = 157,
	USER = 265,
	GROUP = 297,
	DEV_MAJOR = 329,
	DEV_MINOR = 337,
	PREFIX = 345,
};

/* Of a number in base 256: it is positive, it is negative. */
#define BINARY 0x80
#define BINARY_NEGATIVE 0xff

static struct stage_tarheader_text
text_of(const unsigned char *block, size_t at, size_t size)
{
	const char *bytes = (const char *)block + at;

	return (struct stage_tarheader_text){bytes, strnlen(bytes, size)};
}

/* A number in base 256, in size bytes; false if it is too large for 63 bits. */
static bool
read_binary(const unsigned char *bytes, size_t size, int64_t *ret_number)
{
	bool negative = bytes[0] == BINARY_NEGATIVE;
	uint64_t number = negative ? UINT64_MAX : 0;
	size_t i;

	for (i = 1; i < size; i++) {
		if (size - i >= sizeof(number) && bytes[i] != (negative ? 0xff : 0))
			return false;
		number = number << 8 | bytes[i];
	}
	if ((number >> 63) != (negative ? 1 : 0))
		return false;
	*ret_number = (int64_t)number;
	return true;
}

/* A number of octal digits with blanks around it; nothing is 0. */
static bool
read_octal(const unsigned char *bytes, size_t size, int64_t *ret_number)
{
	const unsigned char *end = bytes + strnlen((const char *)bytes, size);
	int64_t number = 0;

	while (bytes < end && isspace(*bytes))
		bytes++;
	while (bytes < end && isspace(end[-1]))
		end--;
	for (; bytes < end; bytes++) {
		if (*bytes < '0' || *bytes > '7')
			return false;
		number = number << 3 | (*bytes - '0');
	}
	*ret_number = number;
	return true;
}

static bool
read_number(const unsigned char *block, size_t at, size_t size, int64_t *ret_number)
{
	const unsigned char *bytes = block + at;

	return bytes[0] == BINARY || bytes[0] == BINARY_NEGATIVE
		       ? read_binary(bytes, size, ret_number)
		       : read_octal(bytes, size, ret_number);
}

/* Old archives have sums of signed bytes. */
static bool
has_checksum(const unsigned char *block)
{
	int64_t expected, sum = 8 * ' ', signed_sum = 8 * ' ';
	size_t i;

	if (!read_number(block, CHECKSUM, 8, &expected))
		return false;
	for (i = 0; i < STAGE_TARHEADER_BLOCK; i++) {
		if (i >= CHECKSUM && i < TYPE)
			continue;
		sum += block[i];
		signed_sum += (signed char)block[i];
	}
	return expected == sum || expected == signed_sum;
}

static bool
is_zero(const unsigned char *block)
{
	return block[0] == 0 && memcmp(block, block + 1, STAGE_TARHEADER_BLOCK - 1) == 0;
}

static void
cut_slashes(struct stage_tarheader_text *text)
{
	while (text->length > 0 && text->bytes[text->length - 1] == '/')
		text->length--;
}

enum stage_tarheader_result
stage_tarheader_read(const unsigned char *block, struct stage_tarheader *ret_header)
{
	struct stage_tarheader header = {
		.type = (char)block[TYPE],
		.prefix = text_of(block, PREFIX, 155),
		.name = text_of(block, NAME, 100),
		.target = text_of(block, TARGET, 100),
		.user = text_of(block, USER, 32),
		.group = text_of(block, GROUP, 32),
	};
	int64_t size;

	if (is_zero(block))
		return STAGE_TARHEADER_END;
	if (!has_checksum(block) || !read_number(block, MODE, 8, &header.mode) ||
		!read_number(block, UID, 8, &header.uid) ||
		!read_number(block, GID, 8, &header.gid) || !read_number(block, SIZE, 12, &size) ||
		size < 0 || !read_number(block, MTIME, 12, &header.mtime) ||
		!read_number(block, DEV_MAJOR, 8, &header.dev_major) ||
		!read_number(block, DEV_MINOR, 8, &header.dev_minor))
		return STAGE_TARHEADER_WRONG;
	header.size = (uint64_t)size;
	/* a directory of Unix V7 */
	if (header.type == '\0' && header.name.length > 0 &&
		header.name.bytes[header.name.length - 1] == '/')
		header.type = '5';
	if (header.type == '5')
		cut_slashes(&header.name);
	*ret_header = header;
	return STAGE_TARHEADER_FOUND;
}

bool
stage_tarheader_has_content(const struct stage_tarheader *header)
{
	/* links, devices, directories and FIFOs have none, whatever size they tell */
	return header->type < '1' || header->type > '6';
}

/* A decimal number that fills the text; what is none is 0, as Python's tarfile has it. */
static int64_t
decimal(const struct stage_tarheader_text *text)
{
	char digits[32], *end;
	long long number;

	if (text->length == 0 || text->length >= sizeof(digits))
		return 0;
	memcpy(digits, text->bytes, text->length);
	digits[text->length] = '\0';
	number = strtoll(digits, &end, 10);
	return *end ? 0 : number;
}

/* Seconds, which may have a fraction, cut towards 0. */
static int64_t
seconds(const struct stage_tarheader_text *text)
{
	char digits[64], *end;
	double number;

	if (text->length == 0 || text->length >= sizeof(digits))
		return 0;
	memcpy(digits, text->bytes, text->length);
	digits[text->length] = '\0';
	if (digits[strspn(digits, "+-.0123456789")] != '\0')
		return 0;
	number = strtod(digits, &end);
	return *end || fabs(number) > 1e18 ? 0 : (int64_t)number;
}

static bool
is_keyword(const struct stage_tarheader_text *keyword, const char *name)
{
	return keyword->length == strlen(name) &&
	       memcmp(keyword->bytes, name, keyword->length) == 0;
}

static bool
apply_record(struct stage_tarheader *header, const struct stage_tarheader_text *keyword,
	const struct stage_tarheader_text *value)
{
	int64_t size;

	if (is_keyword(keyword, "path")) {
		header->name = *value;
		header->prefix.length = 0;
		cut_slashes(&header->name);
	} else if (is_keyword(keyword, "linkpath")) {
		header->target = *value;
	} else if (is_keyword(keyword, "uname")) {
		header->user = *value;
	} else if (is_keyword(keyword, "gname")) {
		header->group = *value;
	} else if (is_keyword(keyword, "uid")) {
		header->uid = decimal(value);
	} else if (is_keyword(keyword, "gid")) {
		header->gid = decimal(value);
	} else if (is_keyword(keyword, "mtime")) {
		header->mtime = seconds(value);
	} else if (is_keyword(keyword, "size")) {
		size = decimal(value);
		header->size = size > 0 ? (uint64_t)size : 0;
	} else {
		return keyword->length < 10 || memcmp(keyword->bytes, "GNU.sparse", 10) != 0;
	}
	return true;
}

/* One record, "LENGTH KEYWORD=VALUE\n": its length, or 0 if it is none. */
static size_t
apply_one(struct stage_tarheader *header, const char *records, size_t size)
{
	struct stage_tarheader_text keyword, value;
	size_t length = 0, at = 0;
	const char *equals;

	while (at < size && at < 10 && isdigit((unsigned char)records[at]))
		length = length * 10 + (size_t)(records[at++] - '0');
	if (at == 0 || at >= size || records[at] != ' ' || length > size || length < at + 3 ||
		records[length - 1] != '\n')
		return 0;
	keyword.bytes = records + at + 1;
	equals = memchr(keyword.bytes, '=', length - at - 2);
	if (!equals || equals == keyword.bytes)
		return 0;
	keyword.length = (size_t)(equals - keyword.bytes);
	value.bytes = equals + 1;
	value.length = (size_t)(records + length - 1 - value.bytes);
	return apply_record(header, &keyword, &value) ? length : 0;
}

bool
stage_tarheader_apply(struct stage_tarheader *header, const char *records, size_t size)
{
	size_t at = 0, length;

	/* behind the records the block is filled up with zeros */
	while (at < size && records[at] != '\0') {
		length = apply_one(header, records + at, size - at);
		if (length == 0)
			return false;
		at += length;
	}
	return true;
}
