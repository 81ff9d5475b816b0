/*
 * The volumes of the backup, at each line of the manifest, are a stack: a record of volume 3 has done with
 * what was told of volume 3 and of later ones before. So the numbers in it only grow.
 *
 * A last line without a newline is no line yet. It is read again when there is more.
 */
#include "duplicity/manifestindex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filesystem.h"
#include "regular.h"

#include "duplicity/manifestline.h"

/* Of a line so much is looked at: what is longer is a path, and paths are of no interest. */
#define LINE_BYTES 256

#define BLOCK_BYTES 16384

struct manifestindex_volume {
	unsigned long number;
	size_t type; /* of the hash, MANIFESTLINE_TYPES if there is none */
	char hash[MANIFESTLINE_HASH_MAX];
};

void
manifestindex_release(struct manifestindex *index)
{
	const enum manifestindex_kind kind = index->kind;

	free(index->path);
	free(index->list);
	*index = (struct manifestindex){.kind = kind};
}

/* "Volume 3:" begins a record. STAGE_E_DAMAGED: no manifest has such a line; STAGE_E_MEMORY. */
static int
take_header(struct manifestindex *index, struct manifestline_text number)
{
	struct manifestindex_volume *longer;
	unsigned long volume;
	size_t digits = manifestline_number(number, &volume), room;

	if (digits == 0 || digits == number.length || number.start[digits] != ':')
		return STAGE_E_DAMAGED;
	if (index->kind == MANIFESTINDEX_LAST)
		index->count = 0;
	while (index->count && index->list[index->count - 1].number >= volume)
		index->count--;
	if (index->count == index->room) {
		room = index->room ? 2 * index->room : 16;
		longer = reallocarray(index->list, room, sizeof(*longer));
		if (!longer)
			return STAGE_E_MEMORY;
		index->list = longer;
		index->room = room;
	}
	index->list[index->count++] =
		(struct manifestindex_volume){.number = volume, .type = MANIFESTLINE_TYPES};
	index->files = -1;
	return 0;
}

/* "Filelist 12" stands above so many lines, one for each changed file. */
static void
take_list(struct manifestindex *index, struct manifestline_text number)
{
	unsigned long files;

	index->files = manifestline_number(number, &files) ? (long)files : -1;
}

/* "Hash SHA1 5b0c..." of the volume whose record this is. Of one type the last one counts. */
static void
take_hash(struct manifestindex *index, struct manifestline_text line)
{
	struct manifestindex_volume *volume = &index->list[index->count - 1];
	char hash[MANIFESTLINE_HASH_MAX];
	size_t type = manifestline_hash(&line, hash);

	if (type == MANIFESTLINE_TYPES || type > volume->type)
		return;
	volume->type = type;
	memcpy(volume->hash, hash, sizeof(hash));
}

/* Takes a line, without its newline. Codes as of take_header(). */
static int
take_line(struct manifestindex *index, struct manifestline_text line)
{
	bool indented = manifestline_is_indented(line);
	struct manifestline_text name = manifestline_word(&line);

	if (manifestline_is(name, "Volume") && !indented)
		return take_header(index, manifestline_word(&line));
	if (manifestline_is(name, "Filelist") && !indented)
		take_list(index, manifestline_word(&line));
	else if (index->files >= 0)
		index->files--;
	else if (index->count && manifestline_is(name, "Hash"))
		take_hash(index, line);
	return 0;
}

