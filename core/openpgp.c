/*
 * What is compressed, unless the data are packets already:
 *
 *	literal packet	cb, then its body in pieces: a length, and as many bytes
 *	length		f0: 64 KiB, and more pieces follow; the last one has a final length of 1, 2 or 5 bytes
 *	body		'b' for binary, 0 for no name, 4 bytes of 0 for no date, the data
 *
 * A piece's length comes before it. So up to 64 KiB of the body are kept until more is there, or the end.
 */
#include "openpgp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compressor.h"
#include "parallel.h"

#define PIECE ((size_t)64 * 1024)
#define PIECE_LENGTH 0xf0 /* 2 to the power of 16 */
#define LITERAL_PACKET 0xcb
#define LENGTH_SIZE_MAX 5 /* of a final length */

static const unsigned char literal_header[] = {'b', 0, 0, 0, 0, 0};

struct stage_openpgp {
	struct stage_parallel *parallel;
	bool has_packets; /* nothing below is used */
	bool begun;       /* the literal packet's tag was compressed */
	size_t used;      /* bytes of the begun piece; it is not full */
	unsigned char piece[PIECE];
};

static size_t
most(size_t size)
{
	return STAGE_PART_MAX(size);
}

static const struct stage_parallel_format packet = {
	.compress = stage_compressor_part,
	.most = most,
	.head = "\xa3\x01", /* tag 8, of indeterminate length; ZIP */
	.head_size = 2,
	.tail = STAGE_STREAM_END,
	.tail_size = STAGE_STREAM_END_SIZE,
};

int
stage_openpgp_open(int fd, const char *name, const struct stage_openpgp_options *options,
	struct stage_openpgp **ret_openpgp, struct stage_error *error)
{
	const struct stage_openpgp_options how =
		options ? *options : (struct stage_openpgp_options){0};
	const struct stage_parallel_options parallel = {.format = &packet,
		.limit = how.limit,
		.level = how.level ? how.level : STAGE_OPENPGP_LEVEL,
		.threads = how.threads,
		.blocks = how.blocks,
		.late_reader = how.late_reader,
		.output = {.fd = fd, .before = how.before, .context = how.context}};
	struct stage_openpgp *openpgp = malloc(sizeof(*openpgp));
	int code;

	if (!openpgp)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to compress what goes to %s", name);
	code = stage_parallel_open(name, &parallel, &openpgp->parallel, error);
	if (code < 0) {
		free(openpgp);
		return code;
	}
	openpgp->has_packets = how.has_packets;
	openpgp->begun = false;
	memcpy(openpgp->piece, literal_header, sizeof(literal_header));
	openpgp->used = sizeof(literal_header);
	*ret_openpgp = openpgp;
	return 0;
}

/* A final length (RFC 9580, 4.2.1). */
static size_t
put_length(unsigned char *to, size_t length)
{
	if (length < 192) {
		to[0] = (unsigned char)length;
		return 1;
	}
	if (length < 8384) {
		to[0] = (unsigned char)(192 + ((length - 192) >> 8));
		to[1] = (unsigned char)(length - 192);
		return 2;
	}
	to[0] = 255;
	to[1] = (unsigned char)(length >> 24);
	to[2] = (unsigned char)(length >> 16);
	to[3] = (unsigned char)(length >> 8);
	to[4] = (unsigned char)length;
	return LENGTH_SIZE_MAX;
}

/*
 * The most bytes that are still to be compressed with size more of data, or fewer: whole pieces now, the rest
 * at the end. A rest of a byte less than a piece needs 5 for its length; a whole piece and nothing after it
 * need 2.
 */
