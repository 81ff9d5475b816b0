/* The record of a run: written, read while it is written, kept, and never a reason for a backup to end. */
#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runreader.h"
#include "runrecord.h"
#include "statedir.h"
#include "wrap.h"

#define TARGET "sftp://me@host/dir"

static const struct stage_runevent begun = {
	.name = "full", .target = TARGET, .text = "3.0.6", .count = 4, .size = 1000};

static struct stage_runrecord *
begin(unsigned int keep)
{
	struct stage_runrecord *record = NULL;

	WORKS(stage_runrecord_begin(&begun, keep, &capture()->log, &record, &failure));
	return record;
}

static void
add(struct stage_runrecord *record, enum stage_runevent_kind kind, const char *name, uint64_t size)
{
	stage_runrecord_add(
		record, &(struct stage_runevent){.kind = kind, .name = name, .size = size});
}

/* A whole run for a target, begun a millisecond after the one before. */
static void
run(const char *target, unsigned int keep, const char *result)
{
	struct stage_runevent of_target = begun;
	struct stage_runrecord *record;
	const int64_t now = stage_runrecord_now();

	while (stage_runrecord_now() == now)
		usleep(100);
	of_target.target = target;
	WORKS(stage_runrecord_begin(&of_target, keep, &capture()->log, &record, &failure));
	add(record, STAGE_RUN_MADE, "vol1", 10);
	add(record, STAGE_RUN_ENDED, result, 0);
	stage_runrecord_close(&record);
}

/* The folder of records; what is in it is removed with it. */
static const char *
folder(void)
{
	return in_dir(".local/state/stagedir/runs");
}

static void
forget(void)
{
	remove_tree(in_dir(".local"));
}

/* Opens the newest record. */
static struct stage_runreader *
read_newest(void)
{
	struct stage_runreader *reader = NULL;
	struct stage_runfolder list;

	WORKS(stage_runreader_list(&list, &failure));
	if (list.count)
		WORKS(stage_runreader_open(list.fd, list.names[0], &reader, &failure));
	stage_runreader_list_free(&list);
	return reader;
}

static void
events_as_lines(void)
{
	static const struct stage_runevent event = {.kind = STAGE_RUN_FAILED,
		.time = 1700000000123,
		.name = "a b%\n",
		.number = 3,
		.text = ""};
	struct stage_runevent got;
	char *text = NULL, broken[512];
	size_t length;

	length = stage_runevent_format(&event, false, &text);
	REQUIRE(length > 0 && text[length - 1] == '\n');
	snprintf(broken, sizeof(broken), "%.*s", (int)length - 1, text);
	HAS(broken, " failed 1700000000123 a%20b%25%0A 3 %");
	CHECK(stage_runevent_parse(text, text + length - 1, &got) == 1);
	CHECK(got.kind == event.kind && got.time == event.time && got.number == 3);
	CHECK(strcmp(got.name, event.name) == 0 && strcmp(got.text, "") == 0);
	CHECK(got.target == NULL && got.size == 0);
	free(text);
	broken[12] ^= 1;
	CHECK(stage_runevent_parse(broken, broken + length - 1, &got) == -1);

	/* a mark ends the torn line before it */
	length = stage_runevent_format(&event, true, &text);
	REQUIRE(length > 4);
	CHECK(memcmp(text, "%%%\n", 4) == 0);
	free(text);
}

/* No text makes a line that the reader would pass over. */
static void
long_texts_are_cut(void)
{
	struct stage_runevent event = {.kind = STAGE_RUN_BEGUN, .time = 1}, got;
	char *text = NULL, *sharp = malloc(200001);
	size_t length, i;

	REQUIRE(sharp != NULL);
	for (i = 0; i < 200000; i += 2)
		memcpy(sharp + i, "\xc3\x9f", 3);
	event.name = event.target = event.text = sharp;
	length = stage_runevent_format(&event, false, &text);
	REQUIRE(length > 0);
	CHECK(length < STAGE_RUNEVENT_LINE_MAX);
	CHECK(stage_runevent_parse(text, text + length - 1, &got) == 1);
	/* not in the middle of a character */
	CHECK(strlen(got.text) == STAGE_RUNEVENT_TEXT_MAX - 1);
	CHECK(strcmp(got.text + strlen(got.text) - 5, "\xc3\x9f...") == 0);
	free(text);
	free(sharp);
}

