/* SYSCONFDIR is "system" here, relative to the private directory in which every test runs. */
#include "tests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings.h"

static struct stage_settings *settings;

/* Loads a file of these bytes; settings is then what came out, or NULL. */
static int
load_bytes(const char *content, size_t size)
{
	const char *path = in_dir("conf");
	int code;

	stage_settings_free(&settings);
	make_file_bytes(path, content, size, 0644);
	code = stage_settings_load_file(path, &settings, &failure);
	unlink(path);
	return code;
}

static int
load_text(const char *content)
{
	return load_bytes(content, strlen(content));
}

#define LOADS(content)                                                                             \
	do {                                                                                       \
		WORKS(load_text(content));                                                         \
		REQUIRE(settings != NULL);                                                         \
	} while (0)

static size_t
length_of(char **list)
{
	size_t count = 0;

	while (list[count])
		count++;
	return count;
}

/* The text is refused, in this line, with these words. */
static void
refused(const char *content, const char *line, const char *text, const char *words)
{
	char where[256];

	FAILS(load_text(content), STAGE_E_SETTING);
	CHECK(settings == NULL);
	CHECK(failure.sys_errno == 0);
	snprintf(where, sizeof(where), "%s:%s: \"%s\": ", in_dir("conf"), line, text);
	HAS(failure.message, where);
	HAS(failure.message, words);
}

static void
are_defaults(void)
{
	CHECK(settings->temp_root[0] == NULL && settings->targets[0] == NULL);
	CHECK(settings->min_free == 1024 * 1024 && settings->avoid_tmpfs);
	CHECK(!settings->allow_shared_root && !settings->left_out);
	CHECK(settings->stage_ahead && settings->durable);
	CHECK(settings->max_volumes == 4 && settings->max_staged == 0);
	CHECK(settings->retries == -1 && settings->backoff == -1);
	CHECK(settings->gzip_level == -1 && settings->gzip_threads == 0);
}

static void
defaults(void)
{
	LOADS("");
	are_defaults();
	stage_settings_free(&settings);

	/* no file at all */
	WORKS(stage_settings_load(&settings, &failure));
	are_defaults();
	errno = EDOM;
	stage_settings_free(&settings);
	stage_settings_free(&settings);
	CHECK(errno == EDOM && settings == NULL);
}

static void
comments_and_blanks(void)
{
	LOADS("# one\n\n; two\n\t\n   # three\nmin_free=2K\n\n#min_free = 3K\n");
	CHECK(settings->min_free == 2048);
	LOADS("min_free = 2K");
	CHECK(settings->min_free == 2048);
	LOADS("min_free\t=  2K \t\r\navoid_tmpfs=no\r\n \r\n \t");
	CHECK(settings->min_free == 2048 && !settings->avoid_tmpfs);
	LOADS("temp_root = /a#b = c\n");
	CHECK(strcmp(settings->temp_root[0], "/a#b = c") == 0);
	stage_settings_free(&settings);
}

static void
sizes(void)
{
	static const struct {
		const char *text;
		uint64_t size;
	} good[] = {
		{"0", 0},
		{"1", 1},
		{"1K", 1024},
		{"1k", 1024},
		{"3M", 3145728},
		{"3m", 3145728},
		{"2G", 2147483648u},
		{"1T", 1099511627776u},
		{"007", 7},
		{"18446744073709551615", UINT64_MAX},
		{"16777215T", 16777215u * 1099511627776u},
		{"18014398509481983K", 18014398509481983u * 1024u},
	};
	static const char *const bad[] = {"-1", "+1", "-1K", "1KB", "1 K", "1Ki", "K", "1.5M",
		"1e3", "0x10", "ten", "18446744073709551616", "16777216T", "18014398509481984K",
		"99999999999999999999999999", "1B", "1P", "1{", "1\xc3\xa4"};
	char line[128];
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(line, sizeof(line), "min_free = %s\n", good[i].text);
		WORKS(load_text(line));
		CHECK(settings && settings->min_free == good[i].size);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "min_free = %s", bad[i]);
		refused(line, "1", line, "not a size; allowed is a whole number of bytes");
	}
	stage_settings_free(&settings);
}

