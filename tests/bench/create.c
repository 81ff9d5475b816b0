/*
 * create [DIRECTORY...] - what the tracked directory costs
 *
 * For each directory (default: the working directory, and /dev/shm where there is one): files a
 * second that are made, closed, removed and forgotten through stage_dir_mkstemp(), beside a bare
 * loop of openat, close and unlinkat in the same directory. Both take turns, a slice at a time,
 * so that what else the machine does hits both; the median of five rounds counts.
 *
 * Then the time in which a number of tracked names is forgotten in random order, and what a name
 * costs in memory beyond itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dir.h"

#define ROUNDS 5
#define FILES 20000
#define SLICE 500 /* files, FILES is a multiple of it */
#define WANTED 0.9

struct cost {
	double wall, cpu;
};

static struct stage_error error;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "create: %s: %s\n", what, *error.message ? error.message : strerror(errno));
	exit(EXIT_FAILURE);
}

static struct cost
now(void)
{
	struct timespec wall;
	struct rusage usage;

	clock_gettime(CLOCK_MONOTONIC, &wall);
	getrusage(RUSAGE_SELF, &usage);
	return (struct cost){(double)wall.tv_sec + (double)wall.tv_nsec / 1e9,
		(double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6};
}

static struct cost
since(struct cost start)
{
	struct cost end = now();

	return (struct cost){end.wall - start.wall, end.cpu - start.cpu};
}

static void
add(struct cost *total, struct cost more)
{
	total->wall += more.wall;
	total->cpu += more.cpu;
}

/* Names as long as ours, made before the clock starts. */
static char names[FILES][40];

static struct cost
bare(int fd, size_t first)
{
	struct cost start = now();
	size_t i;

	for (i = first; i < first + SLICE; i++) {
		int file = openat(
			fd, names[i], O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (file < 0 || close(file) < 0 || unlinkat(fd, names[i], 0) < 0)
			die(names[i]);
	}
	return since(start);
}

static struct cost
tracked(struct stage_dir *dir)
{
	struct cost start = now();
	size_t i;

	for (i = 0; i < SLICE; i++) {
		char *path;
		int file;

		if (stage_dir_mkstemp(dir, &file, &path, &error) < 0 || close(file) < 0 ||
			unlink(path) < 0 || stage_dir_forget(dir, path, &error) < 0)
			die("a tracked file");
		free(path);
	}
	return since(start);
}

/* The same with stage_dir_remove() in the place of unlink() and forget. */
static struct cost
removed(struct stage_dir *dir)
{
	struct cost start = now();
	size_t i;

	for (i = 0; i < SLICE; i++) {
		char *path;
		int file;

		if (stage_dir_mkstemp(dir, &file, &path, &error) < 0 || close(file) < 0 ||
			stage_dir_remove(dir, path, &error) < 0)
			die("a tracked file");
		free(path);
	}
	return since(start);
}

static int
by_wall(const void *a, const void *b)
{
	double x = ((const struct cost *)a)->wall, y = ((const struct cost *)b)->wall;

	return (x > y) - (x < y);
}

static struct cost
median(struct cost *rounds)
{
	qsort(rounds, ROUNDS, sizeof(*rounds), by_wall);
	return rounds[ROUNDS / 2];
}

static void
print(const char *what, struct cost cost, struct cost beside)
{
	printf("  %-26s %8.0f files/s  %6.2f us wall  %6.2f us CPU each  ratio %.2f%s\n", what,
		FILES / cost.wall, cost.wall / FILES * 1e6, cost.cpu / FILES * 1e6,
		beside.wall / cost.wall,
		beside.wall / cost.wall < WANTED ? " (0.90 is wanted)" : "");
}

static void
bench_files(const char *in)
{
	struct cost bares[ROUNDS], forgets[ROUNDS], removes[ROUNDS], beside;
	struct stage_dir *dir;
	size_t i, first;
	int fd;

	memset(bares, 0, sizeof(bares));
	memset(forgets, 0, sizeof(forgets));
	memset(removes, 0, sizeof(removes));
	for (i = 0; i < FILES; i++)
		snprintf(names[i], sizeof(names[i]), "mkstemp-abcdefghijklm-%zu", i + 1);
	if (stage_dir_open(in, NULL, &dir, &error) < 0)
		die(in);
	/* the same directory: in ext4 two that are made alike need not cost alike */
	fd = open(stage_dir_path(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(in);
	for (i = 0; i < ROUNDS; i++) {
		for (first = 0; first < FILES; first += SLICE) {
			add(&bares[i], bare(fd, first));
			add(&forgets[i], tracked(dir));
			add(&removes[i], removed(dir));
		}
	}
	stage_dir_close(&dir);
	close(fd);
	beside = median(bares);
	printf("%s\n", in);
	print("bare", beside, beside);
	print("mkstemp, unlink, forget", median(forgets), beside);
	print("mkstemp, remove", median(removes), beside);
}

static size_t
allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void
bench_names(const char *in, size_t count)
{
	char **paths = malloc(count * sizeof(*paths));
	size_t before, after, i, ours = 0, name_bytes = 0;
	struct cost start, made, forgotten;
	struct stage_dir *dir;

	if (!paths || stage_dir_open(in, NULL, &dir, &error) < 0)
		die(in);
	before = allocated();
	start = now();
	for (i = 0; i < count; i++)
		if (stage_dir_mktemp(dir, &paths[i], &error) < 0)
			die(in);
	made = since(start);
	after = allocated();
	for (i = 0; i < count; i++) {
		ours += malloc_usable_size(paths[i]) + sizeof(size_t);
		name_bytes += strlen(strrchr(paths[i], '/') + 1);
	}
	srandom(1);
	for (i = count; i > 1; i--) {
		size_t j = (size_t)random() % i;
		char *kept = paths[i - 1];

		paths[i - 1] = paths[j];
		paths[j] = kept;
	}
	start = now();
	for (i = 0; i < count; i++)
		if (stage_dir_forget(dir, paths[i], &error) < 0)
			die(in);
	forgotten = since(start);
	printf("%8zu names  made %.3f s, forgotten %.3f s wall %.3f s CPU, %.2f us each; %.1f bytes each beyond the name\n",
		count, made.wall, forgotten.wall, forgotten.cpu,
		forgotten.wall / (double)count * 1e6,
		((double)after - (double)before - (double)ours - (double)name_bytes) /
			(double)count);
	for (i = 0; i < count; i++)
		free(paths[i]);
	free(paths);
	stage_dir_close(&dir);
}

int
main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		bench_files(argv[i]);
	if (argc == 1) {
		char *here = getcwd(NULL, 0);

		if (!here)
			die("the working directory");
		bench_files(here);
		free(here);
		if (access("/dev/shm", W_OK) == 0)
			bench_files("/dev/shm");
	}
	bench_names(argc > 1 ? argv[1] : ".", 250000);
	bench_names(argc > 1 ? argv[1] : ".", 500000);
	bench_names(argc > 1 ? argv[1] : ".", 1000000);
	return EXIT_SUCCESS;
}
