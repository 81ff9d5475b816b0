#include "fastdeflate.h"

#ifdef HAVE_ISAL

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The most that one of the levels takes. */
#define LEVEL_MEMORY ISAL_DEF_LVL3_DEFAULT

_Static_assert(ISAL_DEF_LVL2_DEFAULT <= LEVEL_MEMORY, "it is enough for both levels");

struct stage_fastdeflate {
	struct isal_zstream isal;
	uint32_t level;
	struct libdeflate_decompressor *reader;
	unsigned char *again; /* what the reader reads, of most bytes */
	size_t most;
	unsigned char level_memory[LEVEL_MEMORY];
};

struct stage_fastdeflate *
stage_fastdeflate_new(enum stage_fastdeflate_level level, size_t most)
{
	struct stage_fastdeflate *fast = calloc(1, sizeof(*fast));

	if (!fast)
		return NULL;
	fast->level = level;
	fast->most = most;
	fast->again = malloc(most);
	fast->reader = libdeflate_alloc_decompressor();
	if (!fast->again || !fast->reader) {
		stage_fastdeflate_free(fast);
		return NULL;
	}
	return fast;
}

/* 0 where room is too small. */
static size_t
deflate(struct stage_fastdeflate *fast, const unsigned char *data, size_t size, unsigned char *to,
	size_t room, enum stage_deflate_end end)
{
	struct isal_zstream *isal = &fast->isal;

	isal_deflate_init(isal);
	isal->level = fast->level;
	isal->level_buf = fast->level_memory;
	isal->level_buf_size = LEVEL_MEMORY;
	isal->flush = end == STAGE_DEFLATE_PART ? SYNC_FLUSH : NO_FLUSH;
	isal->end_of_stream = end == STAGE_DEFLATE_STREAM;
	isal->next_in = (unsigned char *)data; /* which it only reads */
	isal->avail_in = (uint32_t)size;
	isal->next_out = to;
	isal->avail_out = (uint32_t)room;
	/* with room left nothing waits in the library */
	return isal_deflate(isal) == COMP_OK && isal->avail_in == 0 && isal->avail_out > 0
		       ? isal->total_out
		       : 0;
}

/* Does libdeflate read these data from a complete stream, and nothing behind it? */
static bool
reads_back(struct stage_fastdeflate *fast, const unsigned char *stream, size_t used,
	const unsigned char *data, size_t size)
{
	size_t read, made;

	return libdeflate_deflate_decompress_ex(fast->reader, stream, used, fast->again, size,
		       &read, &made) == LIBDEFLATE_SUCCESS &&
	       read == used && made == size && memcmp(fast->again, data, size) == 0;
}

size_t
stage_fastdeflate_run(struct stage_fastdeflate *fast, const unsigned char *data, size_t size,
	enum stage_deflate_end end, unsigned char *to, size_t room)
{
	size_t used, behind = end == STAGE_DEFLATE_PART ? STAGE_STREAM_END_SIZE : 0;

	if (size == 0 || size > fast->most || room < behind)
		return 0;
	used = deflate(fast, data, size, to, room - behind, end);
	if (used == 0)
		return 0;
	memcpy(to + used, STAGE_STREAM_END, behind);
	return reads_back(fast, to, used + behind, data, size) ? used : 0;
}

void
stage_fastdeflate_free(struct stage_fastdeflate *fast)
{
	if (!fast)
		return;
	if (fast->reader)
		libdeflate_free_decompressor(fast->reader);
	free(fast->again);
	free(fast);
}

#endif
