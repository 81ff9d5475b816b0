#define ZLIB_CONST
#include "deflater.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBDEFLATE

#include <libdeflate.h>

#include "fastdeflate.h"
#include "lastblock.h"

/* Level 2: ISA-L makes so much of each block, and what it cannot make smaller than so is left to it. */
#define MIXED_LEVEL 2
#define MIXED_REST_LEVEL 5
#define MIXED_MIN ((size_t)256 * 1024)
#define FAST_SHARE(size) ((size) / 8 * 5)
#define HARDLY_SMALLER(size) ((size) / 5 * 3)

#define JOIN_SIZE 5 /* what join adds, at most */
#define EMPTY_BLOCK_LENGTH                                                                         \
	"\x00\x00\xff\xff" /* of a stored block: the length, and its complement */

/*
 * Blocks of so many bytes become two streams, whose last blocks are found at once. Measured at level 3 with
 * files of /usr, in blocks of 512 KiB: 0.3 % larger, in 0.95 of the CPU time. Smaller ones lose more.
 */
#define HALVED_MIN ((size_t)256 * 1024)

struct stage_deflater {
	struct libdeflate_compressor *libdeflate;
	struct stage_fastdeflate *fast; /* of the fast levels, with ISA-L */
	bool is_mixed;
};

/* With all of its fields, or with those that could be had. */
static bool
set_up(struct stage_deflater *deflater, int level)
{
#ifdef HAVE_ISAL
	if (level <= MIXED_LEVEL) {
		deflater->fast = stage_fastdeflate_new(
			level == MIXED_LEVEL ? STAGE_FASTDEFLATE_SMALLER : STAGE_FASTDEFLATE_FASTER,
			STAGE_DEFLATE_FAST_MAX);
		if (!deflater->fast)
			return false;
	}
	deflater->is_mixed = level == MIXED_LEVEL;
	if (deflater->is_mixed)
		level = MIXED_REST_LEVEL;
#endif
	deflater->libdeflate = libdeflate_alloc_compressor(level);
	return deflater->libdeflate != NULL;
}

static void
tear_down(struct stage_deflater *deflater)
{
	libdeflate_free_compressor(deflater->libdeflate);
#ifdef HAVE_ISAL
	stage_fastdeflate_free(deflater->fast);
#endif
}

/* 0 where room is too small; so also of all that follows. join has more room. */
static size_t
stream(struct stage_deflater *deflater, const unsigned char *data, size_t size, unsigned char *to,
	size_t room)
{
	return libdeflate_deflate_compress(deflater->libdeflate, data, size, to, room);
}

/*
 * The stream of used bytes becomes a part: the last block is not the last any more, and behind it comes an
 * empty stored block: three bits of 0, more of them up to a whole byte, and the length 0. 0: it is not a
 * stream of size bytes that ends in its last byte.
 */
static size_t
join(unsigned char *part, size_t used, size_t size, const struct stage_lastblock *last)
{
	if (last->size != size || (last->end + 7) / 8 != used)
		return 0;
	part[last->header / 8] &= (unsigned char)~(1u << last->header % 8);
	/* what is behind the end in the last byte must be 0, whatever the library left there */
	if (last->end % 8)
		part[used - 1] &= (unsigned char)((1u << last->end % 8) - 1);
	if (last->end % 8 == 0 || last->end % 8 > 5)
		part[used++] = 0;
	memcpy(part + used, EMPTY_BLOCK_LENGTH, 4);
	return used + 4;
}

/* 0 also where it cannot be joined. */
static size_t
whole_part(struct stage_deflater *deflater, const unsigned char *data, size_t size,
	unsigned char *part, size_t room)
{
	struct stage_lastblock last;
	size_t used = stream(deflater, data, size, part, room - JOIN_SIZE);

	if (used == 0 || !stage_lastblock_find(part, used, &last))
		return 0;
	return join(part, used, size, &last);
}

/* Two parts, whose last blocks are found at once. */
static size_t
halved_part(struct stage_deflater *deflater, const unsigned char *data, size_t size,
	unsigned char *part, size_t room)
{
	size_t half = size / 2, used, more;
	struct stage_lastblock last, last_of_second;
	unsigned char *second;

	room -= 2 * JOIN_SIZE;
	used = stream(deflater, data, half, part, room);
	if (used == 0)
		return 0;
	second = part + used + JOIN_SIZE;
	more = stream(deflater, data + half, size - half, second, room - used);
	if (more == 0 ||
		!stage_lastblock_find_both(part, used, second, more, &last, &last_of_second))
		return 0;
	used = join(part, used, half, &last);
	more = join(second, more, size - half, &last_of_second);
	if (used == 0 || more == 0)
		return 0;
	memmove(part + used, second, more);
	return used + more;
}

