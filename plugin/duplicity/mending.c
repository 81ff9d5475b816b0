#include "duplicity/mending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "duplicity/stored.h"

/* A plan that is made. */
struct making {
	const struct mending_file *files;
	size_t count;
	struct mending_plan plan;
	bool failed; /* there was no memory */
};

/* The next file of this kind behind last, NULL for the first one; NULL: there is none. */
static const struct mending_file *
next(const struct making *making, const struct mending_file *last, enum mending_kind kind,
	bool is_partial, bool is_stored)
{
	const struct mending_file *file = last ? last + 1 : making->files;

	for (; file < making->files + making->count; file++)
		if (file->kind == kind && file->is_partial == is_partial &&
			file->is_stored == is_stored)
			return file;
	return NULL;
}

/* The next of those in the archive directory. */
static const struct mending_file *
next_partial(const struct making *making, const struct mending_file *last, enum mending_kind kind)
{
	return next(making, last, kind, true, false);
}

static const struct mending_file *
next_final(const struct making *making, const struct mending_file *last, enum mending_kind kind)
{
	return next(making, last, kind, false, false);
}

/* Adds a step. Its to is so many characters of the file's name, and tail; none where that is NULL. */
static void
add(struct making *making, enum mending_do what, const struct mending_file *file, size_t kept,
	const char *tail)
{
	struct mending_plan *plan = &making->plan;
	struct mending_step step = {.what = what, .name = file->name}, *longer;

	if (tail && asprintf(&step.to, "%.*s%s", (int)kept, file->name, tail) < 0) {
		making->failed = true;
		return;
	}
	longer = realloc(plan->steps, (plan->count + 1) * sizeof(*longer));
	if (!longer) {
		free(step.to);
		making->failed = true;
		return;
	}
	plan->steps = longer;
	longer[plan->count++] = step;
}

/* How long is a name without the ".part" at its end, or the ".p" of short names? */
static size_t
stem(const char *name)
{
	const char *end = strrchr(name, '.');

	return end ? (size_t)(end - name) : strlen(name);
}

/* The partial manifest becomes final, in the place of its copies. Then nobody needs a proof any more. */
static void
finish_manifest(struct making *making, const struct mending_file *partial)
{
	const struct mending_file *file = NULL;
	size_t length = stem(partial->name);

	while ((file = next_final(making, file, MENDING_MANIFEST)))
		if (strncmp(file->name, partial->name, length) != 0 || file->name[length])
			add(making, MENDING_REMOVE, file, 0, NULL);
	add(making, MENDING_RENAME, partial, length, "");
	while ((file = next_final(making, file, MENDING_PROOF)))
		add(making, MENDING_REMOVE, file, 0, NULL);
}

/* Partial signatures become final, in the place of copies. */
static void
finish_signatures(struct making *making, const char *suffix)
{
	const struct mending_file *partial = next_partial(making, NULL, MENDING_SIGNATURES);
	const struct mending_file *file = NULL;

	while (partial && (file = next_final(making, file, MENDING_SIGNATURES)))
		add(making, MENDING_REMOVE, file, 0, NULL);
	for (; partial; partial = next_partial(making, partial, MENDING_SIGNATURES))
		add(making, MENDING_COMPRESS, partial, stem(partial->name), suffix);
}

/* The manifest is stored, which is the last thing of a backup. */
static void
finish(struct making *making, const struct mending_file *stored, const char *suffix)
{
	const struct mending_file *manifest = next_partial(making, NULL, MENDING_MANIFEST);
	const struct mending_file *file = NULL;

	if (!manifest && !next_final(making, NULL, MENDING_MANIFEST))
		return;
	/* a host that has gone on with the backup since, and was ended, has begun its signatures anew */
	while ((file = next_partial(making, file, MENDING_SIGNATURES)))
		add(making, MENDING_IF_ENDED, file, 0, NULL);
	if (manifest) {
		add(making, MENDING_IF_STORED, manifest, 0, stored->name);
		finish_manifest(making, manifest);
	}
	finish_signatures(making, suffix);
}

/* Final signatures become partial ones, whose name ends as that of the manifest. */
static void
reopen_signatures(struct making *making, const struct mending_file *manifest, const char *suffix)
{
	const char *partial = manifest->name + stem(manifest->name);
	const struct mending_file *file = NULL;
	size_t length;

	while ((file = next_final(making, file, MENDING_SIGNATURES))) {
		length = strlen(file->name);
		if (length > strlen(suffix) &&
			strcmp(file->name + length - strlen(suffix), suffix) == 0)
			add(making, MENDING_EXPAND, file, length - strlen(suffix), partial);
	}
}

static void
remove_copies(struct making *making, enum mending_kind kind)
{
	const struct mending_file *file = NULL;

	while ((file = next_final(making, file, kind)))
		add(making, MENDING_REMOVE, file, 0,
			"a run was ended while it was made of the partial file");
}

/*
 * The host begins a backup anew that has one volume at most, and forgets its signatures in storage. Every
 * later run, also to verify or restore, would end in an assertion then (duplicity 0.8.22, 3.0.4:
 * get_sorted_chains, "len(chain_list) == 2").
 */
static void
give_up_signatures(struct making *making)
{
	const struct mending_file *file = NULL;
	size_t volumes = 0;

	while ((file = next(making, file, MENDING_VOLUME, false, true)))
		volumes++;
	file = next(making, NULL, MENDING_SIGNATURES, false, true);
	if (file && volumes < STORED_GOES_ON)
		add(making, MENDING_GIVE_UP, file, 0,
			"its backup was ended before its manifest was stored, and is begun anew");
}

/* The manifest is not stored, and the partial one is there: the host goes on with the backup. */
static void
reopen(struct making *making, const struct mending_file *manifest, const char *suffix)
{
	bool has_partial = next_partial(making, NULL, MENDING_SIGNATURES) != NULL;

	if (!has_partial)
		reopen_signatures(making, manifest, suffix);
	remove_copies(making, MENDING_MANIFEST);
	if (has_partial)
		remove_copies(making, MENDING_SIGNATURES);
	give_up_signatures(making);
}

/* A proof without its manifest proves nothing. */
static void
check_proofs(struct making *making, const struct mending_file *manifest)
{
	const struct mending_file *file = NULL;

	while ((file = next_final(making, file, MENDING_PROOF)))
		if (manifest)
			add(making, MENDING_CHECK_PROOF, file, 0, manifest->name);
		else
			add(making, MENDING_REMOVE, file, 0, NULL);
}

int
mending_plan(const struct mending_file *files, size_t count, const char *suffix,
	struct mending_plan *ret_plan, struct stage_error *error)
{
	struct making making = {.files = files, .count = count};
	const struct mending_file *partial, *stored;

	partial = next_partial(&making, NULL, MENDING_MANIFEST);
	stored = next(&making, NULL, MENDING_MANIFEST, false, true);
	check_proofs(&making, partial);
	if (stored && (partial || next_partial(&making, NULL, MENDING_SIGNATURES)))
		finish(&making, stored, suffix);
	else if (partial)
		reopen(&making, partial, suffix);
	if (making.failed) {
		mending_release(&making.plan);
		return stage_error_set(error, STAGE_E_MEMORY, 0,
			"no memory for what is to be done about a backup that was ended");
	}
	*ret_plan = making.plan;
	return 0;
}

void
mending_release(struct mending_plan *plan)
{
	while (plan->count)
		free(plan->steps[--plan->count].to);
	free(plan->steps);
	plan->steps = NULL;
}
