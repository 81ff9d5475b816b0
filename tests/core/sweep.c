/*
 * sweep - every call into the C library that a scenario makes is failed, one by one
 *
 * A scenario runs once without failures, which counts its calls; then once for each call and each
 * errno that the call can have, transient (that call alone) and lasting (that function from then
 * on). After each run: as many descriptors as before, no memory kept, nothing in the temp root but
 * what was reported, and each function of the library has worked or said in words why not.
 */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "digest.h"
#include "follow.h"
#include "gzip.h"
#include "handoff.h"
#include "journal.h"
#include "naming.h"
#include "orphan.h"
#include "root.h"
#include "secrets.h"
#include "settings.h"
#include "signature.h"
#include "spool.h"
#include "spool_find.h"
#include "url.h"
#include "tar.h"
#include "wrap.h"

/* What a run of a scenario has seen, from the log or from results: things that stay behind. */
static size_t reported;
static size_t mute; /* failures without a message, or with a bad one */
static char what_was_mute[STAGE_ERROR_MESSAGE_MAX + 256];

static struct stage_error said;
/* In the middle of a run: no CUnit, no memory. */
static int
judge(int code, const char *call)
{
	bool good =
		code == 0 ||
		(code < 0 && said.code == code && said.message[0] && !strchr(said.message, '\n') &&
			!strstr(said.message, "(null)") && !strstr(said.message, ": Success"));

	if (!good) {
		mute++;
		snprintf(what_was_mute, sizeof(what_was_mute), "%s: %s \"%s\"", call,
			stage_error_code_name(code), said.message);
	}
	memset(&said, 0, sizeof(said));
	return code;
}
#define TRY(call) judge((call), #call)

static void
count_line(void *context, enum stage_level level, const char *line)
{
	(void)context;
	reported += level == STAGE_WARNING;
	if (strstr(line, "(null)") || !*line) {
		mute++;
		snprintf(what_was_mute, sizeof(what_was_mute), "log: %s", line);
	}
}
static const struct stage_log counting = {count_line, NULL};

static char root[512];

/* One directory, everything done with it. */
static void
use(struct stage_dir *dir)
{
	char *first = NULL, *second = NULL, *third = NULL, *fourth = NULL;
	int fd, to;

	wrap_pause(true);
	to = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	wrap_pause(false);
	TRY(stage_dir_mktemp(dir, &first, &said));
	if (TRY(stage_dir_mkstemp(dir, &fd, &second, &said)) == 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	}
	if (TRY(stage_dir_mkstemp(dir, &fd, &third, &said)) == 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	}
	if (TRY(stage_dir_mkstemp(dir, &fd, &fourth, &said)) == 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	}
	if (second) {
		if (TRY(stage_dir_move(dir, second, to, "moved", &said)) < 0) {
			/* a move that failed has moved nothing */
			wrap_pause(true);
			if (is_there(in_dir("moved")) || !is_there(second)) {
				mute++;
				strcpy(what_was_mute, "half a move");
			}
			wrap_pause(false);
		}
	}
	TRY(stage_dir_check(dir, &said));
	if (fourth && TRY(stage_dir_create(dir, fourth, &fd, &said)) == 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	}
	if (fourth)
		TRY(stage_dir_remove(dir, fourth, &said));
	if (first)
		TRY(stage_dir_forget(dir, first, &said));
	free(first);
	free(second);
	free(third);
	free(fourth);
	reported += stage_dir_cleanup(dir);
	stage_dir_close(&dir);
	wrap_pause(true);
	unlinkat(to, "moved", 0);
	close(to);
	wrap_pause(false);
}

static void
dir_scenario(void)
{
	struct stage_dir *dir;

	if (TRY(stage_dir_open(root, &counting, &dir, &said)) == 0)
		use(dir);
}

static void
relative_scenario(void)
{
	struct stage_dir *dir;

	if (TRY(stage_dir_open("root", &counting, &dir, &said)) == 0)
		stage_dir_close(&dir);
}

/* More names than a small table holds, then fewer: the table grows and shrinks. */
static void
names_scenario(void)
{
	struct stage_dir *dir;
	char *paths[40] = {NULL};
	size_t i;

	if (TRY(stage_dir_open(root, &counting, &dir, &said)) < 0)
		return;
	for (i = 0; i < 40; i++)
		TRY(stage_dir_mktemp(dir, &paths[i], &said));
	for (i = 0; i < 40; i++) {
		if (paths[i])
			TRY(stage_dir_forget(dir, paths[i], &said));
		free(paths[i]);
	}
	reported += stage_dir_cleanup(dir);
	stage_dir_close(&dir);
}

