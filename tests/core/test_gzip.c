/* What is written: its content, its size, its limit. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "compressor.h"
#include "gzip.h"
#include "gzip_run.h"

static void
empty(void)
{
	struct stage_gzip *gzip = NULL;
	unsigned char *content;
	size_t size;
	bool fits;
	int fd;

	gzip_compress("a", NULL, 0, 1, NULL);
	content = gzip_content("a", &size);
	CHECK(size >= 20 && size <= 23);
	/* by DEFLATE, no name or other flags, no time */
	CHECK(memcmp(content, "\x1f\x8b\x08\0\0\0\0\0", 8) == 0);
	CHECK(gzip_reads_back("a", NULL, 0));
	free(content);

	fd = gzip_output("a");
	WORKS(stage_gzip_open(fd, "a", NULL, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, NULL, 0, &failure));
	WORKS(stage_gzip_write(gzip, "", 0, &failure));
	WORKS(stage_gzip_fits(gzip, UINT64_MAX, &fits, &failure));
	CHECK(fits);
	WORKS(stage_gzip_close(&gzip, false, NULL, NULL));
	CHECK(gzip_reads_back("a", NULL, 0));
	close(fd);
	unlink(in_dir("a"));
}

/*
 * Byte for byte, of what no library compresses: a header, one stored block that is the last, the data,
 * their CRC-32 (by another program) and size.
 */
static void
golden(void)
{
	static const unsigned char header[] = "\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\xc8\0\x37\xff";
	static const unsigned char trailer[] = "\x1b\x2c\xe4\x2e\xc8\x00\x00\x00";
	unsigned char *data = gzip_data(RANDOM, 200), *content;
	size_t size;

	gzip_compress("a", data, 200, 7, NULL);
	content = gzip_content("a", &size);
	CHECK(size == 15 + 200 + 8);
	CHECK(memcmp(content, header, 15) == 0);
	CHECK(memcmp(content + 15, data, 200) == 0);
	CHECK(memcmp(content + 15 + 200, trailer, 8) == 0);
	free(content);
	free(data);
	unlink(in_dir("a"));
}

/* Any number of bytes at a time. */
static void
pieces(void)
{
	const struct stage_gzip_options options = {.level = 1, .threads = 3};
	size_t size = scaled(3 * BLOCK) + 7, piece;
	unsigned char *data = gzip_data(MIXED, size);

	gzip_compress("whole", data, size, size, &options);
	CHECK(gzip_reads_back("whole", data, size));
	for (piece = 1; piece < size; piece = piece * 11 + 1) {
		gzip_compress("a", data, size, piece, &options);
		CHECK(gzip_same("a", "whole"));
	}
	free(data);
	unlink(in_dir("a"));
	unlink(in_dir("whole"));
}

static void
sizes(void)
{
	const size_t around[] = {1, 2, 100, PIECE, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1,
		2 * BLOCK, 2 * BLOCK + 1, 9 * BLOCK};
	struct stage_gzip_options options = {.level = 1};
	unsigned char *data = gzip_data(MIXED, 9 * BLOCK);
	size_t i;

	for (i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		for (options.threads = 1; options.threads <= 4; options.threads += 3) {
			gzip_compress("a", data, around[i], around[i], &options);
			CHECK(gzip_reads_back("a", data, around[i]));
		}
	}
	free(data);
	unlink(in_dir("a"));
}

static void
levels(void)
{
	struct stage_gzip_options options = {.threads = 2};
	size_t size = scaled(3 * BLOCK) + 12345;
	uint64_t fastest = 0, usual = 0;
	unsigned char *data = gzip_data(TEXT, size);

	for (options.level = 1; options.level <= STAGE_GZIP_LEVEL_MAX; options.level++) {
		gzip_compress("a", data, size, PIECE, &options);
		CHECK(gzip_reads_back("a", data, size));
		if (options.level == 1)
			fastest = gzip_size("a");
		if (options.level == STAGE_LEVEL_DEFAULT)
			usual = gzip_size("a");
	}
	CHECK(usual < fastest);
	CHECK(gzip_size("a") <= usual);
	gzip_compress("a", data, size, PIECE, NULL);
	CHECK(gzip_size("a") == usual);
	free(data);
	unlink(in_dir("a"));
}

