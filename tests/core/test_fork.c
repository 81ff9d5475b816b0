/* A child has the memory and the descriptors of its parent, and must not touch its files. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 3

struct family {
	struct stage_dir *dir;
	char *path;
};

/* Everything that can be called, in a child; 0, or the number of the call that did the wrong thing.
 */
static int
child_calls_all(void *context)
{
	struct family *family = context;
	char *path = NULL;
	int fd;

	if (stage_dir_mktemp(family->dir, &path, &failure) != STAGE_E_FORKED)
		return 1;
	if (!strstr(failure.message, "not to its child"))
		return 2;
	if (stage_dir_mkstemp(family->dir, &fd, &path, NULL) != STAGE_E_FORKED)
		return 3;
	if (stage_dir_create(family->dir, family->path, &fd, NULL) != STAGE_E_FORKED)
		return 4;
	if (stage_dir_forget(family->dir, family->path, NULL) != STAGE_E_FORKED)
		return 5;
	if (stage_dir_root(family->dir, &fd, &path, NULL) != STAGE_E_FORKED)
		return 6;
	if (stage_dir_move(family->dir, family->path, AT_FDCWD, "x", NULL) != STAGE_E_FORKED)
		return 7;
	if (stage_dir_remove(family->dir, family->path, NULL) != STAGE_E_FORKED)
		return 12;
	if (stage_dir_check(family->dir, NULL) != STAGE_E_FORKED)
		return 13;
	if (!stage_dir_path(family->dir))
		return 9;
	if (stage_dir_cleanup(family->dir) != 0)
		return 10;
	stage_dir_close(&family->dir);
	return family->dir ? 11 : 0;
}

static void
child(void)
{
	struct family family = {0};
	int fd, i;

	WORKS(stage_dir_open(test_dir, &capture()->log, &family.dir, &failure));
	WORKS(stage_dir_mkstemp(family.dir, &fd, &family.path, &failure));
	close(fd);
	for (i = 0; i < 3; i++) {
		CHECK(in_child(child_calls_all, &family, -1) == 0);
		CHECK(is_there(family.path));
	}
	/* the child's close has not given up the parent's lock */
	fd = open(stage_dir_path(family.dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK);
	close(fd);
	CHECK(stage_dir_cleanup(family.dir) == 0);
	CHECK(captured.lines[STAGE_WARNING] == 0);
	stage_dir_close(&family.dir);
	free(family.path);
}

static int
child_closes(void *context)
{
	struct family *family = context;
	int before = count_fds();

	stage_dir_close(&family->dir);
	return before - count_fds();
}

static void
child_closes_descriptors(void)
{
	struct family family = {0};

	WORKS(stage_dir_open(test_dir, NULL, &family.dir, &failure));
	CHECK(in_child(child_closes, &family, -1) == 2);
	CHECK(count_entries(test_dir) == 1);
	stage_dir_close(&family.dir);
}

/* After cleanup, in the parent */
static int
child_of_closed(void *context)
{
	struct family *family = context;
	char *path;

	if (stage_dir_mktemp(family->dir, &path, NULL) != STAGE_E_FORKED)
		return 1;
	if (stage_dir_path(family->dir) || stage_dir_cleanup(family->dir))
		return 2;
	stage_dir_close(&family->dir);
	return 0;
}

static void
after_cleanup(void)
{
	struct family family = {0};

	WORKS(stage_dir_open(test_dir, NULL, &family.dir, &failure));
	stage_dir_cleanup(family.dir);
	CHECK(in_child(child_of_closed, &family, -1) == 0);
	stage_dir_close(&family.dir);
}

/* A child may have a staging directory of its own. */
static int
child_has_its_own(void *context)
{
	struct family *family = context;
	struct stage_dir *own;
	char *path;
	int fd;

	if (stage_dir_open(test_dir, NULL, &own, NULL) < 0)
		return 1;
	if (stage_dir_mkstemp(own, &fd, &path, NULL) < 0)
		return 2;
	if (strcmp(stage_dir_path(own), stage_dir_path(family->dir)) == 0)
		return 3;
	close(fd);
	free(path);
	if (stage_dir_cleanup(own) != 0)
		return 4;
	stage_dir_close(&own);
	return 0;
}

static void
own_directory(void)
{
	struct family family = {0};

	WORKS(stage_dir_open(test_dir, NULL, &family.dir, &failure));
	CHECK(in_child(child_has_its_own, &family, -1) == 0);
	CHECK(count_entries(test_dir) == 1);
	stage_dir_close(&family.dir);
}

struct hammer {
	struct stage_dir *dir;
	pthread_t thread;
	atomic_bool *stop;
	size_t wrong;
};

static void *
hammer_names(void *context)
{
	struct hammer *hammer = context;
	char *paths[64] = {NULL};
	size_t i = 0, j;

	/* so many at a time that the table grows and shrinks */
	while (!atomic_load(hammer->stop)) {
		for (i = 0; i < 64; i++)
			hammer->wrong += stage_dir_mktemp(hammer->dir, &paths[i], NULL) != 0;
		for (j = 0; j < 64; j++) {
			hammer->wrong += stage_dir_forget(hammer->dir, paths[j], NULL) != 0;
			free(paths[j]);
		}
	}
	return NULL;
}

/* At whatever moment the fork comes - a lock held, a table half moved - the child can call
 * everything. */
static void
while_hammered(void)
{
	struct hammer hammers[THREADS];
	struct family family = {0};
	atomic_bool stop = false;
	size_t i, forks = scaled(300);
	int fd, result = 0;

	WORKS(stage_dir_open(test_dir, NULL, &family.dir, &failure));
	WORKS(stage_dir_mkstemp(family.dir, &fd, &family.path, &failure));
	close(fd);
	for (i = 0; i < THREADS; i++) {
		hammers[i] = (struct hammer){.dir = family.dir, .stop = &stop};
		REQUIRE(pthread_create(&hammers[i].thread, NULL, hammer_names, &hammers[i]) == 0);
	}
	for (i = 0; i < forks && result == 0; i++)
		result = in_child(child_calls_all, &family, -1);
	CHECK(result == 0);
	if (result)
		fprintf(stderr, "\nwhile_hammered: %d in fork %zu\n", result, i);
	atomic_store(&stop, true);
	for (i = 0; i < THREADS; i++) {
		pthread_join(hammers[i].thread, NULL);
		CHECK(hammers[i].wrong == 0);
	}
	CHECK(is_there(family.path));
	CHECK(stage_dir_cleanup(family.dir) == 0);
	stage_dir_close(&family.dir);
	free(family.path);
}

static const struct test tests[] = {
	{"child", child},
	{"child_closes_descriptors", child_closes_descriptors},
	{"after_cleanup", after_cleanup},
	{"own_directory", own_directory},
	{"while_hammered", while_hammered},
	{NULL, NULL},
};

const struct suite suite_fork = {"fork", tests};
