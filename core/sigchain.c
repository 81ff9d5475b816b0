/*
 * Archives that have not ended are in a heap: on top is the one whose path comes first, and of several with
 * the same path the newest.
 */
#include "sigchain.h"

#include <errno.h>
#include <stdlib.h>

struct link {
	struct stage_sigarchive *archive;
	const struct stage_sigarchive_entry *entry; /* that it is at */
	size_t age;                                 /* 0 is the oldest */
};

struct stage_sigchain {
	struct link *
		links; /* the first heap ones are in the heap; the rest have ended, or are to move */
	size_t count, room, heap;
	bool begun;
	int failed; /* the code of the first error */
};

static int
no_memory(struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a chain of signatures");
}

int
stage_sigchain_new(struct stage_sigchain **ret_chain, struct stage_error *error)
{
	struct stage_sigchain *chain = calloc(1, sizeof(*chain));

	if (!chain)
		return no_memory(error);
	*ret_chain = chain;
	return 0;
}

int
stage_sigchain_add(
	struct stage_sigchain *chain, struct stage_sigarchive *archive, struct stage_error *error)
{
	struct link *grown;

	if (chain->begun)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"a chain of signatures that is being read takes no more");
	if (chain->count == chain->room) {
		grown = realloc(chain->links, (2 * chain->room + 8) * sizeof(*grown));
		if (!grown)
			return no_memory(error);
		chain->links = grown;
		chain->room = 2 * chain->room + 8;
	}
	chain->links[chain->count] = (struct link){.archive = archive, .age = chain->count};
	chain->count++;
	return 0;
}

static bool
is_before(const struct link *a, const struct link *b)
{
	int order = stage_entry_order(&a->entry->entry, &b->entry->entry);

	return order != 0 ? order < 0 : a->age > b->age;
}

static void
swap(struct link *a, struct link *b)
{
	struct link kept = *a;

	*a = *b;
	*b = kept;
}

static void
sift_up(struct stage_sigchain *chain, size_t at)
{
	while (at > 0 && is_before(&chain->links[at], &chain->links[(at - 1) / 2])) {
		swap(&chain->links[at], &chain->links[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static void
sift_down(struct stage_sigchain *chain, size_t at)
{
	size_t child;

	while ((child = 2 * at + 1) < chain->heap) {
		if (child + 1 < chain->heap &&
			is_before(&chain->links[child + 1], &chain->links[child]))
			child++;
		if (!is_before(&chain->links[child], &chain->links[at]))
			return;
		swap(&chain->links[child], &chain->links[at]);
		at = child;
	}
}

/* Takes the top out of the heap: it comes right behind. */
static void
take_out(struct stage_sigchain *chain)
{
	chain->heap--;
	swap(&chain->links[0], &chain->links[chain->heap]);
	sift_down(chain, 0);
}

/* Moves the archives from first to before last on, and puts those that have not ended into the heap. */
static int
move(struct stage_sigchain *chain, size_t first, size_t last, struct stage_error *error)
{
	size_t at;
	int code;

	for (at = first; at < last; at++) {
		code = stage_sigarchive_next(
			chain->links[at].archive, &chain->links[at].entry, error);
		if (code < 0)
			return code;
		if (code == 0)
			continue;
		swap(&chain->links[at], &chain->links[chain->heap]);
		sift_up(chain, chain->heap++);
	}
	return 0;
}

/* Moves on every archive that is at the path on top. */
static int
move_on(struct stage_sigchain *chain, struct stage_error *error)
{
	size_t last = chain->heap;
	const struct stage_entry *done = &chain->links[0].entry->entry;

	do
		take_out(chain);
	while (chain->heap > 0 && stage_entry_order(&chain->links[0].entry->entry, done) == 0);
	return move(chain, chain->heap, last, error);
}

int
stage_sigchain_next(struct stage_sigchain *chain, const struct stage_sigarchive_entry **ret_entry,
	struct stage_error *error)
{
	int code = 0;

	if (chain->failed < 0)
		return stage_error_set(error, (enum stage_code)chain->failed, 0,
			"a chain of signatures has failed already");
	if (!chain->begun)
		code = move(chain, 0, chain->count, error);
	else if (chain->heap > 0)
		code = move_on(chain, error);
	chain->begun = true;
	if (code < 0) {
		chain->failed = code;
		return code;
	}
	if (chain->heap == 0)
		return 0;
	*ret_entry = chain->links[0].entry;
	return 1;
}

int
stage_sigchain_read(struct stage_sigchain *chain, void *buffer, size_t size, size_t *ret_count,
	struct stage_error *error)
{
	if (!chain->begun || chain->heap == 0 || chain->failed < 0)
		return stage_error_set(
			error, STAGE_E_ARGUMENT, 0, "a chain of signatures is at no path");
	return stage_sigarchive_read(chain->links[0].archive, buffer, size, ret_count, error);
}

void
stage_sigchain_close(struct stage_sigchain **chain)
{
	int before = errno;
	size_t i;

	if (!*chain)
		return;
	for (i = 0; i < (*chain)->count; i++)
		stage_sigarchive_close(&(*chain)->links[i].archive);
	free((*chain)->links);
	free(*chain);
	*chain = NULL;
	errno = before;
}