/* To cut it into blocks costs little: beside the same library with all of it at once. */
static void
ratio(void)
{
	size_t size = scaled(16 * BLOCK);
	unsigned char *data = gzip_data(TEXT, size), *member = malloc(STAGE_MEMBER_ROOM(size));
	struct stage_compressor *compressor = stage_compressor_new(STAGE_LEVEL_DEFAULT);
	size_t whole;

	REQUIRE(member != NULL && compressor != NULL);
	whole = stage_compressor_run(compressor, data, size, member);
	gzip_compress("a", data, size, PIECE, NULL);
	CHECK((double)gzip_size("a") <= 1.01 * (double)whole);
	stage_compressor_free(compressor);
	free(member);
	free(data);
	unlink(in_dir("a"));
}

static void
same_by_any_number_of_threads(void)
{
	struct stage_gzip_options options = {.level = 2};
	size_t size = scaled(20 * BLOCK) + 4321;
	unsigned char *data;
	enum kind kind;

	for (kind = RANDOM; kind < KINDS; kind++) {
		data = gzip_data(kind, size);
		options.threads = 1;
		gzip_compress("one", data, size, PIECE, &options);
		CHECK(gzip_reads_back("one", data, size));
		for (options.threads = 2; options.threads <= 8; options.threads++) {
			gzip_compress("a", data, size, 100 * 1000, &options);
			CHECK(gzip_same("a", "one"));
		}
		free(data);
	}
	unlink(in_dir("a"));
	unlink(in_dir("one"));
}

/* Writes pieces until one does not fit; how much that was. */
static uint64_t
fill_up(const char *name, enum kind kind, const struct stage_gzip_options *options)
{
	static unsigned char piece[PIECE];
	struct source source = gzip_source(kind);
	struct stage_gzip *gzip = NULL;
	uint64_t written = 0;
	int fd = gzip_output(name), code = 0;
	bool fits;

	WORKS(stage_gzip_open(fd, name, options, &gzip, &failure));
	REQUIRE(gzip != NULL);
	while (code == 0 && (code = stage_gzip_fits(gzip, PIECE, &fits, &failure)) == 0 && fits) {
		gzip_take(&source, piece, PIECE);
		code = stage_gzip_write(gzip, piece, PIECE, &failure);
	}
	WORKS(code);
	WORKS(stage_gzip_close(&gzip, false, &written, &failure));
	CHECK(written == gzip_size(name));
	close(fd);
	return source.offset;
}

static void
check_limit(enum kind kind, uint64_t limit)
{
	struct stage_gzip_options options = {.limit = limit, .level = 1, .threads = 1};
	uint64_t taken, size;

	taken = fill_up("one", kind, &options);
	size = gzip_size("one");
	if (limit < UNFILLED)
		CHECK(taken == 0 && size <= 23);
	else
		CHECK(taken > 0 && size <= limit && size + UNFILLED > limit);
	CHECK(gzip_reads_as("one", kind, taken));
	for (options.threads = 2; options.threads <= 8; options.threads *= 2) {
		CHECK(fill_up("a", kind, &options) == taken);
		CHECK(gzip_same("a", "one"));
	}
}

static void
limits(void)
{
	const uint64_t some[] = {1, 22, 1024, PIECE, UNFILLED - 1, UNFILLED, UNFILLED + 1,
		2 * PIECE, 100 * 1000, 400 * 1000, BLOCK, BLOCK + PIECE, 1024 * 1024 + 1};
	size_t i;

	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		check_limit(RANDOM, some[i]);
		check_limit(TEXT, some[i]);
		check_limit(MIXED, some[i]);
	}
	check_limit(ZEROS, 66 * 1024);
	check_limit(RANDOM, scaled(20 * 1024 * 1024));
	check_limit(TEXT, scaled(5 * 1024 * 1024));
	check_limit(MIXED, scaled(20 * 1024 * 1024));
	unlink(in_dir("a"));
	unlink(in_dir("one"));
}

/* As the host's own test does it: what is asked for, and what then comes, differ at every call. */
static void
changing_pieces(void)
{
	const struct stage_gzip_options options = {.limit = 400 * 1000, .threads = 2};
	static unsigned char piece[PIECE];
	struct source source = gzip_source(RANDOM);
	struct stage_gzip *gzip = NULL;
	size_t round, asked;
	bool fits;
	int fd;

	for (round = 0; round < 20; round++) {
		fd = gzip_output("a");
		WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
		do {
			asked = gzip_random(&source.state) % 2 ? PIECE
							       : gzip_random(&source.state) % PIECE;
			gzip_take(&source, piece, asked);
			if (stage_gzip_fits(gzip, asked, &fits, &failure) < 0)
				CU_FAIL("fits");
			if (fits && stage_gzip_write(gzip, piece,
					    gzip_random(&source.state) % (asked + 1), &failure) < 0)
				CU_FAIL("write");
		} while (fits);
		WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
		CHECK(gzip_size("a") <= options.limit);
		CHECK(gzip_size("a") + UNFILLED > options.limit);
		close(fd);
	}
	unlink(in_dir("a"));
}