static void
whole_numbers(void)
{
	static const char *const bad[] = {"0", "1001", "-1", "+1", "1.5", "1K", "1 1", "ten",
		"4294967297", "18446744073709551617", "99999999999999999999999", "0x10",
		"\xc2\xb2"};
	char line[128];
	size_t i;

	LOADS("max_volumes = 1\nretries = 1\nbackoff = 0\n");
	CHECK(settings->max_volumes == 1 && settings->retries == 1 && settings->backoff == 0);
	LOADS("max_volumes = 1000\nretries = 1000\nbackoff = 86400\n");
	CHECK(settings->max_volumes == 1000 && settings->retries == 1000);
	CHECK(settings->backoff == 86400);
	LOADS("max_volumes = 007\n");
	CHECK(settings->max_volumes == 7);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "retries = %s\n", bad[i]);
		FAILS(load_text(line), STAGE_E_SETTING);
		HAS(failure.message, "not a number that is allowed: whole ones from 1 to 1000");
	}
	refused("\nbackoff = 86401", "2", "backoff = 86401", "from 0 to 86400");
	refused("max_volumes = 0", "1", "max_volumes = 0", "from 1 to 1000");
	stage_settings_free(&settings);
}

static void
compression(void)
{
	LOADS("gzip_level = 1\ngzip_threads = 64\n");
	CHECK(settings->gzip_level == 1 && settings->gzip_threads == 64);
	LOADS("gzip_level = 12\n");
	CHECK(settings->gzip_level == 12 && settings->gzip_threads == 0);
	LOADS("gzip_threads = 0\n");
	CHECK(settings->gzip_level == -1 && settings->gzip_threads == 0);
	refused("gzip_level = 0", "1", "gzip_level = 0", "from 1 to 12");
	refused("gzip_level = 13", "1", "gzip_level = 13", "from 1 to 12");
	refused("gzip_threads = 65", "1", "gzip_threads = 65", "from 0 to 64");
	stage_settings_free(&settings);
}

/* Each key fills its own field: everything that the table could mix up. */
static void
staging_ahead(void)
{
	LOADS("stage_ahead = no\n");
	CHECK(!settings->stage_ahead && settings->durable && settings->avoid_tmpfs);
	LOADS("durable = no\n");
	CHECK(settings->stage_ahead && !settings->durable && settings->avoid_tmpfs);
	LOADS("max_staged = 3G\n");
	CHECK(settings->max_staged == 3221225472u && settings->min_free == 1024 * 1024);
	LOADS("max_volumes = 2\nretries = 3\nbackoff = 5\n");
	CHECK(settings->max_volumes == 2 && settings->retries == 3 && settings->backoff == 5);
	refused("stage_ahead = 0", "1", "stage_ahead = 0", "not a boolean");
	refused("max_staged = half", "1", "max_staged = half", "not a size");
	stage_settings_free(&settings);
}

static void
booleans(void)
{
	static const char *const bad[] = {"1", "0", "on", "y", "yess", "maybe", "tru"};
	char line[128];
	size_t i;

	LOADS("avoid_tmpfs = no\n");
	CHECK(!settings->avoid_tmpfs);
	LOADS("avoid_tmpfs = False\n");
	CHECK(!settings->avoid_tmpfs);
	LOADS("avoid_tmpfs = YES\n");
	CHECK(settings->avoid_tmpfs);
	LOADS("avoid_tmpfs = true\n");
	CHECK(settings->avoid_tmpfs);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "avoid_tmpfs = %s", bad[i]);
		refused(line, "1", line, "not a boolean; allowed are yes, no, true and false");
	}
	stage_settings_free(&settings);
}

static void
temp_roots(void)
{
	setenv("STAGE_TEST_A", "/srv/a", 1);
	setenv("STAGE_TEST_B", "relative", 1);
	LOADS("temp_root = ~/x\ntemp_root = $STAGE_TEST_A/y z\ntemp_root = /b\n");
	REQUIRE(length_of(settings->temp_root) == 3);
	CHECK(strcmp(settings->temp_root[0], in_dir("x")) == 0);
	CHECK(strcmp(settings->temp_root[1], "/srv/a/y z") == 0);
	CHECK(strcmp(settings->temp_root[2], "/b") == 0);

	refused("temp_root = relative", "1", "temp_root = relative", "must be an absolute path");
	refused("temp_root = $STAGE_TEST_B", "1", "temp_root = $STAGE_TEST_B",
		"must be an absolute");
	refused("temp_root = ~nobody-there/x", "1", "temp_root = ~nobody-there/x",
		"there is no home directory ~nobody-there");
	unsetenv("STAGE_TEST_B");
	refused("temp_root = /x\ntemp_root = $STAGE_TEST_B", "2", "temp_root = $STAGE_TEST_B",
		"$STAGE_TEST_B is not set");
	refused("temp_root = /x/$", "1", "temp_root = /x/$", "$ must be followed by the name");
	stage_settings_free(&settings);
}

