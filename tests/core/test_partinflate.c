/* Whoever inflates the stream of a message, libdeflate or zlib, its data are the same. */
#define ZLIB_CONST
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "compressor.h"
#include "openpgp_run.h"
#include "partinflate.h"
#include "unwrapped_run.h"
#include "wrap.h"

#define INFLATE "libdeflate_deflate_decompress_ex"

/* A compressed packet, ZIP, of indeterminate length; in it a literal packet of the same kind: binary, no name, no date. */
#define PACKET_HEAD "\xa3\x01"
#define LITERAL_HEAD                                                                               \
	"\xaf"                                                                                     \
	"b\0\0\0\0\0"
#define LITERAL_HEAD_SIZE ((size_t)7)

#define MARK "\0\0\xff\xff"
#define ROOM (8 * BLOCK)

/* A message, made up of pieces, and the data in it. */
static unsigned char message[ROOM], data[ROOM];
static size_t message_size, data_size;

static void
add(const void *bytes, size_t size)
{
	REQUIRE(message_size + size <= ROOM);
	memcpy(message + message_size, bytes, size);
	message_size += size;
}

/* The data with the head of their packet in front of them. */
static const unsigned char *
literal(void)
{
	static unsigned char bytes[LITERAL_HEAD_SIZE + ROOM];

	memcpy(bytes, LITERAL_HEAD, LITERAL_HEAD_SIZE);
	memcpy(bytes + LITERAL_HEAD_SIZE, data, data_size);
	return bytes;
}

static void
begin(void)
{
	message_size = 0;
	add(PACKET_HEAD, 2);
}

static void
take_data(enum kind kind, size_t size)
{
	unsigned char *bytes = gzip_data(kind, size);

	REQUIRE(size <= ROOM - LITERAL_HEAD_SIZE);
	memcpy(data, bytes, size);
	data_size = size;
	free(bytes);
}

