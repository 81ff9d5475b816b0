/*
 * What becomes of the files of a backup whose run was ended, by their names: m.part, s.part are partial, m and s.gz
 * final, and so are copies: m.gpg, s.gpg; p is a proof; those in storage are written S:m, S:s, S:1 for a volume.
 */
#include "tests.h"

#include <errno.h>
#include <stdio.h>

#include "duplicity/mending.h"
#include "wrap.h"

#define FILES_MAX 10

/* Cuts text into names, and says of each which file it is. */
static size_t
read_files(char *text, struct mending_file files[FILES_MAX])
{
	size_t count = 0;
	char *name, *rest;

	for (name = strtok_r(text, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
		bool is_stored = strncmp(name, "S:", 2) == 0;
		char first = name[is_stored ? 2 : 0];

		REQUIRE(count < FILES_MAX);
		files[count++] = (struct mending_file){.name = name,
			.kind = first == 'm'   ? MENDING_MANIFEST
				: first == 's' ? MENDING_SIGNATURES
				: first == 'p' ? MENDING_PROOF
					       : MENDING_VOLUME,
			.is_partial = strstr(name, ".p") != NULL,
			.is_stored = is_stored};
	}
	return count;
}

static const char *const words[] = {"check-proof", "if-ended", "if-stored", "remove", "rename",
	"compress", "expand", "give-up"};

/* Is that the plan for these files? Of reasons, which have blanks, is shown that there is one. */
static void
plans(const char *names, const char *expected)
{
	struct mending_file files[FILES_MAX];
	char text[256], found[1024] = "";
	struct mending_plan plan = {0};
	size_t i, used = 0;

	snprintf(text, sizeof(text), "%s", names);
	WORKS(mending_plan(files, read_files(text, files), ".gz", &plan, &failure));
	for (i = 0; i < plan.count; i++) {
		const struct mending_step *step = &plan.steps[i];

		used += (size_t)snprintf(
			found + used, sizeof(found) - used, "%s %s", words[step->what], step->name);
		if (step->to)
			used += (size_t)snprintf(found + used, sizeof(found) - used, " %s",
				strchr(step->to, ' ') ? "WHY" : step->to);
		used += (size_t)snprintf(found + used, sizeof(found) - used, "; ");
	}
	if (strcmp(found, expected) != 0)
		fprintf(stderr, "%s: %s\n", names, found);
	CHECK(strcmp(found, expected) == 0);
	mending_release(&plan);
	mending_release(&plan);
}

/* All that there is may be done with, or nobody knows what it is of. */
static void
nothing(void)
{
	plans("", "");
	plans("m s.gz S:1 S:m S:s", "");
	plans("s.part S:1 S:s", "");
	plans("s.part s.gz m S:1 S:2 S:s", "");
	plans("s.part S:1 S:s S:m", "");
	plans("m.part s.part S:1 S:2", "");
	plans("m.part s.part S:1", "");
	plans("m.part s.part", "");
	plans("m s.gz p S:m", "remove p; ");
	plans("p", "remove p; ");
}

/* Its run was ended when the manifest was stored: first that becomes final, then the signatures do. */
static void
complete(void)
{
	plans("m.part s.part S:1 S:s S:m",
		"if-ended s.part; if-stored m.part S:m; rename m.part m; compress s.part s.gz; ");
	plans("m.part s.part m m.gpg s.gz s.gpg S:m.gpg",
		"if-ended s.part; if-stored m.part S:m.gpg; remove m.gpg; rename m.part m; remove s.gz; remove s.gpg; compress s.part s.gz; ");
	plans("m s.part S:m", "if-ended s.part; compress s.part s.gz; ");
	plans("m.part s.part p1 p2 S:m",
		"check-proof p1 m.part; check-proof p2 m.part; if-ended s.part; if-stored m.part S:m; rename m.part m; remove p1; remove p2; compress s.part s.gz; ");
	/* signatures are final already, in whatever form */
	plans("m.part s.gz S:m", "if-stored m.part S:m; rename m.part m; ");
	plans("m.p s.p S:m", "if-ended s.p; if-stored m.p S:m; rename m.p m; compress s.p s.gz; ");
}

/* The manifest is not stored: the partial files are what the host goes on with. */
static void
not_complete(void)
{
	plans("m.part s.part m m.gpg s.gz S:1 S:2 S:s",
		"remove m WHY; remove m.gpg WHY; remove s.gz WHY; ");
	plans("m.part s.gz s.gpg S:1 S:2", "expand s.gz s.part; ");
	plans("m.p s.gz m S:1 S:2", "expand s.gz s.p; remove m WHY; ");
	plans("m.part s.part p S:1 S:2", "check-proof p m.part; ");
	/* with fewer than two volumes it begins the backup anew */
	plans("m.part s.part S:1 S:s", "give-up S:s WHY; ");
	plans("m.part s.part S:1 S:s S:2", "");
}

static void
no_memory(void)
{
	static const char *const calls[] = {"asprintf", "realloc"};
	struct mending_file files[FILES_MAX];
	char text[] = "m.part s.part m.gpg s.gz S:m";
	struct mending_plan plan = {0};
	size_t count = read_files(text, files), i;

	for (i = 0; i < 2; i++) {
		wrap_begin_two(calls[i], ENOMEM, calls[i], ENOMEM);
		FAILS(mending_plan(files, count, ".gz", &plan, &failure), STAGE_E_MEMORY);
		wrap_end();
		CHECK(!plan.steps && plan.count == 0);
	}
}

static const struct test tests[] = {
	{"nothing", nothing},
	{"complete", complete},
	{"not_complete", not_complete},
	{"no_memory", no_memory},
	{NULL, NULL},
};

const struct suite suite_mending = {"mending", tests};