static void
take_over(void)
{
	LOADS("");
	CHECK(!stage_settings_take_over(settings, "sftp://h/d"));
	LOADS("targets = stage+\n");
	CHECK(settings->targets[0] == NULL);
	CHECK(!stage_settings_take_over(settings, "sftp://h/d"));
	LOADS("targets = *\n");
	CHECK(stage_settings_take_over(settings, "sftp://h/d"));
	CHECK(stage_settings_take_over(settings, "file:///srv"));
	LOADS("targets = sftp://*\ntargets = stage+\ntargets = file:///srv/backup/*\n"
	      "targets = s3://bucket-[ab]/?\n");
	CHECK(length_of(settings->targets) == 3);
	CHECK(stage_settings_take_over(settings, "sftp://user@h:22//d/e?x=y"));
	CHECK(stage_settings_take_over(settings, "file:///srv/backup/a/b"));
	CHECK(stage_settings_take_over(settings, "s3://bucket-a/x"));
	CHECK(!stage_settings_take_over(settings, "s3://bucket-c/x"));
	CHECK(!stage_settings_take_over(settings, "s3://bucket-a/xy"));
	CHECK(!stage_settings_take_over(settings, "file:///srv/other"));
	CHECK(!stage_settings_take_over(settings, "ftp://h"));
	CHECK(!stage_settings_take_over(settings, "SFTP://h"));
	CHECK(!stage_settings_take_over(settings, ""));
	LOADS("targets = sftp://me@corp.com@h/*\ntargets = x://u:p@h\n");
	CHECK(stage_settings_take_over(settings, "sftp://me@corp.com:secret@h/d"));
	CHECK(!stage_settings_take_over(settings, "sftp://me:secret@h/d"));
	CHECK(stage_settings_take_over(settings, "x://u:p@h"));

	refused("targets = stage+sftp://*", "1", "targets = stage+sftp://*",
		"a target is \"stage+\"");
	refused("targets = stage+sftp://me@corp.com:S3CRET@h/*", "1",
		"targets = stage+sftp://me@corp.com:***@h/*", "a target is \"stage+\"");
	HAS_NOT(failure.message, "S3CRET");
	refused("targets = sftp", "1", "targets = sftp", "a pattern that holds \"://\"");
	refused("targets = sftp:*", "1", "targets = sftp:*", "such as sftp://*");
	stage_settings_free(&settings);
}

static void
refusals(void)
{
	refused("min_free = 1\nminfree = 2\n", "2", "minfree = 2",
		"unknown key; known are temp_root, min_free, avoid_tmpfs, allow_shared_root, targets, stage_ahead, max_volumes, max_staged, retries, backoff, durable, gzip_level, gzip_threads, keep_runs, metrics, report, on_start, on_success, on_failure, on_waiting, waiting_time, hook_timeout");
	refused("Min_free = 1\n", "1", "Min_free = 1", "unknown key");
	refused("= 1\n", "1", "= 1", "unknown key");
	refused("\n\n[stage]\nmin_free = 1\n", "3", "[stage]", "there are no [sections]");
	refused("# x\nmin_free =\n", "2", "min_free =", "the value is missing");
	refused("temp_root =  \n", "1", "temp_root =  ", "the value is missing");
	refused("targets=\n", "1", "targets=", "the value is missing");
	refused("min_free = 1\nmin_free = 1\n", "2", "min_free = 1",
		"was given already in this file");
	refused("avoid_tmpfs = no\n\navoid_tmpfs = no\n", "3", "avoid_tmpfs = no", "given already");
	refused("min_free = 1\nnonsense\n", "2", "nonsense",
		"not understood; allowed are \"key = value\"");
	refused("[open\n", "1", "[open", "there are no [sections]");
	/* what a terminal would obey */
	refused("a\x1b[2Jb = 1\n", "1", "a\\x1b[2Jb = 1", "unknown key");
	refused("\xe4 = 1\n", "1", "\\xe4 = 1", "unknown key");
	/* the first error of a file, whoever finds it */
	refused("nonsense\nminfree = 2\n", "1", "nonsense", "not understood");
	refused("minfree = 2\nnonsense\n", "1", "minfree = 2", "unknown key");
	stage_settings_free(&settings);
}

/* A section is an error even where no key follows it. */
static void
empty_section(void)
{
	refused("min_free = 1\n[stage]\n", "2", "[stage]", "there are no [sections]");
	stage_settings_free(&settings);
}

