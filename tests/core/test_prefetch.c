/* Volumes that are fetched ahead: which is next, what may be begun, what is held. */
#include "tests.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prefetch.h"

static struct stage_prefetch *prefetch;

/* Sets 0 and 1: "a1" to "a4", "b1" to "b3". */
static void
begin(size_t most)
{
	static const char *const names[] = {"a1", "a2", "a3", "a4", "b1", "b2", "b3"};
	size_t i;

	WORKS(stage_prefetch_new(most, &prefetch, &failure));
	for (i = 0; i < 7; i++)
		WORKS(stage_prefetch_announce(
			prefetch, names[i][0] == 'b' ? 17 : 4, names[i], &failure));
}

static void
end(void)
{
	stage_prefetch_free(&prefetch);
	CHECK(!prefetch);
	stage_prefetch_free(&prefetch);
}

/* The reader fetches a volume itself. */
static void
get(const char *name)
{
	char *path;

	stage_prefetch_hold(prefetch);
	CHECK(!stage_prefetch_take(prefetch, name, &path));
	WORKS(stage_prefetch_wait(prefetch, 0));
	stage_prefetch_got(prefetch, name, in_dir(name), 10);
	stage_prefetch_release(prefetch);
}

/* The next one is this, and is there. */
static void
fetch(const char *expected, uint64_t size)
{
	const char *name = "";

	WORKS(stage_prefetch_next(prefetch, &name));
	CHECK(strcmp(name, expected) == 0);
	CHECK(stage_prefetch_wait(prefetch, 0) == STAGE_E_AGAIN);
	WORKS(stage_prefetch_done(prefetch, in_dir(name), size, &failure));
	WORKS(stage_prefetch_wait(prefetch, 0));
}

static void
take(const char *name)
{
	char *path = NULL;

	CHECK(stage_prefetch_take(prefetch, name, &path));
	REQUIRE(path != NULL);
	CHECK(strcmp(path, in_dir(name)) == 0);
	free(path);
	CHECK(!stage_prefetch_take(prefetch, name, &path));
}

/* The first volume of each set, then that of the set that has the fewest ahead. */
static void
order(void)
{
	begin(7);
	get("a1");
	fetch("b1", 1);
	fetch("a2", 1);
	fetch("b2", 1);
	fetch("a3", 1);
	take("b1");
	take("b2");
	fetch("b3", 1);
	fetch("a4", 1);
	CHECK(stage_prefetch_ahead(prefetch) == 4);
	CHECK(stage_prefetch_next(prefetch, &(const char *){NULL}) == STAGE_E_CLOSED);
	end();
}

/* A name that was never announced, one whose turn has come, and calls without anything under way. */
static void
passed(void)
{
	begin(7);
	get("never");
	get("a1");
	get("a2");
	get("a1");
	stage_prefetch_failed(prefetch);
	stage_prefetch_put_back(prefetch);
	WORKS(stage_prefetch_done(prefetch, "/x", 1, &failure));
	stage_prefetch_release(prefetch);
	get("b1");
	fetch("a3", 1);
	end();
}

static void *
fetch_one(void *context)
{
	const char **ret_name = context;

	if (stage_prefetch_next(prefetch, ret_name) < 0)
		*ret_name = "none";
	return NULL;
}

/* The next one is not begun before change() was called, then it is this. */
static void
begun_after(void (*change)(void), const char *expected)
{
	const char *name = NULL;
	pthread_t thread;

	REQUIRE(pthread_create(&thread, NULL, fetch_one, &name) == 0);
	WORKS(stage_prefetch_wait(prefetch, 0.05)); /* nothing is under way */
	change();
	pthread_join(thread, NULL);
	CHECK(name && strcmp(name, expected) == 0);
}

static void
get_first(void)
{
	get("a1");
}

static void
get_failed(void)
{
	get("b1");
}

static void
take_one(void)
{
	take("b2");
}

static void
release_it(void)
{
	stage_prefetch_release(prefetch);
}

static void
stop_it(void)
{
	stage_prefetch_stop(prefetch);
}

static void
done_at(const char *name)
{
	WORKS(stage_prefetch_done(prefetch, in_dir(name), 1, &failure));
}