static void
results_by_name(void)
{
	int i;

	for (i = 0; i < STAGE_RUN_RESULTS; i++)
		CHECK(stage_runresult_of(stage_runresult_name((enum stage_runresult)i)) ==
			(enum stage_runresult)i);
	CHECK(stage_runresult_of("of a later version") == STAGE_RUN_ERROR);
}

static void
check_sums(const struct stage_runsummary *summary)
{
	CHECK(summary->pid == (uint64_t)getpid() && summary->max_volumes == 4);
	CHECK(summary->max_staged == 1000 && summary->begun > 1600000000000);
	CHECK(strcmp(summary->target, TARGET) == 0 && strcmp(summary->action, "full") == 0);
	CHECK(summary->root_count == 1 && summary->roots[0].free_bytes == 77);
	CHECK(summary->made.count == 2 && summary->made.bytes == 300);
	CHECK(summary->adopted.count == 1 && summary->adopted.bytes == 50);
	CHECK(summary->sealed.count == 1 && summary->confirmed.bytes == 50);
	CHECK(stage_runsummary_waiting(summary).count == 2);
	CHECK(stage_runsummary_waiting(summary).bytes == 300);
	CHECK(strcmp(summary->moving, "vol1") == 0 && summary->attempt == 2);
	CHECK(summary->retries == 1 && strcmp(summary->failure, "no route to host") == 0);
}

static void
written_and_read(void)
{
	struct stage_runrecord *record = begin(30);
	struct stage_runsummary summary = {0}, in_memory = {0};
	struct stage_runreader *reader;
	struct stage_runevent event;
	struct stat found;

	REQUIRE(record != NULL);
	add(record, STAGE_RUN_ROOT, "/var/tmp", 77);
	add(record, STAGE_RUN_ROOT, "/var/tmp", 66);
	add(record, STAGE_RUN_ADOPTED, "vol0", 50);
	stage_runrecord_add(
		record, &(struct stage_runevent){.kind = STAGE_RUN_VOLUME, .number = 1});
	add(record, STAGE_RUN_MADE, "vol1", 100);
	add(record, STAGE_RUN_SEALED, "vol1", 100);
	add(record, STAGE_RUN_CONFIRMED, "vol0", 50);
	reader = read_newest();
	REQUIRE(reader != NULL);
	WORKS(stage_runreader_sum(reader, &summary, &failure));
	CHECK(summary.made.count == 1 && summary.moving == NULL);
	CHECK(stage_runreader_state(reader) == STAGE_RUNSTATE_LIVE);

	/* it goes on where it was */
	add(record, STAGE_RUN_MADE, "vol2", 200);
	stage_runrecord_add(record, &(struct stage_runevent){.kind = STAGE_RUN_FAILED,
					    .name = "vol1",
					    .number = 1,
					    .text = "no route to host"});
	stage_runrecord_add(record,
		&(struct stage_runevent){.kind = STAGE_RUN_UPLOAD, .name = "vol1", .number = 2});
	WORKS(stage_runreader_sum(reader, &summary, &failure));
	check_sums(&summary);
	CHECK(stage_runrecord_summary(record, &in_memory));
	check_sums(&in_memory);

	CHECK(stat(stage_runrecord_path(record), &found) == 0);
	CHECK((found.st_mode & 07777) == 0600);
	CHECK(stat(folder(), &found) == 0 && (found.st_mode & 07777) == 0700);
	CHECK(count_entries(folder()) == 1);

	add(record, STAGE_RUN_ENDED, "done", 0);
	CHECK(stage_runreader_state(reader) == STAGE_RUNSTATE_LIVE);
	stage_runrecord_close(&record);
	/* no lock, but not all is read */
	CHECK(stage_runreader_state(reader) == STAGE_RUNSTATE_LIVE);
	CHECK(stage_runreader_next(reader, &event, &failure) == 1);
	CHECK(event.kind == STAGE_RUN_ENDED && strcmp(event.name, "done") == 0);
	CHECK(stage_runreader_next(reader, &event, &failure) == 0);
	CHECK(stage_runreader_state(reader) == STAGE_RUNSTATE_ENDED);
	CHECK(stage_runreader_damaged(reader) == 0);
	stage_runreader_close(&reader);
	stage_runsummary_release(&summary);
	stage_runsummary_release(&in_memory);
	CHECK(captured.used == 0);
	forget();
}

