/* What is written: its form, its content, its size, its limit. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "compressor.h"
#include "gzip.h"
#include "openpgp.h"
#include "openpgp_run.h"
#include "packet.h"

/* Bytes by which a packet whose next piece did not fit is below its limit, at most. */
#define UNFILLED_PACKET (PIECE + 64)

static void
empty(void)
{
	struct stage_openpgp *openpgp = NULL;
	bool fits = false;
	int fd;

	openpgp_compress("a", NULL, 0, 1, NULL);
	CHECK(gzip_size("a") <= 17);
	CHECK(openpgp_reads_back("a", NULL, 0));

	fd = gzip_output("a");
	WORKS(stage_openpgp_open(fd, "a", NULL, &openpgp, &failure));
	WORKS(stage_openpgp_write(openpgp, NULL, 0, &failure));
	WORKS(stage_openpgp_write(openpgp, "", 0, &failure));
	WORKS(stage_openpgp_fits(openpgp, UINT64_MAX, &fits, &failure));
	CHECK(fits && stage_openpgp_size(openpgp) == 0);
	WORKS(stage_openpgp_close(&openpgp, false, NULL, NULL));
	CHECK(openpgp_reads_back("a", NULL, 0));
	close(fd);
	unlink(in_dir("a"));
}

/* Byte for byte, of what no library compresses. */
static void
golden(void)
{
	/* a stored block that is not the last one, of 209 bytes; a literal packet with a body of 206 */
	static const unsigned char head[] = "\xa3\x01\0\xd1\0\x2e\xff\xcb\xc0\x0e"
					    "b\0\0\0\0\0";
	unsigned char *data = gzip_data(RANDOM, 200), *content;
	size_t size;

	openpgp_compress("a", data, 200, 7, NULL);
	content = gzip_content("a", &size);
	CHECK(size == 16 + 200 + 2);
	CHECK(memcmp(content, head, 16) == 0);
	CHECK(memcmp(content + 16, data, 200) == 0);
	CHECK(memcmp(content + 16 + 200, "\x03\0", 2) == 0);
	free(content);
	free(data);
	unlink(in_dir("a"));
}

/* Any number of bytes at a time. */
static void
pieces(void)
{
	const struct stage_openpgp_options options = {.level = 1, .threads = 3};
	size_t size = scaled(3 * BLOCK) + 7, piece;
	unsigned char *data = gzip_data(MIXED, size);

	openpgp_compress("whole", data, size, size, &options);
	CHECK(openpgp_reads_back("whole", data, size));
	for (piece = 1; piece < size; piece = piece * 11 + 1) {
		openpgp_compress("a", data, size, piece, &options);
		CHECK(gzip_same("a", "whole"));
	}
	free(data);
	unlink(in_dir("a"));
	unlink(in_dir("whole"));
}

static void
check_size(const unsigned char *data, size_t size)
{
	struct stage_openpgp_options options = {.level = 1, .threads = 1};

	openpgp_compress("one", data, size, size, &options);
	CHECK(openpgp_reads_back("one", data, size));
	CHECK(gzip_size("one") <= openpgp_most(size));
	options.threads = 4;
	openpgp_compress("a", data, size, size, &options);
	CHECK(gzip_same("a", "one"));
}

/* Around each length of a length, and where a piece or a block ends. */
static void
sizes(void)
{
	const size_t around[] = {
		1, 192, 8384, PIECE, 2 * PIECE, BLOCK, BLOCK + PIECE, 2 * BLOCK, 9 * BLOCK};
	enum kind kind;
	size_t i, less;

	for (kind = RANDOM; kind < KINDS; kind++) {
		unsigned char *data = gzip_data(kind, 9 * BLOCK + 1);

		for (i = 0; i < sizeof(around) / sizeof(around[0]); i++)
			for (less = 0; less < 16 && less <= around[i] && i < 6; less++)
				check_size(data, around[i] + 1 - less);
		for (i = 6; i < sizeof(around) / sizeof(around[0]); i++)
			check_size(data, around[i]);
		free(data);
	}
	unlink(in_dir("a"));
	unlink(in_dir("one"));
}

