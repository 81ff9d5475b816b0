/* Messages put together byte by byte, as RFC 9580 has their packets, and those of openpgp.h. */
#include "tests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "openpgp_run.h"
#include "unwrapped_run.h"

#define DATA_SIZE ((size_t)300000)
#define LITERAL "b\0\0\0\0\0" /* binary, no name, no date */

struct bytes {
	unsigned char *bytes;
	size_t size;
};

static unsigned char data[DATA_SIZE];

static void
add(struct bytes *to, const void *bytes, size_t size)
{
	to->bytes = realloc(to->bytes, to->size + size + 1);
	REQUIRE(to->bytes != NULL);
	memcpy(to->bytes + to->size, bytes, size);
	to->size += size;
}

static void
add_byte(struct bytes *to, unsigned int byte)
{
	add(to, &(unsigned char){(unsigned char)byte}, 1);
}

static void
add_number(struct bytes *to, size_t number, unsigned int count)
{
	while (count-- > 0)
		add_byte(to, (unsigned int)(number >> 8 * count) & 0xff);
}

/* How the length of a packet is written. */
enum form { OLD_1, OLD_2, OLD_4, ENDLESS, NEW_1, NEW_2, NEW_5, PARTIAL, FORMS };

static bool
can_have(enum form form, size_t size)
{
	switch (form) {
	case OLD_1:
		return size < 256;
	case OLD_2:
		return size < 65536;
	case NEW_1:
		return size < 192;
	case NEW_2:
		return size >= 192 && size < 8384;
	default:
		return true;
	}
}

/* In parts of 512 bytes, then of 1; the last one may be empty. */
static void
add_partial(struct bytes *to, const struct bytes *body)
{
	size_t done = 0;

	for (; body->size - done >= 512; done += 512) {
		add_byte(to, 0xe9);
		add(to, body->bytes + done, 512);
	}
	if (done < body->size) {
		add_byte(to, 0xe0);
		add(to, body->bytes + done++, 1);
	}
	add_byte(to, 0xff);
	add_number(to, body->size - done, 4);
	add(to, body->bytes + done, body->size - done);
}

static void
add_packet(struct bytes *to, unsigned int tag, enum form form, const struct bytes *body)
{
	static const unsigned int counts[FORMS] = {1, 2, 4, 0, 1, 2, 4, 0};

	add_byte(to, form <= ENDLESS ? 0x80 | tag << 2 | form : 0xc0 | tag);
	if (form == PARTIAL) {
		add_partial(to, body);
		return;
	}
	if (form == NEW_5)
		add_byte(to, 0xff);
	add_number(to, form == NEW_2 ? body->size - 192 + 0xc000 : body->size, counts[form]);
	add(to, body->bytes, body->size);
}

static void
add_literal(struct bytes *to, enum form form, size_t size)
{
	struct bytes body = {0};

	add(&body, LITERAL, sizeof(LITERAL) - 1);
	add(&body, data, size);
	add_packet(to, 11, form, &body);
	free(body.bytes);
}

/* A compressed packet around packets: algorithm 1 is ZIP, 2 is ZLIB. */
static void
add_compressed(
	struct bytes *to, enum form form, unsigned int algorithm, const struct bytes *packets)
{
	struct bytes body = {0};
	z_stream stream = {0};
	unsigned char *bytes;
	uLong most;

	REQUIRE(deflateInit2(&stream, 1, Z_DEFLATED, algorithm == 1 ? -15 : 15, 8,
			Z_DEFAULT_STRATEGY) == Z_OK);
	most = deflateBound(&stream, packets->size);
	bytes = malloc(most);
	REQUIRE(bytes != NULL);
	stream.next_in = packets->bytes;
	stream.avail_in = (uInt)packets->size;
	stream.next_out = bytes;
	stream.avail_out = (uInt)most;
	REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
	add_byte(&body, algorithm);
	add(&body, bytes, stream.total_out);
	deflateEnd(&stream);
	free(bytes);
	add_packet(to, 8, form, &body);
	free(body.bytes);
}

/* Reads a message of size bytes: 0 or an error, and how many bytes of data came before. */
static int
read_bytes(const void *message, size_t size, bool ahead, size_t *ret_done)
{
	struct stage_readahead *readahead;

	make_file_bytes(in_dir("message"), message, size, 0600);
	readahead = unwrapped_open(open(in_dir("message"), O_RDONLY | O_CLOEXEC), ahead);
	unlink(in_dir("message"));
	return unwrapped_read_all(&readahead, data, DATA_SIZE, ret_done);
}