/* One stream by zlib, flushed so after each so many bytes, in turn. */
static void
add_flushed(int level, const int *flushes, size_t count, size_t step)
{
	z_stream stream = {.next_in = literal()};
	size_t left = LITERAL_HEAD_SIZE + data_size, i, now;

	REQUIRE(deflateInit2(&stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	stream.next_out = message + message_size;
	stream.avail_out = (uInt)(ROOM - message_size);
	for (i = 0; left > 0; i++, left -= now) {
		now = left < step ? left : step;
		stream.avail_in = (uInt)now;
		REQUIRE(deflate(&stream, flushes[i % count]) == Z_OK && stream.avail_in == 0);
	}
	REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
	message_size += stream.total_out;
	deflateEnd(&stream);
}

/* A stored block, on a byte. */
static void
add_stored(const void *bytes, size_t size, bool is_last)
{
	const unsigned char header[] = {is_last, (unsigned char)size, (unsigned char)(size >> 8),
		(unsigned char)~size, (unsigned char)(~size >> 8)};

	add(header, sizeof(header));
	add(bytes, size);
}

/* Reads all: 0 or an error. What came has to be the data, from their beginning. */
static int
read_all(struct stage_readahead *readahead, size_t *ret_done)
{
	return unwrapped_read_all(&readahead, data, data_size, ret_done);
}

static int
open_message(void)
{
	int fd = open(in_dir("packet"), O_RDONLY | O_CLOEXEC);

	unlink(in_dir("packet"));
	return fd;
}

/* Reads the first bytes of the message as a file. */
static int
read_cut(size_t size, size_t *ret_done)
{
	make_file_bytes(in_dir("packet"), message, size, 0600);
	return read_all(unwrapped_open(open_message(), false), ret_done);
}

/* What writes the message to a pipe, so many bytes at a time. */
struct writer {
	int fd;
	size_t step;
};

static void *
write_message(void *context)
{
	const struct writer *writer = context;
	size_t done, now;
	sigset_t pipe;

	/* of a reader that ends early its own error is shown */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	for (done = 0; done < message_size; done += now) {
		now = message_size - done < writer->step ? message_size - done : writer->step;
		if (write(writer->fd, message + done, now) != (ssize_t)now)
			break;
	}
	close(writer->fd);
	return NULL;
}

static void
check_by_pipe(size_t step)
{
	struct writer writer = {.step = step};
	pthread_t thread;
	size_t done;
	int fds[2];

	REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
	writer.fd = fds[1];
	REQUIRE(pthread_create(&thread, NULL, write_message, &writer) == 0);
	WORKS(read_all(unwrapped_open(fds[0], false), &done));
	CHECK(done == data_size);
	pthread_join(thread, NULL);
}

/* Reads the message from a file. */
static void
check_by_file(void)
{
	size_t done;

	WORKS(read_cut(message_size, &done));
	CHECK(done == data_size);
}

/* Is the message read right, from a file and in pieces, and with libdeflate failing? How often was libdeflate asked? */
static size_t
check_read(void)
{
	size_t asked = 0;

	check_by_pipe(4093);
	check_by_pipe(65536);
#ifdef HAVE_LIBDEFLATE
	wrap_begin_two(INFLATE, EIO, INFLATE, EIO);
	check_by_file();
	wrap_end();
	wrap_tally_begin();
	check_by_file();
	asked = wrap_tally(INFLATE);
	wrap_tally_end();
#else
	check_by_file();
#endif
	return asked;
}

/* What openpgp.h writes, each kind at each level. */
static void
written(void)
{
	static const size_t sizes[] = {0, 1, 65536, 300000, BLOCK - 16, BLOCK, BLOCK + 150001};
	struct stage_openpgp_options options = {0};
	enum kind kind;
	size_t i, done, most = sizes[sizeof(sizes) / sizeof(*sizes) - 1];

	for (kind = RANDOM; kind < KINDS; kind++) {
		take_data(kind, most);
		for (options.level = 1; options.level <= STAGE_LEVEL_MAX; options.level++) {
			i = options.level % 4 == 2 ? 0 : sizeof(sizes) / sizeof(*sizes) - 1;
			for (; i < sizeof(sizes) / sizeof(*sizes); i++) {
				data_size = sizes[i];
				openpgp_compress("packet", data, data_size, PIECE, &options);
				WORKS(read_all(unwrapped_open(open_message(), i % 2), &done));
				CHECK(done == data_size);
			}
		}
	}
}

#ifdef HAVE_LIBDEFLATE

/* Parts are libdeflate's, and no more is tried than there are: the end of the stream is zlib's. */
static void
asked(void)
{
	const struct stage_openpgp_options options = {.level = 6};
	size_t done;

	take_data(TEXT, 2 * BLOCK);
	openpgp_compress("packet", data, data_size, PIECE, &options);
	wrap_tally_begin();
	WORKS(read_all(unwrapped_open(open_message(), true), &done));
	CHECK(wrap_tally(INFLATE) == 4); /* two for each block */
	wrap_tally_end();
	CHECK(done == data_size);
	take_data(RANDOM, 4 * BLOCK);
	openpgp_compress("packet", data, data_size, PIECE, &options);
	wrap_tally_begin();
	WORKS(read_all(unwrapped_open(open_message(), true), &done));
	CHECK(wrap_tally(INFLATE) <= 2); /* they are stored */
	wrap_tally_end();
	CHECK(done == data_size);
}

/* A stream without parts costs three tries. */
static void
vain(void)
{
	static const int sync[] = {Z_SYNC_FLUSH};
	static const int none[] = {Z_NO_FLUSH};

	take_data(TEXT, 3 * BLOCK);
	begin();
	add_flushed(6, none, 1, BLOCK);
	CHECK(check_read() == 0);
	begin();
	add_flushed(6, sync, 1, 5000);
	CHECK(check_read() <= 3 * 4 + 1);
}

/* Where there is no memory for parts. */
static void
no_memory(void)
{
	static const int full[] = {Z_FULL_FLUSH};
	size_t done;

	take_data(TEXT, BLOCK);
	begin();
	add_flushed(6, full, 1, 100000);
	wrap_begin_two(
		"libdeflate_alloc_decompressor", ENOMEM, "libdeflate_alloc_decompressor", ENOMEM);
	WORKS(read_cut(message_size, &done));
	CHECK(done == data_size);
	CHECK(wrap_failed() && wrap_leaked() == 0);
	wrap_end();
}

#else

static void
asked(void)
{
	CHECK(stage_partinflate_new() == NULL);
}

static void
vain(void)
{
}

static void
no_memory(void)
{
}

#endif

/* Parts that refer to data before them, and others, in turn; a window that is not full; parts that are too large. */
static void
flushed(void)
{
	static const int full[] = {Z_FULL_FLUSH}, sync[] = {Z_SYNC_FLUSH};
	static const int mixed[] = {Z_FULL_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FULL_FLUSH,
		Z_SYNC_FLUSH, Z_SYNC_FLUSH, Z_BLOCK, Z_FULL_FLUSH, Z_PARTIAL_FLUSH};
	static const size_t steps[] = {100, 3001, 40000, BLOCK, BLOCK + 1, 2 * BLOCK};
	enum kind kind;
	size_t i;
	int level;

	for (kind = RANDOM; kind < KINDS; kind++)
		for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
			take_data(kind, i == 0 ? 50000 : i == 1 ? 300000 : 2 * BLOCK + 12345);
			if (kind == RANDOM) /* what refers back further than one flush */
				memcpy(data + 20000, data, 20000);
			level = i % 2 ? 1 : 6;
			begin();
			add_flushed(level, full, 1, steps[i]);
			check_read();
			begin();
			add_flushed(level, sync, 1, steps[i]);
			check_read();
			begin();
			add_flushed(level, mixed, sizeof(mixed) / sizeof(*mixed), steps[i]);
			check_read();
			if (kind != MIXED)
				continue;
			begin();
			add_flushed(0, mixed, sizeof(mixed) / sizeof(*mixed), steps[i]);
			check_read();
		}
}

/* Stored data that look like the end of a part; also so that they end where the zeros of partinflate.h do. */
static void
false_ends(void)
{
	static const int full[] = {Z_FULL_FLUSH};
	const size_t before[] = {0, 1, 300, 60000}, step = 997;
	size_t i, j;

	for (i = 0; i < 4; i++) {
		take_data(RANDOM, before[i] + 4 + STAGE_PARTINFLATE_BEHIND);
		memcpy(data + before[i], MARK, 4);
		begin();
		add_stored(literal(), LITERAL_HEAD_SIZE + data_size, true);
		check_read();
		begin();
		add_stored(literal(), 3, false);
		add_stored(literal() + 3, LITERAL_HEAD_SIZE + data_size - 3, false);
		add_stored("", 0, true);
		check_read();
	}
	for (i = 0; i < 2; i++) {
		take_data(i ? TEXT : RANDOM, 2 * BLOCK);
		for (j = 0; j + 4 < data_size; j += step)
			memcpy(data + j, MARK, 4);
		begin();
		add_flushed(i ? 6 : 1, full, 1, 200000);
		check_read();
		begin();
		add_flushed(0, full, 1, 200000);
		check_read();
	}
}

/* Adds bits, the first one of each code as the highest one, or of other numbers as the lowest one. */
static void
add_bits(unsigned int *bit, unsigned int code, unsigned int count)
{
	for (; count > 0; count--, ++*bit) {
		if (*bit % 8 == 0)
			add("", 1);
		message[message_size - 1] |= (unsigned char)((code >> (count - 1) & 1) << *bit % 8);
	}
}

/*
 * The mark in the middle of a last block by the fixed code (RFC 1951, 3.2.6). Behind it the block would end at once in an
 * empty block of the kind that ends what openpgp.h writes.
 */
static void
false_end_in_code(void)
{
	unsigned int bit = 0, i;

	take_data(RANDOM, 6000);
	begin();
	add_stored(literal(), LITERAL_HEAD_SIZE + data_size, false);
	add_bits(&bit, 6, 3); /* the last block; fixed */
	for (i = 0; i < 4; i++) {
		add_bits(&bit, 0x190, 9);
		data[data_size++] = 144;
	}
	add_bits(&bit, 1, 7);    /* 3 bytes */
	add_bits(&bit, 0x18, 5); /* from 4097 back, */
	add_bits(&bit, 0, 11);   /* and no further */
	memcpy(data + data_size, data + data_size - 4097, 3);
	data_size += 3;
	add_bits(&bit, 0x3f, 8);
	data[data_size++] = 15;
	for (i = 0; i < 1000; i++) {
		add_bits(&bit, 0x1ff, 9);
		data[data_size++] = 255;
	}
	add_bits(&bit, 0, 7);
	CHECK(memmem(message + message_size - 1200, 1200, MARK, 4) != NULL);
	check_read();
}

/* Each cut of a stream of parts is told, and each wrong byte that zlib would tell of ends no other way. */
static void
cuts(void)
{
	static const int mixed[] = {Z_FULL_FLUSH, Z_FULL_FLUSH, Z_SYNC_FLUSH};
	size_t size, done;

	take_data(MIXED, 3000);
	begin();
	add_flushed(6, mixed, 3, 500);
	add_stored("", 0, true); /* behind the end of the stream nothing is read */
	message_size -= 5;
	for (size = 1; size < message_size; size++) {
		FAILS(read_cut(size, &done), STAGE_E_DAMAGED);
		HAS(failure.message, "the message is damaged: it was cut");
	}
	begin();
	add_stored(literal(), LITERAL_HEAD_SIZE + data_size, false);
	for (size = 1; size <= message_size; size++)
		FAILS(read_cut(size, &done), STAGE_E_DAMAGED);
	message[3] ^= 1; /* a length that is not its complement's */
	FAILS(read_cut(message_size, &done), STAGE_E_DAMAGED);
	HAS(failure.message, "invalid stored block lengths");
}

/* The data of a part come before the next one is written. */
static void
no_wait(void)
{
	static const int full[] = {Z_FULL_FLUSH};
	struct stage_readahead *readahead;
	unsigned char *read = malloc(BLOCK);
	size_t count, half;
	int fds[2];

	REQUIRE(read != NULL && pipe2(fds, O_CLOEXEC) == 0);
	take_data(TEXT, 60000);
	begin();
	add_flushed(6, full, 1, 30000 + LITERAL_HEAD_SIZE);
	half = (size_t)((unsigned char *)memmem(message, message_size, MARK, 4) - message) + 4;
	readahead = unwrapped_open(fds[0], false);
	REQUIRE(half < message_size && write(fds[1], message, half) == (ssize_t)half);
	WORKS(stage_readahead_read(readahead, read, 16384, &count, &failure));
	CHECK(count == 16384 && memcmp(read, data, count) == 0);
	REQUIRE(write(fds[1], message + half, message_size - half) ==
		(ssize_t)(message_size - half));
	close(fds[1]);
	WORKS(stage_readahead_read(readahead, read, BLOCK, &count, &failure));
	CHECK(count == data_size - 16384 && memcmp(read, data + 16384, count) == 0);
	stage_readahead_close(&readahead);
	free(read);
}

static const struct test tests[] = {
	{"written", written},
	{"asked", asked},
	{"vain", vain},
	{"no_memory", no_memory},
	{"flushed", flushed},
	{"false_ends", false_ends},
	{"false_end_in_code", false_end_in_code},
	{"cuts", cuts},
	{"no_wait", no_wait},
	{NULL, NULL},
};

const struct suite suite_partinflate = {"partinflate", tests};