/* Returns the bytes that were read, less only at the end of the file; -1 with errno. */
static ssize_t
read_block(int fd, char *block, size_t size, uint64_t offset)
{
	ssize_t got;

	do
		got = pread(fd, block, size, (off_t)offset);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Keeps the last bytes before offset. */
static int
keep_tail(struct manifestindex *index, int fd)
{
	ssize_t got;

	index->tail_length =
		index->offset < sizeof(index->tail) ? (size_t)index->offset : sizeof(index->tail);
	got = read_block(fd, index->tail, index->tail_length, index->offset - index->tail_length);
	if (got < 0)
		return STAGE_E_SYSTEM;
	if ((size_t)got <
		index->tail_length) /* it has become shorter: what it is next is not known */
		index->stat = (struct stat){0};
	return 0;
}

/* The beginning of the line that is read, which may be in several blocks. */
struct line {
	char text[LINE_BYTES];
	size_t length; /* of the beginning */
	uint64_t bytes;
};

/* Takes the lines that end in a block. */
static int
take_block(struct manifestindex *index, struct line *line, const char *block, size_t length)
{
	size_t i;
	int code;

	for (i = 0; i < length; i++) {
		line->bytes++;
		if (block[i] != '\n') {
			if (line->length < sizeof(line->text))
				line->text[line->length++] = block[i];
			continue;
		}
		code = take_line(index, (struct manifestline_text){line->text, line->length});
		if (code < 0)
			return code;
		index->offset += line->bytes;
		line->length = 0;
		line->bytes = 0;
	}
	return 0;
}

/* Reads on from offset, up to the size that the file had. STAGE_E_SYSTEM with errno; others of take_header(). */
static int
read_on(struct manifestindex *index, int fd)
{
	char block[BLOCK_BYTES];
	const uint64_t size = (uint64_t)index->stat.st_size;
	uint64_t at = index->offset;
	struct line line = {.length = 0};
	int code = 0;

	while (code == 0 && at < size) {
		size_t wanted = size - at < sizeof(block) ? (size_t)(size - at) : sizeof(block);
		ssize_t got = read_block(fd, block, wanted, at);

		if (got < 0)
			return STAGE_E_SYSTEM;
		if (got == 0)
			break; /* it has become shorter */
		code = take_block(index, &line, block, (size_t)got);
		at += (uint64_t)got;
	}
	index->torn = at > index->offset;
	return code == 0 ? keep_tail(index, fd) : code;
}

/* May what is known stay, as the file is the same, or has only grown? */
static bool
is_known(const struct manifestindex *index, const char *path, int fd, const struct stat *stat)
{
	char tail[MANIFESTINDEX_TAIL];

	if (!index->path || strcmp(index->path, path) != 0 || index->stat.st_dev != stat->st_dev ||
		index->stat.st_ino != stat->st_ino || stat->st_size < index->stat.st_size)
		return false;
	if (stat->st_size == index->stat.st_size)
		return stage_filesystem_same_times(&index->stat, stat);
	return read_block(fd, tail, index->tail_length, index->offset - index->tail_length) ==
		       (ssize_t)index->tail_length &&
	       memcmp(tail, index->tail, index->tail_length) == 0;
}

/* Begins anew, with the file at path. */
static int
begin(struct manifestindex *index, const char *path, struct stage_error *error)
{
	manifestindex_release(index);
	index->files = -1;
	index->path = strdup(path);
	return index->path ? 0
			   : stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for %s", path);
}

static int
fail_to_read(const char *path, int code, struct stage_error *error)
{
	if (code == STAGE_E_DAMAGED)
		return stage_error_set(error, code, 0,
			"%s is not understood: no manifest of duplicity's is like that", path);
	if (code == STAGE_E_MEMORY)
		return stage_error_set(error, code, 0, "no memory for the volumes in %s", path);
	return stage_error_set(error, errno == ENOMEM ? STAGE_E_MEMORY : STAGE_E_SYSTEM, errno,
		"cannot read the partial manifest %s", path);
}

static int
open_manifest(const struct manifestindex *index, const char *path, int *ret_fd, struct stat *stat,
	struct stage_error *error)
{
	int code = stage_regular_open(AT_FDCWD, path, O_RDONLY, ret_fd, stat);

	if (code == STAGE_E_DAMAGED && errno != ELOOP)
		return stage_error_set(
			error, code, 0, "the partial manifest %s is not a regular file", path);
	if (code < 0)
		return fail_to_read(path, STAGE_E_SYSTEM, error);
	if (index->kind == MANIFESTINDEX_LAST || (uint64_t)stat->st_size <= MANIFESTINDEX_BYTES_MAX)
		return 0;
	close(*ret_fd);
	return stage_error_set(
		error, STAGE_E_DAMAGED, 0, "the partial manifest %s is too large", path);
}

int
manifestindex_read(struct manifestindex *index, const char *path, struct stage_error *error)
{
	struct stat stat;
	bool known;
	int code, fd = -1;

	code = open_manifest(index, path, &fd, &stat, error);
	if (code == 0) {
		known = is_known(index, path, fd, &stat);
		if (!known)
			code = begin(index, path, error);
		if (code == 0 && (!known || stat.st_size != index->stat.st_size)) {
			index->stat = stat;
			code = read_on(index, fd);
			if (code < 0)
				code = fail_to_read(path, code, error);
		}
		close(fd);
	}
	if (code < 0)
		manifestindex_release(index);
	return code;
}

const char *
manifestindex_hash(const struct manifestindex *index, unsigned long volume)
{
	size_t low = 0, high = index->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct manifestindex_volume *found = &index->list[middle];

		if (found->number == volume)
			return found->type == MANIFESTLINE_TYPES ? NULL : found->hash;
		if (found->number < volume)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

unsigned long
manifestindex_last(const struct manifestindex *index, const char **ret_hash)
{
	*ret_hash = "";
	if (!index->count)
		return 0;
	*ret_hash = index->list[index->count - 1].hash;
	return index->list[index->count - 1].number;
}

bool
manifestindex_is_complete(const struct manifestindex *index)
{
	return index->files == 0 && !index->torn;
}
