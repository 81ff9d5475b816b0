/* What reads archives of signatures, and volumes, while each call is failed. */
#include "tests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "difftar.h"
#include "gunzip.h"
#include "sigarchive_run.h"
#include "sigchain.h"
#include "sweep.h"
#include "unwrapped.h"
#include "wrap.h"

/* Names that no buffer is made for at first. */
#define LONG_NAME 700

static struct tarfile tar;

static void
make_archive(void)
{
	static char name[LONG_NAME + 1];
	unsigned char *bytes;
	size_t size;

	tar.size = 0;
	tarfile_add(&tar, &(struct tarmember){.name = "signature/a", .content = "content"});
	memset(name, 'n', LONG_NAME);
	memcpy(name, "snapshot/", 9);
	tarfile_add(&tar, &(struct tarmember){.name = "long", .type = 'L', .content = name});
	tarfile_add(&tar, &(struct tarmember){.name = "cut", .type = '5'});
	tarfile_add(&tar, &(struct tarmember){.name = "p", .type = 'x', .content = "9 uid=17\n"});
	tarfile_add(&tar, &(struct tarmember){.name = "deleted/z"});
	tarfile_end(&tar);
	bytes = tarfile_compress(&tar, &size);
	make_file_bytes(in_dir("data"), bytes, size, 0600);
	free(bytes);
}

static void
remove_archive(void)
{
	unlink(in_dir("data"));
}

/* Adds the archive to the chain; the descriptor is closed whatever comes of it. */
static int
add_archive(struct stage_sigchain *chain, bool ahead)
{
	const struct stage_readahead_options options = {.path = "data", .ahead = ahead};
	struct stage_sigarchive *archive = NULL;
	struct stage_readahead *readahead = NULL;
	int fd, code;

	wrap_pause(true);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	wrap_pause(false);
	code = TRY(stage_gunzip_open(fd, &options, &readahead, &sweep_said));
	if (code < 0)
		return code;
	code = TRY(stage_sigarchive_open(readahead, "data", &archive, &sweep_said));
	if (code < 0) {
		stage_readahead_close(&readahead);
		return code;
	}
	code = TRY(stage_sigchain_add(chain, archive, &sweep_said));
	if (code < 0)
		stage_sigarchive_close(&archive);
	return code;
}

static void
read_chain(struct stage_sigchain *chain)
{
	const struct stage_sigarchive_entry *entry;
	size_t count, paths = 0;
	char content[8];
	int code;

	while ((code = stage_sigchain_next(chain, &entry, &sweep_said)) > 0) {
		if (paths++ == 0)
			TRY(stage_sigchain_read(
				chain, content, sizeof(content), &count, &sweep_said));
	}
	if (TRY(code) == 0 && paths != 3)
		sweep_complain("%zu paths in the place of 3", paths);
}

static void
chain_scenario(void)
{
	struct stage_sigchain *chain = NULL;

	if (TRY(stage_sigchain_new(&chain, &sweep_said)) == 0 && add_archive(chain, false) == 0 &&
		add_archive(chain, false) == 0)
		read_chain(chain);
	stage_sigchain_close(&chain);
}

/* The thread's calls and the reader's come in any order, but there is nothing that both call. */
static void
ahead_scenario(void)
{
	struct stage_sigchain *chain = NULL;

	if (TRY(stage_sigchain_new(&chain, &sweep_said)) == 0 && add_archive(chain, true) == 0)
		read_chain(chain);
	stage_sigchain_close(&chain);
}

/* Two volumes, in which a file has a part each. */
static void
make_volumes(void)
{
	static char name[LONG_NAME + 1];
	unsigned char *bytes;
	size_t size;

	tar.size = 0;
	tarfile_add(&tar, &(struct tarmember){.name = "snapshot/a", .content = "content"});
	memset(name, 'n', LONG_NAME);
	memcpy(name, "multivol_diff/", 14);
	memcpy(name + LONG_NAME - 2, "/1", 2);
	tarfile_add(&tar, &(struct tarmember){.name = "long", .type = 'L', .content = name});
	tarfile_add(&tar, &(struct tarmember){.name = "cut", .content = "part"});
	bytes = tarfile_compress(&tar, &size);
	make_file_bytes(in_dir("data"), bytes, size, 0600);
	free(bytes);
}

struct volumes {
	struct stage_readahead *readahead;
	int given;
};

static void
end_volume(struct volumes *volumes)
{
	stage_readahead_close(&volumes->readahead);
}

static int
next_volume(void *context, struct stage_tarsource *ret_source, const char **ret_path,
	struct stage_error *error)
{
	const struct stage_readahead_options options = {.path = "data"};
	struct volumes *volumes = context;
	int code, fd;

	end_volume(volumes);
	if (volumes->given++ == 2)
		return 0;
	wrap_pause(true);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	wrap_pause(false);
	code = stage_gunzip_open(fd, &options, &volumes->readahead, error);
	if (code < 0)
		return code;
	*ret_source = stage_tarreader_readahead(volumes->readahead);
	*ret_path = "data";
	return 1;
}

static void
volumes_scenario(void)
{
	const struct stage_difftar_entry *entry;
	struct volumes volumes = {0};
	struct stage_difftar *difftar = NULL;
	size_t paths = 0, count;
	char content[8];
	int code;

	if (TRY(stage_difftar_new(next_volume, &volumes, &difftar, &sweep_said)) < 0)
		return;
	while ((code = stage_difftar_next(difftar, &entry, &sweep_said)) > 0) {
		if (paths++ % 2 == 1)
			TRY(stage_difftar_read(
				difftar, content, sizeof(content), &count, &sweep_said));
	}
	if (TRY(code) == 0 && paths != 4)
		sweep_complain("%zu paths in the place of 4", paths);
	end_volume(&volumes);
	stage_difftar_free(&difftar);
}

/* What gpg --unwrap gives: a literal packet in a compressed one, whose only block is stored. */
#define MESSAGE                                                                                    \
	"\xa3\1\1\x0f\0\xf0\xff\xcb\x0d"                                                           \
	"b\0\0\0\0\0content"

static void
make_message(void)
{
	make_file_bytes(in_dir("data"), MESSAGE, sizeof(MESSAGE) - 1, 0600);
}

static void
message_scenario(void)
{
	const struct stage_readahead_options options = {.path = "data", .ahead = true};
	struct stage_readahead *readahead = NULL;
	char content[8];
	size_t count;
	int fd;

	wrap_pause(true);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	wrap_pause(false);
	if (TRY(stage_unwrapped_open(fd, &options, &readahead, &sweep_said)) == 0 &&
		TRY(stage_readahead_read(
			readahead, content, sizeof(content), &count, &sweep_said)) == 0 &&
		(count != 7 || memcmp(content, "content", 7) != 0))
		sweep_complain("%zu bytes in the place of 7", count);
	stage_readahead_close(&readahead);
}

SWEEP(chain, chain_scenario, make_archive, remove_archive, NULL)
SWEEP(ahead, ahead_scenario, make_archive, remove_archive, NULL)
SWEEP(volumes, volumes_scenario, make_volumes, remove_archive, NULL)
SWEEP(message, message_scenario, make_message, remove_archive, NULL)

static const struct test tests[] = {
	{"chain", chain},
	{"ahead", ahead},
	{"volumes", volumes},
	{"message", message},
	{NULL, NULL},
};

const struct suite suite_sweep_read = {"sweep_read", tests};
