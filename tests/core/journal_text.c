#include "journal_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "digest.h"
#include "naming.h"
#include "tests.h"

const struct stage_journal_about sample_about = {"sftp://host/a b", ""};

char *
file_of(size_t number)
{
	static char names[16][STAGE_FILE_NAME_MAX];
	static unsigned int next;
	char *name = names[next++ % 16];

	snprintf(name, sizeof(names[0]), "staged-abcdefghijklm-%zu", number);
	return name;
}

struct stage_journal_record
record_of(size_t number, const char *name, const char *note)
{
	struct stage_journal_record record = {.file = file_of(number),
		.sealed = 1700000000,
		.name = (char *)name,
		.note = (char *)note};

	record.digest.size = number * 1000;
	memset(record.digest.sha256, (int)number, sizeof(record.digest.sha256));
	return record;
}

bool
same_record(const struct stage_journal_record *a, const struct stage_journal_record *b)
{
	return strcmp(a->file, b->file) == 0 && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->note, b->note) == 0 && a->digest.size == b->digest.size &&
	       memcmp(a->digest.sha256, b->digest.sha256, STAGE_DIGEST_BYTES) == 0 &&
	       a->sealed == b->sealed;
}

int
open_dir(void)
{
	int fd = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	REQUIRE(fd >= 0);
	return fd;
}

void
add(struct bytes *bytes, const void *more, size_t size)
{
	if (bytes->size + size > bytes->room) {
		bytes->room = 2 * (bytes->size + size);
		bytes->text = realloc(bytes->text, bytes->room);
		REQUIRE(bytes->text != NULL);
	}
	memcpy(bytes->text + bytes->size, more, size);
	bytes->size += size;
}

struct bytes
slurp(void)
{
	struct bytes bytes = {0};
	char buffer[4096];
	ssize_t got;
	int fd = open(in_dir("journal"), O_RDONLY | O_CLOEXEC);

	REQUIRE(fd >= 0);
	while ((got = read(fd, buffer, sizeof(buffer))) > 0)
		add(&bytes, buffer, (size_t)got);
	close(fd);
	return bytes;
}

const struct stage_journal_record *
find(const struct stage_journal_content *content, const char *file)
{
	size_t i;

	for (i = 0; i < content->count; i++)
		if (strcmp(content->list[i].file, file) == 0)
			return &content->list[i];
	return NULL;
}