/* Exactly what fits fits, and a byte more does not. */
static void
exact(void)
{
	struct stage_gzip_options options = {.threads = 1};
	unsigned char *data = gzip_data(RANDOM, 3 * BLOCK);
	struct stage_gzip *gzip = NULL;
	size_t size;
	bool fits;
	int fd;

	for (size = 0; size < 3 * BLOCK; size = size * 7 + 1) {
		/* random data is stored */
		options.limit = size / BLOCK * STAGE_MEMBER_MAX(BLOCK);
		if (size % BLOCK || size == 0)
			options.limit += STAGE_MEMBER_MAX(size % BLOCK);
		fd = gzip_output("a");
		WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
		WORKS(stage_gzip_fits(gzip, size, &fits, &failure));
		CHECK(fits);
		WORKS(stage_gzip_fits(gzip, size + 1, &fits, &failure));
		CHECK(!fits);
		WORKS(stage_gzip_write(gzip, data, size, &failure));
		WORKS(stage_gzip_fits(gzip, 0, &fits, &failure));
		CHECK(fits);
		WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
		CHECK(gzip_size("a") <= options.limit);
		if (size > 1000)
			CHECK(gzip_size("a") == options.limit);
		CHECK(gzip_reads_back("a", data, size));
		close(fd);
	}
	free(data);
	unlink(in_dir("a"));
}

/* Nothing that fits does not need to be asked for, but is taken all the same. */
static void
beyond_limit(void)
{
	const struct stage_gzip_options options = {.limit = 1000, .threads = 2};
	unsigned char *data = gzip_data(RANDOM, 2 * BLOCK);
	struct stage_gzip *gzip = NULL;
	int fd = gzip_output("a");
	bool fits;

	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, BLOCK, &failure));
	WORKS(stage_gzip_fits(gzip, 0, &fits, &failure));
	CHECK(!fits);
	WORKS(stage_gzip_fits(gzip, UINT64_MAX, &fits, &failure));
	CHECK(!fits);
	WORKS(stage_gzip_write(gzip, data + BLOCK, BLOCK, &failure));
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
	CHECK(gzip_reads_back("a", data, 2 * BLOCK));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

/* No member is longer than it may be, whatever its data: fits() rests on that. */
static void
members(void)
{
	static unsigned char member[STAGE_MEMBER_ROOM(3 * STAGE_STORED_MAX)];
	const size_t sizes_[] = {0, 1, 2, 3, 10, 17, 100, 1000, 10000, STAGE_STORED_MAX - 1,
		STAGE_STORED_MAX, STAGE_STORED_MAX + 1, 2 * STAGE_STORED_MAX,
		2 * STAGE_STORED_MAX + 1, 3 * STAGE_STORED_MAX};
	unsigned char *data = gzip_data(RANDOM, 3 * STAGE_STORED_MAX);
	struct stage_compressor *compressor;
	size_t i, size;
	int level;

	for (level = 1; level <= STAGE_LEVEL_MAX; level++) {
		compressor = stage_compressor_new(level);
		REQUIRE(compressor != NULL);
		for (i = 0; i < sizeof(sizes_) / sizeof(sizes_[0]); i++) {
			size = stage_compressor_run(compressor, data, sizes_[i], member);
			CHECK(size <= STAGE_MEMBER_MAX(sizes_[i]));
			make_file_bytes(in_dir("a"), member, size, 0600);
			CHECK(gzip_reads_back("a", data, sizes_[i]));
		}
		stage_compressor_free(compressor);
	}
	stage_compressor_free(NULL);
	free(data);
	unlink(in_dir("a"));
}

static void
arguments(void)
{
	const struct stage_gzip_options wrong[] = {{.level = -1}, {.level = 13}, {.threads = 65}};
	struct stage_gzip *gzip = (struct stage_gzip *)&failure;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		FAILS(stage_gzip_open(-1, "volume 7", &wrong[i], &gzip, &failure),
			STAGE_E_ARGUMENT);
		HAS(failure.message, "volume 7");
	}
	CHECK(gzip == (struct stage_gzip *)&failure);
	gzip = NULL;
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
}

