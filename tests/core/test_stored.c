/* Which staged volumes may go behind those that storage has. */
#include "tests.h"

#include "duplicity/stored.h"
#include "wrap.h"

static struct stored stored;

static void
has(const char *backup, unsigned long volume, bool is_certain)
{
	WORKS(stored_add(&stored, backup, volume, is_certain, &failure));
}

static enum stored_verdict
judge(unsigned long volume)
{
	return stored_judge(&stored, "full", volume);
}

static void
nothing_there(void)
{
	has("other", 1, true);
	has("other", 2, true);
	CHECK(judge(1) == STORED_NEXT);
	CHECK(judge(2) == STORED_GAP);
	stored_release(&stored);
}

/* The last one may be there in part: it is stored again, and none is put behind it. */
static void
not_confirmed(void)
{
	has("full", 2, false);
	has("full", 1, true);
	has("full", 3, false);
	CHECK(judge(1) == STORED_THERE);
	CHECK(judge(2) == STORED_THERE);
	CHECK(judge(3) == STORED_NEXT);
	CHECK(judge(4) == STORED_GAP);
	CHECK(judge(5) == STORED_GAP);
	stored_release(&stored);
}

static void
confirmed(void)
{
	has("full", 1, false);
	has("full", 2, false);
	has("full", 2, true); /* it was listed, and confirmed */
	has("full", 2, false);
	CHECK(judge(2) == STORED_NEXT);
	CHECK(judge(3) == STORED_NEXT);
	CHECK(judge(4) == STORED_GAP);
	has("full", 3, true);
	CHECK(judge(3) == STORED_NEXT);
	CHECK(judge(4) == STORED_NEXT);
	stored_release(&stored);
}

/* One that is missing in the midst does no harm where it is. */
static void
with_a_gap(void)
{
	has("full", 1, true);
	has("full", 3, true);
	CHECK(judge(1) == STORED_THERE);
	CHECK(judge(2) == STORED_NEXT);
	CHECK(judge(4) == STORED_NEXT);
	stored_release(&stored);
}

/* With two volumes, which two that are the same are not. */
static void
goes_on(void)
{
	CHECK(!stored_goes_on(&stored, "full"));
	has("other", 2, true);
	has("full", 1, false);
	has("other", 3, true);
	has("full", 1, true);
	CHECK(!stored_goes_on(&stored, "full"));
	CHECK(stored_goes_on(&stored, "other"));
	has("full", 7, false);
	CHECK(stored_goes_on(&stored, "full"));
	stored_release(&stored);
}

static void
no_memory(void)
{
	static const char *const calls[] = {"strdup", "realloc"};
	size_t i;

	for (i = 0; i < 2; i++) {
		wrap_begin_two(calls[i], ENOMEM, calls[i], ENOMEM);
		FAILS(stored_add(&stored, "full", 1, true, &failure), STAGE_E_MEMORY);
		wrap_end();
		CHECK(judge(2) == STORED_GAP);
	}
	stored_release(&stored);
}

static const struct test tests[] = {
	{"nothing_there", nothing_there},
	{"not_confirmed", not_confirmed},
	{"confirmed", confirmed},
	{"with_a_gap", with_a_gap},
	{"goes_on", goes_on},
	{"no_memory", no_memory},
	{NULL, NULL},
};

const struct suite suite_stored = {"stored", tests};
