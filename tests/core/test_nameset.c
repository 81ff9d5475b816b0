#include "tests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "nameset.h"
#include "wrap.h"

#define MODEL 3000

static uint64_t state;

/* xorshift64: the same sequence in every run, so that a failure can be had again */
static size_t
random_below(size_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % limit);
}

/* The length and the look of a real name. */
static const char *
name_of(size_t i)
{
	static char name[64];

	snprintf(name, sizeof(name), "mkstemp-%013zx-%zu", i * 2654435761u, i);
	return name;
}

static void
empty_set(void)
{
	struct stage_nameset set = {0};
	size_t position = 0;

	CHECK(!stage_nameset_contains(&set, "a"));
	CHECK(!stage_nameset_remove(&set, "a"));
	CHECK(stage_nameset_next(&set, &position) == NULL);
	stage_nameset_release(&set);
	stage_nameset_release(&set);

	WORKS(stage_nameset_add(&set, "", &failure));
	CHECK(stage_nameset_contains(&set, "") && set.count == 1);
	CHECK(stage_nameset_remove(&set, ""));
	CHECK(set.count == 0 && !stage_nameset_contains(&set, ""));
	stage_nameset_release(&set);
	WORKS(stage_nameset_add(&set, "again", &failure));
	CHECK(set.count == 1);
	stage_nameset_release(&set);
	CHECK(set.count == 0 && set.capacity == 0 && set.slots == NULL);
}

static void
copies_names(void)
{
	struct stage_nameset set = {0};
	char name[] = "one";

	WORKS(stage_nameset_add(&set, name, &failure));
	name[0] = 'x';
	CHECK(stage_nameset_contains(&set, "one"));
	CHECK(!stage_nameset_contains(&set, "xne"));
	stage_nameset_release(&set);
}

static bool
agrees(const struct stage_nameset *set, const bool *model, size_t count)
{
	bool seen[MODEL] = {false};
	size_t i, position = 0, walked = 0;
	const char *name;

	if (set->count != count || (set->capacity & (set->capacity - 1)))
		return false;
	for (i = 0; i < MODEL; i++)
		if (stage_nameset_contains(set, name_of(i)) != model[i])
			return false;
	while ((name = stage_nameset_next(set, &position))) {
		const char *number = strrchr(name, '-');

		i = (size_t)strtoul(number + 1, NULL, 10);
		if (i >= MODEL || seen[i] || !model[i])
			return false;
		seen[i] = true;
		walked++;
	}
	return walked == count;
}

static void
against_model(void)
{
	struct stage_nameset set = {0};
	bool model[MODEL] = {false};
	size_t step, count = 0, wrong = 0, steps = scaled(200000);

	state = 88172645463325252u;
	for (step = 0; step < steps; step++) {
		size_t i = random_below(MODEL);
		/* phases that grow and phases that shrink */
		bool add = random_below(10) < ((step / (steps / 10 + 1)) % 2 ? 2 : 8);

		if (add && !model[i]) {
			wrong += stage_nameset_add(&set, name_of(i), NULL) != 0;
			model[i] = true;
			count++;
		} else if (!add) {
			wrong += stage_nameset_remove(&set, name_of(i)) != model[i];
			count -= model[i];
			model[i] = false;
		}
		if (step % (steps / 40 + 1) == 0)
			CHECK(agrees(&set, model, count));
	}
	CHECK(wrong == 0);
	CHECK(agrees(&set, model, count));
	stage_nameset_release(&set);
}

static void
shrinks(void)
{
	struct stage_nameset set = {0};
	size_t i, high;

	for (i = 0; i < 10000; i++)
		WORKS(stage_nameset_add(&set, name_of(i), &failure));
	high = set.capacity;
	CHECK(high <= 4 * 10000);
	for (i = 0; i < 10000; i++) {
		CHECK(stage_nameset_remove(&set, name_of(i)));
		CHECK(set.count == 9999 - i);
		CHECK(set.capacity <= 16 || set.capacity <= 4 * set.count + 4);
	}
	CHECK(set.capacity < high / 100);
	stage_nameset_release(&set);
}

static void
shuffle(size_t *order, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		order[i] = i;
	for (i = count; i > 1; i--) {
		size_t j = random_below(i), kept = order[i - 1];

		order[i - 1] = order[j];
		order[j] = kept;
	}
}

