#include "gunzip.h"

#include "inflater.h"

static int
fill(void *context, unsigned char *buffer, size_t size, size_t *ret_used, struct stage_error *error)
{
	return stage_inflater_fill(context, buffer, size, ret_used, error);
}

static void
end(void *context)
{
	stage_inflater_free(context);
}

int
stage_gunzip_open(int fd, const struct stage_readahead_options *options,
	struct stage_readahead **ret_readahead, struct stage_error *error)
{
	struct stage_readahead_source source = {.fill = fill, .free = end};
	struct stage_inflater *inflater;
	int code = stage_inflater_new(fd, options->leaves_open, options->path,
		stage_readahead_piece(options->ahead), &inflater, error);

	if (code < 0)
		return code;
	source.context = inflater;
	code = stage_readahead_open(&source, options, ret_readahead, error);
	if (code < 0)
		stage_inflater_free(inflater);
	return code;
}
