#include "gzip_run.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tests.h"

uint64_t
gzip_random(uint64_t *state)
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
			word = words[(gzip_random(&source->state) >> 20) % 12];
		data[i] = (unsigned char)*word++;
	}
}

void
gzip_take(struct source *source, unsigned char *data, size_t size)
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
					  : (unsigned char)(gzip_random(&source->state) >> 11);
}

struct source
gzip_source(enum kind kind)
{
	return (struct source){.kind = kind, .state = 88172645463325252u};
}

unsigned char *
gzip_data(enum kind kind, size_t size)
{
	struct source source = gzip_source(kind);
	unsigned char *data = malloc(size + 1);
	size_t done, piece;

	REQUIRE(data != NULL);
	for (done = 0; done < size; done += piece) {
		piece = size - done < PIECE ? size - done : PIECE;
		gzip_take(&source, data + done, piece);
	}
	return data;
}

int
gzip_output(const char *name)
{
	int fd = open(in_dir(name), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	REQUIRE(fd >= 0);
	return fd;
}

uint64_t
gzip_size(const char *name)
{
	struct stat stat_;

	return stat(in_dir(name), &stat_) == 0 ? (uint64_t)stat_.st_size : UINT64_MAX;
}

unsigned char *
gzip_content(const char *name, size_t *ret_size)
{
	uint64_t size = gzip_size(name);
	unsigned char *content = malloc(size + 1);
	int fd = open(in_dir(name), O_RDONLY | O_CLOEXEC);

	REQUIRE(content != NULL && fd >= 0);
	REQUIRE(read(fd, content, size) == (ssize_t)size);
	close(fd);
	*ret_size = size;
	return content;
}

bool
gzip_reads_back(const char *name, const unsigned char *data, size_t size)
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

bool
gzip_reads_as(const char *name, enum kind kind, uint64_t size)
{
	static unsigned char buffer[PIECE], expected[PIECE];
	struct source source = gzip_source(kind);
	uint64_t done;
	size_t piece;
	bool same = true;
	gzFile file;

	file = gzopen(in_dir(name), "rb");
	if (!file)
		return false;
	for (done = 0; same && done < size; done += piece) {
		piece = size - done < PIECE ? (size_t)(size - done) : PIECE;
		gzip_take(&source, expected, piece);
		same = gzread(file, buffer, (unsigned int)piece) == (int)piece &&
		       memcmp(buffer, expected, piece) == 0;
	}
	same = same && gzread(file, buffer, 1) == 0;
	return gzclose(file) == Z_OK && same;
}

void
gzip_compress(const char *name, const unsigned char *data, size_t size, size_t piece,
	const struct stage_gzip_options *options)
{
	struct stage_gzip *gzip = NULL;
	uint64_t written = UINT64_MAX;
	int fd = gzip_output(name);
	size_t done, now;

	WORKS(stage_gzip_open(fd, name, options, &gzip, &failure));
	REQUIRE(gzip != NULL);
	for (done = 0; done < size; done += now) {
		now = size - done < piece ? size - done : piece;
		if (stage_gzip_write(gzip, data + done, now, &failure) < 0)
			CU_FAIL("write");
	}
	WORKS(stage_gzip_close(&gzip, false, &written, &failure));
	CHECK(gzip == NULL && written == gzip_size(name));
	close(fd);
}

bool
gzip_same(const char *a, const char *b)
{
	size_t a_size, b_size;
	unsigned char *a_content = gzip_content(a, &a_size), *b_content = gzip_content(b, &b_size);
	bool same = a_size == b_size && memcmp(a_content, b_content, a_size) == 0;

	free(a_content);
	free(b_content);
	return same;
}
