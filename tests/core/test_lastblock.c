/* The last block is where zlib finds it, and what zlib refuses is refused. */
#define ZLIB_CONST
#include "tests.h"

#include <stdlib.h>
#include <zlib.h>

#include "gzip_run.h"
#include "lastblock.h"
#include "lastblock_run.h"

#define ROOM(size) ((size) + (size) / 100 + 1000)

/* Finds in a stream that is copied to where nothing may be read behind it. */
static bool
find(const unsigned char *stream, size_t size, struct stage_lastblock *ret_last)
{
	unsigned char *copy = malloc(size ? size : 1);
	bool found;

	REQUIRE(copy != NULL);
	if (size)
		memcpy(copy, stream, size);
	found = stage_lastblock_find(copy, size, ret_last);
	free(copy);
	return found;
}

/* What both say; true: it is a stream. Zlib also refuses distances that lead to before the data. */
static bool
agree(const unsigned char *stream, size_t size)
{
	struct stage_lastblock ours = {0}, theirs = {0};
	bool found = find(stream, size, &ours), expected = lastblock_by_zlib(stream, size, &theirs);

	if (expected && (!found || ours.header != theirs.header || ours.end != theirs.end ||
				ours.size != theirs.size))
		CU_FAIL("not what zlib finds");
	return found;
}

/* A raw stream by zlib, which the caller frees; with flushes so many bytes apart, if not 0. */
static unsigned char *
deflated(const unsigned char *data, size_t size, int level, int strategy, size_t apart,
	size_t *ret_size)
{
	unsigned char *stream = malloc(ROOM(size));
	z_stream zlib = {.next_out = stream, .avail_out = (uInt)ROOM(size)};
	size_t done = 0, now;

	REQUIRE(stream != NULL && deflateInit2(&zlib, level, Z_DEFLATED, -15, 8, strategy) == Z_OK);
	do {
		now = apart && size - done > apart ? apart : size - done;
		zlib.next_in = data + done;
		zlib.avail_in = (uInt)now;
		done += now;
		deflate(&zlib, done == size ? Z_FINISH : Z_BLOCK);
	} while (done < size);
	CHECK(zlib.avail_in == 0 && deflate(&zlib, Z_FINISH) == Z_STREAM_END);
	*ret_size = zlib.total_out;
	deflateEnd(&zlib);
	return stream;
}

static void
check(const unsigned char *data, size_t size, int level, int strategy, size_t apart)
{
	struct stage_lastblock last = {0};
	size_t stream_size;
	unsigned char *stream = deflated(data, size, level, strategy, apart, &stream_size);

	CHECK(agree(stream, stream_size));
	CHECK(find(stream, stream_size, &last));
	CHECK(last.size == size && (last.end + 7) / 8 == stream_size && last.header < last.end);
	CHECK(stream[last.header / 8] >> last.header % 8 & 1);
	free(stream);
}

static void
as_zlib_finds(void)
{
	const size_t some[] = {0, 1, 2, 100, 5000, 300 * 1000};
	int level, strategy;
	enum kind kind;
	size_t i;

	for (kind = RANDOM; kind < KINDS; kind++) {
		unsigned char *data = gzip_data(kind, 300 * 1000);

		for (i = 0; i < sizeof(some) / sizeof(some[0]); i++)
			for (level = 0; level <= 9; level += 3)
				for (strategy = Z_DEFAULT_STRATEGY; strategy <= Z_FIXED; strategy++)
					check(data, some[i], level, strategy,
						i % 2 ? some[i] / 7 : 0);
		free(data);
	}
}

/* Fibonacci's numbers of bytes: codes of each length up to 15 bits, of literals and of distances. */
static void
long_codes(void)
{
	const size_t size = 1 << 20;
	unsigned char *data = malloc(size);
	uint64_t state = 4711, random;
	size_t i, apart;

	REQUIRE(data != NULL);
	for (i = 0; i < size; i++) {
		random = gzip_random(&state);
		/* half of what is left, at each number */
		data[i] = (unsigned char)__builtin_ctzll(random | 1ull << 40);
		if (i > 70000 && random >> 60 == 0) {
			apart = (size_t)1 << (random >> 40) % 16;
			memcpy(data + i - 3, data + i - 3 - apart, 4);
		}
	}
	for (apart = 0; apart < size; apart = 3 * apart + 10000) {
		check(data, size, 1, Z_DEFAULT_STRATEGY, apart);
		check(data, size, 9, Z_DEFAULT_STRATEGY, apart);
		check(data, size, 9, Z_HUFFMAN_ONLY, apart);
	}
	free(data);
}

static void
golden(void)
{
	struct stage_lastblock last;

	CHECK(find((const unsigned char *)"\x03\0", 2, &last));
	CHECK(last.header == 0 && last.end == 10 && last.size == 0);
	CHECK(find((const unsigned char *)"\1\0\0\xff\xff", 5, &last));
	CHECK(last.header == 0 && last.end == 40 && last.size == 0);
	/* stored, one byte; then an empty block by the fixed code; then what is not looked at */
	CHECK(find((const unsigned char *)"\0\1\0\xfe\xffx\x03\0?", 9, &last));
	CHECK(last.header == 48 && last.end == 58 && last.size == 1);
}

