/*
 * Any bytes as an archive of signatures: as a gzip file as they are; and as a tar file, with right checksums put
 * into what may be headers, since random bytes hardly ever have them. What is told of each member is within what
 * was read, and the same with a thread and without.
 */
#include "sigarchive.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "gunzip.h"
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

/* Adds bytes to a checksum, and so looks at each of them. */
static uLong
add(uLong sum, const void *bytes, size_t size)
{
	return size > 0 ? crc32(sum, bytes, (uInt)size) : sum;
}

static uLong
add_entry(uLong sum, const struct stage_sigarchive_entry *entry)
{
	require(entry->entry.type <= STAGE_ENTRY_BLOCK, "a type that is none");
	require((entry->kind == STAGE_MEMBER_DELETED) == (entry->entry.type == STAGE_ENTRY_NONE),
		"deleted, or not");
	require(entry->kind == STAGE_MEMBER_DELETED || entry->entry.mtime >= 0, "before 1970");
	sum = add(sum, entry->entry.index, entry->entry.index_length);
	sum = add(sum, entry->entry.target, entry->entry.target_length);
	sum = add(sum, entry->user, entry->user_length);
	return add(sum, entry->group, entry->group_length);
}

/* Reads all of an archive; of every other member the content. */
static uLong
read_all(struct stage_sigarchive *archive, int *ret_code)
{
	const struct stage_sigarchive_entry *entry;
	struct stage_error error = {0};
	char buffer[700];
	size_t count, number = 0;
	uLong sum = 0;
	int code;

	while ((code = stage_sigarchive_next(archive, &entry, &error)) > 0) {
		sum = add_entry(sum, entry);
		if (number++ % 2 == 0 &&
			stage_sigarchive_read(archive, buffer, sizeof(buffer), &count, NULL) == 0)
			sum = add(sum, buffer, count);
	}
	require(code == 0 || error.message[0], "a failure without a message");
	require(stage_sigarchive_next(archive, &entry, NULL) == code, "it goes on behind its end");
	*ret_code = code;
	return sum;
}

static uLong
read_file(const uint8_t *data, size_t size, bool ahead, int *ret_code)
{
	const struct stage_readahead_options options = {.path = "fuzz", .ahead = ahead};
	struct stage_sigarchive *archive;
	struct stage_readahead *readahead;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	uLong sum;

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size, "no file");
	require(stage_gunzip_open(fd, &options, &readahead, NULL) == 0, "not opened");
	require(stage_sigarchive_open(readahead, "fuzz", &archive, NULL) == 0, "not opened");
	sum = read_all(archive, ret_code);
	stage_sigarchive_close(&archive);
	return sum;
}

static void
check(const uint8_t *data, size_t size)
{
	int code, other;
	uLong sum = read_file(data, size, false, &code);

	require(read_file(data, size, true, &other) == sum && code == other, "they differ");
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

static void
check_tar(const uint8_t *data, size_t size)
{
	size_t room = size + STAGE_TARHEADER_BLOCK;
	unsigned char *tar = calloc(1, room), *packed = malloc(room + 1024);
	z_stream stream = {0};

	require(tar && packed, "no memory");
	memcpy(tar, data, size);
	put_checksums(tar, size);
	require(deflateInit2(&stream, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK, "no zlib");
	stream.next_in = tar;
	stream.avail_in = (uInt)(size - size % STAGE_TARHEADER_BLOCK);
	stream.next_out = packed;
	stream.avail_out = (uInt)room + 1024;
	require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "not compressed");
	check(packed, stream.total_out);
	deflateEnd(&stream);
	free(packed);
	free(tar);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size);
	check_tar(data, size);
	return 0;
}
