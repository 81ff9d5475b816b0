/*
 * A table with linear probing. A name is at the slot of its hash or in the unbroken run after it;
 * remove closes the gap that it leaves (Knuth, vol. 3, 6.4, algorithm R), so there are no
 * tombstones and a table that is used for ever stays as fast as a new one.
 */
#include "nameset.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 16

struct stage_name {
	uint32_t hash;
	char text[];
};

static uint32_t
hash_name(const char *text)
{
	uint32_t hash = UINT32_C(0x811c9dc5);

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * UINT32_C(0x01000193);
	/* FNV leaves the low bits, which choose the slot, the least mixed */
	hash ^= hash >> 15;
	hash *= UINT32_C(0x85ebca6b);
	return hash ^ hash >> 13;
}

/* The slot that holds the name, or the free one in which it would be put. */
static size_t
find_slot(struct stage_name *const *slots, size_t capacity, uint32_t hash, const char *text)
{
	size_t i = hash & (capacity - 1);

	while (slots[i] && (slots[i]->hash != hash || strcmp(slots[i]->text, text) != 0))
		i = (i + 1) & (capacity - 1);
	return i;
}

static int
resize(struct stage_nameset *set, size_t capacity)
{
	struct stage_name **slots;
	size_t i;

	slots = calloc(capacity, sizeof(struct stage_name *));
	if (!slots)
		return STAGE_E_MEMORY;
	for (i = 0; i < set->capacity; i++) {
		struct stage_name *name = set->slots[i];

		if (name)
			slots[find_slot(slots, capacity, name->hash, name->text)] = name;
	}
	free(set->slots);
	set->slots = slots;
	set->capacity = capacity;
	return 0;
}

int
stage_nameset_add(struct stage_nameset *set, const char *name, struct stage_error *error)
{
	struct stage_name *entry = NULL;
	size_t size = strlen(name) + 1;

	if ((set->count + 1) * 4 > set->capacity * 3 &&
		resize(set, set->capacity ? set->capacity * 2 : CAPACITY_MIN) < 0)
		goto no_memory;
	entry = malloc(sizeof(*entry) + size);
	if (!entry)
		goto no_memory;
	entry->hash = hash_name(name);
	memcpy(entry->text, name, size);
	set->slots[find_slot(set->slots, set->capacity, entry->hash, name)] = entry;
	set->count++;
	return 0;

no_memory:
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to track the file %s", name);
}

bool
stage_nameset_contains(const struct stage_nameset *set, const char *name)
{
	return set->count &&
	       set->slots[find_slot(set->slots, set->capacity, hash_name(name), name)] != NULL;
}

/* Fills the gap with the next name of its run that may stand there, and so on to the run's end. */
static void
close_gap(struct stage_nameset *set, size_t gap)
{
	size_t mask = set->capacity - 1, i = gap;

	for (;;) {
		size_t home;

		i = (i + 1) & mask;
		if (!set->slots[i])
			break;
		home = set->slots[i]->hash & mask;
		/* a name whose home lies behind the gap, on the circle, would not be found in it */
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		set->slots[gap] = set->slots[i];
		gap = i;
	}
	set->slots[gap] = NULL;
}

bool
stage_nameset_remove(struct stage_nameset *set, const char *name)
{
	size_t slot;

	if (!set->count)
		return false;
	slot = find_slot(set->slots, set->capacity, hash_name(name), name);
	if (!set->slots[slot])
		return false;
	free(set->slots[slot]);
	close_gap(set, slot);
	set->count--;
	/* where there is no memory for a smaller table the larger one does as well */
	if (set->capacity > CAPACITY_MIN && set->count < set->capacity / 4)
		(void)resize(set, set->capacity / 2);
	return true;
}

const char *
stage_nameset_next(const struct stage_nameset *set, size_t *position)
{
	while (*position < set->capacity) {
		const struct stage_name *name = set->slots[(*position)++];

		if (name)
			return name->text;
	}
	return NULL;
}

void
stage_nameset_release(struct stage_nameset *set)
{
	size_t i;

	for (i = 0; i < set->capacity; i++)
		free(set->slots[i]);
	free(set->slots);
	memset(set, 0, sizeof(*set));
}