static void
levels(void)
{
	struct stage_openpgp_options options = {0};
	size_t size = scaled(3 * BLOCK) + 12345;
	uint64_t fastest = 0, usual = 0;
	unsigned char *data = gzip_data(TEXT, size);

	for (options.level = 1; options.level <= STAGE_LEVEL_MAX; options.level++) {
		options.threads = 1;
		openpgp_compress("one", data, size, PIECE, &options);
		CHECK(openpgp_reads_back("one", data, size));
		options.threads = 4;
		openpgp_compress("a", data, size, PIECE, &options);
		CHECK(gzip_same("a", "one"));
		if (options.level == 1)
			fastest = gzip_size("a");
		if (options.level == STAGE_OPENPGP_LEVEL)
			usual = gzip_size("a");
	}
	CHECK(usual < fastest);
	CHECK(gzip_size("a") <= usual);
	openpgp_compress("a", data, size, PIECE, NULL);
	CHECK(gzip_size("a") == usual);
	free(data);
	unlink(in_dir("a"));
	unlink(in_dir("one"));
}

/*
 * The parts are joined, not stored: a packet is about as small as a gzip file, but for the lengths of its pieces. These move the
 * data in their blocks, and of mixed data ISA-L's level 1 then makes a block up to 7 % larger or smaller, by chance. So these are many.
 */
static void
ratio(void)
{
	const size_t most = 16 * BLOCK;
	size_t size;
	int level;
	enum kind kind;

	for (kind = TEXT; kind < KINDS; kind++) {
		unsigned char *data = gzip_data(kind, most);

		for (level = 1; level <= 5; level++) {
			size = level == 1 ? most : scaled(most);
			gzip_compress("gzip", data, size, PIECE,
				&(struct stage_gzip_options){.level = level});
			openpgp_compress("a", data, size, PIECE,
				&(struct stage_openpgp_options){.level = level});
			CHECK((double)gzip_size("a") <=
				(level == 1 ? 1.02 : 1.01) * (double)gzip_size("gzip") +
					16.0 * (double)(size / PIECE + 1));
		}
		free(data);
	}
	unlink(in_dir("a"));
	unlink(in_dir("gzip"));
}

static void
same_by_any_number_of_threads(void)
{
	struct stage_openpgp_options options = {.level = 2};
	size_t size = scaled(20 * BLOCK) + 4321;
	unsigned char *data;
	enum kind kind;

	for (kind = RANDOM; kind < KINDS; kind++) {
		data = gzip_data(kind, size);
		options.threads = 1;
		openpgp_compress("one", data, size, PIECE, &options);
		CHECK(openpgp_reads_back("one", data, size));
		for (options.threads = 2; options.threads <= 8; options.threads++) {
			openpgp_compress("a", data, size, 100 * 1000, &options);
			CHECK(gzip_same("a", "one"));
		}
		free(data);
	}
	unlink(in_dir("a"));
	unlink(in_dir("one"));
}

/*
 * The most that is counted for size bytes. Shortly behind a whole piece fewer bytes need more; and after a
 * whole piece, a question may end a block, which makes a part of what is left.
 */
static uint64_t
most_counted(uint64_t size)
{
	uint64_t most = openpgp_most(size), behind = (LITERAL_HEADER + size) % PIECE;

	if (LITERAL_HEADER + size < PIECE)
		return most;
	if (behind < 2 && openpgp_most(size - behind - 1) > most)
		most = openpgp_most(size - behind - 1);
	return most + STAGE_PART_MAX(0);
}

