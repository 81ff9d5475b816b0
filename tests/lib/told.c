#include "told.h"

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
told(const char *root, unsigned long bytes)
{
	static const struct stage_spool_about about = {"test://", ""};
	struct stage_spool *spool;
	struct stage_dir *dir;

	must(stage_dir_open(root, NULL, &dir, &failure));
	must(stage_spool_open(dir, &about, true, NULL, &spool, &failure));
	stage(dir, spool, bytes, 1);
	stage(dir, spool, bytes, 0);
	stage_spool_close(&spool);
	stage_dir_cleanup(dir);
	stage_dir_close(&dir);
	return EXIT_SUCCESS;
}