static void
refused(void)
{
	static const struct {
		const char *bytes;
		size_t size;
	} wrong[] = {
		{"", 0}, {"\x03", 1},         /* no end of the block */
		{"\x02\0", 2},                /* no last block */
		{"\7\0\0\0\0\0\0\0\0\0", 10}, /* a type of blocks that there is not */
		{"\1\0\0\xff", 4},            /* stored, without all of its length */
		{"\1\0\0\xff\xfe", 5},  /* stored, with another length than the length inverted */
		{"\1\2\0\xfd\xffx", 6}, /* stored, with fewer bytes */
		{"\x1b\x03\0", 3},      /* fixed, the length 286 */
		{"\xfd\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10}, /* 288 codes of literals */
		{"\5\0\0\0\0\0\0\0\0\0\0\0\0\0", 14},             /* no code for code lengths */
		{"\5\0\x24\x49\x92\x24\x49\x92\x24\x49\x92", 11}, /* too many of one bit */
	};
	struct stage_lastblock last = {.size = 4711};
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const unsigned char *bytes = (const unsigned char *)wrong[i].bytes;

		CHECK(!agree(bytes, wrong[i].size));
		CHECK(!find(bytes, wrong[i].size, &last) && last.size == 4711);
	}
}

/* A stream that ends too early, at each byte; and with each of its bits changed. */
static void
damaged(void)
{
	struct stage_lastblock last;
	unsigned char *data = gzip_data(TEXT, 3000), *stream;
	size_t size, i;
	int level;

	for (level = 0; level <= 9; level += 3) {
		stream = deflated(data, 3000, level, Z_DEFAULT_STRATEGY, 1100, &size);
		for (i = 0; i < size; i++)
			CHECK(!find(stream, i, &last));
		for (i = 0; i < 8 * size; i++) {
			stream[i / 8] ^= (unsigned char)(1 << i % 8);
			agree(stream, size);
			stream[i / 8] ^= (unsigned char)(1 << i % 8);
		}
		free(stream);
	}
	free(data);
}

/* Any bytes, and any bytes behind the header of each type. */
static void
any_bytes(void)
{
	unsigned char bytes[400];
	uint64_t state = 42;
	size_t round, i, rounds = scaled(100 * 1000);

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)(gzip_random(&state) >> 20);
		if (round % 3)
			bytes[0] = (unsigned char)((bytes[0] & 0xf8) | 1 | round % 3 << 1);
		agree(bytes, round % 2 ? sizeof(bytes) : bytes[9] % 64);
	}
}

/* What is said of two streams at once is what is said of each: nothing, if one of them is damaged. */
static void
check_both(const unsigned char *stream, size_t size, const unsigned char *other, size_t other_size)
{
	struct stage_lastblock each[2], both[2] = {{.size = 4711}, {.size = 4711}};
	bool found[2] = {stage_lastblock_find(stream, size, &each[0]),
		stage_lastblock_find(other, other_size, &each[1])};

	CHECK(stage_lastblock_find_both(stream, size, other, other_size, &both[0], &both[1]) ==
		(found[0] && found[1]));
	if (found[0] && found[1])
		CHECK(memcmp(both, each, sizeof(both)) == 0);
	else
		CHECK(both[0].size == 4711 && both[1].size == 4711);
}

static void
both(void)
{
	const size_t sizes[] = {0, 5000, 300 * 1000};
	unsigned char *streams[4 * 3];
	size_t used[4 * 3], count = 0, i, j;
	enum kind kind;

	for (kind = RANDOM; kind < KINDS; kind++) {
		unsigned char *data = gzip_data(kind, 300 * 1000);

		for (i = 0; i < 3; i++, count++)
			streams[count] = deflated(data, sizes[i], 1 + 2 * (int)kind,
				i == 1 ? Z_FIXED : Z_DEFAULT_STRATEGY, sizes[i] / 9, &used[count]);
		free(data);
	}
	for (i = 0; i < count; i++)
		for (j = 0; j < count; j++) {
			check_both(streams[i], used[i], streams[j], used[j]);
			check_both(streams[i], used[i] - 1, streams[j], used[j]);
			check_both(streams[i], used[i], streams[j], used[j] / 2);
		}
	for (i = 0; i < count; i++)
		free(streams[i]);
}

/* One of both is damaged anywhere. */
static void
one_damaged(void)
{
	unsigned char *data = gzip_data(TEXT, 2000), *stream, *other;
	size_t size, other_size, i;

	stream = deflated(data, 1500, 6, Z_DEFAULT_STRATEGY, 400, &size);
	other = deflated(data, 2000, 1, Z_DEFAULT_STRATEGY, 900, &other_size);
	for (i = 0; i < 8 * size; i++) {
		stream[i / 8] ^= (unsigned char)(1 << i % 8);
		check_both(stream, size, other, other_size);
		check_both(other, other_size, stream, size);
		stream[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	free(stream);
	free(other);
	free(data);
}

static const struct test tests[] = {
	{"golden", golden},
	{"refused", refused},
	{"as_zlib_finds", as_zlib_finds},
	{"long_codes", long_codes},
	{"damaged", damaged},
	{"any_bytes", any_bytes},
	{"both", both},
	{"one_damaged", one_damaged},
	{NULL, NULL},
};

const struct suite suite_lastblock = {"lastblock", tests};
