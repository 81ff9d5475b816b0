/*
 * A compressed packet of ZIP and of indeterminate length may be one of openpgp.h. It is inflated by turns:
 *
 *	parts ---- none begins here ----> zlib
 *	parts <--- between two blocks, on a byte ---- zlib
 *
 * The stream may refer to data that the other one has made. So the window goes with each turn.
 */
#include "unwrapped_internal.h"

#include <stdlib.h>
#include <string.h>

/* Room for the input that parts are looked for in, and as much again, so that it is seldom moved. */
#define RAW_BYTES_PARTS (2 * STAGE_PARTINFLATE_INPUT)

/* For inflateInit2(): the largest window; below 0 for a stream without a header. */
#define WINDOW_BITS 15

/* In data_type, as zlib.h tells; and behind the last block. */
#define UNUSED_BITS 7
#define BETWEEN_BLOCKS 128
#define ENDED (BETWEEN_BLOCKS | 64)

/* Where there is no memory for parts, zlib has all. */
static void
set_up_parts(struct unwrapped *unwrapped)
{
	struct layer *raw = &unwrapped->raw;
	unsigned char *larger = malloc(RAW_BYTES_PARTS + STAGE_PARTINFLATE_BEHIND);

	unwrapped->parts = larger ? stage_partinflate_new() : NULL;
	if (!unwrapped->parts) {
		free(larger);
		return;
	}
	memcpy(larger, raw->next, raw->left);
	raw->next = unwrapped->raw_bytes = larger;
	unwrapped->raw_size = RAW_BYTES_PARTS;
	unwrapped->parts_turn = true;
}

/* It is zlib's turn, after a part with that part's data for its window: 1, or an error. */
static int
turn_to_zlib(struct unwrapped *unwrapped, struct stage_error *error)
{
	const struct stage_partinflate_window *window = stage_partinflate_window(unwrapped->parts);

	unwrapped->parts_turn = false;
	if (!unwrapped->parts_were_last)
		return 1;
	unwrapped->parts_were_last = false;
	inflateReset(&unwrapped->stream);
	/* without data it is as at the beginning */
	if (window->size > 0 &&
		inflateSetDictionary(&unwrapped->stream, window->bytes, (uInt)window->size) != Z_OK)
		return stage_unwrapped_no_memory(unwrapped, error);
	return 1;
}

/* It is the turn of parts, if zlib stands between two blocks, on a byte. */
static void
turn_to_parts(struct unwrapped *unwrapped)
{
	struct stage_partinflate_window *window = stage_partinflate_window(unwrapped->parts);
	uInt size = 0;

	unwrapped->parts_turn =
		(unwrapped->stream.data_type & (ENDED | UNUSED_BITS)) == BETWEEN_BLOCKS &&
		inflateGetDictionary(&unwrapped->stream, window->bytes, &size) == Z_OK;
	window->size = size;
}

/* Inflates a part, or leaves it to zlib: 1, or an error. */
static int
inflate_part(struct unwrapped *unwrapped, struct stage_error *error)
{
	struct layer *raw = &unwrapped->raw;
	enum stage_partinflate_found found;
	struct stage_partinflate_part part;
	int code = 1;

	/* the bytes are in raw_bytes, which are not constant */
	while ((found = stage_partinflate_run(unwrapped->parts,
			(unsigned char *)(uintptr_t)raw->next, raw->left, unwrapped->raw_ended,
			&part)) == STAGE_PARTINFLATE_NEEDS_MORE) {
		code = stage_unwrapped_read_raw(unwrapped, error);
		if (code < 0)
			return code;
	}
	if (found == STAGE_PARTINFLATE_FOUND) {
		stage_unwrapped_use(raw, &unwrapped->compressed, part.used);
		unwrapped->inflated.next = part.data;
		unwrapped->inflated.left = part.size;
		unwrapped->parts_were_last = true;
		return 1;
	}
	code = turn_to_zlib(unwrapped, error);
	if (found == STAGE_PARTINFLATE_NEVER)
		stage_partinflate_free(&unwrapped->parts);
	return code;
}

static int
inflate_some(struct unwrapped *unwrapped, size_t size, struct stage_error *error)
{
	z_stream *stream = &unwrapped->stream;
	int result;

	stream->next_in = unwrapped->raw.next;
	stream->avail_in = (uInt)size;
	stream->next_out = unwrapped->inflated_bytes;
	stream->avail_out = INFLATED_BYTES;
	/* it also stops behind the last block, before it tells of the end */
	do
		result = inflate(stream, unwrapped->parts ? Z_BLOCK : Z_NO_FLUSH);
	while (result == Z_OK && unwrapped->parts && (stream->data_type & ENDED) == ENDED);
	stage_unwrapped_use(&unwrapped->raw, &unwrapped->compressed, size - stream->avail_in);
	unwrapped->inflated.next = unwrapped->inflated_bytes;
	unwrapped->inflated.left = INFLATED_BYTES - stream->avail_out;
	unwrapped->stream_ended = result == Z_STREAM_END;
	if (result == Z_MEM_ERROR)
		return stage_unwrapped_no_memory(unwrapped, error);
	if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
		return stage_unwrapped_damaged(unwrapped,
			stream->msg ? stream->msg : "its compressed data are none", error);
	if (unwrapped->parts)
		turn_to_parts(unwrapped);
	return 1;
}

int
stage_unwrapped_inflate(struct unwrapped *unwrapped, struct stage_error *error)
{
	size_t size;
	int code = 1;

	while (code > 0 && unwrapped->inflated.left == 0 && !unwrapped->stream_ended) {
		if (unwrapped->parts_turn) {
			code = inflate_part(unwrapped, error);
			continue;
		}
		code = stage_unwrapped_see_to_body(
			unwrapped, &unwrapped->raw, &unwrapped->compressed, &size, error);
		if (code > 0)
			code = inflate_some(unwrapped, size, error);
		else if (code == 0)
			code = stage_unwrapped_was_cut(unwrapped, error);
	}
	return code < 0 ? code : unwrapped->inflated.left > 0;
}

int
stage_unwrapped_begin_inflating(struct unwrapped *unwrapped, bool is_zip, struct stage_error *error)
{
	if (inflateInit2(&unwrapped->stream, is_zip ? -WINDOW_BITS : WINDOW_BITS) != Z_OK)
		return stage_unwrapped_no_memory(unwrapped, error);
	unwrapped->initialised = true;
	if (is_zip && unwrapped->compressed.part == ENDLESS)
		set_up_parts(unwrapped);
	return 1;
}

void
stage_unwrapped_end_inflating(struct unwrapped *unwrapped)
{
	if (unwrapped->initialised)
		inflateEnd(&unwrapped->stream);
	stage_partinflate_free(&unwrapped->parts);
	if (unwrapped->raw_bytes != unwrapped->first_bytes)
		free(unwrapped->raw_bytes);
}