/* What has to wait: for the reader, behind a failure, without room, within the limit, while it is held. */
static void
waits(void)
{
	begin(2);
	begun_after(get_first, "b1");
	stage_prefetch_failed(prefetch);
	begun_after(get_failed, "a2");
	done_at("a2");
	fetch("b2", 1);
	begun_after(take_one, "b3");
	stage_prefetch_put_back(prefetch);
	CHECK(stage_prefetch_ahead(prefetch) == 1);
	stage_prefetch_hold(prefetch);
	take("a2");
	stage_prefetch_hold(prefetch);
	stage_prefetch_release(prefetch);
	begun_after(release_it, "a3");
	done_at("a3");
	fetch("b3", 1);
	begun_after(stop_it, "none");
	end();
}

/* The reader waits for what is under way, and then takes it. */
static void
under_way(void)
{
	const char *name;
	char *path;

	begin(1);
	get("a1");
	WORKS(stage_prefetch_next(prefetch, &name));
	stage_prefetch_hold(prefetch);
	CHECK(!stage_prefetch_take(prefetch, "b1", &path));
	CHECK(stage_prefetch_wait(prefetch, 0) == STAGE_E_AGAIN);
	done_at("b1");
	WORKS(stage_prefetch_wait(prefetch, 100));
	take("b1");
	stage_prefetch_release(prefetch);
	stage_prefetch_pause(prefetch);
	begun_after(stop_it, "none");
	end();
}

/* Bytes in a root: of what is there, and of what was taken, until it is removed. */
static void
held(void)
{
	char *longer;

	begin(7);
	make_file(in_dir("a1"), "", 0600);
	make_file(in_dir("b1"), "", 0600);
	get("a1");
	CHECK(stage_prefetch_largest(prefetch) == 10);
	fetch("b1", 100);
	fetch("a2", 1000);
	CHECK(stage_prefetch_largest(prefetch) == 1000);
	CHECK(stage_prefetch_held(prefetch, test_dir) == 1110);
	CHECK(stage_prefetch_held(prefetch, "/") == 1110);
	REQUIRE(asprintf(&longer, "%.*s", (int)strlen(test_dir) - 1, test_dir) > 0);
	CHECK(stage_prefetch_held(prefetch, longer) == 0);
	free(longer);
	unlink(in_dir("a1"));
	CHECK(stage_prefetch_held(prefetch, test_dir) == 1100);
	take("b1");
	CHECK(stage_prefetch_held(prefetch, test_dir) == 1100);
	unlink(in_dir("b1"));
	CHECK(stage_prefetch_held(prefetch, test_dir) == 1000);
	get("a1");
	CHECK(stage_prefetch_held(prefetch, test_dir) == 1000);
	end();
}

static void *
fetch_all(void *unused)
{
	const char *name;

	(void)unused;
	while (stage_prefetch_next(prefetch, &name) == 0)
		stage_prefetch_done(prefetch, name, 1, NULL);
	return NULL;
}

/* A thread fetches while the reader reads: each volume comes once, from one of both. */
static void
threads(void)
{
	const size_t count = scaled(4000);
	pthread_t thread;
	char name[32], *path;
	size_t i;

	WORKS(stage_prefetch_new(3, &prefetch, &failure));
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "v%zu", i);
		WORKS(stage_prefetch_announce(prefetch, i % 2, name, &failure));
	}
	REQUIRE(pthread_create(&thread, NULL, fetch_all, NULL) == 0);
	for (i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "v%zu", i);
		path = NULL;
		stage_prefetch_hold(prefetch);
		if (!stage_prefetch_take(prefetch, name, &path)) {
			while (stage_prefetch_wait(prefetch, 1) < 0)
				;
			if (!stage_prefetch_take(prefetch, name, &path))
				stage_prefetch_got(prefetch, name, name, 1);
		}
		stage_prefetch_release(prefetch);
		CHECK(!path || strcmp(path, name) == 0);
		free(path);
	}
	pthread_join(thread, NULL);
	CHECK(stage_prefetch_ahead(prefetch) == 0);
	end();
}

static const struct test tests[] = {
	{"order", order},
	{"passed", passed},
	{"waits", waits},
	{"under_way", under_way},
	{"held", held},
	{"threads", threads},
	{NULL, NULL},
};

const struct suite suite_prefetch = {"prefetch", tests};