/* inih would take an indented line for more of the value above it. */
static void
no_continuation(void)
{
	refused("temp_root = /a\n  /b\n", "2", "  /b", "must stand at the beginning of its line");
	refused("temp_root = /a\n\tmin_free = 1\n", "2", "\\x09min_free = 1",
		"must stand at the beginning of its line");
	refused(" min_free = 1\n", "1", " min_free = 1", "must stand at the beginning of its line");
	stage_settings_free(&settings);
}

static void
comment_behind_value(void)
{
	refused("temp_root = /a ;b\n", "1", "temp_root = /a ;b", "on a line of its own");
	LOADS("temp_root = /a;b\n");
	CHECK(strcmp(settings->temp_root[0], "/a;b") == 0);
	refused("temp_root = /a #b\n", "1", "temp_root = /a #b", "on a line of its own");
	refused("min_free = 5M\t# five\n", "1", "min_free = 5M\\x09# five", "on a line of its own");
	stage_settings_free(&settings);
}

static void
long_lines(void)
{
	char text[4096];
	size_t length;

	/* whatever the limit: either the whole value, or an error that names the line */
	for (length = 100; length < sizeof(text) - 20; length += length < 600 ? 1 : 97) {
		int code;

		strcpy(text, "\ntemp_root = /");
		memset(text + strlen(text), 'x', length);
		strcpy(text + strlen("\ntemp_root = /") + length, "\n");
		code = load_text(text);
		if (code == 0) {
			CHECK(strlen(settings->temp_root[0]) == length + 1);
		} else {
			CHECK(code == STAGE_E_SETTING);
			HAS(failure.message, "conf:2: \"temp_root = /xxx");
			HAS(failure.message, "bytes that a line may have");
		}
		CHECK(code == 0 || length > 150);
	}
	stage_settings_free(&settings);
}

static void
not_text(void)
{
	char *big = malloc(128 * 1024);

	REQUIRE(big != NULL);
	FAILS(load_bytes("min_free = 1\n\0min_free = 2\n", 26), STAGE_E_SETTING);
	HAS(failure.message, in_dir("conf"));
	HAS(failure.message, "holds a NUL byte");
	FAILS(load_bytes("\0", 1), STAGE_E_SETTING);

	memset(big, '\n', 128 * 1024);
	FAILS(load_bytes(big, 64 * 1024 + 1), STAGE_E_SETTING);
	HAS(failure.message, "is larger than 64 KiB");
	FAILS(load_bytes(big, 128 * 1024), STAGE_E_SETTING);
	WORKS(load_bytes(big, 64 * 1024));
	free(big);
	stage_settings_free(&settings);
}

static void
who_may_write(void)
{
	const char *path = in_dir("conf");

	make_file(path, "min_free = 1\n", 0664);
	FAILS(stage_settings_load_file(path, &settings, &failure), STAGE_E_SETTING);
	HAS(failure.message, path);
	HAS(failure.message, "mode 0664, others may write it; allowed is 0644 or less");
	REQUIRE(chmod(path, 0602) == 0);
	FAILS(stage_settings_load_file(path, &settings, &failure), STAGE_E_SETTING);
	REQUIRE(chmod(path, 0400) == 0);
	WORKS(stage_settings_load_file(path, &settings, &failure));
	stage_settings_free(&settings);
	if (can_be_others("a configuration file of another user")) {
		REQUIRE(chown(path, NOBODY, NOBODY) == 0);
		FAILS(stage_settings_load_file(path, &settings, &failure), STAGE_E_SETTING);
		HAS(failure.message,
			"belongs to user 65534; a configuration file must belong to root");
	}
	unlink(path);
}

static int
load_as_nobody(void *path)
{
	struct stage_settings *loaded = NULL;
	int code = stage_settings_load_file(path, &loaded, &failure);

	if (code == 0)
		stage_settings_free(&loaded);
	return code == STAGE_E_SETTING && failure.sys_errno != EACCES ? 1 : code;
}

static void
files_of_root_for_others(void)
{
	char *path = (char *)(uintptr_t)in_dir("conf");

	if (!can_be_others("reading root's configuration file as another user"))
		return;
	REQUIRE(chmod(test_dir, 0755) == 0);
	make_file(path, "min_free = 1\n", 0644);
	CHECK(in_child(load_as_nobody, path, NOBODY) == 0);
	REQUIRE(chmod(path, 0600) == 0);
	CHECK(in_child(load_as_nobody, path, NOBODY) == STAGE_E_SETTING);
	unlink(path);
}

