/* A staging directory that many threads use. */
#include "tests.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dir_run.h"

#define THREADS 6

#define NAMES_EACH 400

struct taker {
	struct stage_dir *dir;
	pthread_t thread;
	size_t wrong, count;
	char *paths[NAMES_EACH];
};

static void *
take_names(void *context)
{
	struct taker *taker = context;
	size_t i;
	int fd;

	for (i = 0; i < taker->count; i++) {
		if (i % 2) {
			taker->wrong += stage_dir_mktemp(taker->dir, &taker->paths[i], NULL) != 0;
		} else if (stage_dir_mkstemp(taker->dir, &fd, &taker->paths[i], NULL) == 0) {
			close(fd);
		} else {
			taker->wrong++;
		}
	}
	return NULL;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
names_are_unique(void)
{
	static struct taker takers[THREADS];
	struct stage_dir *dir = dir_open_logged();
	char *all[THREADS * NAMES_EACH];
	size_t i, j, total = 0;

	for (i = 0; i < THREADS; i++) {
		takers[i] = (struct taker){.dir = dir, .count = scaled(NAMES_EACH)};
		REQUIRE(pthread_create(&takers[i].thread, NULL, take_names, &takers[i]) == 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(takers[i].thread, NULL);
		CHECK(takers[i].wrong == 0);
		for (j = 0; j < takers[i].count; j++)
			all[total++] = takers[i].paths[j];
	}
	qsort(all, total, sizeof(*all), by_text);
	for (i = 1; i < total; i++)
		CHECK(strcmp(all[i - 1], all[i]) != 0);
	for (i = 0; i < total; i++) {
		WORKS(stage_dir_remove(dir, all[i], &failure));
		free(all[i]);
	}
	stage_dir_close(&dir);
}

/* Threads that do everything at once, until the directory is cleaned up under them. */
struct hammer {
	struct stage_dir *dir;
	pthread_t thread;
	int to;
	unsigned int number;
	atomic_size_t *rounds;
	size_t wrong;
};

static bool
expected(int code)
{
	return code == 0 || code == STAGE_E_CLOSED;
}

static void *
hammer_all(void *context)
{
	struct hammer *hammer = context;
	unsigned int i;

	for (i = 0;; i++) {
		char *path = NULL, *other = NULL, name[64];
		int fd, code;

		code = stage_dir_mkstemp(hammer->dir, &fd, &path, NULL);
		hammer->wrong += !expected(code);
		if (code < 0)
			break;
		hammer->wrong += fcntl(fd, F_GETFD) != FD_CLOEXEC;
		close(fd);
		hammer->wrong += !expected(stage_dir_mktemp(hammer->dir, &other, NULL));
		snprintf(name, sizeof(name), "moved-%u-%u", hammer->number, i);
		code = stage_dir_create(hammer->dir, path, &fd, NULL);
		hammer->wrong += !expected(code);
		if (code == 0)
			close(fd);
		hammer->wrong += !expected(stage_dir_check(hammer->dir, NULL));
		if (other)
			hammer->wrong += !expected(stage_dir_forget(hammer->dir, other, NULL));
		if (i % 2 == 0 && stage_dir_move(hammer->dir, path, hammer->to, name, NULL) == 0)
			unlinkat(hammer->to, name, 0);
		else if (i % 4 == 1)
			hammer->wrong += !expected(stage_dir_remove(hammer->dir, path, NULL));
		free(path);
		free(other);
		atomic_fetch_add(hammer->rounds, 1);
	}
	return NULL;
}

static void
hammered(void)
{
	struct hammer hammers[THREADS];
	atomic_size_t rounds = 0;
	size_t run, i;
	int to;

	make_dir(in_dir("to"), 0700);
	to = open(in_dir("to"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (run = 0; run < scaled(10); run++) {
		struct stage_dir *dir = dir_open_logged();

		atomic_store(&rounds, 0);
		for (i = 0; i < THREADS; i++) {
			hammers[i] = (struct hammer){
				.dir = dir, .to = to, .number = (unsigned int)i, .rounds = &rounds};
			REQUIRE(pthread_create(&hammers[i].thread, NULL, hammer_all, &hammers[i]) ==
				0);
		}
		while (atomic_load(&rounds) < scaled(400))
			usleep(100);
		CHECK(stage_dir_cleanup(dir) == 0);
		for (i = 0; i < THREADS; i++) {
			pthread_join(hammers[i].thread, NULL);
			CHECK(hammers[i].wrong == 0);
		}
		CHECK(captured.lines[STAGE_WARNING] == 0);
		stage_dir_close(&dir);
	}
	close(to);
	CHECK(rmdir(in_dir("to")) == 0);
}

/* Several threads clean up: one does it. */
static void *
clean_up(void *context)
{
	return (void *)(uintptr_t)stage_dir_cleanup(context);
}

static void
cleaned_up_by_many(void)
{
	pthread_t threads[THREADS];
	struct stage_dir *dir = dir_open_logged();
	size_t i, left = 0;
	char *path = NULL;

	for (i = 0; i < 100; i++)
		free(dir_new_file(dir, 0));
	path = strdup(join(stage_dir_path(dir), "stranger"));
	REQUIRE(path != NULL);
	make_file(path, "", 0600);
	for (i = 0; i < THREADS; i++)
		REQUIRE(pthread_create(&threads[i], NULL, clean_up, dir) == 0);
	for (i = 0; i < THREADS; i++) {
		void *result;

		pthread_join(threads[i], &result);
		left += (size_t)(uintptr_t)result;
	}
	CHECK(left == 2);
	stage_dir_close(&dir);
	unlink(path);
	*strrchr(path, '/') = '\0';
	CHECK(rmdir(path) == 0);
	free(path);
}

static const struct test tests[] = {
	{"names_are_unique", names_are_unique},
	{"hammered", hammered},
	{"cleaned_up_by_many", cleaned_up_by_many},
	{NULL, NULL},
};

const struct suite suite_dir_threads = {"dir_threads", tests};
