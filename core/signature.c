/*
 * The input is cut into whole blocks, since librsync keeps nothing of a whole block. An incomplete one waits in
 * rest. The output goes to bytes. Room for it is made before librsync is called, so that it takes all of
 * its input at once.
 */
#include "signature.h"

#include <errno.h>
#include <librsync.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 12
#define WEAK_BYTES 4

/* More than librsync allocates for the state of one. */
#define STATE_BYTES 4096

_Static_assert(STAGE_SIGNATURE_MD4 == RS_MD4_SIG_MAGIC, "the magic is librsync's");
_Static_assert(STAGE_SIGNATURE_BLAKE2 == RS_BLAKE2_SIG_MAGIC, "the magic is librsync's");

struct stage_signature {
	rs_job_t *job;
	size_t block_length, strong_length;
	int code; /* of the first error */
	bool ended;

	unsigned char *rest; /* rest_used bytes, fewer than a block */
	size_t rest_used, rest_room;

	unsigned char *bytes;
	size_t used, room;
};

static int
fail(struct stage_signature *signature, struct stage_error *error)
{
	signature->code = STAGE_E_MEMORY;
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a signature");
}

static size_t
strong_max(uint32_t magic)
{
	switch (magic) {
	case STAGE_SIGNATURE_MD4:
		return 16;
	case STAGE_SIGNATURE_BLAKE2:
		return 32;
	default:
		return 0;
	}
}

static bool
are_possible(const struct stage_signature_options *options)
{
	return options->block_length > 0 && options->block_length <= STAGE_SIGNATURE_BLOCK_MAX &&
	       options->strong_length > 0 && options->strong_length <= strong_max(options->magic);
}

/* Could librsync get so much now? */
static bool
can_have(size_t size)
{
	void *volatile memory = malloc(size); /* or a compiler may leave it out */
	bool can = memory != NULL;

	free(memory);
	return can;
}

/* Sees to room for size bytes in *buffer, which has *room, by at least doubling it. */
static bool
grow(unsigned char **buffer, size_t *room, size_t size)
{
	size_t wanted = *room > 0 ? *room : 512;
	unsigned char *grown;

	if (size <= *room)
		return true;
	while (wanted < size)
		wanted *= 2;
	grown = realloc(*buffer, wanted);
	if (!grown)
		return false;
	*buffer = grown;
	*room = wanted;
	return true;
}

/* Has librsync take all of data: whole blocks, or with last what remains of the file. */
static int
feed(struct stage_signature *signature, const unsigned char *data, size_t size, bool last,
	struct stage_error *error)
{
	size_t blocks = size / signature->block_length + 1;
	rs_buffers_t buffers;
	rs_result result;

	if (!grow(&signature->bytes, &signature->room,
		    signature->used + HEADER_BYTES +
			    blocks * (WEAK_BYTES + signature->strong_length)))
		return fail(signature, error);
	buffers = (rs_buffers_t){.next_in = (char *)(uintptr_t)data,
		.avail_in = size,
		.eof_in = last,
		.next_out = (char *)signature->bytes + signature->used,
		.avail_out = signature->room - signature->used};
	result = rs_job_iter(signature->job, &buffers);
	signature->used = signature->room - buffers.avail_out;
	if (result == (last ? RS_DONE : RS_BLOCKED) && buffers.avail_in == 0)
		return 0;
	signature->code = STAGE_E_ARGUMENT;
	return stage_error_set(
		error, STAGE_E_ARGUMENT, 0, "librsync fails: %s", rs_strerror(result));
}

/* Keeps what is less than a block. */
static int
keep(struct stage_signature *signature, const unsigned char *data, size_t size,
	struct stage_error *error)
{
	if (size == 0)
		return 0;
	if (!grow(&signature->rest, &signature->rest_room, signature->rest_used + size))
		return fail(signature, error);
	memcpy(signature->rest + signature->rest_used, data, size);
	signature->rest_used += size;
	return 0;
}

int
stage_signature_open(const struct stage_signature_options *options,
	struct stage_signature **ret_signature, struct stage_error *error)
{
	struct stage_signature *signature;

	if (!are_possible(options))
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"no signature has blocks of %zu bytes and checksums of %zu",
			options->block_length, options->strong_length);
	signature = calloc(1, sizeof(*signature));
	if (!signature || !can_have(STATE_BYTES)) {
		free(signature);
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a signature");
	}
	signature->block_length = options->block_length;
	signature->strong_length = options->strong_length;
	signature->job = rs_sig_begin(
		options->block_length, options->strong_length, (rs_magic_number)options->magic);
	*ret_signature = signature;
	return 0;
}

/* To be called first by whatever goes on with one. */
static int
enter(const struct stage_signature *signature, struct stage_error *error)
{
	if (!signature)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0, "the signature is not open");
	if (signature->code < 0)
		return stage_error_set(error, signature->code, 0, "a signature has failed already");
	return 0;
}

int
stage_signature_update(
	struct stage_signature *signature, const void *data, size_t size, struct stage_error *error)
{
	const unsigned char *from = data;
	size_t piece, missing;
	int code;

	code = enter(signature, error);
	if (code < 0)
		return code;
	if (signature->ended)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"a signature that has ended already takes no more");
	missing = signature->block_length - signature->rest_used;
	if (signature->rest_used > 0 && size >= missing) {
		if (keep(signature, from, missing, error) < 0 ||
			feed(signature, signature->rest, signature->block_length, false, error) < 0)
			return signature->code;
		signature->rest_used = 0;
		from += missing;
		size -= missing;
	}
	piece = signature->rest_used > 0 ? 0 : size - size % signature->block_length;
	if (piece > 0 && feed(signature, from, piece, false, error) < 0)
		return signature->code;
	return keep(signature, from + piece, size - piece, error);
}

int
stage_signature_end(struct stage_signature *signature, const unsigned char **ret_bytes,
	size_t *ret_size, struct stage_error *error)
{
	size_t copy = 512;
	int code;

	code = enter(signature, error);
	if (code < 0)
		return code;
	if (!signature->ended) {
		/* as librsync rounds up */
		while (copy < signature->block_length)
			copy *= 2;
		if (signature->rest_used > 0 && !can_have(copy))
			return fail(signature, error);
		if (feed(signature, signature->rest, signature->rest_used, true, error) < 0)
			return signature->code;
		signature->ended = true;
	}
	*ret_bytes = signature->bytes;
	*ret_size = signature->used;
	return 0;
}

void
stage_signature_close(struct stage_signature **signature)
{
	int before = errno;

	if (!*signature)
		return;
	rs_job_free((*signature)->job);
	free((*signature)->rest);
	free((*signature)->bytes);
	free(*signature);
	*signature = NULL;
	errno = before;
}