static void
stranger_scenario(void)
{
	char stranger[1024];
	struct stage_dir *dir;

	if (TRY(stage_dir_open(root, &counting, &dir, &said)) < 0)
		return;
	wrap_pause(true);
	snprintf(stranger, sizeof(stranger), "%s/stranger", stage_dir_path(dir));
	close(open(stranger, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	wrap_pause(false);
	reported += stage_dir_cleanup(dir);
	stage_dir_close(&dir);
	wrap_pause(true);
	unlink(stranger);
	*strrchr(stranger, '/') = '\0';
	rmdir(stranger);
	wrap_pause(false);
}

static void
swapped_scenario(void)
{
	struct stage_dir *dir;
	char *path;

	if (TRY(stage_dir_open(root, &counting, &dir, &said)) < 0)
		return;
	wrap_pause(true);
	rename(stage_dir_path(dir), in_dir("away"));
	wrap_pause(false);
	if (TRY(stage_dir_mktemp(dir, &path, &said)) == 0) {
		mute++;
		strcpy(what_was_mute, "a name in a swapped directory");
		free(path);
	}
	reported += stage_dir_cleanup(dir);
	stage_dir_close(&dir);
	wrap_pause(true);
	rmdir(in_dir("away"));
	wrap_pause(false);
}

static void
settings_scenario(void)
{
	struct stage_settings *settings;

	if (TRY(stage_settings_load(&settings, &said)) == 0)
		stage_settings_free(&settings);
	if (TRY(stage_settings_load_file(in_dir("conf"), &settings, &said)) == 0)
		stage_settings_free(&settings);
	TRY(stage_settings_load_file(in_dir("bad"), &settings, &said));
}

static void
ranked_scenario(void)
{
	struct stage_root_request request = {.source = "/proc"};
	struct stage_settings *settings;
	struct stage_roots *roots = NULL;
	struct stage_dir *dir;

	if (TRY(stage_settings_load_file(in_dir("conf"), &settings, &said)) < 0)
		return;
	if (TRY(stage_roots_rank(settings, &request, &roots, &said)) == 0) {
		if (TRY(stage_dir_open_ranked(roots, &counting, &dir, &said)) == 0)
			stage_dir_close(&dir);
		if (!roots->chosen)
			TRY(stage_roots_none(roots, &said));
	}
	stage_roots_free(&roots);
	/* relative, through a link, last resort for lying in the source */
	request = (struct stage_root_request){.tempdir = "link/../root", .source = test_dir};
	if (TRY(stage_roots_rank(settings, &request, &roots, &said)) == 0 &&
		TRY(stage_dir_open_ranked(roots, &counting, &dir, &said)) == 0)
		stage_dir_close(&dir);
	stage_roots_free(&roots);
	stage_settings_free(&settings);
}

static void
url_scenario(void)
{
	static const char url[] =
		"sftp://me@corp.com:s%65cret@host/dir?token=x&mode=y#long-fragment";
	int (*const forms[])(const char *, char **, struct stage_error *) = {
		stage_url_target, stage_url_display, stage_url_display_all};
	struct stage_secrets *secrets = NULL;
	char *text;
	bool same;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (TRY(forms[i](url, &text, &said)) == 0)
			free(text);
	TRY(stage_url_same(url, "sftp://me@h", &same, &said));
	TRY(stage_url_names(url, "sftp://host/dir?mode=y", &same, &said));
	for (i = 0; i < 2; i++)
		TRY(stage_secrets_add(&secrets, i ? "x://u:other@h" : url, &said));
	if (TRY(stage_secrets_hide(secrets, "secret sftp://u:p@h", &text, &said)) == 0)
		free(text);
	stage_secrets_free(&secrets);
}

/* A live directory, a dead one and one of another machine, made anew for each run. */
static struct stage_dir *live;
static char dead[1024], foreign[1024], base_of_dead[STAGE_DIR_NAME_MAX];

static void
make_found(void)
{
	char name[STAGE_DIR_NAME_MAX];

	stage_dir_open(root, NULL, &live, NULL);
	stage_naming_dir(true, name, NULL);
	/* the order in which a directory is read depends on the names: always the same */
	memset(strrchr(name, '-') + 1, 'a', STAGE_DIR_RANDOM);
	snprintf(dead, sizeof(dead), "%s/%s", root, name);
	mkdir(dead, 0700);
	close(open(join(dead, "mkstemp-abcdefghijklm-1"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(open(join(dead, "mktemp-abcdefghijklm-2"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(open(join(dead, "stranger"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	stage_naming_dir(true, name, NULL);
	name[9] = name[9] == '0' ? '1' : '0';
	snprintf(foreign, sizeof(foreign), "%s/%s", root, name);
	mkdir(foreign, 0700);
}

/* Takes away what may be left, and says if something is missing that must be there. */
static void
check_found(void)
{
	CHECK(live && is_there(stage_dir_path(live)));
	stage_dir_close(&live);
	CHECK(is_there(join(dead, "stranger")));
	unlink(join(dead, "stranger"));
	unlink(join(dead, "mkstemp-abcdefghijklm-1"));
	unlink(join(dead, "mktemp-abcdefghijklm-2"));
	rmdir(dead);
	CHECK(rmdir(foreign) == 0);
}

static void
orphan_scenario(void)
{
	struct stage_reclaimed total = {0};
	struct stage_found *list = NULL;
	size_t count = 0;

	if (TRY(stage_orphan_list(root, &list, &count, &said)) == 0)
		stage_orphan_list_free(&list, count);
	reported += TRY(stage_orphan_reclaim(root, &counting, &total, &said)) < 0;
	reported += total.left;
}

/* An orphan that nothing keeps: it goes, or its staying is reported. */
static void
make_dead(void)
{
	make_found();
	unlink(join(dead, "stranger"));
	stage_dir_close(&live);
	rmdir(foreign);
}

/* A spool with two files, made anew for each run. */
static struct stage_dir *spool_dir;
static struct stage_spool *spool;
static struct stage_spool_file *accepted[2];

static void
make_spool(void)
{
	static const struct stage_spool_about about = {.target = "test://", .home = ""};
	char *path;
	int fd, i;

	accepted[0] = accepted[1] = NULL;
	stage_dir_open(root, NULL, &spool_dir, NULL);
	stage_spool_open(spool_dir, &about, true, &counting, &spool, NULL);
	for (i = 0; i < 2; i++) {
		stage_dir_mkstemp(spool_dir, &fd, &path, NULL);
		close(fd);
		stage_spool_accept(spool, spool_dir, path, i ? "b" : "a", "", &accepted[i], NULL);
		free(path);
	}
}

/* Takes what it has not seen yet at the second attempt only. */
static enum stage_upload
upload_twice(void *context, const struct stage_spool_file *file, unsigned int attempt,
	struct stage_error *error)
{
	(void)context;
	if (attempt > 1)
		return STAGE_UPLOAD_DONE;
	stage_error_set(error, STAGE_E_HANDOFF, 0, "%s is new", file->name);
	return STAGE_UPLOAD_RETRY;
}

/*
 * Both threads make calls, but never at the same time, and this one only while they wait: the queue
 * is empty whenever a file is put. So the calls come in the same order in each run.
 */
static void
handoff_scenario(void)
{
	const struct stage_handoff_target target = {upload_twice, NULL, 2, 0};
	struct stage_handoff *handoff;
	int i;

	if (TRY(stage_handoff_open(&target, &counting, &handoff, &said)) == 0) {
		for (i = 0; i < 2; i++)
			if (TRY(stage_handoff_put(handoff, spool, accepted[i], &said)) == 0)
				TRY(stage_handoff_wait(handoff, 1, 60, &said));
		stage_handoff_close(&handoff);
	}
	wrap_pause(true);
	stage_spool_close(&spool);
	stage_dir_close(&spool_dir);
	wrap_pause(false);
}

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
	if (TRY(stage_digest_read(fd, "data", &first, &said)) == 0 &&
		TRY(stage_digest_read(fd, "data", &second, &said)) == 0 &&
		(first.size != 1024 * 1024 + 1 || memcmp(&first, &second, sizeof(first)) != 0)) {
		mute++;
		strcpy(what_was_mute, "not the digest of the file");
	}
	wrap_pause(true);
	close(fd);
	wrap_pause(false);
}

/* The thread finds a file that is complete, and this one waits for it; how often that looks differs. */
static void
follow_scenario(void)
{
	struct stage_followed followed;
	struct stage_follow *follow;
	int fd;

	wrap_pause(true);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	wrap_pause(false);
	if (TRY(stage_follow_open(fd, "data", true, &follow, &said)) < 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	} else if (TRY(stage_follow_end(&follow, &followed, &said)) == 0 &&
		   followed.digest.size != 1024 * 1024 + 1) {
		mute++;
		strcpy(what_was_mute, "not the size of the file");
	}
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
		mute++;
		snprintf(what_was_mute, sizeof(what_was_mute), "%zu bytes unpacked of %zu", size,
			expected);
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
	if (TRY(stage_gzip_open(fd, "data", options, &gzip, &said)) == 0) {
		for (i = 0; i < 3; i++) {
			if (TRY(stage_gzip_write(gzip, zeros, STAGE_GZIP_BLOCK + 1, &said)) == 0)
				written += STAGE_GZIP_BLOCK + 1;
			TRY(stage_gzip_fits(gzip, STAGE_GZIP_BLOCK, &fits, &said));
		}
		if (TRY(stage_gzip_close(&gzip, false, NULL, &said)) == 0)
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
signature_scenario(void)
{
	struct stage_signature_options options = {
		.magic = STAGE_SIGNATURE_MD4, .block_length = 1000, .strong_length = 8};
	struct stage_signature *signature = NULL;
	const unsigned char *bytes;
	size_t size;

	for (; options.block_length < 100000000; options.block_length *= 100) {
		if (TRY(stage_signature_open(&options, &signature, &said)) == 0) {
			TRY(stage_signature_update(signature, zeros, 1, &said));
			TRY(stage_signature_update(signature, zeros, 600, &said));
			TRY(stage_signature_update(signature, zeros, 200000, &said));
			TRY(stage_signature_end(signature, &bytes, &size, &said));
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
	if (TRY(stage_tar_open(write_member, &fd, &volume, &said)) == 0) {
		TRY(stage_tar_add(volume, &member, zeros, 1000, &said));
		member.name = "\xe4";
		TRY(stage_tar_add(volume, &member, zeros, 1000, &said));
		TRY(stage_tar_end(volume, &said));
	}
	stage_tar_close(&volume);
	wrap_pause(true);
	close(fd);
	wrap_pause(false);
}

#define JOURNAL_FILES 4

/* Afterwards a file waits if, and only if, the last call for it that worked says so. */
static void
check_waiting(int dirfd, bool made, const char *const *files, const bool *waiting)
{
	struct stage_journal_content *content = NULL;
	size_t i, count = 0, found = 0;
	int code;

	wrap_pause(true);
	code = stage_journal_read(dirfd, root, &content, NULL);
	for (i = 0; i < JOURNAL_FILES; i++)
		count += waiting[i];
	for (i = 0; content && i < JOURNAL_FILES; i++) {
		size_t j;

		for (j = 0; j < content->count; j++)
			found += waiting[i] && strcmp(content->list[j].file, files[i]) == 0;
	}
	if (made != (code == 0) || (!made && is_there(join(root, STAGE_JOURNAL_NAME))) ||
		(content && (content->damaged || content->count != count || found != count))) {
		mute++;
		snprintf(what_was_mute, sizeof(what_was_mute),
			"the journal tells of %zu files, %zu of %zu that wait",
			content ? content->count : 0, found, count);
	}
	stage_journal_content_free(&content);
	wrap_pause(false);
}

/* Two files sealed by one run; a later one forgets the first, and seals two more. */
static void
use_journal(int dirfd, bool durable)
{
	static const struct stage_journal_about about = {"sftp://host/folder", "/home"};
	const char *const files[JOURNAL_FILES] = {"staged-abcdefghijklm-1",
		"staged-abcdefghijklm-2", "staged-abcdefghijklm-3", "staged-abcdefghijklm-4"};
	bool waiting[JOURNAL_FILES] = {false}, made;
	char name[] = "volume", note[] = "", staged[STAGE_FILE_NAME_MAX];
	struct stage_journal_record record = {.file = staged, .name = name, .note = note};
	struct stage_journal_content *content;
	struct stage_journal *journal = NULL;
	size_t i;

	made = TRY(stage_journal_create(dirfd, root, &about, durable, &journal, &said)) == 0;
	for (i = 0; journal && i < JOURNAL_FILES; i++) {
		if (i == 2) {
			TRY(stage_journal_failed(journal, files[1], 1, "away", &said));
			stage_journal_close(&journal);
			check_waiting(dirfd, made, files, waiting);
			if (TRY(stage_journal_read(dirfd, root, &content, &said)) < 0)
				break;
			TRY(stage_journal_append(dirfd, root, content, durable, &journal, &said));
			stage_journal_content_free(&content);
			if (!journal)
				break;
			if (TRY(stage_journal_forgotten(journal, files[0], &said)) == 0)
				waiting[0] = false;
		}
		strcpy(staged, files[i]);
		waiting[i] = TRY(stage_journal_staged(journal, &record, &said)) == 0;
	}
	stage_journal_close(&journal);
	check_waiting(dirfd, made, files, waiting);
}

static void
journal_scenario(void)
{
	bool durable = true;
	int dirfd;

	do {
		wrap_pause(true);
		dirfd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		wrap_pause(false);
		use_journal(dirfd, durable);
		wrap_pause(true);
		unlinkat(dirfd, STAGE_JOURNAL_NAME, 0);
		close(dirfd);
		wrap_pause(false);
		durable = !durable;
	} while (!durable);
}

/* Everything done with a spool; what was accepted is handed off, or never was. */
static void
spool_scenario(void)
{
	static const struct stage_spool_about about = {.target = "test://", .home = "/home"};
	struct stage_spool_file *file;
	struct stage_spool *own;
	struct stage_reserved room;
	struct stage_dir *dir;
	char *path;
	int i;

	if (TRY(stage_dir_open(root, &counting, &dir, &said)) < 0)
		return;
	if (TRY(stage_spool_open(dir, &about, true, &counting, &own, &said)) < 0) {
		stage_dir_close(&dir);
		return;
	}
	for (i = 0; i < 3; i++) {
		if (TRY(stage_dir_mktemp(dir, &path, &said)) < 0)
			continue;
		TRY(stage_spool_reserve(own, path, 10, 1000, &room, &said));
		wrap_pause(true);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		wrap_pause(false);
		/* the last one is accepted only */
		if (TRY(stage_spool_accept(own, dir, path, "name", "note", &file, &said)) == 0 &&
			i < 2) {
			if (TRY(stage_spool_seal(own, file, &said)) == 0) {
				TRY(stage_spool_check(own, file, &said));
				stage_spool_note_failure(own, file, 1, "lost");
			} else {
				TRY(stage_spool_check_written(own, file, &said));
			}
			if (i == 0)
				TRY(stage_spool_confirm(own, &file, &said));
			else
				TRY(stage_spool_forget(own, &file, &said));
		}
		free(path);
	}
	stage_spool_close(&own);
	stage_dir_close(&dir);
}

#define DEAD_SPOOL_FILES 2

static void
confirm_first(struct stage_journal *journal)
{
	char base[] = "staged-abcdefghijklm-9", name[] = "confirmed", note[] = "";
	const struct stage_journal_record record = {.file = base, .name = name, .note = note};

	CHECK(stage_journal_staged(journal, &record, NULL) == 0);
	CHECK(stage_journal_confirmed(journal, base, NULL) == 0);
}

/* A dead run's spool, with names that are always the same: two files that wait, and what is of no
 * use. */
static void
make_dead_spool(void)
{
	static const char *const files[DEAD_SPOOL_FILES] = {
		"staged-abcdefghijklm-1", "staged-abcdefghijklm-2"};
	static const struct stage_journal_about about = {"test://u@v:secret@h/", "/home"};
	char base[STAGE_FILE_NAME_MAX], name[] = "name", note[] = "note";
	struct stage_journal *journal = NULL;
	int dirfd, fd, i;

	stage_naming_dir(true, base_of_dead, NULL);
	memset(strrchr(base_of_dead, '-') + 1, 'a', STAGE_DIR_RANDOM);
	snprintf(dead, sizeof(dead), "%s/%s", root, base_of_dead);
	mkdir(dead, 0700);
	dirfd = open(dead, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(stage_journal_create(dirfd, dead, &about, false, &journal, NULL) == 0);
	for (i = 0; i < DEAD_SPOOL_FILES; i++) {
		struct stage_journal_record record = {.file = base, .name = name, .note = note};

		strcpy(base, files[i]);
		fd = openat(dirfd, base, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		CHECK(write(fd, "content", (size_t)i + 1) == i + 1);
		CHECK(stage_digest_read(fd, base, &record.digest, NULL) == 0);
		close(fd);
		CHECK(stage_journal_staged(journal, &record, NULL) == 0);
	}
	/* and one that was confirmed */
	confirm_first(journal);
	stage_journal_close(&journal);
	close(openat(dirfd, "staged-abcdefghijklm-3", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(openat(dirfd, "room", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	close(dirfd);
}

/* What waits in it, by what it is. */
static void
check_dead_spool(size_t expected)
{
	struct stage_spool_file *file;
	struct stage_spool *adopted;
	size_t count = 0;
	int code;

	wrap_pause(true);
	code = stage_spool_adopt(dead, false, NULL, &adopted, &failure);
	if (code == 0) {
		for (file = stage_spool_files(adopted); file; file = file->next)
			count += stage_spool_check(adopted, file, NULL) == 0;
		stage_spool_close(&adopted);
	}
	if (count != expected) {
		mute++;
		snprintf(what_was_mute, sizeof(what_was_mute), "%zu files wait, not %zu: %s", count,
			expected, failure.message);
	}
	wrap_pause(false);
}

/* Nothing that waits is lost, whatever fails - unless it is said to be gone. */
static void
adopt_scenario(void)
{
	struct stage_spool_file *file, *next;
	struct stage_spool *adopted;
	size_t waiting = DEAD_SPOOL_FILES;

	if (TRY(stage_spool_adopt(dead, true, &counting, &adopted, &said)) < 0) {
		check_dead_spool(waiting);
		return;
	}
	for (file = stage_spool_files(adopted); file; file = next) {
		next = file->next;
		TRY(stage_spool_check(adopted, file, &said));
	}
	file = stage_spool_files(adopted);
	if (file) {
		TRY(stage_spool_forget(adopted, &file, &said));
		waiting--;
	}
	/* the record could not be written, and the file not be removed: then it waits still */
	if (file && file->sealed)
		waiting++;
	stage_spool_close(&adopted);
	if (!wrap_failed_with("fstatat", ENOENT))
		check_dead_spool(waiting);
}

static void
remove_dead_spool(void)
{
	remove_tree(dead);
}

static void
find_scenario(void)
{
	struct stage_reclaimed total = {0};
	struct stage_spool_found *list;
	size_t count;

	if (TRY(stage_spool_find(root, &list, &count, &said)) == 0)
		stage_spool_find_free(&list, count);
	/* and who reclaims takes nothing of it */
	TRY(stage_orphan_reclaim(root, &counting, &total, &said));
	check_dead_spool(DEAD_SPOOL_FILES);
}

/* Another live run, which has reserved, and a dead spool. */
static struct stage_spool *other_spool;
static char *own_path;

#define OTHERS 4000

static void
make_reserved(void)
{
	struct stage_reserved room;

	make_spool();
	make_dead_spool();
	stage_spool_open(
		spool_dir, &(struct stage_spool_about){"", ""}, false, NULL, &other_spool, NULL);
	stage_dir_mktemp(spool_dir, &own_path, NULL);
	CHECK(stage_spool_reserve(other_spool, own_path, OTHERS, 0, &room, NULL) == 0);
}

static void
remove_reserved(void)
{
	free(own_path);
	stage_spool_close(&other_spool);
	stage_spool_close(&spool);
	stage_dir_close(&spool_dir);
	remove_dead_spool();
}

/* A directory seems to be gone, or another user's. */
static bool
is_unseen(void)
{
	return wrap_failed_with("openat", ENOENT) || wrap_failed_with("openat", EACCES);
}

/* But for that, what others have announced is never too little. */
static void
reserve_scenario(void)
{
	struct stage_reserved room;

	if (TRY(stage_spool_reserve(spool, own_path, 10, 0, &room, &said)) == 0 &&
		room.promised < OTHERS && !is_unseen()) {
		mute++;
		snprintf(what_was_mute, sizeof(what_was_mute), "only %llu are promised",
			(unsigned long long)room.promised);
	}
	if (TRY(stage_spool_reserve(spool, own_path, 10, OTHERS, &room, &said)) == 0 &&
		!is_unseen()) {
		mute++;
		strcpy(what_was_mute, "more was reserved than there is");
	}
}

struct scenario {
	void (*run)(void);
	void (*before)(void); /* each run, may be NULL */
	void (*after)(void);
	const char *unsure; /* functions whose failure makes an orphan look like somebody else's */
};

static bool
is_unsure(const struct scenario *scenario, size_t fail)
{
	return scenario->unsure && strstr(scenario->unsure, wrap_name(fail));
}

static void
run_once(const struct scenario *scenario, size_t fail, int sys_errno, bool lasting, char *what)
{
	int fds, left;
	bool good;

	fds = count_fds();
	if (scenario->before)
		scenario->before();
	reported = mute = 0;
	wrap_begin(fail, sys_errno, lasting);
	scenario->run();
	wrap_end();
	if (scenario->after)
		scenario->after();
	left = count_entries(root);
	good = mute == 0 && count_fds() == fds && wrap_bad_closes() == 0 && wrap_leaked() == 0 &&
	       (left == 0 || (wrap_failed() && (reported > 0 || is_unsure(scenario, fail))));
	if (!good) {
		fprintf(stderr,
			"\n%s: %d descriptors, were %d; %zu blocks kept; %zu bad closes; %d left, %zu reported; %s\n",
			what, count_fds(), fds, wrap_leaked(), wrap_bad_closes(), left, reported,
			mute ? what_was_mute : "");
		CU_FAIL("after a failed call");
	}
	if (left) {
		if (!good)
			show_tree(root);
		remove_tree(root);
		make_dir(root, 0700);
	}
}

static void
sweep(const struct scenario *scenario)
{
	char what[256];
	size_t calls, number, i, step, runs = 0;
	int lasting;

	memset(&said, 0, sizeof(said));
	/* twice: what the C library sets up once is not counted */
	run_once(scenario, 0, 0, false, strcpy(what, "no failure, first run"));
	run_once(scenario, 0, 0, false, strcpy(what, "no failure"));
	calls = wrap_end();
	CHECK(calls > 10 && calls < WRAP_CALLS_MAX);
	step = calls > scaled(calls) ? calls / scaled(calls) : 1;
	for (number = 1; number <= calls && CU_get_number_of_failures() < 50; number += step) {
		int errnos[8];
		const char *name = wrap_name(number);

		memcpy(errnos, wrap_errnos(number), sizeof(errnos));
		for (i = 0; errnos[i]; i++) {
			for (lasting = 0; lasting <= (errnos[i] != EINTR); lasting++) {
				snprintf(what, sizeof(what), "call %zu, %s: %s%s", number, name,
					stage_error_errno_text(errnos[i]),
					lasting ? ", lasting" : "");
				run_once(scenario, number, errnos[i], lasting, what);
				runs++;
			}
		}
	}
	if (getenv("STAGEDIR_TEST_VERBOSE"))
		fprintf(stderr, " %zu calls, %zu runs ", calls, runs);
}

static void
prepare(void)
{
	char text[2048];

	snprintf(root, sizeof(root), "%s", in_dir("root"));
	make_dir(root, 0700);
	REQUIRE(chdir(test_dir) == 0);
	REQUIRE(symlink(test_dir, in_dir("link")) == 0);
	setenv("STAGE_TEST_A", root, 1);
	snprintf(text, sizeof(text),
		"temp_root = %s/link\ntemp_root = ~/missing\ntemp_root = $STAGE_TEST_A\n"
		"min_free = 1\navoid_tmpfs = no\ntargets = sftp://*\ntargets = file:///x\n",
		test_dir);
	make_file(in_dir("conf"), text, 0600);
	make_file(in_dir("bad"), "temp_root = /x\nmin_free = none\n", 0600);
	make_dir("system", 0755);
	make_file("system/stagedir.conf", "temp_root = ~root/x\ntargets = *\n", 0644);
	make_dir("config", 0755);
	make_dir("config/stagedir", 0755);
	make_file("config/stagedir/stagedir.conf", "temp_root = ~/x\ntargets = b://*\n", 0644);
}

static void
clear(void)
{
	static const char *const files[] = {
		"link", "conf", "bad", "system/stagedir.conf", "config/stagedir/stagedir.conf"};
	static const char *const directories[] = {"system", "config/stagedir", "config", "root"};
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(in_dir(files[i]));
	for (i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		rmdir(in_dir(directories[i]));
}

static void
sweep_in_place(const struct scenario *scenario)
{
	prepare();
	sweep(scenario);
	clear();
}

#define SWEEP(name, ...)                                                                           \
	static void name(void)                                                                     \
	{                                                                                          \
		static const struct scenario scenario = {__VA_ARGS__};                             \
                                                                                                   \
		sweep_in_place(&scenario);                                                         \
	}

SWEEP(dir, dir_scenario, NULL, NULL, NULL)
SWEEP(relative, relative_scenario, NULL, NULL, NULL)
SWEEP(names, names_scenario, NULL, NULL, NULL)
SWEEP(stranger, stranger_scenario, NULL, NULL, NULL)
SWEEP(swapped, swapped_scenario, NULL, NULL, NULL)
SWEEP(settings, settings_scenario, NULL, NULL, NULL)
SWEEP(ranked, ranked_scenario, NULL, NULL, NULL)
SWEEP(digest, digest_scenario, make_data, remove_data, NULL)
SWEEP(follow, follow_scenario, make_data, remove_data, NULL)
SWEEP(gzip, gzip_scenario, make_data, remove_data, NULL)
SWEEP(signature, signature_scenario, NULL, NULL, NULL)
SWEEP(volume, volume_scenario, make_data, remove_data, NULL)
SWEEP(url, url_scenario, NULL, NULL, NULL)
SWEEP(journal, journal_scenario, NULL, NULL, NULL)
SWEEP(orphans, orphan_scenario, make_found, check_found, NULL)
/*
 * no lock, or a file system of which nothing is known; no machine-id, hence another machine; not to be
 * opened, hence another user's or gone
 */
SWEEP(orphan, orphan_scenario, make_dead, NULL, "flock fstatfs open openat read")
SWEEP(handoff, handoff_scenario, make_spool, NULL, NULL)
SWEEP(spool_life, spool_scenario, NULL, NULL, NULL)
SWEEP(spool_adopt, adopt_scenario, make_dead_spool, remove_dead_spool, NULL)
SWEEP(spool_find, find_scenario, make_dead_spool, remove_dead_spool, NULL)
SWEEP(spool_reserve, reserve_scenario, make_reserved, remove_reserved, NULL)

/*
 * Two things at once: a file cannot be made for want of space, and the table that is to shrink has
 * no memory for it. The reason that is given is the first.
 */
static void
right_reason(void)
{
	struct stage_dir *dir;
	char *paths[14], *path;
	size_t i;
	int fd;

	prepare();
	WORKS(stage_dir_open(root, NULL, &dir, &failure));
	for (i = 0; i < 14; i++)
		WORKS(stage_dir_mktemp(dir, &paths[i], &failure));
	wrap_begin_two("openat", ENOSPC, "calloc", ENOMEM);
	for (i = 0; i < 7; i++)
		stage_dir_forget(dir, paths[i], NULL);
	for (i = 7; i < 14; i++) {
		int code = stage_dir_mkstemp(dir, &fd, &path, &failure);

		wrap_pause(true);
		FAILS(code, STAGE_E_SYSTEM);
		CHECK(failure.sys_errno == ENOSPC);
		wrap_pause(false);
		stage_dir_forget(dir, paths[i], NULL);
	}
	wrap_end();
	for (i = 0; i < 14; i++)
		free(paths[i]);
	CHECK(stage_dir_cleanup(dir) == 0);
	stage_dir_close(&dir);
	clear();
}

static const struct test tests[] = {
	{"dir", dir},
	{"relative", relative},
	{"names", names},
	{"stranger", stranger},
	{"swapped", swapped},
	{"settings", settings},
	{"ranked", ranked},
	{"digest", digest},
	{"follow", follow},
	{"gzip", gzip},
	{"signature", signature},
	{"volume", volume},
	{"url", url},
	{"journal", journal},
	{"orphans", orphans},
	{"orphan", orphan},
	{"handoff", handoff},
	{"spool_life", spool_life},
	{"spool_adopt", spool_adopt},
	{"spool_find", spool_find},
	{"spool_reserve", spool_reserve},
	{"right_reason", right_reason},
	{NULL, NULL},
};

const struct suite suite_sweep = {"sweep", tests};
