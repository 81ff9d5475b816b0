/* zlib's gzread(3) reads what was written: it is not what wrote it, unless libdeflate is missing. */
#include "tests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "compressor.h"
#include "cpus.h"
#include "gzip.h"
#include "wrap.h"

#define PIECE ((size_t)64 * 1024) /* what the host writes at a time */
#define BLOCK STAGE_GZIP_BLOCK
#define MANY (30 * BLOCK) /* more than are in flight with 4 threads */

/* Bytes by which a file whose next piece did not fit is below its limit, at most. */
#define UNFILLED (PIECE + 28)

enum kind { RANDOM, TEXT, ZEROS, MIXED, KINDS };

/* An endless source of the same bytes. */
struct source {
	enum kind kind;
	uint64_t state, offset;
};

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void
take_text(struct source *source, unsigned char *data, size_t size)
{
	static const char *const words[] = {"volume ", "of ", "a ", "backup ", "that ", "goes ",
		"to ", "storage, ", "signature ", "manifest\n", "0123 ", "directory "};
	const char *word = "";
	size_t i;

	for (i = 0; i < size; i++) {
		if (!*word)
			word = words[(next_random(&source->state) >> 20) % 12];
		data[i] = (unsigned char)*word++;
	}
}

static void
take(struct source *source, unsigned char *data, size_t size)
{
	enum kind kind = source->kind;
	size_t i;

	if (kind == MIXED)
		kind = (enum kind)((source->offset / PIECE) % MIXED);
	source->offset += size;
	if (kind == TEXT)
		take_text(source, data, size);
	else
		for (i = 0; i < size; i++)
			data[i] = kind == ZEROS
					  ? 0
					  : (unsigned char)(next_random(&source->state) >> 11);
}

static struct source
new_source(enum kind kind)
{
	return (struct source){.kind = kind, .state = 88172645463325252u};
}

static unsigned char *
make_data(enum kind kind, size_t size)
{
	struct source source = new_source(kind);
	unsigned char *data = malloc(size + 1);
	size_t done, piece;

	REQUIRE(data != NULL);
	for (done = 0; done < size; done += piece) {
		piece = size - done < PIECE ? size - done : PIECE;
		take(&source, data + done, piece);
	}
	return data;
}

