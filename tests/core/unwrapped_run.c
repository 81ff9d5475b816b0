#include "unwrapped_run.h"

#include "tests.h"

struct stage_readahead *
unwrapped_open(int fd, bool ahead)
{
	const struct stage_readahead_options options = {.path = "the message", .ahead = ahead};
	struct stage_readahead *readahead = NULL;

	REQUIRE(fd >= 0);
	WORKS(stage_unwrapped_open(fd, &options, &readahead, &failure));
	return readahead;
}

int
unwrapped_read_all(struct stage_readahead **readahead, const unsigned char *data, size_t size,
	size_t *ret_done)
{
	static unsigned char buffer[10007];
	size_t count = 1;
	int code = 0;

	for (*ret_done = 0; code == 0 && count > 0; *ret_done += code == 0 ? count : 0) {
		code = stage_readahead_read(*readahead, buffer, sizeof(buffer), &count, &failure);
		CHECK(code < 0 || (*ret_done + count <= size &&
					  memcmp(buffer, data + *ret_done, count) == 0));
	}
	stage_readahead_close(readahead);
	return code;
}
