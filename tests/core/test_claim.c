/*
 * What dead runs left, where looking at it and taking it over are not the same: on file systems whose
 * locks prove nothing, of other machines, with a damaged journal, and under somebody's eyes. The runs
 * are children that die by SIGKILL (in_child()), or this process where they end in order.
 */
#include "tests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"
#include "naming.h"
#include "orphan.h"
#include "spool.h"
#include "spool_find.h"
#include "wrap.h"

#define FUSE 0x65735546

static const struct stage_spool_about about = {"sftp://host/folder", "/home/user/x"};

static struct stage_spool *spool;
static char spool_path[1024], staged_path[1024];

/* Stages two files, "1" and "22", and one that is never sealed. */
static int
stage_files(void)
{
	static const char *const contents[] = {"1", "22", "333"};
	struct stage_spool_file *file;
	struct stage_dir *dir;
	char *path;
	size_t i;
	int fd;

	if (stage_dir_open(test_dir, NULL, &dir, NULL) < 0 ||
		stage_spool_open(dir, &about, false, NULL, &spool, NULL) < 0)
		return 1;
	snprintf(spool_path, sizeof(spool_path), "%s", stage_spool_path(spool));
	for (i = 0; i < 3; i++) {
		if (stage_dir_mkstemp(dir, &fd, &path, NULL) < 0 ||
			write(fd, contents[i], i + 1) != (ssize_t)i + 1)
			return 2;
		close(fd);
		if (stage_spool_accept(spool, dir, path, contents[i], "note", &file, NULL) < 0 ||
			(i < 2 && stage_spool_seal(spool, file, NULL) < 0))
			return 3;
		free(path);
		if (i == 0)
			snprintf(staged_path, sizeof(staged_path), "%s", file->path);
	}
	stage_dir_close(&dir);
	return 0;
}

static int
run_that_is_killed(void *context)
{
	int fd = *(int *)context, code = stage_files();

	return code || write(fd, spool_path, sizeof(spool_path)) < 0 ||
	       write(fd, staged_path, sizeof(staged_path)) < 0;
}

static void
kill_run(void)
{
	int ends[2];

	REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
	REQUIRE(in_child(run_that_is_killed, &ends[1], -1) == 0);
	REQUIRE(read(ends[0], spool_path, sizeof(spool_path)) == sizeof(spool_path));
	REQUIRE(read(ends[0], staged_path, sizeof(staged_path)) == sizeof(staged_path));
	close(ends[0]);
	close(ends[1]);
}

/* A run that ends in order, and leaves what storage has not taken. */
static void
end_run(void)
{
	REQUIRE(stage_files() == 0);
	stage_spool_close(&spool);
}

/* One spool is in the test's directory; what is told of it. */
static struct stage_spool_found
find_it(void)
{
	struct stage_spool_found *list, found = {0};
	size_t count;

	WORKS(stage_spool_find(test_dir, &list, &count, &failure));
	CHECK(count == 1);
	if (count == 1) {
		found = list[0];
		found.path = found.target = found.home = found.unreadable = NULL;
		found.list = NULL;
	}
	stage_spool_find_free(&list, count);
	return found;
}

static struct stage_reclaimed
reclaim(void)
{
	struct stage_reclaimed total = {0};

	WORKS(stage_orphan_reclaim(test_dir, NULL, &total, &failure));
	return total;
}

static int
adopt(void)
{
	spool = NULL;
	return stage_spool_adopt(spool_path, false, &capture()->log, &spool, &failure);
}

/* Adopts it, as the operator if it must be, forgets all of it; then nothing is left. */
static void
finish(void)
{
	struct stage_spool_file *file;

	WORKS(stage_orphan_release(spool_path, true, &failure));
	WORKS(adopt());
	REQUIRE(spool != NULL);
	while ((file = stage_spool_files(spool)) || (file = stage_spool_unlisted(spool)))
		WORKS(stage_spool_forget(spool, &file, &failure));
	stage_spool_close(&spool);
	CHECK(!is_there(spool_path));
	reclaim();
}

