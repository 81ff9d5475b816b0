/*
 * Bytes go through layers:
 *
 *	raw		what gpg gives
 *	compressed	the body of the compressed packet in it, inflated; none where there is no such packet
 *	the data	the body of the literal packet in that, behind its header
 */
#include "unwrapped.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unwrapped_internal.h"

/* Milliseconds until one who waits for gpg looks whether he still is to. */
#define LOOK_MS 50

/* A read(2) has room for so much, as a pipe holds it. */
#define RAW_ROOM_MIN ((size_t)64 * 1024)

/* Of packets (RFC 9580, 5), of compression (9.4), of data (5.9). */
#define TAG_COMPRESSED 8
#define TAG_LITERAL 11
#define ALGORITHM_ZIP 1
#define ALGORITHM_ZLIB 2
#define BINARY 'b'

/* Bytes of a literal packet's date. */
#define DATE_SIZE 4

int
stage_unwrapped_damaged(
	const struct unwrapped *unwrapped, const char *reason, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_DAMAGED, 0, "%s is damaged: %s", unwrapped->path, reason);
}

int
stage_unwrapped_was_cut(const struct unwrapped *unwrapped, struct stage_error *error)
{
	return stage_unwrapped_damaged(unwrapped, "it was cut", error);
}

int
stage_unwrapped_no_memory(const struct unwrapped *unwrapped, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to read %s", unwrapped->path);
}

static int
other(const struct unwrapped *unwrapped, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_UNSUPPORTED, 0,
		"%s is no message of data that are only encrypted", unwrapped->path);
}

/* Waits for the pipe: 1, or an error, also soon after nobody wants it any more. */
static int
wait_for_bytes(struct unwrapped *unwrapped, struct stage_error *error)
{
	struct pollfd pipe = {.fd = unwrapped->fd, .events = POLLIN};
	int code = 0, sys_errno = ECANCELED;

	while (code == 0 && !atomic_load(&unwrapped->stopped)) {
		code = poll(&pipe, 1, LOOK_MS);
		if (code < 0)
			sys_errno = errno;
		if (code < 0 && errno == EINTR)
			code = 0;
	}
	return code > 0 ? 1
			: stage_error_set(error, STAGE_E_SYSTEM, sys_errno,
				  "cannot wait for what gpg makes of %s", unwrapped->path);
}

/* Where the bytes at hand end in the buffer; they are moved to its beginning where there is little room behind. */
static size_t
make_room(struct unwrapped *unwrapped)
{
	struct layer *raw = &unwrapped->raw;
	size_t end = raw->left > 0 ? (size_t)(raw->next - unwrapped->raw_bytes) + raw->left : 0;

	if (raw->left > 0 && unwrapped->raw_size - end >= RAW_ROOM_MIN)
		return end;
	if (raw->left > 0)
		memmove(unwrapped->raw_bytes, raw->next, raw->left);
	raw->next = unwrapped->raw_bytes;
	return raw->left;
}

int
stage_unwrapped_read_raw(struct unwrapped *unwrapped, struct stage_error *error)
{
	size_t end = make_room(unwrapped);
	ssize_t got;
	int code = wait_for_bytes(unwrapped, error);

	if (code < 0)
		return code;
	do
		got = read(unwrapped->fd, unwrapped->raw_bytes + end, unwrapped->raw_size - end);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot read what gpg makes of %s", unwrapped->path);
	unwrapped->raw.left += (size_t)got;
	unwrapped->raw_ended = got == 0;
	return got > 0;
}

/* Sees to bytes of a layer: 1, 0 at its end, or an error. */
static int
see_to(struct unwrapped *unwrapped, struct layer *layer, struct stage_error *error)
{
	return layer->left > 0 ? 1 : layer->more(unwrapped, error);
}

/* The next byte of a layer: 1, 0 at its end, or an error. */
static int
take_byte(struct unwrapped *unwrapped, struct layer *layer, unsigned char *ret_byte,
	struct stage_error *error)
{
	int code = see_to(unwrapped, layer, error);

	if (code > 0) {
		*ret_byte = *layer->next++;
		layer->left--;
	}
	return code;
}

