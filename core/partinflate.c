/*
 * At a place in the stream:
 *
 *	input:	[stored block]...  [a part ... 00 00 ff ff]  ...
 *	        the run, perhaps   searched for candidates
 *
 * A part may begin with stored blocks, to which its later ones refer. So what is behind the run is inflated with it
 * first. If that does not work, the blocks of the run are given out one by one, and the place behind them is the next.
 */
#include "partinflate.h"

#ifdef HAVE_LIBDEFLATE

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

/* The end of an empty stored block. */
#define MARK "\x00\x00\xff\xff"
#define MARK_SIZE ((size_t)4)

/* Header of a last block, stored, of so many zeros. */
#define ZEROS ((size_t)512)
#define ZEROS_HEADER "\x01\x00\x02\xff\xfd"
#define STORED_HEADER_SIZE ((size_t)5)

_Static_assert(STAGE_PARTINFLATE_BEHIND == STORED_HEADER_SIZE + ZEROS, "there is room for them");

/* Candidates that are tried at one place; places in a row at which there was no part. */
#define TRIES_MAX 4
#define VAIN_MAX 3

struct stage_partinflate {
	struct libdeflate_decompressor *decompressor;
	size_t stored;      /* blocks that are given out without a search */
	size_t searched;    /* bytes of the input at this place */
	unsigned int tries; /* at this place */
	unsigned int vain;  /* places */
	struct stage_partinflate_window window;
	unsigned char data[STAGE_PARALLEL_BLOCK + ZEROS];
};

/* Stored blocks that the input begins with. */
struct run {
	size_t blocks, used, size; /* of the input, and of their data */
	bool is_cut;               /* the input ends in the middle of one, or behind one */
};

/* The length of a stored block whose header begins the input, on a byte, and is not the last one; or -1. */
static long
stored_length(const unsigned char *input)
{
	unsigned int length = input[1] | (unsigned int)input[2] << 8;
	unsigned int complement = input[3] | (unsigned int)input[4] << 8;

	return (input[0] & 7) == 0 && (length ^ complement) == 0xffff ? (long)length : -1;
}

/* No further than to the data of one part. */
static struct run
find_run(const unsigned char *input, size_t size)
{
	struct run run = {0};
	size_t left, length;
	long found;

	for (; run.size < STAGE_PARALLEL_BLOCK; run.blocks++) {
		left = size - run.used;
		if (left < STORED_HEADER_SIZE) {
			run.is_cut = left == 0 || (input[run.used] & 7) == 0;
			break;
		}
		found = stored_length(input + run.used);
		if (found < 0)
			break;
		length = (size_t)found;
		run.is_cut = left - STORED_HEADER_SIZE < length;
		if (run.is_cut)
			break;
		run.used += STORED_HEADER_SIZE + length;
		run.size += length;
	}
	return run;
}

static void
keep(struct stage_partinflate_window *window, const unsigned char *data, size_t size)
{
	size_t kept = window->size;

	if (size > STAGE_PARTINFLATE_WINDOW) {
		data += size - STAGE_PARTINFLATE_WINDOW;
		size = STAGE_PARTINFLATE_WINDOW;
	}
	if (size == 0)
		return;
	if (kept > STAGE_PARTINFLATE_WINDOW - size)
		kept = STAGE_PARTINFLATE_WINDOW - size;
	memmove(window->bytes, window->bytes + window->size - kept, kept);
	memcpy(window->bytes + kept, data, size);
	window->size = kept + size;
}

/* The next search is at another place. */
static void
leave_place(struct stage_partinflate *parts)
{
	parts->searched = 0;
	parts->tries = 0;
}

static enum stage_partinflate_found
give_out(struct stage_partinflate *parts, const unsigned char *data, size_t size, size_t used,
	struct stage_partinflate_part *ret_part)
{
	keep(&parts->window, data, size);
	leave_place(parts);
	*ret_part = (struct stage_partinflate_part){.used = used, .data = data, .size = size};
	return STAGE_PARTINFLATE_FOUND;
}

static enum stage_partinflate_found
give_out_stored(struct stage_partinflate *parts, const unsigned char *input,
	struct stage_partinflate_part *ret_part)
{
	size_t length = (size_t)stored_length(input);

	parts->stored--;
	return give_out(
		parts, input + STORED_HEADER_SIZE, length, STORED_HEADER_SIZE + length, ret_part);
}

static enum stage_partinflate_found
no_part(struct stage_partinflate *parts)
{
	leave_place(parts);
	return ++parts->vain < VAIN_MAX ? STAGE_PARTINFLATE_NONE : STAGE_PARTINFLATE_NEVER;
}

/* Did a stored block take in the candidate's end, and the zeros? */
static bool
took_in_zeros(const unsigned char *data, size_t size)
{
	static const char seam[] = MARK ZEROS_HEADER;
	const size_t seam_size = sizeof(seam) - 1;

	return size >= seam_size + ZEROS &&
	       memcmp(data + size - ZEROS - seam_size, seam, seam_size) == 0;
}