/* Is a message of the first size bytes of the data read, with a thread and without? It is freed. */
static void
check_read(struct bytes *message, size_t size)
{
	size_t done;
	int ahead;

	for (ahead = 0; ahead < 2; ahead++) {
		WORKS(read_bytes(message->bytes, message->size, ahead, &done));
		CHECK(done == size);
	}
	free(message->bytes);
	*message = (struct bytes){0};
}

/* Is it refused with this error, before any data? It is freed. */
static void
check_refused(struct bytes *message, int code)
{
	size_t done;
	int ahead;

	for (ahead = 0; ahead < 2; ahead++) {
		FAILS(read_bytes(message->bytes, message->size, ahead, &done), code);
		CHECK(done == 0);
		HAS(failure.message, "the message is ");
	}
	free(message->bytes);
	*message = (struct bytes){0};
}

static void
fill_data(void)
{
	size_t i;

	for (i = 0; i < DATA_SIZE; i++)
		data[i] = (unsigned char)((i * i >> 7) ^ (i >> 11));
}

static void
forms(void)
{
	static const size_t sizes[] = {
		0, 1, 180, 186, 190, 500, 8000, 8377, 8378, 65000, DATA_SIZE};
	struct bytes message = {0}, literal = {0};
	enum form outer, inner;
	size_t i;

	fill_data();
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (inner = OLD_1; inner < FORMS; inner++) {
			if (!can_have(inner, sizes[i] + 6))
				continue;
			add_literal(&message, inner, sizes[i]);
			check_read(&message, sizes[i]);
			add_literal(&literal, inner, sizes[i]);
			for (outer = OLD_4; outer < FORMS; outer++) {
				if (outer == NEW_1 || outer == NEW_2)
					continue;
				add_compressed(&message, outer, 1 + i % 2, &literal);
				check_read(&message, sizes[i]);
			}
			free(literal.bytes);
			literal = (struct bytes){0};
		}
}

/* What openpgp.h writes. */
static void
written(void)
{
	static const size_t sizes[] = {0, 1, 65535, 65536, 2 * BLOCK + 1};
	static unsigned char buffer[2 * BLOCK + 2];
	unsigned char *bytes = gzip_data(RANDOM, 2 * BLOCK + 1);
	struct stage_readahead *readahead;
	size_t i, count;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		openpgp_compress("packet", bytes, sizes[i], PIECE, NULL);
		readahead = unwrapped_open(open(in_dir("packet"), O_RDONLY | O_CLOEXEC), true);
		WORKS(stage_readahead_read(readahead, buffer, sizeof(buffer), &count, &failure));
		CHECK(count == sizes[i] && memcmp(buffer, bytes, count) == 0);
		stage_readahead_close(&readahead);
		unlink(in_dir("packet"));
	}
	free(bytes);
}

/* What only gpg can read. */
static void
others(void)
{
	struct bytes message = {0}, inner = {0};

	fill_data();
	add(&inner, "t\0\0\0\0\0text", 10);
	add_packet(&message, 11, NEW_1, &inner); /* text */
	check_refused(&message, STAGE_E_UNSUPPORTED);
	add_packet(&message, 4, NEW_1, &inner); /* a one-pass signature */
	check_refused(&message, STAGE_E_UNSUPPORTED);
	add_packet(&message, 4, NEW_1, &inner);
	free(inner.bytes);
	inner = message;
	message = (struct bytes){0};
	add_literal(&inner, OLD_4, 1000);
	add_compressed(&message, ENDLESS, 1, &inner);
	check_refused(&message, STAGE_E_UNSUPPORTED);
	inner.bytes[0] = 3; /* BZip2 */
	add_packet(&message, 8, ENDLESS, &inner);
	check_refused(&message, STAGE_E_UNSUPPORTED);
	add(&message, "plain text, as of a gpg that does not know --unwrap", 51);
	check_refused(&message, STAGE_E_UNSUPPORTED);
	free(inner.bytes);
}

/* Each cut of a message is told; that before its first byte is no data. */
static void
cuts(void)
{
	struct bytes literal = {0}, message = {0};
	size_t size, done;

	fill_data();
	add_literal(&literal, PARTIAL, 1200);
	add_compressed(&message, ENDLESS, 1, &literal);
	WORKS(read_bytes(message.bytes, 0, true, &done));
	CHECK(done == 0);
	for (size = 1; size < message.size; size++) {
		FAILS(read_bytes(message.bytes, size, size % 2, &done), STAGE_E_DAMAGED);
		HAS(failure.message, "the message is damaged: it was cut");
	}
	for (size = 1; size < literal.size; size++)
		FAILS(read_bytes(literal.bytes, size, size % 2, &done), STAGE_E_DAMAGED);
	free(literal.bytes);
	free(message.bytes);
}