/* Writes pieces until one does not fit; how much that was. */
static uint64_t
fill_up(const char *name, enum kind kind, const struct stage_openpgp_options *options)
{
	static unsigned char piece[PIECE];
	struct source source = gzip_source(kind);
	struct stage_openpgp *openpgp = NULL;
	uint64_t written = 0;
	int fd = gzip_output(name), code = 0;
	bool fits;

	WORKS(stage_openpgp_open(fd, name, options, &openpgp, &failure));
	REQUIRE(openpgp != NULL);
	while (code == 0 && (code = stage_openpgp_fits(openpgp, PIECE, &fits, &failure)) == 0 &&
		fits) {
		gzip_take(&source, piece, PIECE);
		code = stage_openpgp_write(openpgp, piece, PIECE, &failure);
	}
	WORKS(code);
	WORKS(stage_openpgp_close(&openpgp, false, &written, &failure));
	CHECK(written == gzip_size(name));
	close(fd);
	return source.offset;
}

/* What is packets already is the content, to the byte, and the limit is kept. */
static void
packets(void)
{
	const size_t some[] = {1, 200, PIECE, BLOCK, 3 * BLOCK + 7};
	struct stage_openpgp_options options = {.level = 1, .has_packets = true};
	unsigned char *data, *content, *found;
	size_t i, size, found_size;
	const char *why;
	uint64_t taken;

	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		data = gzip_data(MIXED, some[i]);
		options.threads = i % 2 ? 3 : 1;
		options.blocks = (unsigned int)i;
		openpgp_compress("a", data, some[i], 1 + some[i] / 7, &options);
		content = gzip_content("a", &size);
		CHECK(memcmp(content, "\xa3\x01", 2) == 0);
		found = packet_inflate(content + 2, size - 2, &found_size, &why);
		CHECK(found && found_size == some[i] && memcmp(found, data, some[i]) == 0);
		free(found);
		free(content);
		free(data);
	}
	for (options.limit = PIECE; options.limit < scaled(8 * BLOCK); options.limit *= 3) {
		taken = fill_up("a", RANDOM, &options);
		CHECK(gzip_size("a") <= options.limit);
		CHECK(gzip_size("a") + UNFILLED_PACKET > options.limit || taken == 0);
	}
	unlink(in_dir("a"));
}

static void
check_limit(enum kind kind, uint64_t limit)
{
	struct stage_openpgp_options options = {.limit = limit, .level = 1, .threads = 1};
	uint64_t taken, size;
	unsigned char *data;

	taken = fill_up("one", kind, &options);
	size = gzip_size("one");
	data = gzip_data(kind, taken);
	if (limit < most_counted(PIECE))
		CHECK(taken == 0 && size <= 17);
	else
		CHECK(taken > 0 && size <= limit && size + UNFILLED_PACKET > limit);
	CHECK(openpgp_reads_back("one", data, taken));
	for (options.threads = 2; options.threads <= 8; options.threads *= 2) {
		CHECK(fill_up("a", kind, &options) == taken);
		CHECK(gzip_same("a", "one"));
	}
	free(data);
}