static void
no_regular_file(void)
{
	const char *path = in_dir("conf");

	FAILS(stage_settings_load_file(path, &settings, &failure), STAGE_E_SETTING);
	CHECK(failure.sys_errno == ENOENT);
	HAS(failure.message, path);
	HAS(failure.message, "No such file or directory");

	REQUIRE(mkfifo(path, 0600) == 0);
	FAILS(stage_settings_load_file(path, &settings, &failure), STAGE_E_SETTING);
	HAS(failure.message, "not a regular file");
	unlink(path);

	make_dir(path, 0700);
	FAILS(stage_settings_load_file(path, &settings, &failure), STAGE_E_SETTING);
	HAS(failure.message, "not a regular file");
	rmdir(path);

	FAILS(stage_settings_load_file("/dev/zero", &settings, &failure), STAGE_E_SETTING);
	FAILS(stage_settings_load_file("", &settings, &failure), STAGE_E_SETTING);
	CHECK(settings == NULL);
}

static void
remove_files(void)
{
	unlink("system/stagedir.conf");
	rmdir("system");
	unlink("config/stagedir/stagedir.conf");
	rmdir("config/stagedir");
	rmdir("config");
	unlink("own");
}

static void
precedence(void)
{
	REQUIRE(chdir(test_dir) == 0);
	make_dir("system", 0755);
	make_dir("config", 0755);
	make_dir("config/stagedir", 0755);
	make_file("system/stagedir.conf",
		"temp_root = /s1\ntemp_root = /s2\nmin_free = 5K\navoid_tmpfs = no\ntargets = a://*\n",
		0644);
	WORKS(stage_settings_load(&settings, &failure));
	CHECK(length_of(settings->temp_root) == 2 && settings->min_free == 5120);
	CHECK(!settings->avoid_tmpfs && length_of(settings->targets) == 1);
	stage_settings_free(&settings);

	/* key by key; a list of the later file replaces that of the earlier one */
	make_file("config/stagedir/stagedir.conf",
		"temp_root = /u1\nmin_free = 6K\ntargets = stage+\n", 0644);
	WORKS(stage_settings_load(&settings, &failure));
	REQUIRE(length_of(settings->temp_root) == 1);
	CHECK(strcmp(settings->temp_root[0], "/u1") == 0);
	CHECK(settings->min_free == 6144 && !settings->avoid_tmpfs);
	CHECK(length_of(settings->targets) == 0);
	stage_settings_free(&settings);

	/* alone, the defaults under it */
	make_file("own", "temp_root = /o1\ntemp_root = /o2\n", 0644);
	setenv("STAGEDIR_CONFIG", in_dir("own"), 1);
	WORKS(stage_settings_load(&settings, &failure));
	CHECK(length_of(settings->temp_root) == 2 && length_of(settings->targets) == 0);
	CHECK(settings->min_free == 1024 * 1024 && settings->avoid_tmpfs);
	stage_settings_free(&settings);

	setenv("STAGEDIR_CONFIG", in_dir("missing"), 1);
	FAILS(stage_settings_load(&settings, &failure), STAGE_E_SETTING);
	CHECK(failure.sys_errno == ENOENT);
	unsetenv("STAGEDIR_CONFIG");

	/* an error in either file names that file */
	make_file("config/stagedir/stagedir.conf", "x = 1\n", 0644);
	FAILS(stage_settings_load(&settings, &failure), STAGE_E_SETTING);
	HAS(failure.message, "config/stagedir/stagedir.conf:1: \"x = 1\"");
	make_file("system/stagedir.conf", "\ny = 1\n", 0644);
	FAILS(stage_settings_load(&settings, &failure), STAGE_E_SETTING);
	HAS(failure.message, "system/stagedir.conf:2: \"y = 1\"");
	remove_files();
}

/* Is the user's file, which says 6K, the one that is read? */
static bool
users_file_is_read(void)
{
	bool read;

	WORKS(stage_settings_load(&settings, &failure));
	read = settings && settings->min_free == 6144;
	CHECK(read || (settings && settings->min_free == 1024 * 1024));
	stage_settings_free(&settings);
	return read;
}

