#include "duplicity/stored.h"

#include <stdlib.h>
#include <string.h>

struct stored_volume {
	char *backup;
	unsigned long volume;
	bool is_certain;
};

int
stored_add(struct stored *stored, const char *backup, unsigned long volume, bool is_certain,
	struct stage_error *error)
{
	struct stored_volume *longer;
	char *copy = strdup(backup);

	longer = copy ? realloc(stored->list, (stored->count + 1) * sizeof(*longer)) : NULL;
	if (!longer) {
		free(copy);
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for the names of what storage has");
	}
	stored->list = longer;
	longer[stored->count++] =
		(struct stored_volume){.backup = copy, .volume = volume, .is_certain = is_certain};
	return 0;
}

/* Was this one added before? */
static bool
is_again(const struct stored *stored, size_t i)
{
	const struct stored_volume *list = stored->list;
	size_t j;

	for (j = 0; j < i; j++)
		if (list[j].volume == list[i].volume && strcmp(list[j].backup, list[i].backup) == 0)
			return true;
	return false;
}

bool
stored_goes_on(const struct stored *stored, const char *backup)
{
	size_t count = 0, i;

	for (i = 0; i < stored->count && count < STORED_GOES_ON; i++)
		count += strcmp(stored->list[i].backup, backup) == 0 && !is_again(stored, i);
	return count == STORED_GOES_ON;
}

enum stored_verdict
stored_judge(const struct stored *stored, const char *backup, unsigned long volume)
{
	bool is_there = false, last_is_certain = false;
	const struct stored_volume *found;
	unsigned long last = 0;
	size_t i;

	for (i = 0; i < stored->count; i++) {
		found = &stored->list[i];
		if (strcmp(found->backup, backup) != 0)
			continue;
		is_there |= found->volume == volume;
		if (found->volume > last)
			last_is_certain = false;
		if (found->volume >= last) {
			last = found->volume;
			last_is_certain |= found->is_certain;
		}
	}
	if (volume < last && is_there)
		return STORED_THERE;
	if (volume > last + 1 || (volume == last + 1 && last && !last_is_certain))
		return STORED_GAP;
	return STORED_NEXT;
}

void
stored_release(struct stored *stored)
{
	while (stored->count)
		free(stored->list[--stored->count].backup);
	free(stored->list);
	stored->list = NULL;
}