/* It is at the descriptor's offset that the file begins, and the caller's errno is kept. */
static void
appended(void)
{
	struct stage_gzip *gzip = NULL;
	int fd = gzip_output("a"), before = count_fds();
	uint64_t written;
	char text[4] = "";

	REQUIRE(write(fd, "abc", 3) == 3);
	WORKS(stage_gzip_open(fd, "a", NULL, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, "x", 1, &failure));
	errno = EDOM;
	WORKS(stage_gzip_close(&gzip, false, &written, &failure));
	CHECK(errno == EDOM);
	CHECK(count_fds() == before);
	CHECK(gzip_size("a") == 3 + written);
	CHECK(pread(fd, text, 3, 0) == 3 && strcmp(text, "abc") == 0);
	close(fd);
	unlink(in_dir("a"));
}

static void
abandoned(void)
{
	const struct stage_gzip_options options = {.level = 12, .threads = 4};
	unsigned char *data = gzip_data(TEXT, 8 * BLOCK);
	struct stage_gzip *gzip = NULL;
	uint64_t written = UINT64_MAX;
	int fd = gzip_output("a");

	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, 8 * BLOCK, &failure));
	WORKS(stage_gzip_close(&gzip, true, &written, &failure));
	CHECK(gzip == NULL && written == gzip_size("a"));
	close(fd);
	fd = gzip_output("a");
	WORKS(stage_gzip_open(fd, "a", NULL, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, 10, &failure));
	WORKS(stage_gzip_close(&gzip, true, NULL, NULL));
	CHECK(gzip_size("a") == 0);
	close(fd);
	free(data);
	unlink(in_dir("a"));
}

/* What was closed, by whichever end, is not written to. */
static void
wrong_order(void)
{
	struct stage_gzip *gzip = NULL;
	uint64_t size = 4711;
	bool fits = true;
	int fd, i;

	fd = open(in_dir("a"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0);
	for (i = 0; i < 3; i++) {
		if (i)
			WORKS(stage_gzip_open(fd, "a", NULL, &gzip, &failure));
		WORKS(stage_gzip_close(&gzip, i == 2, NULL, &failure));
		FAILS(stage_gzip_write(gzip, "a", 1, &failure), STAGE_E_ARGUMENT);
		HAS(failure.message, "not open");
		FAILS(stage_gzip_fits(gzip, 1, &fits, &failure), STAGE_E_ARGUMENT);
		HAS(failure.message, "not open");
		WORKS(stage_gzip_close(&gzip, false, &size, &failure));
	}
	CHECK(fits && size == 4711);
	close(fd);
	unlink(in_dir("a"));
}

struct written {
	unsigned char *bytes;
	size_t size;
};

static void
keep_written(void *context, const void *data, size_t size)
{
	struct written *written = context;

	memcpy(written->bytes + written->size, data, size);
	written->size += size;
}

/* Whoever wants to know is told of each byte that is in the file, in order, however many are written at once. */
static void
told_what_is_written(void)
{
	struct written written = {.bytes = malloc(2 * MANY)};
	const struct stage_gzip_options options = {
		.threads = 2, .wrote = keep_written, .context = &written};
	unsigned char *data = gzip_data(MIXED, MANY), *found = malloc(2 * MANY);
	struct stage_gzip *gzip = NULL;
	int fd = gzip_output("a"), again;
	uint64_t size = 0;

	REQUIRE(written.bytes && found);
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, MANY, &failure));
	WORKS(stage_gzip_close(&gzip, false, &size, &failure));
	close(fd);
	again = open(in_dir("a"), O_RDONLY | O_CLOEXEC);
	CHECK(size > 0 && written.size == size);
	CHECK(read(again, found, 2 * MANY) == (ssize_t)size);
	CHECK(memcmp(found, written.bytes, size) == 0);
	close(again);
	unlink(in_dir("a"));
	free(found);
	free(data);
	free(written.bytes);
}

static const struct test tests[] = {
	{"empty", empty},
	{"golden", golden},
	{"pieces", pieces},
	{"sizes", sizes},
	{"levels", levels},
	{"ratio", ratio},
	{"same_by_any_number_of_threads", same_by_any_number_of_threads},
	{"limits", limits},
	{"changing_pieces", changing_pieces},
	{"exact", exact},
	{"beyond_limit", beyond_limit},
	{"members", members},
	{"arguments", arguments},
	{"wrong_order", wrong_order},
	{"appended", appended},
	{"abandoned", abandoned},
	{"told_what_is_written", told_what_is_written},
	{NULL, NULL},
};

const struct suite suite_gzip = {"gzip", tests};
