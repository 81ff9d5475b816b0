/*
 * nameset - the set of names that a staging directory tracks
 *
 * Add, contains and remove take constant time on average, in any order. A name costs at most 64 bytes
 * beyond itself: 32 for slots of 8 bytes in a table that is at least a quarter full (also while a larger
 * table replaces it), 4 for its hash, the rest for the allocator.
 *
 * Not installed. Its owner locks it.
 */
#ifndef STAGEDIR_NAMESET_H
#define STAGEDIR_NAMESET_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

/* Zeroed memory is an empty set. Only count is for others. */
struct stage_nameset {
	struct stage_name **slots;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

/* Copies name, which must not be in the set, into it. STAGE_E_MEMORY leaves the set as it was. */
int stage_nameset_add(struct stage_nameset *set, const char *name, struct stage_error *error);

bool stage_nameset_contains(const struct stage_nameset *set, const char *name);

/* True if the name was there. Never fails. */
bool stage_nameset_remove(struct stage_nameset *set, const char *name);

/*
 * Walks the set in no order. Start with *position 0; NULL at the end. The set must not change meanwhile.
 * The name stays the set's.
 */
const char *stage_nameset_next(const struct stage_nameset *set, size_t *position);

/* Frees everything; the set is then empty and may be used again. */
void stage_nameset_release(struct stage_nameset *set);

#endif