static int
open_output(const char *name)
{
	int fd = open(in_dir(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	REQUIRE(fd >= 0);
	return fd;
}

static uint64_t
size_of(const char *name)
{
	struct stat stat_;

	return stat(in_dir(name), &stat_) == 0 ? (uint64_t)stat_.st_size : UINT64_MAX;
}

/* The whole file, which the caller frees. */
static unsigned char *
content_of(const char *name, size_t *ret_size)
{
	uint64_t size = size_of(name);
	unsigned char *content = malloc(size + 1);
	int fd = open(in_dir(name), O_RDONLY | O_CLOEXEC);

	REQUIRE(content != NULL && fd >= 0);
	REQUIRE(read(fd, content, size) == (ssize_t)size);
	close(fd);
	*ret_size = size;
	return content;
}

/* The file holds these bytes, as any reader of gzip files sees it. */
static bool
reads_back(const char *name, const unsigned char *data, size_t size)
{
	static unsigned char buffer[256 * 1024];
	size_t done = 0;
	bool same = true;
	gzFile file;
	int got;

	file = gzopen(in_dir(name), "rb");
	if (!file)
		return false;
	while ((got = gzread(file, buffer, sizeof(buffer))) > 0) {
		same = same && done + (size_t)got <= size &&
		       memcmp(buffer, data + done, (size_t)got) == 0;
		done += (size_t)got;
	}
	return gzclose(file) == Z_OK && got == 0 && same && done == size;
}

/* The same for what a source gives. */
static bool
reads_as(const char *name, enum kind kind, uint64_t size)
{
	static unsigned char buffer[PIECE], expected[PIECE];
	struct source source = new_source(kind);
	uint64_t done;
	size_t piece;
	bool same = true;
	gzFile file;

	file = gzopen(in_dir(name), "rb");
	if (!file)
		return false;
	for (done = 0; same && done < size; done += piece) {
		piece = size - done < PIECE ? (size_t)(size - done) : PIECE;
		take(&source, expected, piece);
		same = gzread(file, buffer, (unsigned int)piece) == (int)piece &&
		       memcmp(buffer, expected, piece) == 0;
	}
	same = same && gzread(file, buffer, 1) == 0;
	return gzclose(file) == Z_OK && same;
}

static void
compress_to(const char *name, const unsigned char *data, size_t size, size_t piece,
	const struct stage_gzip_options *options)
{
	struct stage_gzip *gzip = NULL;
	uint64_t written = UINT64_MAX;
	int fd = open_output(name);
	size_t done, now;

	WORKS(stage_gzip_open(fd, name, options, &gzip, &failure));
	REQUIRE(gzip != NULL);
	for (done = 0; done < size; done += now) {
		now = size - done < piece ? size - done : piece;
		if (stage_gzip_write(gzip, data + done, now, &failure) < 0)
			CU_FAIL("write");
	}
	WORKS(stage_gzip_close(&gzip, false, &written, &failure));
	CHECK(gzip == NULL && written == size_of(name));
	close(fd);
}

static bool
same_files(const char *a, const char *b)
{
	size_t a_size, b_size;
	unsigned char *a_content = content_of(a, &a_size), *b_content = content_of(b, &b_size);
	bool same = a_size == b_size && memcmp(a_content, b_content, a_size) == 0;

	free(a_content);
	free(b_content);
	return same;
}

static void
empty(void)
{
	struct stage_gzip *gzip = NULL;
	unsigned char *content;
	size_t size;
	bool fits;
	int fd;

	compress_to("a", NULL, 0, 1, NULL);
	content = content_of("a", &size);
	CHECK(size >= 20 && size <= 23);
	/* by DEFLATE, no name or other flags, no time */
	CHECK(memcmp(content, "\x1f\x8b\x08\0\0\0\0\0", 8) == 0);
	CHECK(reads_back("a", NULL, 0));
	free(content);

	fd = open_output("a");
	WORKS(stage_gzip_open(fd, "a", NULL, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, NULL, 0, &failure));
	WORKS(stage_gzip_write(gzip, "", 0, &failure));
	WORKS(stage_gzip_fits(gzip, UINT64_MAX, &fits, &failure));
	CHECK(fits);
	WORKS(stage_gzip_close(&gzip, false, NULL, NULL));
	CHECK(reads_back("a", NULL, 0));
	close(fd);
	unlink(in_dir("a"));
}

/*
 * Byte for byte, of what no library compresses: a header, one stored block that is the last, the data,
 * their CRC-32 (by another program) and size. zlib names the system that it was built on.
 */
static void
golden(void)
{
#ifdef HAVE_LIBDEFLATE
	static const unsigned char header[] = "\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\xc8\0\x37\xff";
#else
	static const unsigned char header[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\x01\xc8\0\x37\xff";
#endif
	static const unsigned char trailer[] = "\x1b\x2c\xe4\x2e\xc8\x00\x00\x00";
	unsigned char *data = make_data(RANDOM, 200), *content;
	size_t size;

	compress_to("a", data, 200, 7, NULL);
	content = content_of("a", &size);
	CHECK(size == 15 + 200 + 8);
	CHECK(memcmp(content, header, 15) == 0);
	CHECK(memcmp(content + 15, data, 200) == 0);
	CHECK(memcmp(content + 15 + 200, trailer, 8) == 0);
	free(content);
	free(data);
	unlink(in_dir("a"));
}

/* Any number of bytes at a time. */
static void
pieces(void)
{
	const struct stage_gzip_options options = {.level = 1, .threads = 3};
	size_t size = scaled(3 * BLOCK) + 7, piece;
	unsigned char *data = make_data(MIXED, size);

	compress_to("whole", data, size, size, &options);
	CHECK(reads_back("whole", data, size));
	for (piece = 1; piece < size; piece = piece * 11 + 1) {
		compress_to("a", data, size, piece, &options);
		CHECK(same_files("a", "whole"));
	}
	free(data);
	unlink(in_dir("a"));
	unlink(in_dir("whole"));
}

static void
sizes(void)
{
	const size_t around[] = {1, 2, 100, PIECE, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1,
		2 * BLOCK, 2 * BLOCK + 1, 9 * BLOCK};
	struct stage_gzip_options options = {.level = 1};
	unsigned char *data = make_data(MIXED, 9 * BLOCK);
	size_t i;

	for (i = 0; i < sizeof(around) / sizeof(around[0]); i++) {
		for (options.threads = 1; options.threads <= 4; options.threads += 3) {
			compress_to("a", data, around[i], around[i], &options);
			CHECK(reads_back("a", data, around[i]));
		}
	}
	free(data);
	unlink(in_dir("a"));
}

static void
levels(void)
{
	struct stage_gzip_options options = {.threads = 2};
	size_t size = scaled(3 * BLOCK) + 12345;
	uint64_t fastest = 0, usual = 0;
	unsigned char *data = make_data(TEXT, size);

	for (options.level = 1; options.level <= STAGE_GZIP_LEVEL_MAX; options.level++) {
		compress_to("a", data, size, PIECE, &options);
		CHECK(reads_back("a", data, size));
		if (options.level == 1)
			fastest = size_of("a");
		if (options.level == 6)
			usual = size_of("a");
	}
	CHECK(usual < fastest);
	CHECK(size_of("a") <= usual);
	compress_to("a", data, size, PIECE, NULL);
	CHECK(size_of("a") == usual);
	free(data);
	unlink(in_dir("a"));
}

/* To cut it into blocks costs little: beside the same library with all of it at once. */
static void
ratio(void)
{
	size_t size = scaled(16 * BLOCK);
	unsigned char *data = make_data(TEXT, size), *member = malloc(STAGE_MEMBER_ROOM(size));
	struct stage_compressor *compressor = stage_compressor_new(6);
	size_t whole;

	REQUIRE(member != NULL && compressor != NULL);
	whole = stage_compressor_run(compressor, data, size, member);
	compress_to("a", data, size, PIECE, NULL);
	CHECK((double)size_of("a") <= 1.01 * (double)whole);
	stage_compressor_free(compressor);
	free(member);
	free(data);
	unlink(in_dir("a"));
}

static void
same_by_any_number_of_threads(void)
{
	struct stage_gzip_options options = {.level = 2};
	size_t size = scaled(20 * BLOCK) + 4321;
	unsigned char *data;
	enum kind kind;

	for (kind = RANDOM; kind < KINDS; kind++) {
		data = make_data(kind, size);
		options.threads = 1;
		compress_to("one", data, size, PIECE, &options);
		CHECK(reads_back("one", data, size));
		for (options.threads = 2; options.threads <= 8; options.threads++) {
			compress_to("a", data, size, 100 * 1000, &options);
			CHECK(same_files("a", "one"));
		}
		free(data);
	}
	unlink(in_dir("a"));
	unlink(in_dir("one"));
}

/* Writes pieces until one does not fit; how much that was. */
static uint64_t
fill_up(const char *name, enum kind kind, const struct stage_gzip_options *options)
{
	static unsigned char piece[PIECE];
	struct source source = new_source(kind);
	struct stage_gzip *gzip = NULL;
	uint64_t written = 0;
	int fd = open_output(name), code = 0;
	bool fits;

	WORKS(stage_gzip_open(fd, name, options, &gzip, &failure));
	REQUIRE(gzip != NULL);
	while (code == 0 && (code = stage_gzip_fits(gzip, PIECE, &fits, &failure)) == 0 && fits) {
		take(&source, piece, PIECE);
		code = stage_gzip_write(gzip, piece, PIECE, &failure);
	}
	WORKS(code);
	WORKS(stage_gzip_close(&gzip, false, &written, &failure));
	CHECK(written == size_of(name));
	close(fd);
	return source.offset;
}

static void
check_limit(enum kind kind, uint64_t limit)
{
	struct stage_gzip_options options = {.limit = limit, .level = 1, .threads = 1};
	uint64_t taken, size;

	taken = fill_up("one", kind, &options);
	size = size_of("one");
	if (limit < UNFILLED)
		CHECK(taken == 0 && size <= 23);
	else
		CHECK(taken > 0 && size <= limit && size + UNFILLED > limit);
	CHECK(reads_as("one", kind, taken));
	for (options.threads = 2; options.threads <= 8; options.threads *= 2) {
		CHECK(fill_up("a", kind, &options) == taken);
		CHECK(same_files("a", "one"));
	}
}

static void
limits(void)
{
	const uint64_t some[] = {1, 22, 1024, PIECE, UNFILLED - 1, UNFILLED, UNFILLED + 1,
		2 * PIECE, 100 * 1000, 400 * 1000, BLOCK, BLOCK + PIECE, 1024 * 1024 + 1};
	size_t i;

	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		check_limit(RANDOM, some[i]);
		check_limit(TEXT, some[i]);
		check_limit(MIXED, some[i]);
	}
	check_limit(ZEROS, 66 * 1024);
	check_limit(RANDOM, scaled(20 * 1024 * 1024));
	check_limit(TEXT, scaled(5 * 1024 * 1024));
	check_limit(MIXED, scaled(20 * 1024 * 1024));
	unlink(in_dir("a"));
	unlink(in_dir("one"));
}

/* As the host's own test does it: what is asked for, and what then comes, differ at every call. */
static void
changing_pieces(void)
{
	const struct stage_gzip_options options = {.limit = 400 * 1000, .threads = 2};
	static unsigned char piece[PIECE];
	struct source source = new_source(RANDOM);
	struct stage_gzip *gzip = NULL;
	size_t round, asked;
	bool fits;
	int fd;

	for (round = 0; round < 20; round++) {
		fd = open_output("a");
		WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
		do {
			asked = next_random(&source.state) % 2 ? PIECE
							       : next_random(&source.state) % PIECE;
			take(&source, piece, asked);
			if (stage_gzip_fits(gzip, asked, &fits, &failure) < 0)
				CU_FAIL("fits");
			if (fits && stage_gzip_write(gzip, piece,
					    next_random(&source.state) % (asked + 1), &failure) < 0)
				CU_FAIL("write");
		} while (fits);
		WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
		CHECK(size_of("a") <= options.limit);
		CHECK(size_of("a") + UNFILLED > options.limit);
		close(fd);
	}
	unlink(in_dir("a"));
}

/* Exactly what fits fits, and a byte more does not. */
static void
exact(void)
{
	struct stage_gzip_options options = {.threads = 1};
	unsigned char *data = make_data(RANDOM, 3 * BLOCK);
	struct stage_gzip *gzip = NULL;
	size_t size;
	bool fits;
	int fd;

	for (size = 0; size < 3 * BLOCK; size = size * 7 + 1) {
		/* random data is stored */
		options.limit = size / BLOCK * STAGE_MEMBER_MAX(BLOCK);
		if (size % BLOCK || size == 0)
			options.limit += STAGE_MEMBER_MAX(size % BLOCK);
		fd = open_output("a");
		WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
		WORKS(stage_gzip_fits(gzip, size, &fits, &failure));
		CHECK(fits);
		WORKS(stage_gzip_fits(gzip, size + 1, &fits, &failure));
		CHECK(!fits);
		WORKS(stage_gzip_write(gzip, data, size, &failure));
		WORKS(stage_gzip_fits(gzip, 0, &fits, &failure));
		CHECK(fits);
		WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
		CHECK(size_of("a") <= options.limit);
		if (size > 1000)
			CHECK(size_of("a") == options.limit);
		CHECK(reads_back("a", data, size));
		close(fd);
	}
	free(data);
	unlink(in_dir("a"));
}

/* Nothing that fits does not need to be asked for, but is taken all the same. */
static void
beyond_limit(void)
{
	const struct stage_gzip_options options = {.limit = 1000, .threads = 2};
	unsigned char *data = make_data(RANDOM, 2 * BLOCK);
	struct stage_gzip *gzip = NULL;
	int fd = open_output("a");
	bool fits;

	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, BLOCK, &failure));
	WORKS(stage_gzip_fits(gzip, 0, &fits, &failure));
	CHECK(!fits);
	WORKS(stage_gzip_fits(gzip, UINT64_MAX, &fits, &failure));
	CHECK(!fits);
	WORKS(stage_gzip_write(gzip, data + BLOCK, BLOCK, &failure));
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
	CHECK(reads_back("a", data, 2 * BLOCK));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

/* No member is longer than it may be, whatever its data: fits() rests on that. */
static void
members(void)
{
	static unsigned char member[STAGE_MEMBER_ROOM(3 * STAGE_STORED_MAX)];
	const size_t sizes_[] = {0, 1, 2, 3, 10, 17, 100, 1000, 10000, STAGE_STORED_MAX - 1,
		STAGE_STORED_MAX, STAGE_STORED_MAX + 1, 2 * STAGE_STORED_MAX,
		2 * STAGE_STORED_MAX + 1, 3 * STAGE_STORED_MAX};
	unsigned char *data = make_data(RANDOM, 3 * STAGE_STORED_MAX);
	struct stage_compressor *compressor;
	size_t i, size;
	int level;

	for (level = 1; level <= STAGE_LEVEL_MAX; level++) {
		compressor = stage_compressor_new(level);
		REQUIRE(compressor != NULL);
		for (i = 0; i < sizeof(sizes_) / sizeof(sizes_[0]); i++) {
			size = stage_compressor_run(compressor, data, sizes_[i], member);
			CHECK(size <= STAGE_MEMBER_MAX(sizes_[i]));
			make_file_bytes(in_dir("a"), member, size, 0600);
			CHECK(reads_back("a", data, sizes_[i]));
		}
		stage_compressor_free(compressor);
	}
	stage_compressor_free(NULL);
	free(data);
	unlink(in_dir("a"));
}

static void
arguments(void)
{
	const struct stage_gzip_options wrong[] = {{.level = -1}, {.level = 13}, {.threads = 65}};
	struct stage_gzip *gzip = (struct stage_gzip *)&failure;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		FAILS(stage_gzip_open(-1, "volume 7", &wrong[i], &gzip, &failure),
			STAGE_E_ARGUMENT);
		HAS(failure.message, "volume 7");
	}
	CHECK(gzip == (struct stage_gzip *)&failure);
	gzip = NULL;
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
}

