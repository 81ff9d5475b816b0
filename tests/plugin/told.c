/*
 * told - does a spool hear of what the disk could not take, when somebody else was told before?
 *
 * told ROOT BYTES: writes files of so much in ROOT, where there must be no room for them on the disk;
 * has a descriptor of somebody else be told so by fsync(2), as by sync(1); and then stages them: one
 * with a descriptor from before it was written, one without. Prints for each what the other was told,
 * and "sealed", or why not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dir.h"
#include "spool.h"

static struct stage_error failure;

static void
must(int code)
{
	if (code < 0) {
		fprintf(stderr, "told: %s\n", failure.message);
		exit(EXIT_FAILURE);
	}
}

static void
fill(int fd, unsigned long bytes)
{
	static const char piece[4096] = "something";

	for (; bytes >= sizeof(piece); bytes -= sizeof(piece))
		if (write(fd, piece, sizeof(piece)) != (ssize_t)sizeof(piece))
			exit(EXIT_FAILURE);
	close(fd);
}

static void
tell_another(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), times = 10;

	/* what cannot be written is told once, and there may be more of it */
	printf("fsync: %s: ", fsync(fd) < 0 ? strerror(errno) : "done");
	while (times-- > 0 && fsync(fd) < 0)
		;
	close(fd);
}

static void
stage(struct stage_dir *dir, struct stage_spool *spool, unsigned long bytes, int has_held)
{
	struct stage_spool_file *file;
	int fd, held;
	char *path;

	must(stage_dir_mkstemp(dir, &fd, &path, &failure));
	held = has_held ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	fill(fd, bytes);
	printf("%s: ", has_held ? "held" : "late");
	tell_another(path);
	must(stage_spool_accept(spool, dir, path, "name", "", &file, &failure));
	if (has_held)
		stage_spool_hold(file, held);
	puts(stage_spool_seal(spool, file, &failure) < 0 ? failure.message : "sealed");
	stage_spool_forget(spool, &file, NULL);
	free(path);
}

int
main(int argc, char **argv)
{
	static const struct stage_spool_about about = {"test://", ""};
	struct stage_spool *spool;
	struct stage_dir *dir;

	if (argc != 3)
		return EXIT_FAILURE;
	must(stage_dir_open(argv[1], NULL, &dir, &failure));
	must(stage_spool_open(dir, &about, true, NULL, &spool, &failure));
	stage(dir, spool, strtoul(argv[2], NULL, 10), 1);
	stage(dir, spool, strtoul(argv[2], NULL, 10), 0);
	stage_spool_close(&spool);
	stage_dir_cleanup(dir);
	stage_dir_close(&dir);
	return EXIT_SUCCESS;
}