/* By libdeflate alone. */
static size_t
slow(struct stage_deflater *deflater, const unsigned char *data, size_t size,
	enum stage_deflate_end end, unsigned char *to, size_t room)
{
	if (end == STAGE_DEFLATE_STREAM)
		return stream(deflater, data, size, to, room);
	if (room <= 2 * JOIN_SIZE)
		return 0;
	return size < HALVED_MIN ? whole_part(deflater, data, size, to, room)
				 : halved_part(deflater, data, size, to, room);
}

#ifdef HAVE_ISAL

/* The first bytes by ISA-L, the others by whom they suit. */
static size_t
mixed(struct stage_deflater *deflater, const unsigned char *data, size_t size,
	enum stage_deflate_end end, unsigned char *to, size_t room)
{
	size_t first = FAST_SHARE(size), used, more;

	used = stage_fastdeflate_run(deflater->fast, data, first, STAGE_DEFLATE_PART, to, room);
	if (used == 0)
		return 0;
	data += first;
	size -= first;
	more = used > HARDLY_SMALLER(first)
		       ? stage_fastdeflate_run(
				 deflater->fast, data, size, end, to + used, room - used)
		       : slow(deflater, data, size, end, to + used, room - used);
	return more > 0 ? used + more : 0;
}

size_t
stage_deflater_run(struct stage_deflater *deflater, const unsigned char *data, size_t size,
	enum stage_deflate_end end, unsigned char *to, size_t room)
{
	size_t used = 0;

	if (deflater->is_mixed && size >= MIXED_MIN)
		used = mixed(deflater, data, size, end, to, room);
	else if (deflater->fast && !deflater->is_mixed)
		used = stage_fastdeflate_run(deflater->fast, data, size, end, to, room);
	return used > 0 ? used : slow(deflater, data, size, end, to, room);
}

#else

size_t
stage_deflater_run(struct stage_deflater *deflater, const unsigned char *data, size_t size,
	enum stage_deflate_end end, unsigned char *to, size_t room)
{
	return slow(deflater, data, size, end, to, room);
}

#endif

uint32_t
stage_deflater_crc32(const unsigned char *data, size_t size)
{
	return libdeflate_crc32(0, data, size);
}

#else

#include <zlib.h>

#define ZLIB_LEVEL_MAX 9
#define RAW_WINDOW (-15) /* bits of the largest one, negative for neither header nor trailer */
#define MEMORY_LEVEL 8   /* zlib's default */

struct stage_deflater {
	z_stream zlib;
};

static bool
set_up(struct stage_deflater *deflater, int level)
{
	return deflateInit2(&deflater->zlib, level < ZLIB_LEVEL_MAX ? level : ZLIB_LEVEL_MAX,
		       Z_DEFLATED, RAW_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
}

static void
tear_down(struct stage_deflater *deflater)
{
	deflateEnd(&deflater->zlib);
}

size_t
stage_deflater_run(struct stage_deflater *deflater, const unsigned char *data, size_t size,
	enum stage_deflate_end end, unsigned char *to, size_t room)
{
	z_stream *zlib = &deflater->zlib;
	int code;

	deflateReset(zlib);
	zlib->next_in = data;
	zlib->avail_in = (uInt)size;
	zlib->next_out = to;
	zlib->avail_out = (uInt)room;
	code = deflate(zlib, end == STAGE_DEFLATE_STREAM ? Z_FINISH : Z_SYNC_FLUSH);
	if (end == STAGE_DEFLATE_STREAM)
		return code == Z_STREAM_END ? zlib->total_out : 0;
	return code == Z_OK && zlib->avail_in == 0 && zlib->avail_out > 0 ? zlib->total_out : 0;
}

uint32_t
stage_deflater_crc32(const unsigned char *data, size_t size)
{
	return (uint32_t)crc32_z(0, data, size);
}

#endif

struct stage_deflater *
stage_deflater_new(int level)
{
	struct stage_deflater *deflater = calloc(1, sizeof(*deflater));

	if (deflater && !set_up(deflater, level)) {
		stage_deflater_free(deflater);
		deflater = NULL;
	}
	return deflater;
}

void
stage_deflater_free(struct stage_deflater *deflater)
{
	if (!deflater)
		return;
	tear_down(deflater);
	free(deflater);
}