/* It is at the descriptor's offset that the file begins, and the caller's errno is kept. */
static void
appended(void)
{
	struct stage_gzip *gzip = NULL;
	int fd = open_output("a"), before = count_fds();
	uint64_t written;
	char text[4] = "";

	REQUIRE(write(fd, "abc", 3) == 3);
	WORKS(stage_gzip_open(fd, "a", NULL, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, "x", 1, &failure));
	errno = EDOM;
	WORKS(stage_gzip_close(&gzip, false, &written, &failure));
	CHECK(errno == EDOM);
	CHECK(count_fds() == before);
	CHECK(size_of("a") == 3 + written);
	CHECK(pread(fd, text, 3, 0) == 3 && strcmp(text, "abc") == 0);
	close(fd);
	unlink(in_dir("a"));
}

static void
abandoned(void)
{
	const struct stage_gzip_options options = {.level = 12, .threads = 4};
	unsigned char *data = make_data(TEXT, 8 * BLOCK);
	struct stage_gzip *gzip = NULL;
	uint64_t written = UINT64_MAX;
	int fd = open_output("a");

	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, 8 * BLOCK, &failure));
	WORKS(stage_gzip_close(&gzip, true, &written, &failure));
	CHECK(gzip == NULL && written == size_of("a"));
	close(fd);
	fd = open_output("a");
	WORKS(stage_gzip_open(fd, "a", NULL, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, 10, &failure));
	WORKS(stage_gzip_close(&gzip, true, NULL, NULL));
	CHECK(size_of("a") == 0);
	close(fd);
	free(data);
	unlink(in_dir("a"));
}

