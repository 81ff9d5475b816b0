/* What reads and writes the content of volumes while each call is failed. */
#include "tests.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "digest.h"
#include "digestfollow.h"
#include "gzip.h"
#include "openpgp.h"
#include "packet.h"
#include "signature.h"
#include "sweep.h"
#include "tar.h"
#include "volume.h"
#include "wrap.h"

/* Four pieces and a bit. */
static void
make_data(void)
{
	close(open(in_dir("data"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CHECK(truncate(in_dir("data"), 1024 * 1024 + 1) == 0);
}

static void
remove_data(void)
{
	unlink(in_dir("data"));
}

static void
digest_scenario(void)
{
	struct stage_digest first, second;
	int fd;

	wrap_pause(true);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	wrap_pause(false);
	if (TRY(stage_digest_read(fd, "data", &first, &sweep_said)) == 0 &&
		TRY(stage_digest_read(fd, "data", &second, &sweep_said)) == 0 &&
		(first.size != 1024 * 1024 + 1 || memcmp(&first, &second, sizeof(first)) != 0)) {
		sweep_complain("not the digest of the file");
	}
	wrap_pause(true);
	close(fd);
	wrap_pause(false);
}

/* The thread finds a file that is complete, and this one waits for it; how often that looks differs. */
static void
digestfollow_scenario(void)
{
	struct stage_digestfollowed followed;
	struct stage_digestfollow *follow;
	int fd;

	wrap_pause(true);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	wrap_pause(false);
	if (TRY(stage_digestfollow_open(fd, "data", true, &follow, &sweep_said)) < 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	} else if (TRY(stage_digestfollow_end(&follow, &followed, &sweep_said)) == 0 &&
		   followed.digest.size != 1024 * 1024 + 1) {
		sweep_complain("not the size of the file");
	}
}

/* A volume is complete whatever is not known of it then, and what is known is right. */
static void
complete_one(int fd)
{
	unsigned char sha1[STAGE_SHA1_BYTES];
	struct stage_volume *volume;

	if (TRY(stage_volume_new(in_dir("data"), 1024, true, NULL, &volume, &sweep_said)) < 0)
		return;
	if (TRY(stage_volume_begin(volume, fd, STAGE_VOLUME_OWN, &sweep_said)) == 0) {
		TRY(stage_volume_ahead(volume, &sweep_said));
		wrap_pause(true);
		if (ftruncate(fd, 0) < 0 || pwrite(fd, "abc", 3, 0) != 3)
			abort();
		wrap_pause(false);
		stage_volume_wrote(volume, "abc", 3);
		TRY(stage_volume_complete(volume, &sweep_said));
		if (stage_volume_sha1(volume, sha1, NULL) == 0 && sha1[0] != 0xa9)
			sweep_complain("not the SHA-1 of abc");
	}
	stage_volume_free(&volume);
}

static void
complete_volume_scenario(void)
{
	int fd;

	wrap_pause(true);
	fd = open(in_dir("data"), O_WRONLY | O_TRUNC | O_CLOEXEC);
	wrap_pause(false);
	complete_one(fd);
	complete_one(fd);
	wrap_pause(true);
	close(fd);
	wrap_pause(false);
}

/* Are the bytes written that were to be, where the file was ended? */
static const unsigned char zeros[2 * STAGE_GZIP_BLOCK];

static void
check_unpacked(size_t expected)
{
	size_t size = 0;
	gzFile file;
	int got;
	static char buffer[64 * 1024];

	wrap_pause(true);
	file = gzopen(in_dir("data"), "rb");
	while (file && (got = gzread(file, buffer, sizeof(buffer))) > 0)
		size += (size_t)got;
	if (!file || gzclose(file) != Z_OK || size != expected) {
		sweep_complain("%zu bytes unpacked of %zu", size, expected);
	}
	wrap_pause(false);
}

/*
 * The stream's threads make no calls of the C library, and this one waits whenever more than one
 * block is in flight: so the calls come in the same order in each run.
 */
static void
use_gzip(const struct stage_gzip_options *options)
{
	struct stage_gzip *gzip = NULL;
	size_t written = 0;
	bool fits = true;
	int fd, i;

	wrap_pause(true);
	fd = open(in_dir("data"), O_WRONLY | O_TRUNC | O_CLOEXEC);
	wrap_pause(false);
	if (TRY(stage_gzip_open(fd, "data", options, &gzip, &sweep_said)) == 0) {
		for (i = 0; i < 3; i++) {
			if (TRY(stage_gzip_write(gzip, zeros, STAGE_GZIP_BLOCK + 1, &sweep_said)) ==
				0)
				written += STAGE_GZIP_BLOCK + 1;
			TRY(stage_gzip_fits(gzip, STAGE_GZIP_BLOCK, &fits, &sweep_said));
		}
		if (TRY(stage_gzip_close(&gzip, false, NULL, &sweep_said)) == 0)
			check_unpacked(written);
	}
	wrap_pause(true);
	close(fd);
	wrap_pause(false);
}

static void
gzip_scenario(void)
{
	struct stage_gzip_options options = {.limit = 1000, .level = 1, .threads = 1};

	use_gzip(&options);
	options.threads = 3;
	use_gzip(&options);
}

static void
check_packet(size_t expected)
{
	static unsigned char packet[64 * 1024];
	unsigned char *data = NULL;
	const char *why = "it is not there";
	size_t size = 0;
	ssize_t got = -1;
	int fd;

	wrap_pause(true);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		got = read(fd, packet, sizeof(packet));
	if (got >= 0)
		data = packet_read(packet, (size_t)got, &size, &why);
	if (!data || size != expected)
		sweep_complain("%zu bytes in the packet of %zu: %s", size, expected, why);
	free(data);
	close(fd);
	wrap_pause(false);
}

static int
go_on(void *context, struct stage_error *error)
{
	(void)context;
	(void)error;
	return 0;
}

/* As use_gzip(). */
static void
use_openpgp(const struct stage_openpgp_options *options)
{
	struct stage_openpgp *openpgp = NULL;
	size_t written = 0;
	bool fits = true;
	int fd, i;

	wrap_pause(true);
	fd = open(in_dir("data"), O_WRONLY | O_TRUNC | O_CLOEXEC);
	wrap_pause(false);
	if (TRY(stage_openpgp_open(fd, "data", options, &openpgp, &sweep_said)) == 0) {
		for (i = 0; i < 3; i++) {
			if (TRY(stage_openpgp_write(
				    openpgp, zeros, STAGE_GZIP_BLOCK + 1, &sweep_said)) == 0)
				written += STAGE_GZIP_BLOCK + 1;
			TRY(stage_openpgp_fits(openpgp, STAGE_GZIP_BLOCK, &fits, &sweep_said));
		}
		if (TRY(stage_openpgp_close(&openpgp, false, NULL, &sweep_said)) == 0)
			check_packet(written);
	}
	wrap_pause(true);
	close(fd);
	wrap_pause(false);
}

static void
openpgp_scenario(void)
{
	struct stage_openpgp_options options = {
		.limit = 1000, .level = 1, .threads = 1, .before = go_on};

	use_openpgp(&options);
	options.threads = 3;
	use_openpgp(&options);
}

static void
signature_scenario(void)
{
	struct stage_signature_options options = {
		.magic = STAGE_SIGNATURE_MD4, .block_length = 1000, .strong_length = 8};
	struct stage_signature *signature = NULL;
	const unsigned char *bytes;
	size_t size;

	for (; options.block_length < 100000000; options.block_length *= 100) {
		if (TRY(stage_signature_open(&options, &signature, &sweep_said)) == 0) {
			TRY(stage_signature_update(signature, zeros, 1, &sweep_said));
			TRY(stage_signature_update(signature, zeros, 600, &sweep_said));
			TRY(stage_signature_update(signature, zeros, 200000, &sweep_said));
			TRY(stage_signature_end(signature, &bytes, &size, &sweep_said));
		}
		stage_signature_close(&signature);
	}
}

static int
write_member(void *context, const void *data, size_t size, struct stage_error *error)
{
	const int *fd = context;

	if (write(*fd, data, size) == (ssize_t)size)
		return 0;
	return stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot write");
}

static void
volume_scenario(void)
{
	struct stage_member member = {.name = "name", .mode = 0644};
	struct stage_tar *volume = NULL;
	int fd;

	wrap_pause(true);
	fd = open(in_dir("data"), O_WRONLY | O_TRUNC | O_CLOEXEC);
	wrap_pause(false);
	if (TRY(stage_tar_open(write_member, &fd, &volume, &sweep_said)) == 0) {
		TRY(stage_tar_add(volume, &member, zeros, 1000, &sweep_said));
		member.name = "\xe4";
		TRY(stage_tar_add(volume, &member, zeros, 1000, &sweep_said));
		TRY(stage_tar_end(volume, &sweep_said));
	}
	stage_tar_close(&volume);
	wrap_pause(true);
	close(fd);
	wrap_pause(false);
}

SWEEP(digest, digest_scenario, make_data, remove_data, NULL)
SWEEP(complete_volume, complete_volume_scenario, make_data, remove_data, NULL)
SWEEP(digestfollow, digestfollow_scenario, make_data, remove_data, NULL)
SWEEP(gzip, gzip_scenario, make_data, remove_data, NULL)
SWEEP(openpgp, openpgp_scenario, make_data, remove_data, NULL)
SWEEP(signature, signature_scenario, NULL, NULL, NULL)
SWEEP(volume, volume_scenario, make_data, remove_data, NULL)

static const struct test tests[] = {
	{"digest", digest},
	{"complete_volume", complete_volume},
	{"digestfollow", digestfollow},
	{"gzip", gzip},
	{"openpgp", openpgp},
	{"signature", signature},
	{"volume", volume},
	{NULL, NULL},
};

const struct suite suite_sweep_write = {"sweep_write", tests};