static void
times_are_summed(void)
{
	static const struct stage_runevent events[] = {
		{.kind = STAGE_RUN_BEGUN, .time = 1000},
		{.kind = STAGE_RUN_VOLUME, .time = 1000, .number = 1},
		{.kind = STAGE_RUN_MADE, .time = 3000, .name = "a", .size = 4000},
		{.kind = STAGE_RUN_UPLOAD, .time = 3000, .name = "a", .number = 1},
		{.kind = STAGE_RUN_WAITS, .time = 3000, .name = "room"},
		{.kind = STAGE_RUN_FAILED, .time = 4000, .name = "a", .number = 1},
		{.kind = STAGE_RUN_UPLOAD, .time = 5000, .name = "a", .number = 2},
		{.kind = STAGE_RUN_CONFIRMED, .time = 7000, .name = "a", .size = 4000},
		{.kind = STAGE_RUN_GOES_ON, .time = 7500, .name = "room"},
		{.kind = STAGE_RUN_MADE, .time = 8000, .name = "b", .size = 5000},
		{.kind = STAGE_RUN_WAITS, .time = 8000, .name = "drain"},
	};
	struct stage_runsummary summary = {0};
	size_t i;

	CHECK(stage_runsummary_left(&summary, 1) == 0);
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		CHECK(stage_runsummary_add(&summary, &events[i]));
	CHECK(summary.making == 2000 && summary.moved == 4000);
	CHECK(stage_runsummary_making_speed(&summary) == 4500);
	CHECK(stage_runsummary_moving_speed(&summary) == 1000);
	CHECK(stage_runsummary_left(&summary, 8000) == 5);
	CHECK(stage_runsummary_waited(&summary, STAGE_RUNWAIT_ROOM, 9000) == 4500);
	CHECK(stage_runsummary_waited(&summary, STAGE_RUNWAIT_DRAIN, 9000) == 1000);
	CHECK(stage_runsummary_waited(&summary, STAGE_RUNWAIT_STORAGE, 9000) == 0);
	stage_runsummary_release(&summary);
}

static int
be_killed(void *context)
{
	struct stage_runrecord *record = begin(30);

	(void)context;
	add(record, STAGE_RUN_MADE, "vol1", 1);
	raise(SIGKILL);
	return 0;
}

static void
killed(void)
{
	struct stage_runreader *reader;
	struct stage_runevent event;

	CHECK(in_child(be_killed, NULL, -1) == -1);
	reader = read_newest();
	REQUIRE(reader != NULL);
	while (stage_runreader_next(reader, &event, &failure) > 0)
		;
	CHECK(stage_runreader_state(reader) == STAGE_RUNSTATE_KILLED);
	/* where locks prove nothing, nobody guesses */
	wrap_file_system(0x6969);
	CHECK(stage_runreader_state(reader) == STAGE_RUNSTATE_UNKNOWN);
	wrap_file_system(0);
	stage_runreader_close(&reader);
	forget();
}