/* Writes what has nowhere to go, and finds the same error wherever it asks. */
static void
check_error(int fd, int sys_errno, unsigned int threads)
{
	const struct stage_gzip_options options = {
		.limit = 1 << 30, .level = 1, .threads = threads};
	unsigned char *data = make_data(RANDOM, MANY);
	struct stage_gzip *gzip = NULL;
	uint64_t written = 77;
	bool fits = true;
	int i;

	WORKS(stage_gzip_open(fd, "the volume", &options, &gzip, &failure));
	FAILS(stage_gzip_write(gzip, data, MANY, &failure), STAGE_E_SYSTEM);
	for (i = 0; i < 2; i++) {
		CHECK(failure.sys_errno == sys_errno);
		HAS(failure.message, "cannot write the volume: ");
		HAS(failure.message, stage_error_errno_text(sys_errno));
		FAILS(stage_gzip_fits(gzip, 1, &fits, &failure), STAGE_E_SYSTEM);
		FAILS(stage_gzip_write(gzip, data, 1, &failure), STAGE_E_SYSTEM);
		CHECK(stage_gzip_write(gzip, data, 1, NULL) == STAGE_E_SYSTEM);
	}
	FAILS(stage_gzip_close(&gzip, false, &written, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == sys_errno && gzip == NULL && written == 77);

	/* nobody asks before the end; nobody wants to know */
	WORKS(stage_gzip_open(fd, "the volume", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, 10, &failure));
	FAILS(stage_gzip_close(&gzip, false, NULL, &failure), STAGE_E_SYSTEM);
	WORKS(stage_gzip_open(fd, "the volume", &options, &gzip, &failure));
	FAILS(stage_gzip_write(gzip, data, MANY, &failure), STAGE_E_SYSTEM);
	WORKS(stage_gzip_close(&gzip, true, NULL, &failure));
	free(data);
}

static void
errors(void)
{
	const int errnos[] = {EIO, ENOSPC, EDQUOT, EROFS};
	unsigned int threads;
	size_t i;
	int fd = open_output("a");

	for (i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++) {
		for (threads = 1; threads <= 3; threads += 2) {
			wrap_begin_two("write", errnos[i], "write", errnos[i]);
			check_error(fd, errnos[i], threads);
			wrap_end();
		}
	}
	close(fd);
	fd = open(in_dir("a"), O_RDONLY | O_CLOEXEC);
	check_error(fd, EBADF, 2);
	close(fd);
	unlink(in_dir("a"));
}

/* The kernel itself writes less than asked for at a limit, and then nothing. */
static void
file_size_limit(void)
{
	struct rlimit before, low;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	int fd = open_output("a");

	REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
	low = before;
	low.rlim_cur = 1000 * 1000 + 1;
	REQUIRE(setrlimit(RLIMIT_FSIZE, &low) == 0);
	check_error(fd, EFBIG, 2);
	CHECK(size_of("a") == low.rlim_cur);
	REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
	signal(SIGXFSZ, handler);
	close(fd);
	unlink(in_dir("a"));
}

static void
full_disk(void)
{
	const char *small = in_dir("small");
	int fd;

	if (!can_be_others("a file system that is full"))
		return;
	make_dir(small, 0700);
	if (mount("tmpfs", small, "tmpfs", 0, "size=1100k,mode=700") < 0) {
		fprintf(stderr, "\nNOT TESTED, as nothing may be mounted: a full file system\n");
		rmdir(small);
		return;
	}
	fd = open_output("small/a");
	check_error(fd, ENOSPC, 2);
	close(fd);
	CHECK(umount(small) == 0);
	rmdir(small);
}

/* How often it is said that there is room, before there is no more to be had; the last time it is so,
 * if that is wanted. */
static size_t rooms;
static bool at_last;

static bool
make_room(void *context)
{
	CHECK(context == &rooms);
	if (rooms == 0)
		return false;
	rooms--;
	if (rooms == 0 && at_last)
		wrap_end();
	return true;
}

static void
room_is_made(void)
{
	const struct stage_gzip_options options = {
		.threads = 2, .make_room = make_room, .context = &rooms};
	unsigned char *data = make_data(MIXED, MANY);
	struct stage_gzip *gzip = NULL;
	int fd = open_output("a");

	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, 5, &failure));
	/* the first one is written in part, the next ones not at all, then there is room */
	rooms = 3;
	at_last = true;
	wrap_begin_two("write", ENOSPC, "write", ENOSPC);
	WORKS(stage_gzip_write(gzip, data + 5, MANY - 5, &failure));
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
	CHECK(rooms == 0);
	CHECK(reads_back("a", data, MANY));
	close(fd);

	fd = open_output("a");
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	rooms = 3;
	at_last = false;
	wrap_begin_two("write", EDQUOT, "write", EDQUOT);
	FAILS(stage_gzip_write(gzip, data, MANY, &failure), STAGE_E_SYSTEM);
	CHECK(rooms == 0 && failure.sys_errno == EDQUOT);
	FAILS(stage_gzip_close(&gzip, false, NULL, &failure), STAGE_E_SYSTEM);
	/* nobody is asked about anything else */
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	rooms = 3;
	wrap_begin_two("write", EIO, "write", EIO);
	FAILS(stage_gzip_write(gzip, data, MANY, &failure), STAGE_E_SYSTEM);
	wrap_end();
	CHECK(rooms == 3);
	FAILS(stage_gzip_close(&gzip, false, NULL, &failure), STAGE_E_SYSTEM);
	close(fd);
	free(data);
	unlink(in_dir("a"));
}