/* The same of bytes that have to be there, as a number: 1, or an error. */
static int
take_number(struct unwrapped *unwrapped, struct layer *layer, unsigned int count,
	uint64_t *ret_number, struct stage_error *error)
{
	uint64_t number = 0;
	unsigned char byte;
	int code;

	while (count-- > 0) {
		code = take_byte(unwrapped, layer, &byte, error);
		if (code <= 0)
			return code < 0 ? code : stage_unwrapped_was_cut(unwrapped, error);
		number = number << 8 | byte;
	}
	*ret_number = number;
	return 1;
}

/* A length of the new form (4.2.1): 1, or an error. */
static int
take_length(struct unwrapped *unwrapped, struct layer *layer, struct packet *packet,
	struct stage_error *error)
{
	uint64_t first = 0, second = 0;
	int code = take_number(unwrapped, layer, 1, &first, error);

	if (code < 0)
		return code;
	packet->part = first >= 224 && first < 255 ? PARTIAL : LAST;
	packet->left = packet->part == PARTIAL ? (uint64_t)1 << (first & 0x1f) : first;
	if (first < 192 || packet->part == PARTIAL)
		return 1;
	if (first == 255)
		return take_number(unwrapped, layer, 4, &packet->left, error);
	code = take_number(unwrapped, layer, 1, &second, error);
	packet->left = ((first - 192) << 8) + second + 192;
	return code;
}

/* The head of a packet: 1, 0 at the end of the layer, or an error. */
static int
take_head(struct unwrapped *unwrapped, struct layer *layer, struct packet *packet,
	struct stage_error *error)
{
	unsigned char head;
	int code = take_byte(unwrapped, layer, &head, error);

	if (code <= 0)
		return code;
	if (!(head & 0x80))
		return other(unwrapped, error);
	packet->part = LAST;
	if (head & 0x40) {
		packet->tag = head & 0x3f;
		return take_length(unwrapped, layer, packet, error);
	}
	packet->tag = head >> 2 & 0x0f;
	if ((head & 3) == 3) {
		packet->part = ENDLESS;
		return 1;
	}
	return take_number(unwrapped, layer, 1U << (head & 3), &packet->left, error);
}

int
stage_unwrapped_see_to_body(struct unwrapped *unwrapped, struct layer *layer, struct packet *packet,
	size_t *ret_size, struct stage_error *error)
{
	int code;

	while (packet->part == PARTIAL && packet->left == 0) {
		code = take_length(unwrapped, layer, packet, error);
		if (code < 0)
			return code;
	}
	if (packet->part == LAST && packet->left == 0)
		return 0;
	code = see_to(unwrapped, layer, error);
	if (code == 0 && packet->part != ENDLESS)
		return stage_unwrapped_was_cut(unwrapped, error);
	if (code <= 0)
		return code;
	*ret_size = layer->left;
	if (packet->part != ENDLESS && packet->left < layer->left)
		*ret_size = (size_t)packet->left;
	return 1;
}

void
stage_unwrapped_use(struct layer *layer, struct packet *packet, size_t size)
{
	layer->next += size;
	layer->left -= size;
	if (packet->part != ENDLESS)
		packet->left -= size;
}

/* Behind the head of a compressed packet: 1, or an error. */
static int
begin_inflating(struct unwrapped *unwrapped, struct stage_error *error)
{
	uint64_t algorithm = 0;
	int code = take_number(unwrapped, &unwrapped->raw, 1, &algorithm, error);

	if (code < 0)
		return code;
	if (algorithm != ALGORITHM_ZIP && algorithm != ALGORITHM_ZLIB)
		return other(unwrapped, error);
	if (unwrapped->compressed.part != ENDLESS && unwrapped->compressed.left-- == 0)
		return stage_unwrapped_was_cut(unwrapped, error);
	code = stage_unwrapped_begin_inflating(unwrapped, algorithm == ALGORITHM_ZIP, error);
	unwrapped->outer = &unwrapped->inflated;
	return code;
}

/* Passes over size bytes of the literal packet, the first of which is given out: 1, or an error. */
static int
pass(struct unwrapped *unwrapped, size_t size, unsigned char *ret_first, struct stage_error *error)
{
	size_t part;
	bool is_first = true;
	int code;

	while (size > 0) {
		code = stage_unwrapped_see_to_body(
			unwrapped, unwrapped->outer, &unwrapped->literal, &part, error);
		if (code <= 0)
			return code < 0 ? code : stage_unwrapped_was_cut(unwrapped, error);
		if (is_first)
			*ret_first = *unwrapped->outer->next;
		is_first = false;
		if (part > size)
			part = size;
		stage_unwrapped_use(unwrapped->outer, &unwrapped->literal, part);
		size -= part;
	}
	return 1;
}

