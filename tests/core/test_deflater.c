/* Whatever is made, zlib reads the data back; what ISA-L makes is not trusted unread. */
#define ZLIB_CONST
#include "tests.h"

#include <stdlib.h>
#include <zlib.h>

#include "deflater.h"
#include "gzip_run.h"
#include "wrap.h"

#define MOST STAGE_DEFLATE_FAST_MAX
#define ROOM(size) ((size) + (size) / 100 + 1000)
#define MARK 0xa5

/* Does zlib inflate exactly these data from a part or a stream, and find its end there? */
static bool
reads_back(const unsigned char *made, size_t used, enum stage_deflate_end end,
	const unsigned char *data, size_t size)
{
	unsigned char *read = malloc(size + 1);
	z_stream zlib = {.next_out = read, .avail_out = (uInt)size + 1};
	int code;
	bool same;

	REQUIRE(read != NULL && inflateInit2(&zlib, -15) == Z_OK);
	zlib.next_in = made;
	zlib.avail_in = (uInt)used;
	code = inflate(&zlib, Z_SYNC_FLUSH);
	if (end == STAGE_DEFLATE_PART && code == Z_OK && zlib.avail_in == 0) {
		zlib.next_in = (const unsigned char *)STAGE_STREAM_END;
		zlib.avail_in = STAGE_STREAM_END_SIZE;
		code = inflate(&zlib, Z_SYNC_FLUSH);
	}
	same = code == Z_STREAM_END && zlib.avail_in == 0 && zlib.total_out == size &&
	       memcmp(read, data, size) == 0;
	inflateEnd(&zlib);
	free(read);
	return same;
}

/* Bytes that were made, all of them within room; 0: none. */
static size_t
run(int level, const unsigned char *data, size_t size, enum stage_deflate_end end, size_t room)
{
	struct stage_deflater *deflater = stage_deflater_new(level);
	unsigned char *to = malloc(room + 1), *again = malloc(room + 1);
	size_t used;

	REQUIRE(deflater != NULL && to != NULL && again != NULL);
	to[room] = again[room] = MARK;
	used = stage_deflater_run(deflater, data, size, end, to, room);
	CHECK(used <= room && to[room] == MARK);
	if (used > 0)
		CHECK(reads_back(to, used, end, data, size));
	/* of what came before nothing is left */
	CHECK(stage_deflater_run(deflater, data, size, end, again, room) == used);
	CHECK(again[room] == MARK && memcmp(to, again, used) == 0);
	free(to);
	free(again);
	stage_deflater_free(deflater);
	return used;
}

static void
all_levels(void)
{
	const size_t some[] = {1, 2, 100, 65536, MOST / 2 - 1, MOST / 2, MOST - 1, MOST};
	enum kind kind;
	size_t i;
	int level;

	for (kind = RANDOM; kind < KINDS; kind++) {
		unsigned char *data = gzip_data(kind, MOST);

		for (level = 1; level <= STAGE_LEVEL_MAX; level += level < 4 ? 1 : 4)
			for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
				CHECK(run(level, data, some[i], STAGE_DEFLATE_PART, ROOM(some[i])) >
					0);
				CHECK(run(level, data, some[i], STAGE_DEFLATE_STREAM,
					      ROOM(some[i])) > 0);
			}
		free(data);
	}
}

/* With room for all but one byte nothing is made, or what was made is smaller. */
static void
little_room(void)
{
	const size_t some[] = {1, 100, 65536, MOST};
	unsigned char *data = gzip_data(MIXED, MOST);
	enum stage_deflate_end end;
	size_t i, room;
	int level;

	for (level = 1; level <= 3; level++)
		for (i = 0; i < sizeof(some) / sizeof(some[0]); i++)
			for (end = STAGE_DEFLATE_PART; end <= STAGE_DEFLATE_STREAM; end++)
				for (room = run(level, data, some[i], end, ROOM(some[i])) - 1;
					room > 0; room /= 2)
					run(level, data, some[i], end, room);
	free(data);
}

static void
higher_is_smaller(void)
{
	unsigned char *data = gzip_data(MIXED, MOST);
	size_t used, before = SIZE_MAX;
	int level;

	for (level = 1; level <= 3; level++) {
		used = run(level, data, MOST, STAGE_DEFLATE_PART, ROOM(MOST));
		CHECK(used <= before);
		before = used;
	}
	free(data);
}

#ifdef HAVE_ISAL

/* What cannot be compressed is ISA-L's at both fast levels. */
static void
hardly_smaller(void)
{
	unsigned char *data = gzip_data(RANDOM, MOST);

	wrap_tally_begin();
	run(2, data, MOST, STAGE_DEFLATE_PART, ROOM(MOST));
	CHECK(wrap_tally("libdeflate_deflate_compress") == 0);
	run(3, data, MOST, STAGE_DEFLATE_PART, ROOM(MOST));
	CHECK(wrap_tally("libdeflate_deflate_compress") > 0);
	wrap_tally_end();
	free(data);
}

/* Whatever ISA-L makes wrong, nothing wrong is given out. */
static void
spoilt(void)
{
	unsigned char *data = gzip_data(TEXT, MOST);
	enum stage_deflate_end end;
	enum wrap_spoils how;
	int level;

	for (level = 1; level <= 2; level++)
		for (end = STAGE_DEFLATE_PART; end <= STAGE_DEFLATE_STREAM; end++)
			for (how = WRAP_BIT; how <= WRAP_OTHER; how++) {
				wrap_spoil_isal(how);
				/* run() compares what zlib reads */
				CHECK(run(level, data, MOST, end, ROOM(MOST)) > 0);
			}
	wrap_spoil_isal(WRAP_AS_IT_IS);
	free(data);
}

/* Where libdeflate does not read the data back, it makes the block itself. */
static void
not_trusted(void)
{
	unsigned char *data = gzip_data(TEXT, MOST);
	enum stage_deflate_end end;
	size_t by_both, by_libdeflate;
	int level;

	for (level = 1; level <= 2; level++)
		for (end = STAGE_DEFLATE_PART; end <= STAGE_DEFLATE_STREAM; end++) {
			by_both = run(level, data, MOST, end, ROOM(MOST));
			wrap_begin_two("libdeflate_deflate_decompress_ex", EIO,
				"libdeflate_deflate_decompress_ex", EIO);
			by_libdeflate = run(level, data, MOST, end, ROOM(MOST));
			CHECK(wrap_failed());
			wrap_end();
			CHECK(by_libdeflate > 0 && by_libdeflate < by_both);
		}
	free(data);
}

#endif

static void
without_memory(void)
{
	size_t calls, i;
	struct stage_deflater *deflater;
	int level;

	for (level = 1; level <= 3; level++) {
		wrap_begin(0, 0, false);
		deflater = stage_deflater_new(level);
		CHECK(deflater != NULL);
		stage_deflater_free(deflater);
		calls = wrap_end();
		for (i = 1; i <= calls; i++) {
			wrap_begin(i, ENOMEM, false);
			CHECK(stage_deflater_new(level) == NULL);
			CHECK(wrap_leaked() == 0);
			wrap_end();
		}
	}
	stage_deflater_free(NULL);
}

static const struct test tests[] = {
	{"all_levels", all_levels},
	{"little_room", little_room},
	{"higher_is_smaller", higher_is_smaller},
#ifdef HAVE_ISAL
	{"hardly_smaller", hardly_smaller},
	{"spoilt", spoilt},
	{"not_trusted", not_trusted},
#endif
	{"without_memory", without_memory},
	{NULL, NULL},
};

const struct suite suite_deflater = {"deflater", tests};