static int
write_in_child(void *context)
{
	struct stage_runsummary summary;

	add(context, STAGE_RUN_MADE, "of a child", 1);
	return stage_runrecord_summary(context, &summary);
}

static void
not_of_a_child(void)
{
	struct stage_runrecord *record = begin(30);
	struct stage_runsummary summary = {0};
	struct stage_runreader *reader = read_newest();

	REQUIRE(record != NULL && reader != NULL);
	CHECK(in_child(write_in_child, record, -1) == 0);
	WORKS(stage_runreader_sum(reader, &summary, &failure));
	CHECK(summary.made.count == 0);
	stage_runsummary_release(&summary);
	stage_runreader_close(&reader);
	stage_runrecord_close(&record);
	forget();
}

static void
none_is_kept(void)
{
	struct stage_runrecord *record = begin(0);
	struct stage_runsummary summary = {0};
	struct stage_runfolder list;

	REQUIRE(record != NULL);
	add(record, STAGE_RUN_MADE, "vol1", 5);
	CHECK(strcmp(stage_runrecord_path(record), "") == 0);
	CHECK(stage_runrecord_summary(record, &summary) && summary.made.bytes == 5);
	stage_runsummary_release(&summary);
	stage_runrecord_close(&record);
	WORKS(stage_runreader_list(&list, &failure));
	CHECK(list.count == 0 && list.fd == -1);
	stage_runreader_list_free(&list);
	CHECK(!is_there(in_dir(".local")));
	stage_runrecord_add(NULL, &begun);
}

static void
old_ones_go(void)
{
	struct stage_runfolder list;
	int i;

	run("file:///rare", 3, "done");
	for (i = 0; i < 4; i++)
		run(TARGET, 3, "done");
	/* the newest that was done of each target stays, also behind three others */
	for (i = 0; i < 4; i++)
		run(TARGET, 3, "storage");
	make_file(join(folder(), "of-the-user"), "x", 0600);
	run(TARGET, 3, "storage");
	CHECK(count_entries(folder()) == 3 + 2 + 1);
	WORKS(stage_runreader_list(&list, &failure));
	REQUIRE(list.count == 5);
	for (i = 1; i < 5; i++)
		CHECK(strcmp(list.names[i - 1], list.names[i]) > 0);
	stage_runreader_list_free(&list);
	forget();
}

/* A record that was begun when the clock was ahead is not the newest for ever; what is no file does not count. */
static void
the_future_and_no_files(void)
{
	static const char future[] = "29990101T000000.000Z-1";
	struct stage_runfolder list;

	run(TARGET, 2, "done");
	run(TARGET, 2, "storage");
	make_dir(join(folder(), "20260101T000000.000Z-1"), 0700);
	CHECK(mkfifo(join(folder(), "20260101T000000.000Z-2"), 0600) == 0);
	make_file(join(folder(), future), "", 0600);
	WORKS(stage_runreader_list(&list, &failure));
	REQUIRE(list.count == 3);
	CHECK(strcmp(list.names[0], list.names[1]) > 0);
	CHECK(strcmp(list.names[2], future) == 0);
	stage_runreader_list_free(&list);
	/* it goes first, and the newest that was done stays */
	run(TARGET, 3, "storage");
	CHECK(!is_there(join(folder(), future)));
	CHECK(count_entries(folder()) == 3 + 2);
	forget();
}

static void
live_ones_stay(void)
{
	struct stage_runrecord *record = begin(1);
	int i;

	for (i = 0; i < 3; i++)
		run("file:///other", 1, "done");
	CHECK(is_there(stage_runrecord_path(record)));
	CHECK(count_entries(folder()) ==
		2 + 1); /* the newest done, and the one that was begun behind it */
	stage_runrecord_close(&record);
	forget();
}