/* Seconds for count names to be added, then removed in random order. */
static double
time_for(size_t count, double *ret_bytes_each)
{
	struct stage_nameset set = {0};
	size_t *order = malloc(count * sizeof(*order)), i, names = 0, wrong = 0;
	clock_t started;

	REQUIRE(order != NULL);
	shuffle(order, count);
	wrap_count_bytes(true);
	started = clock();
	for (i = 0; i < count; i++) {
		const char *name = name_of(i);

		names += strlen(name);
		wrong += stage_nameset_add(&set, name, NULL) != 0;
	}
	*ret_bytes_each = ((double)wrap_live_bytes() - (double)names) / (double)count;
	for (i = 0; i < count; i++)
		wrong += !stage_nameset_remove(&set, name_of(order[i]));
	started = clock() - started;
	CHECK(wrong == 0 && set.count == 0);
	stage_nameset_release(&set);
	CHECK(wrap_live_bytes() == 0);
	wrap_count_bytes(false);
	free(order);
	return (double)started / CLOCKS_PER_SEC; /* of the CPU: others run, too */
}

/* A quadratic set would take 16 times as long for 4 times the names, and half an hour for the
 * million. */
static void
a_million_in_linear_time(void)
{
	size_t count = scaled(1000000);
	double quarter, whole, bytes_each;

	state = 362436069u;
	quarter = time_for(count / 4, &bytes_each);
	CHECK(bytes_each <= 64);
	whole = time_for(count, &bytes_each);
	CHECK(bytes_each <= 64);
	if (whole >= 10 * quarter + 0.1)
		fprintf(stderr, "\n%zu names: %.3f s, a quarter of them: %.3f s\n", count, whole,
			quarter);
	CHECK(whole < 10 * quarter + 0.1);
}

/* At every size, so also just after the table has doubled. */
static void
cost_of_a_name(void)
{
	struct stage_nameset set = {0};
	size_t i, names = 0, count = scaled(100000);
	double worst = 0;

	wrap_count_bytes(true);
	for (i = 0; i < count; i++) {
		const char *name = name_of(i);
		double each;

		names += strlen(name);
		CHECK(stage_nameset_add(&set, name, NULL) == 0);
		each = ((double)wrap_live_bytes() - (double)names) / (double)(i + 1);
		if (i > 100 && each > worst)
			worst = each;
	}
	CHECK(worst <= 64);
	for (i = 0; i < count; i++) {
		const char *name = name_of(i);

		names -= strlen(name);
		CHECK(stage_nameset_remove(&set, name));
		if (set.count > 100)
			CHECK(((double)wrap_live_bytes() - (double)names) / (double)set.count <=
				64);
	}
	stage_nameset_release(&set);
	CHECK(wrap_live_bytes() == 0);
	wrap_count_bytes(false);
}

/* Without memory the set is as it was, and a table that could not be made smaller does its work. */
static void
without_memory(void)
{
	struct stage_nameset set = {0};
	size_t i, refused = 0;

	for (i = 0; i < 200; i++) {
		int code;

		wrap_begin(1, ENOMEM, true);
		code = stage_nameset_add(&set, name_of(i), &failure);
		wrap_end();
		refused += code == STAGE_E_MEMORY;
		FAILS(code, STAGE_E_MEMORY);
		CHECK(set.count == i && !stage_nameset_contains(&set, name_of(i)));
		/* the table grows, but the name has no room */
		wrap_begin(2, ENOMEM, true);
		code = stage_nameset_add(&set, name_of(i), &failure);
		wrap_end();
		if (code < 0) {
			CHECK(set.count == i && !stage_nameset_contains(&set, name_of(i)));
			WORKS(stage_nameset_add(&set, name_of(i), &failure));
		}
	}
	CHECK(refused == 200);
	wrap_begin(1, ENOMEM, true);
	for (i = 0; i < 200; i++)
		refused -= stage_nameset_remove(&set, name_of(i));
	wrap_end();
	CHECK(refused == 0 && set.count == 0 && set.capacity > 200);
	WORKS(stage_nameset_add(&set, "one", &failure));
	CHECK(stage_nameset_remove(&set, "one"));
	stage_nameset_release(&set);
}

static const struct test tests[] = {
	{"empty_set", empty_set},
	{"copies_names", copies_names},
	{"against_model", against_model},
	{"shrinks", shrinks},
	{"a_million_in_linear_time", a_million_in_linear_time},
	{"cost_of_a_name", cost_of_a_name},
	{"without_memory", without_memory},
	{NULL, NULL},
};

const struct suite suite_nameset = {"nameset", tests};
