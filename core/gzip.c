/* Each block is a member by itself. All else is parallel.c. */
#include "gzip.h"

#include <errno.h>
#include <stdlib.h>

#include "compressor.h"
#include "parallel.h"

_Static_assert(STAGE_GZIP_LEVEL_MAX == STAGE_LEVEL_MAX, "compressor.h and gzip.h agree");
_Static_assert(STAGE_GZIP_BLOCK == STAGE_PARALLEL_BLOCK, "parallel.h and gzip.h agree");
_Static_assert(STAGE_GZIP_THREADS_MAX == STAGE_PARALLEL_THREADS_MAX, "so do they");

struct stage_gzip {
	struct stage_parallel *parallel;
};

static size_t
most(size_t size)
{
	return STAGE_MEMBER_MAX(size);
}

static const struct stage_parallel_format members = {
	.compress = stage_compressor_run, .most = most};

int
stage_gzip_open(int fd, const char *name, const struct stage_gzip_options *options,
	struct stage_gzip **ret_gzip, struct stage_error *error)
{
	const struct stage_gzip_options how = options ? *options : (struct stage_gzip_options){0};
	const struct stage_parallel_options parallel = {.format = &members,
		.limit = how.limit,
		.level = how.level,
		.threads = how.threads,
		.output = {.fd = fd,
			.make_room = how.make_room,
			.wrote = how.wrote,
			.context = how.context}};
	struct stage_gzip *gzip = calloc(1, sizeof(*gzip));
	int code;

	if (!gzip)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to compress what goes to %s", name);
	code = stage_parallel_open(name, &parallel, &gzip->parallel, error);
	if (code < 0)
		free(gzip);
	else
		*ret_gzip = gzip;
	return code;
}

int
stage_gzip_fits(struct stage_gzip *gzip, uint64_t size, bool *ret_fits, struct stage_error *error)
{
	return stage_parallel_fits(gzip ? gzip->parallel : NULL, size, 0, ret_fits, error);
}

int
stage_gzip_write(struct stage_gzip *gzip, const void *data, size_t size, struct stage_error *error)
{
	return stage_parallel_write(gzip ? gzip->parallel : NULL, data, size, error);
}

int
stage_gzip_close(
	struct stage_gzip **gzip, bool abandon, uint64_t *ret_size, struct stage_error *error)
{
	struct stage_gzip *closed = *gzip;
	int code;

	if (!closed)
		return 0;
	*gzip = NULL;
	code = stage_parallel_close(&closed->parallel, abandon, ret_size, error);
	free(closed);
	return code;
}
