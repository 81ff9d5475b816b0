#include "tests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "gunzip.h"
#include "gzip_run.h"
#include "wrap.h"

#define SIZE ((size_t)700000)

static unsigned char data[SIZE];
static unsigned char file[SIZE + 65536];
static size_t file_size;

static void
fill(void)
{
	size_t i;

	for (i = 0; i < SIZE; i++)
		data[i] = (unsigned char)((i * i >> 7) ^ (i >> 11));
	file_size = 0;
}

/* Adds a member of so many bytes to the file. */
static void
add_member(const unsigned char *from, size_t size)
{
	z_stream stream = {0};

	REQUIRE(deflateInit2(&stream, 1, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	stream.next_in = (unsigned char *)(uintptr_t)from;
	stream.avail_in = (uInt)size;
	stream.next_out = file + file_size;
	stream.avail_out = (uInt)(sizeof(file) - file_size);
	REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
	file_size += stream.total_out;
	deflateEnd(&stream);
}

static struct stage_readahead *
open_file(bool ahead)
{
	const struct stage_readahead_options options = {.path = "the file", .ahead = ahead};
	struct stage_readahead *readahead = NULL;
	int fd;

	make_file_bytes(in_dir("file"), file, file_size, 0600);
	fd = open(in_dir("file"), O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0 && unlink(in_dir("file")) == 0);
	WORKS(stage_gunzip_open(fd, &options, &readahead, &failure));
	return readahead;
}

/* Reads all of it, so many bytes at a time, and compares. */
static void
check_all(bool ahead, size_t piece)
{
	static unsigned char buffer[SIZE];
	struct stage_readahead *readahead = open_file(ahead);
	size_t done = 0, count = 1;

	while (count > 0) {
		WORKS(stage_readahead_read(readahead, buffer,
			piece < SIZE - done ? piece : SIZE - done + 1, &count, &failure));
		REQUIRE(done + count <= SIZE);
		CHECK(memcmp(buffer, data + done, count) == 0);
		done += count;
	}
	CHECK(done == SIZE);
	stage_readahead_close(&readahead);
	CHECK(readahead == NULL);
}

static void
members(void)
{
	int ahead;

	fill();
	add_member(data, 1);
	add_member(data + 1, 0);
	add_member(data + 1, 300000);
	memset(file + file_size, 0, 700); /* such padding is allowed */
	file_size += 700;
	add_member(data + 300001, SIZE - 300001);
	memset(file + file_size, 0, 5);
	file_size += 5;
	for (ahead = 0; ahead < 2; ahead++) {
		check_all(ahead, 512);
		check_all(ahead, 100001);
	}
}

static void
skips(void)
{
	struct stage_readahead *readahead;
	unsigned char byte;
	uint64_t skipped;
	size_t count;
	int ahead;

	fill();
	add_member(data, SIZE);
	for (ahead = 0; ahead < 2; ahead++) {
		readahead = open_file(ahead);
		WORKS(stage_readahead_skip(readahead, 400000, &skipped, &failure));
		CHECK(skipped == 400000);
		WORKS(stage_readahead_read(readahead, &byte, 1, &count, &failure));
		CHECK(count == 1 && byte == data[400000]);
		WORKS(stage_readahead_skip(readahead, UINT64_MAX, &skipped, &failure));
		CHECK(skipped == SIZE - 400001);
		stage_readahead_close(&readahead);
	}
}

/* One that nobody reads to its end ends all the same. */
static void
unread(void)
{
	struct stage_readahead *readahead;

	fill();
	add_member(data, SIZE);
	readahead = open_file(true);
	stage_readahead_close(&readahead);
	stage_readahead_close(&readahead);
}

static void
nothing(void)
{
	struct stage_readahead *readahead;
	unsigned char byte;
	size_t count = 1;

	fill();
	readahead = open_file(true);
	WORKS(stage_readahead_read(readahead, &byte, 1, &count, &failure));
	CHECK(count == 0);
	stage_readahead_close(&readahead);
}

/* Reads the file until it fails: how many bytes came before. */
static size_t
read_until_failure(bool ahead, const char *reason)
{
	struct stage_readahead *readahead = open_file(ahead);
	unsigned char byte;
	size_t count = 1, done = 0;
	int code;

	while ((code = stage_readahead_read(readahead, &byte, 1, &count, &failure)) == 0 &&
		count > 0)
		done++;
	CHECK(code == STAGE_E_DAMAGED);
	HAS(failure.message, "the file is damaged: ");
	HAS(failure.message, reason);
	FAILS(stage_readahead_read(readahead, &byte, 1, &count, &failure), STAGE_E_DAMAGED);
	stage_readahead_close(&readahead);
	return done;
}

static void
damage(void)
{
	int ahead;

	for (ahead = 0; ahead < 2; ahead++) {
		fill();
		add_member(data, SIZE);
		file_size -= 9;
		CHECK(read_until_failure(ahead, "it was cut") > SIZE - 65536);
		file_size += 9;
		file[file_size - 8] ^= 1;
		CHECK(read_until_failure(ahead, "incorrect data check") == SIZE);
		file[file_size - 8] ^= 1;
		memcpy(file + file_size, "junk", 4);
		file_size += 4;
		CHECK(read_until_failure(ahead, "incorrect header check") == SIZE);
		file[0] = 'x';
		CHECK(read_until_failure(ahead, "incorrect header check") == 0);
		file_size = 1;
		CHECK(read_until_failure(ahead, "it was cut") == 0);
	}
}

/* Reads a file of the directory as a whole: does it hold these bytes? How many come before an error. */
static size_t
read_large(const char *name, const unsigned char *expected, size_t size, int *ret_code)
{
	const struct stage_readahead_options options = {.path = name, .ahead = true};
	struct stage_readahead *readahead = NULL;
	static unsigned char buffer[100001];
	size_t done = 0, count = 1;
	int fd = open(in_dir(name), O_RDONLY | O_CLOEXEC);

	REQUIRE(fd >= 0);
	WORKS(stage_gunzip_open(fd, &options, &readahead, &failure));
	while ((*ret_code = stage_readahead_read(
			readahead, buffer, sizeof(buffer), &count, &failure)) == 0 &&
		count > 0) {
		REQUIRE(done + count <= size);
		CHECK(memcmp(buffer, expected + done, count) == 0);
		done += count;
	}
	stage_readahead_close(&readahead);
	return done;
}

/* A file of so many members that they are inflated as a whole; by zlib the same. */
static void
whole_members(void)
{
	const size_t size = 12 * BLOCK + 77;
	unsigned char *bytes = gzip_data(RANDOM, size);
	int code;

	memset(bytes + 3 * BLOCK, 0, BLOCK);
	gzip_compress("large", bytes, size, PIECE, NULL);
	wrap_tally_begin();
	CHECK(read_large("large", bytes, size, &code) == size && code == 0);
#ifdef HAVE_LIBDEFLATE
	/* once for each member; twice where the first bytes of it were there alone */
	CHECK(wrap_tally("libdeflate_gzip_decompress_ex") >= 13 &&
		wrap_tally("libdeflate_gzip_decompress_ex") <= 2 * 13);
	wrap_tally_end();
	wrap_begin_two("libdeflate_gzip_decompress_ex", EIO, "libdeflate_gzip_decompress_ex", EIO);
	CHECK(read_large("large", bytes, size, &code) == size && code == 0);
	CHECK(wrap_failed());
	wrap_end();
	wrap_begin_two(
		"libdeflate_alloc_decompressor", ENOMEM, "libdeflate_alloc_decompressor", ENOMEM);
	CHECK(read_large("large", bytes, size, &code) == size && code == 0);
	CHECK(wrap_failed());
	wrap_end();
#else
	wrap_tally_end();
#endif
	free(bytes);
	unlink(in_dir("large"));
}

/* Some of them too large for that, zeros between, and a last one that is cut or damaged. */
static void
large_members(void)
{
	const size_t size = 12 * BLOCK, begun = 9 * BLOCK;
	unsigned char *bytes = gzip_data(RANDOM, size), *content;
	size_t content_size, small;
	int code;

	gzip_compress("first", bytes, begun, PIECE, NULL);
	content = gzip_content("first", &content_size);
	small = content_size;
	content = realloc(content, content_size + 300 + sizeof(file));
	REQUIRE(content != NULL);
	memset(content + content_size, 0, 300);
	file_size = 0;
	add_member(bytes + begun, BLOCK + 1);
	add_member(bytes + begun + BLOCK + 1, 1);
	memcpy(content + content_size + 300, file, file_size);
	content_size += 300 + file_size;
	make_file_bytes(in_dir("large"), content, content_size, 0600);
	CHECK(read_large("large", bytes, size, &code) == begun + BLOCK + 2 && code == 0);

	REQUIRE(truncate(in_dir("large"), (off_t)content_size - 30) == 0);
	CHECK(read_large("large", bytes, size, &code) >= begun + BLOCK - PIECE &&
		code == STAGE_E_DAMAGED);
	HAS(failure.message, "it was cut");
	REQUIRE(truncate(in_dir("large"), (off_t)small - 30) == 0);
	CHECK(read_large("large", bytes, size, &code) < begun && code == STAGE_E_DAMAGED);
	HAS(failure.message, "it was cut");
	content[small - 8] ^= 1; /* the checksum of the last small member */
	make_file_bytes(in_dir("large"), content, content_size, 0600);
	CHECK(read_large("large", bytes, size, &code) > begun - 100001 && code == STAGE_E_DAMAGED);
	HAS(failure.message, "incorrect data check");
	free(content);
	free(bytes);
	unlink(in_dir("large"));
	unlink(in_dir("first"));
}

static int
read_in_child(void *context)
{
	struct stage_readahead *readahead = context;
	unsigned char byte;
	size_t count;
	int code = stage_readahead_read(readahead, &byte, 1, &count, NULL);

	stage_readahead_close(&readahead);
	return code == STAGE_E_FORKED ? 0 : 1;
}

static void
forked(void)
{
	struct stage_readahead *readahead;

	fill();
	add_member(data, SIZE);
	readahead = open_file(true);
	CHECK(in_child_beside_threads(read_in_child, readahead) == 0);
	stage_readahead_close(&readahead);
}

static const struct test tests[] = {
	{"members", members},
	{"whole_members", whole_members},
	{"large_members", large_members},
	{"skips", skips},
	{"unread", unread},
	{"nothing", nothing},
	{"damage", damage},
	{"forked", forked},
	{NULL, NULL},
};

const struct suite suite_gunzip = {"gunzip", tests};