static void
a_failure_is_one_warning(void)
{
	struct stage_runrecord *record = begin(30);
	struct stage_runreader *reader;
	struct stage_runsummary summary = {0};

	REQUIRE(record != NULL);
	wrap_begin_two("write", ENOSPC, "write", ENOSPC);
	add(record, STAGE_RUN_MADE, "vol1", 1);
	add(record, STAGE_RUN_MADE, "vol2", 1);
	wrap_end();
	CHECK(captured.lines[STAGE_WARNING] == 1);
	HAS(captured.text, "the record of this run is not complete: cannot write to ");
	HAS(captured.text, "No space left on device");
	add(record, STAGE_RUN_MADE, "vol3", 1);
	reader = read_newest();
	REQUIRE(reader != NULL);
	WORKS(stage_runreader_sum(reader, &summary, &failure));
	CHECK(summary.made.count == 1 && stage_runreader_damaged(reader) == 0);
	stage_runsummary_release(&summary);
	CHECK(stage_runrecord_summary(record, &summary) && summary.made.count == 3);
	stage_runsummary_release(&summary);
	stage_runreader_close(&reader);
	stage_runrecord_close(&record);
	forget();
}

/* No record at all: one warning, and all goes on. */
static void
refused(const char *why)
{
	struct stage_runrecord *record = begin(30);

	REQUIRE(record != NULL);
	add(record, STAGE_RUN_MADE, "vol1", 1);
	CHECK(captured.lines[STAGE_WARNING] == 1);
	HAS(captured.text, "there is no record of this run: ");
	HAS(captured.text, why);
	HAS(captured.text, "keep_runs = 0");
	stage_runrecord_close(&record);
}

static void
no_place_for_it(void)
{
	make_file(in_dir(".local"), "x", 0600);
	refused("Not a directory");
	unlink(in_dir(".local"));

	setenv("XDG_STATE_HOME", in_dir("state"), 1);
	make_dir(in_dir("state"), 0700);
	make_dir(in_dir("state/stagedir"), 0700);
	chmod(in_dir("state/stagedir"), 0770);
	refused("others may write to ");
	chmod(in_dir("state/stagedir"), 0700);
	make_dir(in_dir("elsewhere"), 0700);
	CHECK(symlink(in_dir("elsewhere"), in_dir("state/stagedir/runs")) == 0);
	refused("cannot open ");
	CHECK(count_entries(in_dir("elsewhere")) == 0);
	unlink(in_dir("state/stagedir/runs"));
	if (can_be_others("a folder of another user")) {
		CHECK(chown(in_dir("state/stagedir"), NOBODY, NOBODY) == 0);
		refused("belongs to user 65534");
	}
	remove_tree(in_dir("state"));
	rmdir(in_dir("elsewhere"));
}