static void
limits(void)
{
	const uint64_t some[] = {1, 4, 16, 17, 1024, PIECE, most_counted(PIECE) - 1,
		most_counted(PIECE), UNFILLED_PACKET, 2 * PIECE, 100 * 1000, 400 * 1000, BLOCK,
		BLOCK + PIECE, 1024 * 1024 + 1};
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

/* What is asked for, and how much of it then comes, differ at every call. */
static void
changing_pieces(void)
{
	const struct stage_openpgp_options options = {.limit = 400 * 1000, .threads = 2};
	static unsigned char piece[PIECE];
	struct source source = gzip_source(RANDOM);
	struct stage_openpgp *openpgp = NULL;
	size_t round, asked;
	bool fits;
	int fd;

	for (round = 0; round < 20; round++) {
		fd = gzip_output("a");
		WORKS(stage_openpgp_open(fd, "a", &options, &openpgp, &failure));
		do {
			asked = gzip_random(&source.state) % 2 ? PIECE
							       : gzip_random(&source.state) % PIECE;
			gzip_take(&source, piece, asked);
			if (stage_openpgp_fits(openpgp, asked, &fits, &failure) < 0)
				CU_FAIL("fits");
			if (fits && stage_openpgp_write(openpgp, piece,
					    gzip_random(&source.state) % (asked + 1), &failure) < 0)
				CU_FAIL("write");
		} while (fits);
		WORKS(stage_openpgp_close(&openpgp, false, NULL, &failure));
		CHECK(gzip_size("a") <= options.limit);
		CHECK(gzip_size("a") + UNFILLED_PACKET > options.limit);
		close(fd);
	}
	unlink(in_dir("a"));
}

static void
check_exact(const unsigned char *data, size_t size)
{
	/* random data is stored */
	const struct stage_openpgp_options options = {.limit = most_counted(size), .threads = 1},
					   less = {.limit = most_counted(size) - 1, .threads = 1};
	struct stage_openpgp *openpgp = NULL;
	bool fits = true;
	int fd = gzip_output("a");

	WORKS(stage_openpgp_open(fd, "a", &less, &openpgp, &failure));
	WORKS(stage_openpgp_fits(openpgp, size, &fits, &failure));
	CHECK(!fits);
	WORKS(stage_openpgp_close(&openpgp, true, NULL, &failure));
	WORKS(stage_openpgp_open(fd, "a", &options, &openpgp, &failure));
	WORKS(stage_openpgp_fits(openpgp, size, &fits, &failure));
	CHECK(fits);
	WORKS(stage_openpgp_write(openpgp, data, size, &failure));
	WORKS(stage_openpgp_fits(openpgp, 0, &fits, &failure));
	CHECK(fits);
	WORKS(stage_openpgp_close(&openpgp, false, NULL, &failure));
	if (size > 1000)
		CHECK(gzip_size("a") == openpgp_most(size));
	CHECK(gzip_size("a") <= options.limit);
	CHECK(openpgp_reads_back("a", data, size));
	close(fd);
}

/* Exactly what fits fits, and with a byte less of room it does not. */
static void
exact(void)
{
	unsigned char *data = gzip_data(RANDOM, 3 * BLOCK);
	size_t size, around;

	for (size = 0; size < 3 * BLOCK; size = size * 7 + 1)
		check_exact(data, size);
	for (around = PIECE; around <= BLOCK + PIECE; around += BLOCK)
		for (size = around - 16; size < around + 4; size++)
			check_exact(data, size);
	for (size = BLOCK - 24; size < BLOCK; size++)
		check_exact(data, size);
	free(data);
	unlink(in_dir("a"));
}

/* What does not fit is taken all the same. */
static void
beyond_limit(void)
{
	const struct stage_openpgp_options options = {.limit = 1000, .threads = 2};
	unsigned char *data = gzip_data(RANDOM, 2 * BLOCK);
	struct stage_openpgp *openpgp = NULL;
	int fd = gzip_output("a");
	bool fits = true;

	WORKS(stage_openpgp_open(fd, "a", &options, &openpgp, &failure));
	WORKS(stage_openpgp_write(openpgp, data, BLOCK, &failure));
	WORKS(stage_openpgp_fits(openpgp, 0, &fits, &failure));
	CHECK(!fits);
	WORKS(stage_openpgp_fits(openpgp, UINT64_MAX, &fits, &failure));
	CHECK(!fits);
	WORKS(stage_openpgp_write(openpgp, data + BLOCK, BLOCK, &failure));
	WORKS(stage_openpgp_close(&openpgp, false, NULL, &failure));
	CHECK(openpgp_reads_back("a", data, 2 * BLOCK));
	close(fd);
	free(data);
	unlink(in_dir("a"));
}

static void
arguments(void)
{
	const struct stage_openpgp_options wrong[] = {
		{.level = -1}, {.level = 13}, {.threads = 65}};
	struct stage_openpgp *openpgp = (struct stage_openpgp *)&failure;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		FAILS(stage_openpgp_open(-1, "volume 7", &wrong[i], &openpgp, &failure),
			STAGE_E_ARGUMENT);
		HAS(failure.message, "volume 7");
	}
	CHECK(openpgp == (struct stage_openpgp *)&failure);
	openpgp = NULL;
	WORKS(stage_openpgp_close(&openpgp, false, NULL, &failure));
}

