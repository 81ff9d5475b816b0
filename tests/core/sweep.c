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

#include "naming.h"
#include "orphan.h"
#include "root.h"
#include "settings.h"
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
			stage_code_name(code), said.message);
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
	uint64_t bytes;
	size_t count;
	FILE *file;
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
	if (TRY(stage_dir_mkstemp_file(dir, &file, &third, &said)) == 0) {
		wrap_pause(true);
		fclose(file);
		wrap_pause(false);
	}
	if (TRY(stage_dir_mkstemp(dir, &fd, &fourth, &said)) == 0) {
		wrap_pause(true);
		close(fd);
		wrap_pause(false);
	}
	if (second) {
		TRY(stage_dir_link(dir, second, to, "linked", &said));
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
	TRY(stage_dir_usage(dir, &count, &bytes, &said));
	TRY(stage_dir_check(dir, &said));
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
	unlinkat(to, "linked", 0);
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

	stage_settings_exist();
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
default_scenario(void)
{
	struct stage_dir *dir;
	char *path;

	if (TRY(stage_dir_default(&dir, &said)) < 0)
		return;
	if (TRY(stage_dir_mktemp(dir, &path, &said)) == 0)
		free(path);
	reported += stage_dir_cleanup(dir);
}

/* A live directory, a dead one and one of another machine, made anew for each run. */
static struct stage_dir *live;
static char dead[1024], foreign[1024];

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

struct scenario {
	void (*run)(void);
	void (*before)(void); /* each run, may be NULL */
	void (*after)(void);
	bool keeps_memory;  /* as its contract says */
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

	if (scenario->before)
		scenario->before();
	reported = mute = 0;
	fds = count_fds();
	wrap_begin(fail, sys_errno, lasting);
	scenario->run();
	wrap_end();
	if (scenario->after)
		scenario->after();
	left = count_entries(root);
	good = mute == 0 && count_fds() == fds - (scenario->after == check_found ? 2 : 0) &&
	       wrap_bad_closes() == 0 && (scenario->keeps_memory || wrap_leaked() == 0) &&
	       (left == 0 || (wrap_failed() && (reported > 0 || is_unsure(scenario, fail))));
	if (!good) {
		fprintf(stderr,
			"\n%s: %d descriptors, were %d; %zu blocks kept; %zu bad closes; %d left, "
			"%zu "
			"reported; %s\n",
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
					stage_errno_text(errnos[i]), lasting ? ", lasting" : "");
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

SWEEP(dir, dir_scenario, NULL, NULL, false, NULL)
SWEEP(relative, relative_scenario, NULL, NULL, false, NULL)
SWEEP(names, names_scenario, NULL, NULL, false, NULL)
SWEEP(stranger, stranger_scenario, NULL, NULL, false, NULL)
SWEEP(swapped, swapped_scenario, NULL, NULL, false, NULL)
SWEEP(settings, settings_scenario, NULL, NULL, false, NULL)
SWEEP(ranked, ranked_scenario, NULL, NULL, false, NULL)
SWEEP(orphans, orphan_scenario, make_found, check_found, false, NULL)
/* no lock; no machine-id, hence another machine; not to be opened, hence another user's or gone */
SWEEP(orphan, orphan_scenario, make_dead, NULL, false, "flock gethostname open openat read")

/* The default directory, in the root of this test. It is kept when it was cleaned up, as dir.h
 * says. */
static void
default_dir(void)
{
	static const struct scenario scenario = {default_scenario, NULL, NULL, true, NULL};

	prepare();
	setenv("STAGEDIR_CONFIG", in_dir("conf"), 1);
	sweep(&scenario);
	clear();
}

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
	{"default_dir", default_dir},
	{"orphans", orphans},
	{"orphan", orphan},
	{"right_reason", right_reason},
	{NULL, NULL},
};

const struct suite suite_sweep = {"sweep", tests};