static int
count_threads(void)
{
	return count_entries("/proc/self/task");
}

/* A thread begins with the first full block, and is gone when the stream is. */
static void
threads(void)
{
	struct stage_gzip_options options = {.level = 1};
	unsigned char *data = make_data(TEXT, 3 * BLOCK);
	struct stage_gzip *gzip = NULL;
	int fd = open_output("a"), before = count_threads();

	options.threads = 1;
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, 3 * BLOCK, &failure));
	CHECK(count_threads() == before);
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));

	options.threads = 3;
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, BLOCK - 1, &failure));
	CHECK(count_threads() == before);
	WORKS(stage_gzip_write(gzip, data, 1, &failure));
	CHECK(count_threads() == before + 3);
	WORKS(stage_gzip_write(gzip, data, 2 * BLOCK, &failure));
	CHECK(count_threads() == before + 3);
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

static bool
blocks_all(const char *task)
{
	unsigned long long blocked = 0;
	char line[256];
	FILE *status;

	status = fopen(join(join("/proc/self/task", task), "status"), "re");
	if (!status)
		return false;
	while (fgets(line, sizeof(line), status) && sscanf(line, "SigBlk: %llx", &blocked) != 1)
		;
	fclose(status);
	return (blocked >> (SIGTERM - 1) & 1) && (blocked >> (SIGINT - 1) & 1) &&
	       (blocked >> (SIGUSR1 - 1) & 1);
}