/* What was closed, by whichever end, is not written to; what was abandoned has no end. */
static void
wrong_order(void)
{
	struct stage_openpgp *openpgp = NULL;
	uint64_t size = 4711;
	bool fits = true;
	int fd = gzip_output("a"), i;

	for (i = 0; i < 3; i++) {
		if (i)
			WORKS(stage_openpgp_open(fd, "a", NULL, &openpgp, &failure));
		errno = EDOM;
		WORKS(stage_openpgp_close(&openpgp, i == 1, NULL, &failure));
		CHECK(errno == EDOM);
		CHECK((gzip_size("a") > 0) == (i == 2));
		FAILS(stage_openpgp_write(openpgp, "a", 1, &failure), STAGE_E_ARGUMENT);
		HAS(failure.message, "not open");
		FAILS(stage_openpgp_fits(openpgp, 1, &fits, &failure), STAGE_E_ARGUMENT);
		HAS(failure.message, "not open");
		WORKS(stage_openpgp_close(&openpgp, false, &size, &failure));
	}
	CHECK(fits && size == 4711);
	close(fd);
	unlink(in_dir("a"));
}

/* Reads all that comes out of a pipe: how many bytes. */
static void *
read_pipe(void *context)
{
	static unsigned char buffer[65536];
	static size_t total;
	const int *fd = context;
	ssize_t got;

	total = 0;
	while ((got = read(*fd, buffer, sizeof(buffer))) > 0)
		total += (size_t)got;
	return &total;
}

/* Nobody waits for who reads late, as gpg does, while there are blocks to fill. */
static void
late_reader(void)
{
	const struct stage_openpgp_options options = {.level = 1, .threads = 2, .blocks = 8};
	unsigned char *data = gzip_data(RANDOM, 8 * BLOCK);
	struct stage_openpgp *openpgp = NULL;
	uint64_t size = 0;
	pthread_t reader;
	void *total;
	int fds[2];

	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	WORKS(stage_openpgp_open(fds[1], "the pipe", &options, &openpgp, &failure));
	REQUIRE(write(fds[1], "x", 1) == 1); /* it is not empty */
	WORKS(stage_openpgp_write(openpgp, data, 8 * BLOCK - 1000, &failure));
	CHECK(stage_openpgp_size(openpgp) == 0);
	REQUIRE(pthread_create(&reader, NULL, read_pipe, &fds[0]) == 0);
	WORKS(stage_openpgp_close(&openpgp, false, &size, &failure));
	close(fds[1]);
	REQUIRE(pthread_join(reader, &total) == 0);
	CHECK(*(size_t *)total == size + 1 && size > 8 * BLOCK - 1000);
	close(fds[0]);
	free(data);
}

static const struct test tests[] = {
	{"empty", empty},
	{"golden", golden},
	{"packets", packets},
	{"pieces", pieces},
	{"sizes", sizes},
	{"levels", levels},
	{"ratio", ratio},
	{"same_by_any_number_of_threads", same_by_any_number_of_threads},
	{"limits", limits},
	{"changing_pieces", changing_pieces},
	{"exact", exact},
	{"beyond_limit", beyond_limit},
	{"arguments", arguments},
	{"wrong_order", wrong_order},
	{"late_reader", late_reader},
	{NULL, NULL},
};

const struct suite suite_openpgp = {"openpgp", tests};