/* The directory in which a killed run made its files, where no lock proves that it is gone. */
static void
remove_unproven(void)
{
	struct stage_found *list;
	size_t count, i;

	WORKS(stage_orphan_list(test_dir, &list, &count, &failure));
	for (i = 0; i < count; i++)
		WORKS(stage_orphan_release(list[i].path, true, &failure));
	stage_orphan_list_free(&list, count);
	CHECK(reclaim().directories == count);
}

static char *
read_journal(size_t *ret_size)
{
	int fd = open(join(spool_path, STAGE_JOURNAL_NAME), O_RDONLY | O_CLOEXEC);
	char *text = calloc(1, 65536);
	ssize_t got;

	REQUIRE(fd >= 0 && text != NULL);
	got = read(fd, text, 65536);
	close(fd);
	REQUIRE(got > 0 && got < 65536);
	*ret_size = (size_t)got;
	return text;
}

static void
write_journal(const char *text, size_t size)
{
	make_file_bytes(join(spool_path, STAGE_JOURNAL_NAME), text, size, 0600);
}

/* Looks at all that there is to see, as status, verify and a dry run of gc do. */
static void
look(void)
{
	struct stage_spool_file *file;
	uint64_t bytes;
	size_t files;

	find_it();
	spool = NULL;
	if (stage_spool_look(spool_path, NULL, &spool, NULL) < 0)
		return;
	for (file = stage_spool_files(spool); file; file = file->next)
		CHECK(stage_spool_check(spool, file, NULL) == 0);
	stage_spool_rest(spool, &files, &bytes);
	stage_spool_close(&spool);
	CHECK(spool == NULL);
}

/*
 * Whichever bit of the journal turns: looking removes nothing, and neither a run that takes the spool
 * over nor one that reclaims removes a file that was staged.
 */
static void
any_bit(void)
{
	size_t size, bit, step = 8 * 1024 / scaled(8 * 1024);
	char *text, *turned;

	kill_run();
	text = read_journal(&size);
	turned = malloc(size);
	REQUIRE(turned != NULL);
	for (bit = 0; bit < 8 * size; bit += step) {
		memcpy(turned, text, size);
		turned[bit / 8] = (char)(turned[bit / 8] ^ 1 << bit % 8);
		make_file(join(spool_path, "staged-abcdefghijklm-9"), "", 0600);
		write_journal(turned, size);
		look();
		if (count_entries(spool_path) != 5)
			fprintf(stderr, "\nremoved by a look: bit %zu of byte %zu\n", bit % 8,
				bit / 8);
		REQUIRE(count_entries(spool_path) == 5);
		reclaim();
		if (adopt() == 0)
			stage_spool_close(&spool);
		reclaim();
		/* and who comes next sees that it is damaged, as the first one did */
		if (adopt() == 0)
			stage_spool_close(&spool);
		if (!is_there(staged_path))
			fprintf(stderr, "\nlost: bit %zu of byte %zu\n", bit % 8, bit / 8);
		REQUIRE(is_there(staged_path));
	}
	free(turned);
	write_journal(text, size);
	free(text);
	finish();
}

/* What no record tells of is known, counted, and removed by who says so. */
static void
unlisted(void)
{
	struct stage_spool_found found;
	struct stage_spool_file *file;
	size_t size, files = 0;
	uint64_t bytes = 0;
	char *text;

	kill_run();
	text = read_journal(&size);
	*strstr(text, " 1 note") = 'x';
	write_journal(text, size);
	free(text);
	found = find_it();
	/* one that was staged, and one that was not: nobody can tell them apart */
	CHECK(found.damaged == 1 && found.count == 1 && found.bytes == 2);
	CHECK(found.unlisted == 2 && found.unlisted_bytes == 4);
	WORKS(adopt());
	HAS(captured.text,
		"1 damaged records; 2 staged files, 4 bytes, that they may have told of");
	file = stage_spool_unlisted(spool);
	REQUIRE(file && file->next && !file->next->next);
	CHECK(!file->sealed && !*file->name && !*file->note);
	stage_spool_rest(spool, &files, &bytes);
	CHECK(files == 0 && bytes == 0);
	file = stage_spool_files(spool);
	REQUIRE(file != NULL);
	WORKS(stage_spool_forget(spool, &file, &failure));
	stage_spool_close(&spool);
	CHECK(is_there(staged_path) && count_entries(spool_path) == 3);
	CHECK(reclaim().waiting == 1);
	finish();
}

