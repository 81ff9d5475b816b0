/* What reads archives of signatures while each call is failed. */
#include "tests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sigarchive_run.h"
#include "sigchain.h"
#include "sweep.h"
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
	const struct stage_gunzip_options options = {.path = "data", .ahead = ahead};
	struct stage_sigarchive *archive = NULL;
	struct stage_gunzip *gunzip = NULL;
	int fd, code;

	wrap_pause(true);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	wrap_pause(false);
	code = TRY(stage_gunzip_open(fd, &options, &gunzip, &sweep_said));
	if (code < 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
		return code;
	}
	code = TRY(stage_sigarchive_open(gunzip, "data", &archive, &sweep_said));
	if (code < 0) {
		stage_gunzip_close(&gunzip);
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

SWEEP(chain, chain_scenario, make_archive, remove_archive, NULL)
SWEEP(ahead, ahead_scenario, make_archive, remove_archive, NULL)

static const struct test tests[] = {
	{"chain", chain},
	{"ahead", ahead},
	{NULL, NULL},
};

const struct suite suite_sweep_read = {"sweep_read", tests};