/* Threads of this process that block all signals, as the kernel tells. */
static int
count_blocking(void)
{
	DIR *stream = opendir("/proc/self/task");
	const struct dirent *entry;
	int count = 0;

	REQUIRE(stream != NULL);
	while ((entry = readdir(stream)))
		count += entry->d_name[0] != '.' && blocks_all(entry->d_name);
	closedir(stream);
	return count;
}

/* All of the stream's threads are blocked, and those of the caller as before. */
static void
signals(void)
{
	const struct stage_gzip_options options = {.threads = 2};
	unsigned char *data = make_data(TEXT, BLOCK);
	struct stage_gzip *gzip = NULL;
	int fd = open_output("a"), blocked = count_blocking();
	sigset_t before, after;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	WORKS(stage_gzip_write(gzip, data, BLOCK, &failure));
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	CHECK(!sigismember(&after, SIGTERM) && !sigismember(&after, SIGINT));
	CHECK(sigismember(&after, SIGUSR1) == sigismember(&before, SIGUSR1));
	CHECK(count_blocking() == blocked + 2);
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

/* What cannot be had is done without: threads, their compressors, further blocks. */
static void
without(const char *what, int sys_errno)
{
	const struct stage_gzip_options options = {.level = 1, .threads = 4};
	unsigned char *data = make_data(MIXED, 8 * BLOCK);
	struct stage_gzip *gzip = NULL;
	int fd = open_output("a");

	WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
	wrap_begin_two(what, sys_errno, what, sys_errno);
	WORKS(stage_gzip_write(gzip, data, 8 * BLOCK, &failure));
	WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
	wrap_end();
	CHECK(reads_back("a", data, 8 * BLOCK));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

static void
without_threads(void)
{
	without("pthread_create", EAGAIN);
}

static void
without_memory(void)
{
	without("malloc", ENOMEM);
	without("calloc", ENOMEM);
#ifdef HAVE_LIBDEFLATE
	without("libdeflate_alloc_compressor", ENOMEM);
#else
	without("deflateInit2_", ENOMEM);
#endif
}

/* As the header says; the library's own memory does not count here. */
static void
memory(void)
{
	struct stage_gzip_options options = {.level = 1};
	unsigned char *data = make_data(RANDOM, MANY);
	struct stage_gzip *gzip = NULL;
	int fd = open_output("a");

	for (options.threads = 1; options.threads <= 4; options.threads += 3) {
		long long most = options.threads == 1 ? 1 : 4 * options.threads + 8;

		wrap_count_bytes(true);
		WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
		WORKS(stage_gzip_write(gzip, data, MANY, &failure));
		CHECK(wrap_live_bytes() > 1024 * 1024);
		CHECK(wrap_live_bytes() < most * (1024 * 1024 + 4096) + 8192);
		WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
		CHECK(wrap_live_bytes() <= 0); /* strdup() is not counted, but its free() */
		wrap_count_bytes(false);
	}
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

/* What was begun before a fork, and is gone on with in the child. */
static int
child_calls_all(void *context)
{
	struct stage_gzip *gzip = context;
	uint64_t written = 77;
	bool fits = true;

	if (stage_gzip_write(gzip, "x", 1, &failure) != STAGE_E_FORKED)
		return 1;
	if (!strstr(failure.message, "not by its child"))
		return 2;
	if (stage_gzip_fits(gzip, 1, &fits, NULL) != STAGE_E_FORKED)
		return 3;
	if (stage_gzip_close(&gzip, false, &written, &failure) != STAGE_E_FORKED)
		return 4;
	return gzip || written != 77 ? 5 : 0;
}

static int
child_abandons(void *context)
{
	struct stage_gzip *gzip = context;

	return stage_gzip_close(&gzip, true, NULL, NULL) == STAGE_E_FORKED && !gzip ? 0 : 1;
}

static void
forked(void)
{
	struct stage_gzip_options options = {.level = 12};
	unsigned char *data = make_data(TEXT, 4 * BLOCK);
	struct stage_gzip *gzip = NULL;
	int fd;

	for (options.threads = 1; options.threads <= 3; options.threads += 2) {
		fd = open_output("a");
		WORKS(stage_gzip_open(fd, "a", &options, &gzip, &failure));
		CHECK(in_child(child_calls_all, gzip, -1) == 0);
		WORKS(stage_gzip_write(gzip, data, 3 * BLOCK + 5, &failure));
		CHECK(in_child(child_calls_all, gzip, -1) == 0);
		CHECK(in_child(child_abandons, gzip, -1) == 0);
		WORKS(stage_gzip_write(gzip, data + 3 * BLOCK + 5, BLOCK - 5, &failure));
		WORKS(stage_gzip_close(&gzip, false, NULL, &failure));
		CHECK(reads_back("a", data, 4 * BLOCK));
		close(fd);
	}
	free(data);
	unlink(in_dir("a"));
}

/* Another thread than the one that writes forks, whatever that is in the middle of. */
struct writer {
	struct stage_gzip *gzip;
	const unsigned char *data;
	const char *path;
	size_t rounds, wrong;
	atomic_bool ended;
};

static void *
write_rounds(void *context)
{
	struct writer *writer = context;
	size_t i;

	for (i = 0; i < writer->rounds; i++)
		writer->wrong += stage_gzip_write(writer->gzip, writer->data, BLOCK / 4, NULL) != 0;
	atomic_store(&writer->ended, true);
	return NULL;
}

static void
forked_while_written(void)
{
	const struct stage_gzip_options options = {.level = 1, .threads = 2};
	unsigned char *data = make_data(ZEROS, BLOCK / 4);
	struct writer writer = {.data = data, .rounds = scaled(2000)};
	int fd = open_output("a"), result = 0;
	pthread_t thread;

	WORKS(stage_gzip_open(fd, "a", &options, &writer.gzip, &failure));
	REQUIRE(pthread_create(&thread, NULL, write_rounds, &writer) == 0);
	while (!atomic_load(&writer.ended) && result == 0)
		result = in_child_beside_threads(child_calls_all, writer.gzip);
	CHECK(result == 0);
	pthread_join(thread, NULL);
	CHECK(writer.wrong == 0);
	WORKS(stage_gzip_close(&writer.gzip, false, NULL, &failure));
	CHECK(reads_as("a", ZEROS, writer.rounds * (BLOCK / 4)));
	free(data);
	close(fd);
	unlink(in_dir("a"));
}

/* Several streams at once, each in a thread of its own. */
static void *
write_one(void *context)
{
	const struct stage_gzip_options options = {.level = 1, .threads = 2, .limit = 3 * BLOCK};
	struct writer *writer = context;
	struct stage_gzip *gzip = NULL;
	bool fits;
	int fd;

	fd = open(writer->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	writer->wrong = fd < 0 || stage_gzip_open(fd, writer->path, &options, &gzip, NULL) != 0;
	while (writer->wrong == 0) {
		writer->wrong += stage_gzip_fits(gzip, PIECE, &fits, NULL) != 0;
		if (!fits)
			break;
		writer->wrong += stage_gzip_write(gzip, writer->data, PIECE, NULL) != 0;
	}
	writer->wrong += stage_gzip_close(&gzip, false, NULL, NULL) != 0;
	close(fd);
	return NULL;
}

static void
side_by_side(void)
{
	unsigned char *data = make_data(RANDOM, PIECE);
	struct writer writers[4];
	pthread_t running[4];
	char name[32];
	size_t i;

	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		writers[i] = (struct writer){.data = data, .path = in_dir(name)};
		REQUIRE(pthread_create(&running[i], NULL, write_one, &writers[i]) == 0);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(running[i], NULL);
		snprintf(name, sizeof(name), "%zu", i);
		CHECK(writers[i].wrong == 0);
		CHECK(same_files(name, "0"));
	}
	for (i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%zu", i);
		unlink(in_dir(name));
	}
	free(data);
}

/* What the kernel shows of control groups, in a folder of our own. */
static void
group_file(const char *path, const char *content)
{
	char part[256];
	const char *slash;

	for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (!is_there(in_dir(part)))
			make_dir(in_dir(part), 0700);
	}
	make_file(in_dir(path), content, 0600);
}

static void
quotas(void)
{
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("proc/self/cgroup", "0::/a/b\n");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
	CHECK(stage_cpus_quota(test_dir) == 4);
	/* half a CPU more is one more; what lies above has the say, too */
	group_file("sys/fs/cgroup/a/cpu.max", "250000 100000\n");
	CHECK(stage_cpus_quota(test_dir) == 3);
	group_file("sys/fs/cgroup/cpu.max", "1000 100000\n");
	CHECK(stage_cpus_quota(test_dir) == 1);
	unlink(in_dir("sys/fs/cgroup/cpu.max"));
	/* a path as only the machine outside of a container knows it */
	group_file("proc/self/cgroup", "0::/outside/a\n");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/cpu.max", "200000 100000\n");
	CHECK(stage_cpus_quota(test_dir) == 2);
	group_file("proc/self/cgroup", "0::/\n");
	CHECK(stage_cpus_quota(test_dir) == 2);

	/* the hierarchies of version 1 beside it are not asked */
	group_file("proc/self/cgroup", "4:cpu:/c\n1:name=systemd:/d\n0::/\n");
	CHECK(stage_cpus_quota(test_dir) == 2);
	group_file("proc/self/cgroup", "4:cpu:/c\n1:name=systemd:/d\n");
	CHECK(stage_cpus_quota(test_dir) == 0);

	/* nonsense is no limit */
	group_file("proc/self/cgroup", "0::/\n");
	group_file("sys/fs/cgroup/cpu.max", "many");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/cpu.max", "-5 100000");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/cpu.max", "5 0");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/cpu.max", "9223372036854775807 1");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("proc/self/cgroup", "no colon\none: colon\n:\n::\n");
	CHECK(stage_cpus_quota(test_dir) == 0);
	remove_tree(in_dir("proc"));
	remove_tree(in_dir("sys"));
}

/* What was closed, by whichever end, is not written to. */
static void
wrong_order(void)
{
	struct stage_gzip *gzip = NULL;
	uint64_t size = 4711;
	bool fits = true;
	int fd, i;

	fd = open(in_dir("a"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0);
	for (i = 0; i < 3; i++) {
		if (i)
			WORKS(stage_gzip_open(fd, "a", NULL, &gzip, &failure));
		WORKS(stage_gzip_close(&gzip, i == 2, NULL, &failure));
		FAILS(stage_gzip_write(gzip, "a", 1, &failure), STAGE_E_ARGUMENT);
		HAS(failure.message, "not open");
		FAILS(stage_gzip_fits(gzip, 1, &fits, &failure), STAGE_E_ARGUMENT);
		HAS(failure.message, "not open");
		WORKS(stage_gzip_close(&gzip, false, &size, &failure));
	}
	CHECK(fits && size == 4711);
	close(fd);
	unlink(in_dir("a"));
}

static void
cpus(void)
{
	cpu_set_t before, one;
	size_t i;

	REQUIRE(sched_getaffinity(0, sizeof(before), &before) == 0);
	CHECK(stage_cpus() >= 1 && stage_cpus() <= (unsigned int)CPU_COUNT(&before));
	for (i = 0; !CPU_ISSET(i, &before); i++)
		;
	CPU_ZERO(&one);
	CPU_SET(i, &one);
	REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
	CHECK(stage_cpus() == 1);
	REQUIRE(sched_setaffinity(0, sizeof(before), &before) == 0);
}

static const struct test tests[] = {
	{"empty", empty},
	{"golden", golden},
	{"pieces", pieces},
	{"sizes", sizes},
	{"levels", levels},
	{"ratio", ratio},
	{"same_by_any_number_of_threads", same_by_any_number_of_threads},
	{"limits", limits},
	{"changing_pieces", changing_pieces},
	{"exact", exact},
	{"beyond_limit", beyond_limit},
	{"members", members},
	{"arguments", arguments},
	{"wrong_order", wrong_order},
	{"appended", appended},
	{"abandoned", abandoned},
	{"errors", errors},
	{"file_size_limit", file_size_limit},
	{"full_disk", full_disk},
	{"room_is_made", room_is_made},
	{"threads", threads},
	{"signals", signals},
	{"without_threads", without_threads},
	{"without_memory", without_memory},
	{"memory", memory},
	{"forked", forked},
	{"forked_while_written", forked_while_written},
	{"side_by_side", side_by_side},
	{"quotas", quotas},
	{"cpus", cpus},
	{NULL, NULL},
};

const struct suite suite_gzip = {"gzip", tests};
