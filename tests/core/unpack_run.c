#include "unpack_run.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const struct stage_unpack_options unpack_plain = {.mask = 022};

static int base = -1, before;

struct stage_unpack *
unpack_begin_at(int base_fd, const struct stage_unpack_options *options)
{
	struct stage_unpack *unpack = NULL;

	base = base_fd;
	before = count_fds() - 1;
	WORKS(stage_unpack_open(base, options, &unpack, &failure));
	REQUIRE(unpack != NULL);
	return unpack;
}

struct stage_unpack *
unpack_begin(const char *name, const struct stage_unpack_options *options)
{
	int fd;

	make_dir(in_dir(name), 0700);
	fd = open(in_dir(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(fd >= 0);
	return unpack_begin_at(fd, options);
}

static void
add(struct stage_unpack *unpack, const char *index, enum stage_entry_type type, int mode, int mtime,
	size_t size)
{
	struct stage_entry entry = {.index = index,
		.index_length = strlen(index),
		.type = type,
		.mode = mode,
		.mtime = mtime,
		.size = size,
		.uid = 1234,
		.gid = 4321,
		.target = type == STAGE_ENTRY_LINK ? UNPACK_TARGET : NULL,
		.target_length = type == STAGE_ENTRY_LINK ? strlen(UNPACK_TARGET) : 0,
		.dev_major = 1,
		.dev_minor = 3};

	WORKS(stage_unpack_add(unpack, &entry, &failure));
}

void
unpack_add(struct stage_unpack *unpack, const char *index, enum stage_entry_type type, int mode,
	int mtime)
{
	add(unpack, index, type, mode, mtime, 0);
}

void
unpack_start_file(struct stage_unpack *unpack, const char *index, int mode, int mtime)
{
	add(unpack, index, STAGE_ENTRY_FILE, mode, mtime, 0);
}

void
unpack_file(struct stage_unpack *unpack, const char *index, const char *text, int mode, int mtime)
{
	struct stage_entry entry = {.index = index, .index_length = strlen(index)};

	unpack_start_file(unpack, index, mode, mtime);
	if (stage_unpack_is_lost(unpack, &entry))
		return;
	CHECK(stage_unpack_write(unpack, text, strlen(text), &failure) >= 0);
	WORKS(stage_unpack_end(unpack, true, &failure));
}

void
unpack_bytes(struct stage_unpack *unpack, const char *index, const unsigned char *bytes,
	size_t size, size_t piece)
{
	size_t done, now;

	add(unpack, index, STAGE_ENTRY_FILE, 0644, 5, size);
	for (done = 0; done < size; done += now) {
		now = size - done < piece ? size - done : piece;
		if (stage_unpack_write(unpack, bytes + done, now, &failure) != 0)
			break;
	}
	WORKS(stage_unpack_end(unpack, true, &failure));
}

void
unpack_fails(
	struct stage_unpack *unpack, enum stage_unpack_call call, int sys_errno, const char *index)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	struct stage_unpack_failed failed = {0};
	int i;

	for (i = 0; i < 10000 && !stage_unpack_failure(unpack, &failed); i++)
		nanosleep(&moment, NULL);
	REQUIRE(failed.entry != NULL);
	CHECK(failed.call == call);
	CHECK(failed.sys_errno == sys_errno);
	CHECK(strcmp(failed.entry->index, index) == 0);
}

int
unpack_end(struct stage_unpack *unpack)
{
	struct stage_unpack_failed failed;
	int count = 0;

	WORKS(stage_unpack_finish(unpack, true, &failure));
	while (stage_unpack_failure(unpack, &failed)) {
		if (count++ < 3)
			fprintf(stderr, "\nof %s call %d failed: %s\n", failed.entry->index,
				(int)failed.call, strerror(failed.sys_errno));
	}
	stage_unpack_close(&unpack);
	CHECK(unpack == NULL);
	unpack_closed();
	return count;
}

void
unpack_closed(void)
{
	CHECK(close(base) == 0);
	CHECK(count_fds() == before);
}

bool
unpack_has_bytes(const char *path, const unsigned char *bytes, size_t size)
{
	unsigned char *found = malloc(size + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t used = 0;
	ssize_t got = 0;

	while (found && fd >= 0 && used <= size &&
		(got = read(fd, found + used, size + 1 - used)) > 0)
		used += (size_t)got;
	got = found && fd >= 0 && got == 0 && used == size && memcmp(found, bytes, size) == 0;
	free(found);
	if (fd >= 0)
		close(fd);
	return got != 0;
}

bool
unpack_has(const char *path, const char *text)
{
	return unpack_has_bytes(path, (const unsigned char *)text, strlen(text));
}

void
unpack_mode(const char *path, mode_t mode)
{
	struct stat stat;

	REQUIRE(lstat(path, &stat) == 0);
	CHECK((stat.st_mode & 07777) == mode);
}
