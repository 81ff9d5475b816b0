/* unwrapped_internal - what unwrapped.c, the packets, and unwrapped_inflate.c, the layer that is inflated, share */
#ifndef STAGEDIR_UNWRAPPED_INTERNAL_H
#define STAGEDIR_UNWRAPPED_INTERNAL_H

#ifndef ZLIB_CONST
#define ZLIB_CONST
#endif
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include "error.h"
#include "partinflate.h"

/* Bytes of the buffers. A larger one for the raw bytes is made where parts have to be in it as a whole. */
#define RAW_BYTES ((size_t)128 * 1024)
#define INFLATED_BYTES ((size_t)64 * 1024)

struct unwrapped;

/* Bytes that are at hand, and how to come by more. */
struct layer {
	const unsigned char *next;
	size_t left;

	/* Sees to bytes where none are left: 1, 0 at the end, or an error. */
	int (*more)(struct unwrapped *unwrapped, struct stage_error *error);
};

/* A packet whose body is read out of a layer. */
struct packet {
	unsigned int tag;
	enum { LAST, PARTIAL, ENDLESS } part; /* the part of the body that is being read */
	uint64_t left;                        /* bytes of that part, unless it is ENDLESS */
};

struct unwrapped {
	int fd;
	bool leaves_open;
	atomic_bool stopped;
	char *path;
	enum { HEAD, DATA, END } state;
	struct layer raw, inflated;
	struct layer *outer; /* in which the literal packet is */
	struct packet compressed, literal;
	bool raw_ended;
	unsigned char *
		raw_bytes; /* first_bytes, or a larger buffer of raw_size bytes and those that have to be behind */
	size_t raw_size;

	/* unwrapped_inflate.c's */
	z_stream stream;
	bool initialised, stream_ended;
	struct stage_partinflate *parts; /* NULL: zlib has all that is left */
	bool parts_turn, parts_were_last;
	unsigned char first_bytes[RAW_BYTES], inflated_bytes[INFLATED_BYTES];
};

/* unwrapped.c */

/* STAGE_E_DAMAGED, with a reason; STAGE_E_MEMORY. */
int stage_unwrapped_damaged(
	const struct unwrapped *unwrapped, const char *reason, struct stage_error *error);
int stage_unwrapped_was_cut(const struct unwrapped *unwrapped, struct stage_error *error);
int stage_unwrapped_no_memory(const struct unwrapped *unwrapped, struct stage_error *error);

/* Reads behind the raw bytes at hand, whose place in the buffer may change: 1, 0 at the end, or an error. */
int stage_unwrapped_read_raw(struct unwrapped *unwrapped, struct stage_error *error);

/* Sees to bytes of a packet's body, of which *ret_size are at hand in the layer: 1, 0 at its end, or an error. */
int stage_unwrapped_see_to_body(struct unwrapped *unwrapped, struct layer *layer,
	struct packet *packet, size_t *ret_size, struct stage_error *error);

/* So many of the bytes at hand were used. */
void stage_unwrapped_use(struct layer *layer, struct packet *packet, size_t size);

/* unwrapped_inflate.c */

/* Will inflate the body of the compressed packet, of ZIP or of ZLIB: 1, or an error. */
int stage_unwrapped_begin_inflating(
	struct unwrapped *unwrapped, bool is_zip, struct stage_error *error);

/* Sees to bytes of the inflated layer: 1, 0 at the end, or an error. */
int stage_unwrapped_inflate(struct unwrapped *unwrapped, struct stage_error *error);

/* Frees what the two have made. */
void stage_unwrapped_end_inflating(struct unwrapped *unwrapped);

#endif