/* Looking holds nothing, and changes nothing. */
static void
looked_at(void)
{
	struct stage_spool *seen = NULL;
	struct stage_spool_file *file;
	struct stage_error error;
	uint64_t bytes;
	size_t files;

	kill_run();
	WORKS(stage_spool_look(spool_path, &capture()->log, &seen, &failure));
	REQUIRE(seen != NULL);
	file = stage_spool_files(seen);
	REQUIRE(file && file->next && !file->next->next && !stage_spool_unlisted(seen));
	WORKS(stage_spool_check(seen, file, &failure));
	FAILS(stage_spool_forget(seen, &file, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "looked at");
	FAILS(stage_spool_confirm(seen, &file, &failure), STAGE_E_ARGUMENT);
	FAILS(stage_spool_reserve(seen, "x", 1, 0, NULL, &failure), STAGE_E_ARGUMENT);
	FAILS(stage_spool_accept(seen, NULL, "x", "x", "", &file, &failure), STAGE_E_ARGUMENT);
	stage_spool_rest(seen, &files, &bytes);
	CHECK(files == 1 && bytes == 3);
	CHECK(find_it().owner == STAGE_OWNER_DEAD);
	/* a run takes it over, and hands off the first */
	WORKS(adopt());
	CHECK(find_it().owner == STAGE_OWNER_LIVE);
	file = stage_spool_files(spool);
	WORKS(stage_spool_confirm(spool, &file, &failure));
	CHECK(stage_spool_check(seen, stage_spool_files(seen), &error) == STAGE_E_SYSTEM);
	CHECK(error.sys_errno == ENOENT);
	HAS(error.message, "while it was looked at");
	WORKS(stage_spool_check(seen, stage_spool_files(seen)->next, &failure));
	stage_spool_close(&spool);
	stage_spool_close(&seen);
	CHECK(count_entries(spool_path) == 2);
	/* a live one, another machine's: anything can be looked at */
	WORKS(adopt());
	WORKS(stage_spool_look(spool_path, NULL, &seen, &failure));
	stage_spool_close(&seen);
	stage_spool_close(&spool);
	FAILS(stage_spool_look(test_dir, NULL, &seen, &failure), STAGE_E_ARGUMENT);
	finish();
}

static void *
look_for_a_while(void *context)
{
	usleep(30000);
	flock(*(int *)context, LOCK_UN);
	return NULL;
}

/* One who looks at it in this moment is waited for by who reclaims, too. */
static void
reclaim_while_looked_at(void)
{
	char name[STAGE_DIR_NAME_MAX];
	pthread_t thread;
	int fd;

	WORKS(stage_naming_dir(true, name, &failure));
	make_dir(in_dir(name), 0700);
	fd = open(in_dir(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(fd >= 0 && flock(fd, LOCK_SH) == 0);
	REQUIRE(pthread_create(&thread, NULL, look_for_a_while, &fd) == 0);
	CHECK(reclaim().directories == 1);
	pthread_join(thread, NULL);
	close(fd);
}

/* Where locks prove nothing, nobody takes over what a killed run left, and nobody removes it. */
static void
killed_on_fuse(void)
{
	struct stage_reclaimed total = {0};

	kill_run();
	wrap_file_system(FUSE);
	CHECK(find_it().owner == STAGE_OWNER_UNKNOWN && !find_it().proven);
	FAILS(adopt(), STAGE_E_ARGUMENT);
	HAS(failure.message, "(FUSE) whose locks do not prove");
	WORKS(stage_orphan_reclaim(test_dir, &capture()->log, &total, &failure));
	CHECK(total.directories == 0 && total.files == 0 && total.left == 0);
	CHECK(count_entries(spool_path) == 4 && captured.used == 0);
	/* what takes room and waits for nobody is told */
	unlink(join(spool_path, STAGE_JOURNAL_NAME));
	WORKS(stage_orphan_reclaim(test_dir, &capture()->log, &total, &failure));
	CHECK(total.files == 0 && captured.lines[STAGE_NOTICE] == 1);
	HAS(captured.text, "N:3 files, 6 bytes, in ");
	HAS(captured.text, "\"stagedir adopt ");
	wrap_file_system(0);
	reclaim();
	kill_run();
	wrap_file_system(FUSE);
	/* until the operator says that it is gone; a live one is, whatever he says */
	FAILS(stage_orphan_release(spool_path, false, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "locks do not prove");
	WORKS(stage_orphan_release(spool_path, true, &failure));
	WORKS(stage_orphan_release(spool_path, true, &failure));
	CHECK(find_it().owner == STAGE_OWNER_DEAD);
	WORKS(adopt());
	FAILS(stage_orphan_release(spool_path, true, &failure), STAGE_E_BUSY);
	stage_spool_close(&spool);
	wrap_file_system(0);
	finish();
	reclaim();
}

/* A file system that grants every lock is found out, of whatever kind it is. */
static void
locks_that_exclude_nobody(void)
{
	wrap_hide_locks(true);
	end_run();
	CHECK(stage_naming_is_shared(strrchr(spool_path, '/') + 1));
	wrap_hide_locks(false);
	CHECK(find_it().owner == STAGE_OWNER_DEAD); /* it has ended, and said so */
	finish();
	kill_run();
	reclaim();
	wrap_hide_locks(true);
	FAILS(adopt(), STAGE_E_ARGUMENT);
	CHECK(is_there(staged_path));
	wrap_hide_locks(false);
	finish();
}

/* A kind that nobody knows is one whose locks prove nothing. */
static void
killed_on_the_unknown(void)
{
	kill_run();
	wrap_file_system(0x12345678);
	FAILS(adopt(), STAGE_E_ARGUMENT);
	HAS(failure.message, "(another kind)");
	CHECK(reclaim().directories == 0);
	wrap_file_system(0);
	finish();
	reclaim();
}

/* A run that ends in order says so: then it takes no operator, and again after whoever adopts it. */
static void
ended_on_fuse(void)
{
	int i;

	wrap_file_system(FUSE);
	end_run();
	for (i = 0; i < 2; i++) {
		CHECK(find_it().owner == STAGE_OWNER_DEAD);
		WORKS(adopt());
		/* nor can anybody else have it, by whatever mount */
		CHECK(find_it().owner == STAGE_OWNER_LIVE);
		stage_spool_close(&spool);
	}
	CHECK(reclaim().waiting == 1);
	CHECK(find_it().owner == STAGE_OWNER_DEAD);
	finish();
	wrap_file_system(0);
}

/* What may live takes its room, and is not waited for: it may as well be dead. */
static void
room_on_fuse(void)
{
	struct stage_reserved room = {0};
	struct stage_spool *own;
	struct stage_dir *dir;
	char *path;

	wrap_file_system(FUSE);
	kill_run();
	WORKS(stage_dir_open(test_dir, NULL, &dir, &failure));
	WORKS(stage_spool_open(dir, &about, false, NULL, &own, &failure));
	WORKS(stage_dir_mktemp(dir, &path, &failure));
	WORKS(stage_spool_reserve(own, path, 1, 0, &room, &failure));
	CHECK(room.staged == 6 && room.orphaned == 0 && !room.others);
	stage_spool_close(&own);
	stage_dir_close(&dir);
	free(path);
	finish();
	remove_unproven();
	wrap_file_system(0);
}

static int
adopt_and_be_killed(void *context)
{
	(void)context;
	return stage_spool_adopt(spool_path, false, NULL, &spool, NULL);
}

/* Who has taken it over and is killed may live, as far as others can see. */
static void
killed_after_it_was_released(void)
{
	wrap_file_system(FUSE);
	end_run();
	CHECK(in_child(adopt_and_be_killed, NULL, -1) == 0);
	CHECK(find_it().owner == STAGE_OWNER_UNKNOWN);
	FAILS(adopt(), STAGE_E_ARGUMENT);
	wrap_file_system(0);
	finish();
}

/* Two mounts of one root: a lock by one of them does not show by the other. One of two gets it. */
static void
two_mounts(void)
{
	struct stage_spool *other = NULL;
	int fd;

	wrap_file_system(FUSE);
	end_run();
	WORKS(adopt());
	fd = open(spool_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	REQUIRE(fd >= 0);
	wrap_hide_locks(true);
	CHECK(find_it().owner == STAGE_OWNER_UNKNOWN);
	FAILS(stage_spool_adopt(spool_path, false, NULL, &other, &failure), STAGE_E_ARGUMENT);
	CHECK(reclaim().files == 0);
	/* nor does it on the disk that lies below */
	wrap_file_system(0);
	CHECK(find_it().owner == STAGE_OWNER_UNKNOWN && !find_it().proven);
	FAILS(stage_spool_adopt(spool_path, false, NULL, &other, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "was made where locks do not prove");
	CHECK(reclaim().files == 0);
	wrap_hide_locks(false);
	close(fd);
	stage_spool_close(&spool);
	finish();
	wrap_file_system(0);
}

/* Renames the release that is in the spool: another machine's, another start's. */
static void
change_release(size_t at)
{
	char from[STAGE_RELEASED_NAME_MAX], to[STAGE_RELEASED_NAME_MAX];

	WORKS(stage_naming_released(from, &failure));
	memcpy(to, from, sizeof(to));
	to[at] = to[at] == '0' ? '1' : '0';
	REQUIRE(rename(join(spool_path, from), join(spool_path, to)) == 0);
}

/* A machine with the same id, or this one started again, is not the one that was told. */
static void
released_to_others(void)
{
	size_t at;

	for (at = 9; at < 27; at += 17) {
		wrap_file_system(FUSE);
		end_run();
		change_release(at);
		CHECK(find_it().owner == STAGE_OWNER_UNKNOWN);
		FAILS(adopt(), STAGE_E_ARGUMENT);
		CHECK(reclaim().files == 0);
		wrap_file_system(0);
		finish();
	}
}

static void
make_foreign(void)
{
	char away[sizeof(spool_path)], *machine;

	memcpy(away, spool_path, sizeof(away));
	machine = strrchr(away, '/') + 1 + strlen("stagedir-");
	*machine = *machine == '0' ? '1' : '0';
	REQUIRE(rename(spool_path, away) == 0);
	memcpy(spool_path, away, sizeof(away));
}

/* Of another machine: a disk that was moved, a container that has become another one. */
static void
adopt_foreign(void)
{
	struct stage_spool *seen;

	kill_run();
	reclaim();
	make_foreign();
	CHECK(find_it().owner == STAGE_OWNER_OTHER_MACHINE && find_it().proven);
	FAILS(adopt(), STAGE_E_ARGUMENT);
	HAS(failure.message, "is another machine's");
	WORKS(stage_spool_look(spool_path, NULL, &seen, &failure));
	stage_spool_close(&seen);
	/* no need to be sure: its lock proves it */
	WORKS(stage_orphan_release(spool_path, false, &failure));
	CHECK(find_it().owner == STAGE_OWNER_DEAD);
	/* and it is ours for good, whatever happens to who adopts it */
	CHECK(in_child(adopt_and_be_killed, NULL, -1) == 0);
	CHECK(find_it().owner == STAGE_OWNER_DEAD);
	WORKS(adopt());
	stage_spool_close(&spool);
	change_release(26); /* after a restart, too */
	CHECK(find_it().owner == STAGE_OWNER_DEAD);
	finish();
	/* a failure to open it does not say whose it is */
	FAILS(adopt(), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
}

/* Whose the staging directories in the test's directory are, all of which are one's. */
static enum stage_owner
owner_of_all(void)
{
	enum stage_owner owner = STAGE_OWNER_UNKNOWN;
	struct stage_found *list;
	size_t count, i;

	WORKS(stage_orphan_list(test_dir, &list, &count, &failure));
	CHECK(count > 0);
	for (i = 0; i < count; i++) {
		CHECK(i == 0 || list[i].owner == owner);
		owner = list[i].owner;
	}
	stage_orphan_list_free(&list, count);
	return owner;
}

/* Nothing waits in it, but it stays: for whoever comes next it is what it was. */
static void
check_stays_released(void)
{
	const char *stranger = join(spool_path, "notes");

	unlink(join(spool_path, STAGE_JOURNAL_NAME));
	make_file(stranger, "mine", 0600);
	WORKS(stage_orphan_release(spool_path, true, &failure));
	CHECK(reclaim().left > 0 && is_there(stranger));
	CHECK(owner_of_all() == STAGE_OWNER_DEAD);
	unlink(stranger);
	CHECK(reclaim().directories == 1 && !is_there(spool_path));
}

/* What was released stays so where the directory cannot go. */
static void
stays_released(void)
{
	wrap_file_system(FUSE);
	end_run();
	check_stays_released();
	wrap_file_system(0);
	end_run();
	make_foreign();
	check_stays_released();
}

/* The same where a spool that was adopted is closed, of another machine. */
static void
adopted_stays_released(void)
{
	struct stage_spool_file *file;

	end_run();
	make_foreign();
	make_file(join(spool_path, "notes"), "mine", 0600);
	WORKS(stage_orphan_release(spool_path, false, &failure));
	WORKS(adopt());
	REQUIRE(spool != NULL);
	while ((file = stage_spool_files(spool)))
		WORKS(stage_spool_forget(spool, &file, &failure));
	stage_spool_close(&spool);
	CHECK(owner_of_all() == STAGE_OWNER_DEAD);
	unlink(join(spool_path, "notes"));
	CHECK(reclaim().directories == 1 && !is_there(spool_path));
}

/* Who could not take it over leaves it to the next one. */
static void
left_by_a_claim_that_failed(void)
{
	int code;

	wrap_file_system(FUSE);
	end_run();
	wrap_begin_two("lstat", EIO, "lstat", EIO);
	code = adopt();
	wrap_end();
	CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == EIO);
	CHECK(find_it().owner == STAGE_OWNER_DEAD);
	WORKS(adopt());
	stage_spool_close(&spool);
	finish();
	wrap_file_system(0);
}

static void
release_nothing(void)
{
	static const char *const paths[] = {"", "x", "/", "/tmp",
		"stagedir-0123456789abcdef-4711-abcdefghijklmnop", "/var/tmp/stagedir-x"};
	char name[STAGE_DIR_NAME_MAX];
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		FAILS(stage_orphan_release(paths[i], true, &failure), STAGE_E_ARGUMENT);
	WORKS(stage_naming_dir(true, name, &failure));
	FAILS(stage_orphan_release(in_dir(name), true, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ENOENT);
	make_dir(in_dir(name), 0700);
	if (can_be_others("the directory of another user")) {
		REQUIRE(chown(in_dir(name), NOBODY, NOBODY) == 0);
		FAILS(stage_orphan_release(in_dir(name), true, &failure), STAGE_E_ARGUMENT);
		HAS(failure.message, "another user's");
		CHECK(count_entries(in_dir(name)) == 0);
	}
	rmdir(in_dir(name));
}

/* A container without a machine id, which has another host name each time. */
static void
adopt_of_no_machine(void)
{
	char away[sizeof(spool_path)];

	kill_run();
	reclaim();
	memcpy(away, spool_path, sizeof(away));
	memset(strrchr(away, '/') + 1 + strlen("stagedir-"), 'f', STAGE_MACHINE_DIGITS);
	REQUIRE(rename(spool_path, away) == 0);
	memcpy(spool_path, away, sizeof(away));
	CHECK(find_it().owner == STAGE_OWNER_DEAD);
	/* its lock is the proof, and there is none where locks prove nothing */
	wrap_file_system(FUSE);
	CHECK(find_it().owner == STAGE_OWNER_UNKNOWN);
	wrap_file_system(0);
	finish();
}

static const struct test tests[] = {
	{"any_bit", any_bit},
	{"unlisted", unlisted},
	{"looked_at", looked_at},
	{"reclaim_while_looked_at", reclaim_while_looked_at},
	{"killed_on_fuse", killed_on_fuse},
	{"locks_that_exclude_nobody", locks_that_exclude_nobody},
	{"killed_on_the_unknown", killed_on_the_unknown},
	{"ended_on_fuse", ended_on_fuse},
	{"room_on_fuse", room_on_fuse},
	{"killed_after_it_was_released", killed_after_it_was_released},
	{"two_mounts", two_mounts},
	{"released_to_others", released_to_others},
	{"adopt_foreign", adopt_foreign},
	{"stays_released", stays_released},
	{"adopted_stays_released", adopted_stays_released},
	{"left_by_a_claim_that_failed", left_by_a_claim_that_failed},
	{"release_nothing", release_nothing},
	{"adopt_of_no_machine", adopt_of_no_machine},
	{NULL, NULL},
};

const struct suite suite_claim = {"claim", tests};
