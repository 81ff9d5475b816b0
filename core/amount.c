#include "amount.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

const char *
stage_amount_size(char buffer[STAGE_AMOUNT_MAX], uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	double size = (double)bytes;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(buffer, STAGE_AMOUNT_MAX, "%" PRIu64, bytes);
		return buffer;
	}
	/* what would be rounded to 1024.0 is 1.0 of the next unit */
	for (size /= 1024; size >= 1023.95 && units[unit + 1]; unit++)
		size /= 1024;
	snprintf(buffer, STAGE_AMOUNT_MAX, "%.1f%c", size, units[unit]);
	return buffer;
}

const char *
stage_amount_age(char buffer[STAGE_AMOUNT_MAX], uint64_t seconds)
{
	static const struct {
		uint64_t seconds;
		char name;
	} units[] = {{24 * 60 * 60, 'd'}, {60 * 60, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	if (i == 3)
		snprintf(buffer, STAGE_AMOUNT_MAX, "%" PRIu64 "s", seconds);
	else
		snprintf(buffer, STAGE_AMOUNT_MAX, "%" PRIu64 "%c %" PRIu64 "%c",
			seconds / units[i].seconds, units[i].name,
			seconds % units[i].seconds / units[i + 1].seconds, units[i + 1].name);
	return buffer;
}
