#include "journal_format.h"

#include <string.h>
#include <zlib.h>

#define CRC_DIGITS 8

static void
spell_crc(char out[CRC_DIGITS], const char *text, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	unsigned long crc = crc32_z(0, (const unsigned char *)text, length);
	int i;

	for (i = CRC_DIGITS - 1; i >= 0; i--, crc >>= 4)
		out[i] = digits[crc & 15];
}

/* Writes a blank and the field; three bytes for each of it and two more are enough. */
static char *
spell_field(char *out, const char *field)
{
	static const char digits[] = "0123456789ABCDEF";

	*out++ = ' ';
	if (!*field)
		*out++ = '%';
	for (; *field; field++) {
		unsigned char byte = (unsigned char)*field;

		if (byte > ' ' && byte < 0x7f && byte != '%') {
			*out++ = *field;
		} else {
			*out++ = '%';
			*out++ = digits[byte >> 4];
			*out++ = digits[byte & 15];
		}
	}
	return out;
}

char *
stage_journal_format_record(char *out, const char *const *fields)
{
	char *text = out + CRC_DIGITS + 1, *end = out + CRC_DIGITS;

	for (; *fields; fields++)
		end = spell_field(end, *fields);
	spell_crc(out, text, (size_t)(end - text));
	*end++ = '\n';
	return end;
}

size_t
stage_journal_format_room(const char *const *fields)
{
	size_t room = strlen(STAGE_JOURNAL_TORN_MARK "\n") + CRC_DIGITS + 1;

	for (; *fields; fields++)
		room += 3 * strlen(*fields) + 2;
	return room;
}

/* The value of a hexadecimal digit in this spelling, or -1. */
static int
digit_value(const char *digits, char digit)
{
	const char *found = digit ? strchr(digits, digit) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Decodes a field in place and ends it with a NUL, at stop at the latest. */
static bool
decode(char *field, const char *stop)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *in = field;
	char *out = field;

	if (in == stop)
		return false;
	if (stop - in == 1 && *in == '%')
		in = stop;
	while (in < stop) {
		unsigned char byte = (unsigned char)*in++;

		if (byte == '%') {
			int high = stop - in < 2 ? -1 : digit_value(digits, in[0]);
			int low = high < 0 ? -1 : digit_value(digits, in[1]);

			/* a NUL would end the string before its end */
			if (low < 0 || high + low == 0)
				return false;
			byte = (unsigned char)(high << 4 | low);
			in += 2;
		} else if (byte <= ' ' || byte >= 0x7f) {
			return false;
		}
		*out++ = (char)byte;
	}
	*out = '\0';
	return true;
}

char *
stage_journal_format_field(char **next, char *end)
{
	char *field = *next, *stop;

	if (!field)
		return NULL;
	stop = memchr(field, ' ', (size_t)(end - field));
	*next = stop ? stop + 1 : NULL;
	return decode(field, stop ? stop : end) ? field : NULL;
}

bool
stage_journal_format_number(const char *text, uint64_t most, uint64_t *ret_number)
{
	uint64_t number = 0, digit;

	if (!*text || (*text == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		digit = (uint64_t)(*text - '0');
		if (number > (most - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}

bool
stage_journal_format_sha256(const char *text, unsigned char ret_sha256[STAGE_DIGEST_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	if (strlen(text) != 2 * STAGE_DIGEST_BYTES || text[strspn(text, digits)])
		return false;
	for (i = 0; i < STAGE_DIGEST_BYTES; i++)
		ret_sha256[i] = (unsigned char)(digit_value(digits, text[2 * i]) << 4 |
						digit_value(digits, text[2 * i + 1]));
	return true;
}

/* Does the line begin with the checksum of what is behind it? */
static bool
has_crc(const char *line, size_t length)
{
	char crc[CRC_DIGITS];

	if (length <= CRC_DIGITS + 1 || line[CRC_DIGITS] != ' ')
		return false;
	spell_crc(crc, line + CRC_DIGITS + 1, length - CRC_DIGITS - 1);
	return memcmp(crc, line, CRC_DIGITS) == 0;
}

bool
stage_journal_format_lost_newline(const char *line, const char *end)
{
	return end > line && has_crc(line, (size_t)(end - line) - 1);
}

enum stage_journal_line
stage_journal_format_check(char *line, char *end, char **ret_text)
{
	const size_t mark = strlen(STAGE_JOURNAL_TORN_MARK), length = (size_t)(end - line);

	if (length == 0)
		return STAGE_JOURNAL_LINE_NOTHING;
	if (length >= mark && memcmp(end - mark, STAGE_JOURNAL_TORN_MARK, mark) == 0)
		return stage_journal_format_lost_newline(line, end - mark)
			       ? STAGE_JOURNAL_LINE_DAMAGED
			       : STAGE_JOURNAL_LINE_NOTHING;
	if (!has_crc(line, length))
		return STAGE_JOURNAL_LINE_DAMAGED;
	*ret_text = line + CRC_DIGITS + 1;
	return STAGE_JOURNAL_LINE_RECORD;
}