static void
users_file(void)
{
	REQUIRE(chdir(test_dir) == 0);
	make_dir("config", 0755);
	make_dir("config/stagedir", 0755);
	make_file("config/stagedir/stagedir.conf", "min_free = 6K\n", 0644);
	CHECK(users_file_is_read());

	/* relative or empty: as if it were unset */
	setenv("XDG_CONFIG_HOME", "config", 1);
	CHECK(!users_file_is_read());
	setenv("XDG_CONFIG_HOME", "", 1);
	CHECK(!users_file_is_read());
	REQUIRE(rename("config", ".config") == 0);
	CHECK(users_file_is_read());
	unsetenv("XDG_CONFIG_HOME");
	CHECK(users_file_is_read());

	/* a home that is no directory holds no file */
	setenv("HOME", in_dir(".config/stagedir/stagedir.conf"), 1);
	CHECK(!users_file_is_read());
	REQUIRE(rename(".config", "config") == 0);
	remove_files();
}

/* A file that is there and cannot be read is an error, not a reason to go on without it. */
static int
unreadable(void *context)
{
	struct stage_settings *loaded;
	int code = stage_settings_load(&loaded, &failure);

	(void)context;
	if (code == 0)
		return loaded->min_free == 1024 * 1024 ? 1 : 3;
	return code == STAGE_E_SETTING && failure.sys_errno == EACCES ? 0 : 2;
}

static void
unreadable_file(void)
{
	if (!can_be_others("a configuration file that cannot be read"))
		return;
	REQUIRE(chmod(test_dir, 0755) == 0);
	REQUIRE(chdir(test_dir) == 0);
	make_dir("config", 0755);
	make_dir("config/stagedir", 0755);
	make_file("config/stagedir/stagedir.conf", "min_free = 6K\n", 0600);
	CHECK(in_child(unreadable, NULL, NOBODY) == 0);
	/* where he may not even look it is another user's, as HOME may be under sudo */
	REQUIRE(chmod("config/stagedir", 0700) == 0);
	CHECK(in_child(unreadable, NULL, NOBODY) == 1);
	remove_files();
}

/* The user's own file, found by what sudo -E leaves in the environment, is another user's. */
static void
file_of_another(void)
{
	if (!can_be_others("a user's own file that is another user's"))
		return;
	REQUIRE(chdir(test_dir) == 0);
	make_dir("system", 0755);
	make_file("system/stagedir.conf", "max_volumes = 7\n", 0644);
	make_dir("config", 0755);
	make_dir("config/stagedir", 0755);
	make_file("config/stagedir/stagedir.conf", "min_free = 6K\nno setting at all\n", 0664);
	REQUIRE(chown("config/stagedir/stagedir.conf", NOBODY, NOBODY) == 0);
	WORKS(stage_settings_load(&settings, &failure));
	REQUIRE(settings != NULL && settings->left_out != NULL);
	HAS(settings->left_out, in_dir("config/stagedir/stagedir.conf"));
	HAS(settings->left_out, "belongs to user 65534 and is not read");
	CHECK(settings->min_free == 1024 * 1024 && settings->max_volumes == 7);
	stage_settings_free(&settings);
	/* a file that was asked for, and the one of all users, is not left out */
	setenv("STAGEDIR_CONFIG", in_dir("config/stagedir/stagedir.conf"), 1);
	FAILS(stage_settings_load(&settings, &failure), STAGE_E_SETTING);
	HAS(failure.message, "belongs to user 65534; a configuration file must belong to root");
	unsetenv("STAGEDIR_CONFIG");
	REQUIRE(chown("system/stagedir.conf", NOBODY, NOBODY) == 0);
	FAILS(stage_settings_load(&settings, &failure), STAGE_E_SETTING);
	HAS(failure.message, "system/stagedir.conf: belongs to user 65534");
	remove_files();
}

static const struct test tests[] = {
	{"defaults", defaults},
	{"comments_and_blanks", comments_and_blanks},
	{"sizes", sizes},
	{"whole_numbers", whole_numbers},
	{"compression", compression},
	{"staging_ahead", staging_ahead},
	{"booleans", booleans},
	{"temp_roots", temp_roots},
	{"take_over", take_over},
	{"refusals", refusals},
	{"empty_section", empty_section},
	{"no_continuation", no_continuation},
	{"comment_behind_value", comment_behind_value},
	{"long_lines", long_lines},
	{"not_text", not_text},
	{"who_may_write", who_may_write},
	{"files_of_root_for_others", files_of_root_for_others},
	{"no_regular_file", no_regular_file},
	{"precedence", precedence},
	{"users_file", users_file},
	{"unreadable_file", unreadable_file},
	{"file_of_another", file_of_another},
	{NULL, NULL},
};

const struct suite suite_settings = {"settings", tests};
