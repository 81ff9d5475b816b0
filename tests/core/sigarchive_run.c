#include "sigarchive_run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "gunzip.h"
#include "tests.h"

static void
put(unsigned char *field, const char *text, size_t size)
{
	if (text)
		memcpy(field, text, strlen(text) < size ? strlen(text) : size);
}

static void
put_number(unsigned char *field, size_t size, unsigned long number)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%0*lo", (int)size - 1, number);
	memcpy(field, digits, size);
}

static void
put_checksum(unsigned char *block)
{
	unsigned long sum = 0;
	size_t i;

	memset(block + 148, ' ', 8);
	for (i = 0; i < 512; i++)
		sum += block[i];
	put_number(block + 148, 7, sum);
}

void
tarfile_add(struct tarfile *tar, const struct tarmember *member)
{
	unsigned char *block = tar->bytes + tar->size;
	size_t size = member->content ? strlen(member->content) : 0;

	REQUIRE(tar->size + 1024 + size <= sizeof(tar->bytes));
	memset(block, 0, 512);
	put(block, member->name, 100);
	put_number(block + 100, 8, member->mode ? member->mode : 0644);
	put_number(block + 108, 8, member->uid);
	put_number(block + 116, 8, 7);
	put_number(block + 124, 12, member->size ? member->size : size);
	put_number(block + 136, 12, 1000);
	put(block + 136, member->mtime, 12);
	block[156] = (unsigned char)(member->type ? member->type : '0');
	put(block + 157, member->target, 100);
	put(block + 257, "ustar", 5);
	put(block + 265, member->user, 32);
	put(block + 345, member->prefix, 155);
	if (member->raw)
		memcpy(block + member->raw_at, member->raw, member->raw_size);
	put_checksum(block);
	tar->size += 512;
	if (size > 0) {
		memset(tar->bytes + tar->size, 0, (size + 511) / 512 * 512);
		memcpy(tar->bytes + tar->size, member->content, size);
		tar->size += (size + 511) / 512 * 512;
	}
}

void
tarfile_end(struct tarfile *tar)
{
	REQUIRE(tar->size + 1024 <= sizeof(tar->bytes));
	memset(tar->bytes + tar->size, 0, 1024);
	tar->size += 1024;
}

unsigned char *
tarfile_compress(const struct tarfile *tar, size_t *ret_size)
{
	z_stream stream = {0};
	unsigned char *bytes = malloc(tar->size + 1024);

	REQUIRE(bytes && deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	stream.next_in = (unsigned char *)(uintptr_t)tar->bytes;
	stream.avail_in = (uInt)tar->size;
	stream.next_out = bytes;
	stream.avail_out = (uInt)tar->size + 1024;
	REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
	*ret_size = stream.total_out;
	deflateEnd(&stream);
	return bytes;
}

struct stage_sigarchive *
open_bytes(const void *bytes, size_t size, bool ahead)
{
	const struct stage_readahead_options options = {.path = "sigtar", .ahead = ahead};
	struct stage_sigarchive *archive = NULL;
	struct stage_readahead *readahead = NULL;
	int fd;

	make_file_bytes(in_dir("sigtar"), bytes, size, 0600);
	fd = open(in_dir("sigtar"), O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0 && unlink(in_dir("sigtar")) == 0);
	WORKS(stage_gunzip_open(fd, &options, &readahead, &failure));
	WORKS(stage_sigarchive_open(readahead, "sigtar", &archive, &failure));
	return archive;
}

struct stage_sigarchive *
open_tarfile(const struct tarfile *tar, bool ahead)
{
	struct stage_sigarchive *archive;
	unsigned char *bytes;
	size_t size;

	bytes = tarfile_compress(tar, &size);
	archive = open_bytes(bytes, size, ahead);
	free(bytes);
	return archive;
}

void
check_next(struct stage_sigarchive *archive, const char *index, const char *content)
{
	const struct stage_sigarchive_entry *entry = NULL;
	char buffer[64];
	size_t count = 0;

	CHECK(stage_sigarchive_next(archive, &entry, &failure) == 1);
	REQUIRE(entry != NULL);
	CHECK(entry->entry.index_length == strlen(index));
	CHECK(memcmp(entry->entry.index, index, strlen(index)) == 0);
	if (!content)
		return;
	CHECK(entry->entry.size == strlen(content));
	WORKS(stage_sigarchive_read(archive, buffer, sizeof(buffer), &count, &failure));
	CHECK(count == strlen(content) && memcmp(buffer, content, count) == 0);
}