static void
folders_by_the_environment(void)
{
	char *path = NULL, list[1024];
	int fd;

	FAILS(stage_statedir_open("runs", false, &fd, &path, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT && !is_there(in_dir(".local")));
	setenv("XDG_STATE_HOME", "relative", 1);
	WORKS(stage_statedir_open("runs", true, &fd, &path, &failure));
	CHECK(strcmp(path, in_dir(".local/state/stagedir/runs")) == 0);
	close(fd);
	free(path);
	setenv("XDG_STATE_HOME", in_dir("state"), 1);
	WORKS(stage_statedir_open("runs", true, &fd, &path, &failure));
	CHECK(strcmp(path, in_dir("state/stagedir/runs")) == 0);
	close(fd);
	free(path);
	snprintf(list, sizeof(list), "%s:/var/lib/other", in_dir("service"));
	setenv("STATE_DIRECTORY", list, 1);
	WORKS(stage_statedir_open("runs", true, &fd, &path, &failure));
	CHECK(strcmp(path, in_dir("service/runs")) == 0);
	close(fd);
	free(path);
	remove_tree(in_dir("service"));
	remove_tree(in_dir("state"));
	forget();
}

/* Nothing is made below a folder of another user: the next one that is named is taken. */
static void
folders_of_others(void)
{
	static const char *const variables[] = {"STATE_DIRECTORY", "XDG_STATE_HOME"};
	char *path = NULL;
	size_t i;
	int fd;

	if (!can_be_others("a folder below that of another user"))
		return;
	make_dir(in_dir("other"), 0700);
	CHECK(chown(in_dir("other"), NOBODY, NOBODY) == 0);
	for (i = 0; i < 2; i++) {
		setenv(variables[i], in_dir("other/missing/folder"), 1);
		WORKS(stage_statedir_open("runs", true, &fd, &path, &failure));
		CHECK(strcmp(path, in_dir(".local/state/stagedir/runs")) == 0);
		CHECK(count_entries(in_dir("other")) == 0);
		close(fd);
		free(path);
		unsetenv(variables[i]);
	}
	remove_tree(in_dir("other"));
	forget();
}

static void
strange_files(void)
{
	static const char *const texts[] = {"", "no record\n", "8d1b2a5e stagedir-run 2\n"};
	static const char name[] = "20260101T000000.000Z-1";
	struct stage_runreader *reader;
	int fd = open(test_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t i;

	REQUIRE(fd >= 0);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		make_file(in_dir(name), texts[i], 0600);
		FAILS(stage_runreader_open(fd, name, &reader, &failure), STAGE_E_DAMAGED);
		unlink(in_dir(name));
	}
	FAILS(stage_runreader_open(fd, name, &reader, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	close(fd);
	CHECK(stage_runrecord_is_name(name));
	CHECK(!stage_runrecord_is_name("20260101T000000.000Z-"));
	CHECK(!stage_runrecord_is_name(".20260101T000000.000Z-1"));
	CHECK(!stage_runrecord_is_name("20260101T000000.000Z-1x"));
	CHECK(!stage_runrecord_is_name("2026"));
}

/* A line that no version of ours writes, and one that is damaged, are passed over. */
static void
damage_is_passed_over(void)
{
	struct stage_runrecord *record = begin(30);
	struct stage_runreader *reader;
	struct stage_runsummary summary = {0};
	char *long_line = malloc(200001);
	int fd;

	REQUIRE(record != NULL && long_line != NULL);
	add(record, STAGE_RUN_MADE, "vol1", 1);
	fd = open(stage_runrecord_path(record), O_WRONLY | O_APPEND | O_CLOEXEC);
	REQUIRE(fd >= 0);
	memset(long_line, 'x', 200000);
	long_line[200000] = '\n';
	CHECK(write(fd, "00000000 made 1 1 vol2 5\n", 25) == 25);
	CHECK(write(fd, long_line, 200001) == 200001);
	add(record, STAGE_RUN_MADE, "vol3", 1);
	reader = read_newest();
	REQUIRE(reader != NULL);
	WORKS(stage_runreader_sum(reader, &summary, &failure));
	CHECK(summary.made.count == 2 && stage_runreader_damaged(reader) == 2);
	free(long_line);
	close(fd);
	stage_runsummary_release(&summary);
	stage_runreader_close(&reader);
	stage_runrecord_close(&record);
	forget();
}

static const struct test tests[] = {
	{"events_as_lines", events_as_lines},
	{"long_texts_are_cut", long_texts_are_cut},
	{"results_by_name", results_by_name},
	{"written_and_read", written_and_read},
	{"times_are_summed", times_are_summed},
	{"killed", killed},
	{"not_of_a_child", not_of_a_child},
	{"none_is_kept", none_is_kept},
	{"old_ones_go", old_ones_go},
	{"the_future_and_no_files", the_future_and_no_files},
	{"live_ones_stay", live_ones_stay},
	{"a_failure_is_one_warning", a_failure_is_one_warning},
	{"no_place_for_it", no_place_for_it},
	{"folders_by_the_environment", folders_by_the_environment},
	{"folders_of_others", folders_of_others},
	{"strange_files", strange_files},
	{"damage_is_passed_over", damage_is_passed_over},
	{NULL, NULL},
};

const struct suite suite_runrecord = {"runrecord", tests};
