/*
 * gzip_run - data to compress, files to compress it to, and what is in these
 *
 * zlib's gzread(3) reads what was written: it is not what wrote it, unless libdeflate is missing.
 */
#ifndef STAGEDIR_GZIP_RUN_H
#define STAGEDIR_GZIP_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gzip.h"

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

/* The next number after *state, which is not 0: the same ones each time. */
uint64_t gzip_random(uint64_t *state);

/* The next bytes of a source. */
void gzip_take(struct source *source, unsigned char *data, size_t size);

struct source gzip_source(enum kind kind);

/* Its first bytes, which the caller frees. */
unsigned char *gzip_data(enum kind kind, size_t size);

/* An empty file in the directory of the test, open for writing; its size; its content. */
int gzip_output(const char *name);

uint64_t gzip_size(const char *name);

unsigned char *gzip_content(const char *name, size_t *ret_size);

/* The file holds these bytes, as any reader of gzip files sees it. */
bool gzip_reads_back(const char *name, const unsigned char *data, size_t size);

/* The same for what a source gives. */
bool gzip_reads_as(const char *name, enum kind kind, uint64_t size);

/* Writes data to a new file, so many bytes at a time. */
void gzip_compress(const char *name, const unsigned char *data, size_t size, size_t piece,
	const struct stage_gzip_options *options);

/* Are these files equal? */
bool gzip_same(const char *a, const char *b);

#endif