static void
frame(const struct stage_openpgp *openpgp, uint64_t size, uint64_t *ret_now, uint64_t *ret_later)
{
	uint64_t body = openpgp->used + size, pieces = body / PIECE;
	size_t rest = (size_t)(body % PIECE);
	unsigned char length[LENGTH_SIZE_MAX];

	*ret_now = pieces * (1 + PIECE);
	*ret_later = rest + put_length(length, rest);
	if (pieces > 0 && *ret_later < LENGTH_SIZE_MAX - 2)
		*ret_later = LENGTH_SIZE_MAX - 2;
	if (!openpgp->begun)
		++*(pieces > 0 ? ret_now : ret_later);
}

int
stage_openpgp_fits(
	struct stage_openpgp *openpgp, uint64_t size, bool *ret_fits, struct stage_error *error)
{
	uint64_t now = size, later = 0;

	if (!openpgp)
		return stage_parallel_fits(NULL, 0, 0, ret_fits, error);
	/* more than that fits only where there is no limit, and could not be counted */
	if (size <= UINT64_MAX / 4 && !openpgp->has_packets)
		frame(openpgp, size, &now, &later);
	return stage_parallel_fits(openpgp->parallel, now, later, ret_fits, error);
}

/* The tag, if it is the first one, and a length. */
static int
begin_piece(struct stage_openpgp *openpgp, const unsigned char *length, size_t size,
	struct stage_error *error)
{
	static const unsigned char tag = LITERAL_PACKET;
	int code = 0;

	if (!openpgp->begun)
		code = stage_parallel_write(openpgp->parallel, &tag, 1, error);
	openpgp->begun = true;
	return code < 0 ? code : stage_parallel_write(openpgp->parallel, length, size, error);
}

/* The begun piece is filled up with data. */
static int
write_piece(struct stage_openpgp *openpgp, const unsigned char *data, struct stage_error *error)
{
	static const unsigned char length = PIECE_LENGTH;
	size_t used = openpgp->used;
	int code;

	openpgp->used = 0;
	code = begin_piece(openpgp, &length, 1, error);
	if (code == 0)
		code = stage_parallel_write(openpgp->parallel, openpgp->piece, used, error);
	if (code == 0)
		code = stage_parallel_write(openpgp->parallel, data, PIECE - used, error);
	return code;
}

int
stage_openpgp_write(
	struct stage_openpgp *openpgp, const void *data, size_t size, struct stage_error *error)
{
	const unsigned char *next = data;
	size_t room;
	int code;

	/* is it open, and without an error? */
	code = stage_parallel_write(openpgp ? openpgp->parallel : NULL, NULL, 0, error);
	if (code == 0 && openpgp->has_packets)
		return stage_parallel_write(openpgp->parallel, data, size, error);
	if (code < 0)
		return code;
	while (size >= (room = PIECE - openpgp->used)) {
		code = write_piece(openpgp, next, error);
		if (code < 0)
			return code;
		next += room;
		size -= room;
	}
	if (size > 0)
		memcpy(openpgp->piece + openpgp->used, next, size);
	openpgp->used += size;
	return 0;
}

uint64_t
stage_openpgp_size(const struct stage_openpgp *openpgp)
{
	return stage_parallel_size(openpgp->parallel);
}

static int
write_last_piece(struct stage_openpgp *openpgp, struct stage_error *error)
{
	unsigned char length[LENGTH_SIZE_MAX];
	int code;

	code = begin_piece(openpgp, length, put_length(length, openpgp->used), error);
	if (code == 0)
		code = stage_parallel_write(
			openpgp->parallel, openpgp->piece, openpgp->used, error);
	return code;
}

int
stage_openpgp_close(
	struct stage_openpgp **openpgp, bool abandon, uint64_t *ret_size, struct stage_error *error)
{
	struct stage_openpgp *closed = *openpgp;
	int saved_errno = errno, code = 0, closing;

	if (!closed)
		return 0;
	*openpgp = NULL;
	if (!abandon && !closed->has_packets)
		code = write_last_piece(closed, error);
	/* after an error this says the same one again */
	closing = stage_parallel_close(&closed->parallel, abandon, ret_size, error);
	free(closed);
	errno = saved_errno;
	return code < 0 ? code : closing;
}
