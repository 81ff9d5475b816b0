#include "spool_run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "journal.h"
#include "orphan.h"
#include "tests.h"

const struct stage_spool_about about = {"sftp://host/folder", "/home/user/.cache/duplicity/x"};

struct stage_dir *dir;
struct stage_spool *spool;
char spool_path[1024];

void
open_both(void)
{
	dir = NULL;
	spool = NULL;
	WORKS(stage_dir_open(test_dir, &capture()->log, &dir, &failure));
	REQUIRE(dir != NULL);
	WORKS(stage_spool_open(dir, &about, true, &captured.log, &spool, &failure));
	REQUIRE(spool != NULL);
	snprintf(spool_path, sizeof(spool_path), "%s", stage_spool_path(spool));
}

void
close_both(void)
{
	stage_spool_close(&spool);
	stage_dir_close(&dir);
}

char *
new_file(struct stage_dir *in, const char *content)
{
	char *path = NULL;
	int fd;

	if (stage_dir_mkstemp(in, &fd, &path, NULL) < 0)
		return NULL;
	if (write(fd, content, strlen(content)) != (ssize_t)strlen(content)) {
		free(path);
		path = NULL;
	}
	close(fd);
	return path;
}

struct stage_spool_file *
add_file(const char *name, const char *content, bool seal)
{
	struct stage_spool_file *file = NULL;
	char *path = new_file(dir, content);

	if (path && stage_spool_accept(spool, dir, path, name, "", &file, &failure) == 0 && seal &&
		stage_spool_seal(spool, file, &failure) < 0)
		file = NULL;
	free(path);
	return file;
}

struct stage_spool_file *
stage(const char *name, const char *content)
{
	struct stage_spool_file *file = add_file(name, content, true);

	REQUIRE(file != NULL);
	return file;
}

struct stage_spool_found *found;
size_t found_count;

void
find_all(void)
{
	stage_spool_find_free(&found, found_count);
	found_count = 0;
	WORKS(stage_spool_find(test_dir, &found, &found_count, &failure));
}

void
found_done(void)
{
	stage_spool_find_free(&found, found_count);
	found_count = 0;
}

void
reclaim_rest(void)
{
	struct stage_reclaimed total = {0};

	WORKS(stage_orphan_reclaim(test_dir, NULL, &total, &failure));
}

void
adopt(void)
{
	spool = NULL;
	WORKS(stage_spool_adopt(spool_path, true, &capture()->log, &spool, &failure));
	REQUIRE(spool != NULL);
}

size_t
count_files(void)
{
	const struct stage_spool_file *file;
	size_t count = 0;

	for (file = stage_spool_files(spool); file; file = file->next)
		count++;
	return count;
}

void
finish(void)
{
	struct stage_spool_file *file;

	while ((file = stage_spool_files(spool))) {
		WORKS(stage_spool_check(spool, file, &failure));
		WORKS(stage_spool_forget(spool, &file, &failure));
		CHECK(file == NULL);
	}
	stage_spool_close(&spool);
	CHECK(!is_there(spool_path));
}

char *
read_journal(size_t *size)
{
	int fd = open(join(spool_path, STAGE_JOURNAL_NAME), O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 65536);
	ssize_t got;

	REQUIRE(fd >= 0 && text != NULL);
	got = read(fd, text, 65535);
	close(fd);
	REQUIRE(got > 0);
	*size = (size_t)got;
	return text;
}