static void
damage(void)
{
	struct bytes literal = {0}, message = {0};
	size_t done;

	fill_data();
	add_literal(&message, OLD_4, 1000);
	add_literal(&message, OLD_4, 1000);
	FAILS(read_bytes(message.bytes, message.size, true, &done), STAGE_E_DAMAGED);
	HAS(failure.message, "something is behind its data");
	add_compressed(&literal, ENDLESS, 1, &message); /* around two of them */
	FAILS(read_bytes(literal.bytes, literal.size, true, &done), STAGE_E_DAMAGED);
	HAS(failure.message, "something is behind its data");
	free(message.bytes);
	message = (struct bytes){0};
	free(literal.bytes);
	literal = (struct bytes){0};
	add_literal(&literal, OLD_4, 1000);
	add_compressed(&message, OLD_4, 1, &literal);
	add_compressed(&message, OLD_4, 1, &literal); /* two messages */
	FAILS(read_bytes(message.bytes, message.size, true, &done), STAGE_E_DAMAGED);
	HAS(failure.message, "something is behind its data");
	free(message.bytes);
	message = (struct bytes){0};
	add_compressed(&message, ENDLESS, 1, &literal);
	add_byte(&message, 0x14);
	FAILS(read_bytes(message.bytes, message.size, true, &done), STAGE_E_DAMAGED);
	HAS(failure.message, "something is behind its data");
	message.size--;
	free(literal.bytes);
	literal = message;
	message = (struct bytes){0};
	literal.bytes[2] |= 6; /* a block of no kind */
	FAILS(read_bytes(literal.bytes, literal.size, true, &done), STAGE_E_DAMAGED);
	HAS(failure.message, "invalid block type");
	free(literal.bytes);
	free(message.bytes);
}

/* Whoever closes does not wait for a gpg that gives nothing. */
static void
unread(void)
{
	struct stage_readahead *readahead;
	struct bytes message = {0};
	unsigned char byte;
	size_t count;
	int fds[2];

	fill_data();
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	readahead = unwrapped_open(fds[0], true);
	stage_readahead_close(&readahead);
	CHECK(!is_open_fd(fds[0]));
	close(fds[1]);

	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	add_literal(&message, OLD_2, 100);
	readahead = unwrapped_open(fds[0], true);
	REQUIRE(write(fds[1], message.bytes, message.size - 1) == (ssize_t)message.size - 1);
	stage_readahead_close(&readahead);
	close(fds[1]);
	free(message.bytes);

	readahead = unwrapped_open(open(test_dir, O_RDONLY | O_CLOEXEC), true);
	FAILS(stage_readahead_read(readahead, &byte, 1, &count, &failure), STAGE_E_SYSTEM);
	HAS(failure.message, "cannot read what gpg makes of the message");
	stage_readahead_close(&readahead);
}

/* A reader who looks for signals gets what is there, and otherwise only waits. */
static void
soon(void)
{
	static unsigned char buffer[100000];
	struct stage_readahead *readahead;
	struct bytes message = {0};
	size_t done = 0, count;
	int fds[2];

	fill_data();
	add_literal(&message, OLD_4, sizeof(buffer));
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	readahead = unwrapped_open(fds[0], true);
	CHECK(stage_readahead_read_soon(readahead, 0, buffer, sizeof(buffer), &count, &failure) ==
		STAGE_E_AGAIN);
	REQUIRE(write(fds[1], message.bytes, message.size - 1) == (ssize_t)message.size - 1);
	while (stage_readahead_read_soon(readahead, done < 65536 ? 60 : 0, buffer + done,
		       sizeof(buffer) - done, &count, &failure) == 0)
		done += count;
	CHECK(done == 65536);
	REQUIRE(write(fds[1], message.bytes + message.size - 1, 1) == 1);
	close(fds[1]);
	for (count = 1; count > 0; done += count)
		WORKS(stage_readahead_read_soon(
			readahead, 60, buffer + done, 10, &count, &failure));
	CHECK(done == sizeof(buffer) && memcmp(buffer, data, done) == 0);
	stage_readahead_close(&readahead);

	/* without a thread it waits for the source alone */
	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	readahead = unwrapped_open(fds[0], false);
	REQUIRE(write(fds[1], message.bytes, 1000) == 1000);
	close(fds[1]);
	WORKS(stage_readahead_read_soon(readahead, 0, buffer, 10, &count, &failure));
	CHECK(count == 10 && memcmp(buffer, data, 10) == 0);
	stage_readahead_close(&readahead);
	free(message.bytes);
}

static const struct test tests[] = {
	{"forms", forms},
	{"written", written},
	{"others", others},
	{"cuts", cuts},
	{"damage", damage},
	{"unread", unread},
	{"soon", soon},
	{NULL, NULL},
};

const struct suite suite_unwrapped = {"unwrapped", tests};