/* Behind the head of a literal packet: 1, or an error. */
static int
begin_data(struct unwrapped *unwrapped, struct stage_error *error)
{
	unsigned char format = 0, length = 0, ignored;
	int code = pass(unwrapped, 1, &format, error);

	if (code > 0 && format != BINARY)
		code = other(unwrapped, error);
	if (code > 0)
		code = pass(unwrapped, 1, &length, error);
	if (code > 0)
		code = pass(unwrapped, (size_t)length + DATE_SIZE, &ignored, error);
	unwrapped->state = DATA;
	return code;
}

/* Reads up to the data: 1, 0 where there are no packets at all, or an error. */
static int
begin(struct unwrapped *unwrapped, struct stage_error *error)
{
	struct packet *packet = &unwrapped->literal;
	int code = take_head(unwrapped, &unwrapped->raw, packet, error);

	unwrapped->outer = &unwrapped->raw;
	if (code > 0 && packet->tag == TAG_COMPRESSED) {
		unwrapped->compressed = *packet;
		code = begin_inflating(unwrapped, error);
		if (code > 0)
			code = take_head(unwrapped, &unwrapped->inflated, packet, error);
		if (code == 0)
			code = stage_unwrapped_was_cut(unwrapped, error);
	}
	if (code > 0 && packet->tag != TAG_LITERAL)
		code = other(unwrapped, error);
	return code > 0 ? begin_data(unwrapped, error) : code;
}

/* Behind the data nothing may come, nor behind the packet that they were in: 0, or an error. */
static int
check_end(struct unwrapped *unwrapped, struct stage_error *error)
{
	int code = see_to(unwrapped, unwrapped->outer, error);

	if (code == 0)
		code = see_to(unwrapped, &unwrapped->raw, error);
	unwrapped->state = END;
	return code > 0 ? stage_unwrapped_damaged(unwrapped, "something is behind its data", error)
			: code;
}

static int
fill(void *context, unsigned char *buffer, size_t size, size_t *ret_used, struct stage_error *error)
{
	struct unwrapped *unwrapped = context;
	size_t used = 0, part;
	int code = unwrapped->state == HEAD ? begin(unwrapped, error) : 1;

	while (code > 0 && used < size) {
		code = stage_unwrapped_see_to_body(
			unwrapped, unwrapped->outer, &unwrapped->literal, &part, error);
		if (code <= 0)
			break;
		if (part > size - used)
			part = size - used;
		memcpy(buffer + used, unwrapped->outer->next, part);
		stage_unwrapped_use(unwrapped->outer, &unwrapped->literal, part);
		used += part;
	}
	if (code == 0 && unwrapped->state == DATA)
		code = check_end(unwrapped, error);
	*ret_used = used;
	return code;
}

static void
stop(void *context)
{
	struct unwrapped *unwrapped = context;

	atomic_store(&unwrapped->stopped, true);
}

static void
end(void *context)
{
	struct unwrapped *unwrapped = context;

	stage_unwrapped_end_inflating(unwrapped);
	if (!unwrapped->leaves_open)
		close(unwrapped->fd);
	free(unwrapped->path);
	free(unwrapped);
}

int
stage_unwrapped_open(int fd, const struct stage_readahead_options *options,
	struct stage_readahead **ret_readahead, struct stage_error *error)
{
	struct stage_readahead_source source = {.fill = fill, .stop = stop, .free = end};
	struct unwrapped *unwrapped = calloc(1, sizeof(*unwrapped));
	int code;

	if (!unwrapped) {
		if (!options->leaves_open)
			close(fd);
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to read %s", options->path);
	}
	unwrapped->fd = fd;
	unwrapped->leaves_open = options->leaves_open;
	unwrapped->raw_bytes = unwrapped->first_bytes;
	unwrapped->raw_size = RAW_BYTES;
	unwrapped->raw.more = stage_unwrapped_read_raw;
	unwrapped->inflated.more = stage_unwrapped_inflate;
	unwrapped->path = strdup(options->path);
	source.context = unwrapped;
	code = unwrapped->path ? stage_readahead_open(&source, options, ret_readahead, error)
			       : stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to read %s",
					 options->path);
	if (code < 0)
		end(unwrapped);
	return code;
}