/* Is the candidate a part, up to and with the mark? Its data are made, *ret_size bytes. */
static enum libdeflate_result
try_candidate(struct stage_partinflate *parts, unsigned char *input, size_t size, size_t *ret_size)
{
	unsigned char saved[STAGE_PARTINFLATE_BEHIND];
	enum libdeflate_result result;
	size_t used, made;

	memcpy(saved, input + size, sizeof(saved));
	memcpy(input + size, ZEROS_HEADER, STORED_HEADER_SIZE);
	memset(input + size + STORED_HEADER_SIZE, 0, ZEROS);
	result = libdeflate_deflate_decompress_ex(parts->decompressor, input, size + sizeof(saved),
		parts->data, sizeof(parts->data), &used, &made);
	memcpy(input + size, saved, sizeof(saved));
	if (result != LIBDEFLATE_SUCCESS)
		return result;
	if (used != size + sizeof(saved) || made < ZEROS || took_in_zeros(parts->data, made))
		return LIBDEFLATE_BAD_DATA;
	*ret_size = made - ZEROS;
	return result;
}

/* A part that ends behind the first bytes, which are the run. */
static enum stage_partinflate_found
search(struct stage_partinflate *parts, unsigned char *input, size_t first, size_t size,
	struct stage_partinflate_part *ret_part)
{
	enum libdeflate_result result = LIBDEFLATE_BAD_DATA;
	const unsigned char *mark;
	size_t used, made;

	if (parts->searched < first)
		parts->searched = first;
	/* where there was no room for the data there is none for more of them */
	while (parts->tries < TRIES_MAX && result != LIBDEFLATE_INSUFFICIENT_SPACE) {
		mark = memmem(input + parts->searched, size - parts->searched, MARK, MARK_SIZE);
		if (!mark) {
			if (size - parts->searched >= MARK_SIZE)
				parts->searched = size - (MARK_SIZE - 1);
			return STAGE_PARTINFLATE_NEEDS_MORE;
		}
		used = (size_t)(mark - input) + MARK_SIZE;
		result = try_candidate(parts, input, used, &made);
		if (result == LIBDEFLATE_SUCCESS) {
			parts->vain = 0;
			return give_out(parts, parts->data, made, used, ret_part);
		}
		parts->searched = used - (MARK_SIZE - 1);
		parts->tries++;
	}
	return STAGE_PARTINFLATE_NONE;
}

enum stage_partinflate_found
stage_partinflate_run(struct stage_partinflate *parts, unsigned char *input, size_t size,
	bool is_all, struct stage_partinflate_part *ret_part)
{
	enum stage_partinflate_found found = STAGE_PARTINFLATE_NONE;
	struct run run;

	if (parts->stored > 0)
		return give_out_stored(parts, input, ret_part);
	if (size >= STAGE_PARTINFLATE_INPUT) {
		size = STAGE_PARTINFLATE_INPUT;
		is_all = true;
	}
	run = find_run(input, size);
	if (run.is_cut)
		found = STAGE_PARTINFLATE_NEEDS_MORE;
	else if (run.size < STAGE_PARALLEL_BLOCK)
		found = search(parts, input, run.used, size, ret_part);
	if (found == STAGE_PARTINFLATE_FOUND || (found == STAGE_PARTINFLATE_NEEDS_MORE && !is_all))
		return found;
	parts->stored = run.blocks;
	return run.blocks > 0 ? give_out_stored(parts, input, ret_part) : no_part(parts);
}

struct stage_partinflate_window *
stage_partinflate_window(struct stage_partinflate *parts)
{
	return &parts->window;
}

struct stage_partinflate *
stage_partinflate_new(void)
{
	struct stage_partinflate *parts = malloc(sizeof(*parts));

	if (!parts)
		return NULL;
	parts->stored = parts->window.size = 0;
	parts->vain = 0;
	leave_place(parts);
	parts->decompressor = libdeflate_alloc_decompressor();
	if (!parts->decompressor)
		stage_partinflate_free(&parts);
	return parts;
}

void
stage_partinflate_free(struct stage_partinflate **parts)
{
	if (!*parts)
		return;
	if ((*parts)->decompressor)
		libdeflate_free_decompressor((*parts)->decompressor);
	free(*parts);
	*parts = NULL;
}

#else

struct stage_partinflate *
stage_partinflate_new(void)
{
	return NULL;
}

enum stage_partinflate_found
stage_partinflate_run(struct stage_partinflate *parts, unsigned char *input, size_t size,
	bool is_all, struct stage_partinflate_part *ret_part)
{
	(void)parts;
	(void)input;
	(void)size;
	(void)is_all;
	(void)ret_part;
	return STAGE_PARTINFLATE_NEVER;
}

struct stage_partinflate_window *
stage_partinflate_window(struct stage_partinflate *parts)
{
	(void)parts;
	return NULL;
}

void
stage_partinflate_free(struct stage_partinflate **parts)
{
	*parts = NULL;
}

#endif
