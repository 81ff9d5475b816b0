#include "dir_run.h"

#include <unistd.h>

#include "tests.h"

struct stage_dir *
dir_open_logged(void)
{
	struct stage_dir *dir = NULL;

	WORKS(stage_dir_open(test_dir, &capture()->log, &dir, &failure));
	REQUIRE(dir != NULL);
	return dir;
}

/* A new file with so many bytes in it; the path is the caller's. */
char *
dir_new_file(struct stage_dir *dir, size_t bytes)
{
	char *path = NULL;
	int fd = -1;

	WORKS(stage_dir_mkstemp(dir, &fd, &path, &failure));
	REQUIRE(fd >= 0 && path != NULL);
	CHECK(ftruncate(fd, (off_t)bytes) == 0);
	CHECK(close(fd) == 0);
	return path;
}
