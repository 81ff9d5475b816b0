/*
 * Any bytes as the volumes of a backup, with right checksums put into what may be headers. What is told of each path is within
 * what was read, nothing leads up, and contents are the same in whatever pieces they are read, or passed over.
 */
#include "difftar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tarheader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* All volumes in a row: each ends where the next one begins. */
struct volumes {
	const unsigned char *bytes;
	size_t size, at, end, step;
};

static int
read_volume(void *context, void *buffer, size_t size, size_t *ret_count, struct stage_error *error)
{
	struct volumes *volumes = context;
	size_t left = volumes->end - volumes->at, count = size < left ? size : left;

	(void)error;
	memcpy(buffer, volumes->bytes + volumes->at, count);
	volumes->at += count;
	*ret_count = count;
	return 0;
}

static int
skip_volume(void *context, uint64_t size, uint64_t *ret_count, struct stage_error *error)
{
	struct volumes *volumes = context;
	size_t left = volumes->end - volumes->at;

	(void)error;
	*ret_count = size < left ? size : left;
	volumes->at += (size_t)*ret_count;
	return 0;
}

static int
next_volume(void *context, struct stage_tarsource *ret_source, const char **ret_path,
	struct stage_error *error)
{
	struct volumes *volumes = context;

	(void)error;
	require(volumes->at == volumes->end, "a volume was not read to its end");
	if (volumes->at == volumes->size)
		return 0;
	volumes->end += volumes->step;
	if (volumes->end > volumes->size)
		volumes->end = volumes->size;
	*ret_source = (struct stage_tarsource){read_volume, skip_volume, volumes};
	*ret_path = "fuzz";
	return 1;
}

/* Adds bytes to a checksum, and so looks at each of them. */
static uLong
add(uLong sum, const void *bytes, size_t size)
{
	return size > 0 ? crc32(sum, bytes, (uInt)size) : sum;
}

static void
check_index(const struct stage_entry *entry)
{
	const char *at = entry->index, *end = entry->index + entry->index_length, *slash;

	for (; at <= end; at = slash + 1) {
		slash = at < end ? memchr(at, '/', (size_t)(end - at)) : NULL;
		if (!slash)
			slash = end;
		require(slash - at != 2 || memcmp(at, "..", 2) != 0, "it leads up");
	}
}

static uLong
add_entry(uLong sum, const struct stage_difftar_entry *entry)
{
	require(entry->entry.type <= STAGE_ENTRY_BLOCK, "a type that is none");
	require((entry->kind == STAGE_MEMBER_DELETED) == (entry->entry.type == STAGE_ENTRY_NONE),
		"deleted, or not");
	require(entry->entry.mtime >= 0, "before 1970");
	require(!entry->in_parts || entry->entry.type == STAGE_ENTRY_FILE, "in parts, and no file");
	check_index(&entry->entry);
	sum = add(sum, entry->entry.index, entry->entry.index_length);
	sum = add(sum, entry->entry.target, entry->entry.target_length);
	sum = add(sum, entry->user, entry->user_length);
	return add(sum, entry->group, entry->group_length);
}

/* Reads all, contents in pieces of so many bytes; 0: only the names. */
static uLong
read_all(const unsigned char *bytes, size_t size, size_t step, size_t piece, int *ret_code)
{
	struct volumes volumes = {.bytes = bytes, .size = size, .step = step};
	const struct stage_difftar_entry *entry;
	struct stage_difftar *difftar;
	struct stage_error error = {0};
	char buffer[4096];
	size_t count;
	uLong sum = 0;
	int code;

	require(stage_difftar_new(next_volume, &volumes, &difftar, NULL) == 0, "no memory");
	while ((code = stage_difftar_next(difftar, &entry, &error)) > 0) {
		sum = add_entry(sum, entry);
		if (piece == 1)
			require(stage_difftar_pass(difftar, &error) == 0 || error.code < 0,
				"passed");
		for (count = 1; piece > 1 && count > 0;) {
			if (stage_difftar_read(difftar, buffer, piece, &count, &error) < 0)
				count = 0;
			require(count <= piece, "more than was asked for");
			sum = piece > 2 ? add(sum, buffer, count) : sum;
		}
	}
	require(code == 0 || error.message[0], "a failure without a message");
	require(stage_difftar_next(difftar, &entry, NULL) == code, "it goes on behind its end");
	stage_difftar_free(&difftar);
	*ret_code = code;
	return sum;
}

/* Makes each block that is not all zeros a header of the right sum; of every fourth one no. */
static void
put_checksums(unsigned char *tar, size_t size)
{
	size_t at, i;
	unsigned int sum;

	for (at = 0; at + STAGE_TARHEADER_BLOCK <= size; at += STAGE_TARHEADER_BLOCK) {
		if (at / STAGE_TARHEADER_BLOCK % 4 == 3)
			continue;
		memset(tar + at + 148, ' ', 8);
		for (sum = 0, i = 0; i < STAGE_TARHEADER_BLOCK; i++)
			sum += tar[at + i];
		if (sum > 8 * ' ')
			snprintf((char *)tar + at + 148, 8, "%06o", sum);
		else
			memset(tar + at + 148, 0, 8);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = {STAGE_TARHEADER_BLOCK, 3 * STAGE_TARHEADER_BLOCK, 1 << 20};
	unsigned char *tar = malloc(size + 1);
	int code, other;
	uLong sum;
	size_t i;

	require(tar != NULL, "no memory");
	memcpy(tar, data, size);
	put_checksums(tar, size);
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		sum = read_all(tar, size, steps[i], 4096, &code);
		require(code < 0 || read_all(tar, size, steps[i], 7, &other) == sum, "they differ");
		sum = read_all(tar, size, steps[i], 0, &code);
		require(read_all(tar, size, steps[i], 1, &other) == sum && code == other,
			"they differ");
		require(read_all(tar, size, steps[i], 2, &other) == sum && code == other,
			"they differ");
	}
	free(tar);
	return 0;
}
