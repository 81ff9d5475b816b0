#include "report/spell.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#define NO_BREAK "\xc2\xa0"

#define SECOND ((int64_t)1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

const char *
spell_size(char buffer[SPELL_MAX], uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	uint64_t whole = bytes, rest = 0;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(buffer, SPELL_MAX, "%" PRIu64 NO_BREAK "B", bytes);
		return buffer;
	}
	/* tenths in whole numbers: printf(3) would write the locale's decimal point */
	for (whole = bytes; whole >= 1024 * 1024 && units[unit + 1]; unit++)
		whole /= 1024;
	rest = (whole % 1024 * 10 + 512) / 1024;
	whole = whole / 1024 + rest / 10;
	snprintf(buffer, SPELL_MAX, "%" PRIu64 ".%" PRIu64 NO_BREAK "%ciB", whole, rest % 10,
		units[unit]);
	return buffer;
}

static void
spell_two(char buffer[SPELL_MAX], int64_t more, const char *unit, int64_t less, const char *part)
{
	if (less)
		snprintf(buffer, SPELL_MAX,
			"%" PRId64 NO_BREAK "%s" NO_BREAK "%" PRId64 NO_BREAK "%s", more, unit,
			less, part);
	else
		snprintf(buffer, SPELL_MAX, "%" PRId64 NO_BREAK "%s", more, unit);
}

const char *
spell_duration(char buffer[SPELL_MAX], int64_t milliseconds)
{
	const int64_t tenths = (milliseconds + 50) / 100;

	if (milliseconds < SECOND)
		spell_two(buffer, milliseconds, milliseconds ? "ms" : "s", 0, "");
	else if (milliseconds < 10 * SECOND - 50 && tenths % 10)
		snprintf(buffer, SPELL_MAX, "%" PRId64 ".%" PRId64 NO_BREAK "s", tenths / 10,
			tenths % 10);
	else if ((milliseconds += SECOND / 2) < MINUTE)
		spell_two(buffer, milliseconds / SECOND, "s", 0, "");
	else if (milliseconds < HOUR)
		spell_two(
			buffer, milliseconds / MINUTE, "min", milliseconds % MINUTE / SECOND, "s");
	else if (milliseconds < DAY)
		spell_two(buffer, milliseconds / HOUR, "h", milliseconds % HOUR / MINUTE, "min");
	else
		spell_two(buffer, milliseconds / DAY, "d", milliseconds % DAY / HOUR, "h");
	return buffer;
}

enum part { DATE_AND_TIME, TIME, ZONE };

/* An unknown moment is "?". */
static const char *
spell_local(char buffer[SPELL_MAX], int64_t time, enum part part)
{
	const time_t seconds = (time_t)(time / 1000);
	size_t length = 0;
	struct tm local;

	if (!localtime_r(&seconds, &local))
		length = 0;
	else if (part == DATE_AND_TIME)
		length = strftime(buffer, SPELL_MAX, "%Y-%m-%d %H:%M:%S", &local);
	else if (part == TIME)
		length = strftime(buffer, SPELL_MAX, "%H:%M:%S", &local);
	else
		length = strftime(buffer, SPELL_MAX, "%Z", &local);
	if (!length)
		snprintf(buffer, SPELL_MAX, "?");
	return buffer;
}

const char *
spell_moment(char buffer[SPELL_MAX], int64_t time)
{
	return spell_local(buffer, time, DATE_AND_TIME);
}

const char *
spell_clock(char buffer[SPELL_MAX], int64_t time)
{
	return spell_local(buffer, time, TIME);
}

const char *
spell_zone(char buffer[SPELL_MAX], int64_t time)
{
	return spell_local(buffer, time, ZONE);
}

const char *
spell_utc(char buffer[SPELL_MAX], int64_t time)
{
	const time_t seconds = (time_t)(time / 1000);
	char text[32];
	struct tm utc;

	if (!gmtime_r(&seconds, &utc) || !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc))
		snprintf(buffer, SPELL_MAX, "?");
	else
		snprintf(buffer, SPELL_MAX, "%s.%03dZ", text, (int)(time % 1000));
	return buffer;
}
