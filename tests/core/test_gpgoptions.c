/* What speaks against ready-made packets: in the options that gpg is given, and in its files. */
#include "tests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "duplicity/gpgoptions.h"
#include "duplicity/gpgtable.h"
#include "sweep.h"
#include "wrap.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct gpgoptions found;

/* A gpg 2.2.40 whose home directory, and the folder of all users, are in the test's directory. */
static struct gpgoptions_gpg
gpg(void)
{
	return (struct gpgoptions_gpg){.version = {2, 2, 40}, .sysconfdir = in_dir("etc")};
}

/* What speaks against it, with these options; "" if nothing does. */
static const char *
look(const char *options)
{
	struct gpgoptions_gpg it = gpg();

	memset(&found, 0, sizeof(found));
	setenv("GNUPGHOME", in_dir("home"), 1);
	WORKS(gpgoptions_look(options, &it, &found, &failure));
	unsetenv("GNUPGHOME");
	return found.against;
}

/* The same, with this gpg.conf. */
static const char *
look_at(const char *text)
{
	make_dir(in_dir("home"), 0700);
	make_file(in_dir("home/gpg.conf"), text, 0600);
	look(NULL);
	unlink(in_dir("home/gpg.conf"));
	rmdir(in_dir("home"));
	return found.against;
}

static void
options_against(void)
{
	static const char *const options[] = {"--compress-algo zlib", "--compression-algo=none",
		"--compress-level 9", "-z 9", "-z9", "-vz9", "--bzip2-compress-level 1",
		"--personal-compress-preferences ZIP", "--no-compress", "--armor", "-a", "--armour",
		"-az9", "-va", "--textmode", "-t", "--no-literal", "--store", "--set-filename x",
		"--set-filesize=7", "--for-your-eyes-only", "--sign", "-s", "--clearsign",
		"--detach-sign", "--pgp6", "--pgp7", "--pgp8", "--rfc1991", "--rfc2440",
		"--rfc4880", "--openpgp", "--compliance gnupg", "--disable-mdc", "--export",
		"--output x", "--override-session-key-fd 0", "-o x", "-ox", "--decrypt", "-d",
		"--version", "-h",
		/* abbreviated */
		"--compress-l 9", "--armo", "--arm", "--comp", "--no-l", "--text", "--set-files 1",
		"--ho x",
		/* behind others */
		"--batch --armor", "\t--batch\n --armor ", "--comment x --armor",
		"--comment=x --armor", "-u me -a", "-ume -a", "-qa", "-r me -z 1"};
	size_t i;

	for (i = 0; i < COUNT(options); i++) {
		HAS(look(options[i]), "--gpg-options has ");
		HAS_NOT(found.against, "word");
		HAS_NOT(found.against, "value");
	}
	HAS(look("--compress-l 9 --armor"), "--gpg-options has compress-level");
	HAS(look("-vz9"), "--gpg-options has compress-level");
	HAS(look("--ho x"), "has homedir");
}

static void
options_harmless(void)
{
	static const char *const options[] = {NULL, "", " \n", "--batch", "--no-armor",
		"--no-textmode", "--no", "-vvq", "--cipher-algo AES256", "--cipher-algo=AES256",
		"--ciph AES256", "--comment --armor", "--comment -a", "-u --armor", "-u -a",
		"-uaz9", "--default-key -z", "--trust-model always --always-trust",
		"--compress-keys", "--bzip2-decompress-lowmem", "--gnupg", "--encrypt", "-e",
		"--s2k-count=65536", "--passphrase-fd 3", "--passphrase x", "--homedir x",
		"--pinentry-mode=loopback --no-tty", "--no-options",
		/* nobody knows them */
		"--brand-new", "--brand-new --batch", "--brand-new value --batch",
		"--brand-new=--armor", "-X", "-X value", "-Xv --batch"};
	size_t i;

	for (i = 0; i < COUNT(options); i++)
		CU_ASSERT_STRING_EQUAL(look(options[i]), "");
}

/* What is value, and what is option? */
static void
options_unsure(void)
{
	static const char *const options[] = {
		/* duplicity's next word, or stagedir's, would be the value */
		"--comment", "--batch -u", "--comment=", "--cipher", "--passphrase", "--homedir",
		/* the word after next is the value of --comment, or an option */
		"--brand-new --comment --armor", "-X -u --armor", "--passphrase -vu --armor",
		/* gpg ends there */
		"--batch armor", "armor", "-", "-- x", "--batch --", "--comment x y",
		"--group a=b c"};
	static const char *const either[] = {
		"--brand-new --armor", "-X -a", "-Xa", "-Xaz", "--passphrase --armor"};
	size_t i;

	for (i = 0; i < COUNT(options); i++)
		HAS(look(options[i]), "--gpg-options has ");
	for (i = 0; i < COUNT(either); i++)
		CU_ASSERT_STRING_EQUAL(look(either[i]), "--gpg-options has armor");
	CU_ASSERT_STRING_EQUAL(look("--comment"), "--gpg-options has comment without its value");
	/* it may be a passphrase */
	HAS_NOT(look("--passphrase open sesame"), "sesame");
	HAS(found.against, "a word that is no option");
}

/* As Python's str.split() does it, no more and no less. */
static void
white_space(void)
{
	static const char *const spaces[] = {" ", "\t", "\n", "\v", "\f", "\r", "\x1c", "\x1f",
		"\xc2\x85", "\xc2\xa0", "\xe2\x80\x83", "\xe3\x80\x80", " \xe2\x80\xa8\t"};
	static const char *const others[] = {
		"\x1b", "\x7f", "\xe2\x80\x8b", "\xef\xbb\xbf", "\xc2", "\xa0", "\xe2\x80", "_"};
	char options[128];
	size_t i;

	for (i = 0; i < COUNT(spaces); i++) {
		snprintf(options, sizeof(options), "%s--comment%sx%s--armor%s", spaces[i],
			spaces[i], spaces[i], spaces[i]);
		CU_ASSERT_STRING_EQUAL(look(options), "--gpg-options has armor");
	}
	for (i = 0; i < COUNT(others); i++) {
		snprintf(options, sizeof(options), "--comment x%s--armor", others[i]);
		CU_ASSERT_STRING_EQUAL(look(options), "");
	}
}

static void
recipients(void)
{
	static const struct {
		const char *options;
		size_t count;
	} cases[] = {{"", 0}, {"--batch -v", 0}, {"--recipient me", 1}, {"-r me -rme -vr me", 3},
		{"-R me --hidden-recipient=me --hidden-e me", 3}, {"--encrypt-to me", 1},
		{"--group a=b --group=c=d", 2}, {"-c", 1}, {"--symmetric --encrypt", 1},
		{"--comment -r", 0}, {"-f file -F file", 2}, {"--encrypt-to-default-key", 1},
		{"--local-user me", 0}, {"--recip me", 1}};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		CU_ASSERT_STRING_EQUAL(look(cases[i].options), "");
		CHECK(found.recipients == cases[i].count);
	}
	CU_ASSERT_STRING_EQUAL(look_at("encrypt-to a\n#encrypt-to b\nhidden-encrypt-to c\n"
				       "group x = a b  c\ngroup y=d\ngroup z=\ngroup w\n"
				       "default-recipient-self\nno-encrypt-to"),
		"");
	CHECK(found.recipients == 7);
}

static void
lines_against(void)
{
	static const struct {
		const char *text, *told;
	} cases[] = {{"armor", "line 1, has armor"}, {"# x\n\n  armor", "line 3, has armor"},
		{"compress-level\t9\n", "line 1, has compress-level"},
		{"compress-level=9\n", "has compress-level"}, {"--armor\r\n", "has armor"},
		{"-compress-algo = x", "has compress-algo"}, {"compress-l 9", "has compress-level"},
		{"\xef\xbb\xbftextmode\r\n", "line 1, has textmode"},
		{"[ignore]\narmor\n", "line 2, has armor"},
		{"[if 1 eq 2]\narmor\n[fi]", "line 2, has armor"},
		{"homedir /x\noptions y\nno-options\nopenpgp", "line 4, has openpgp"},
		{"comment\n-z\narmor", "line 3, has armor"}};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		HAS(look_at(cases[i].text), cases[i].told);
		HAS(found.against, in_dir("home/gpg.conf"));
	}
}

static void
lines_harmless(void)
{
	static const char *const texts[] = {"", "\n", "\xef\xbb\xbf", " \t\r\n", "#armor\n # armor",
		"comment armor\nkeyserver hkps://x --armor\n", "[force]\nbatch", "[",
		"ignore-invalid-option armor", "brand-new armor\nbrand-new", "-", "--", "no-armor",
		"=armor", "passphrase"};
	size_t i;

	for (i = 0; i < COUNT(texts); i++)
		CU_ASSERT_STRING_EQUAL(look_at(texts[i]), "");
}

/* The home directory that counts. */
static void
homes(void)
{
	struct gpgoptions_gpg it = gpg();
	char options[1024];

	make_dir(in_dir(".gnupg"), 0700);
	make_dir(in_dir("a"), 0700);
	make_dir(in_dir("b"), 0700);
	make_file(in_dir(".gnupg/gpg.conf"), "armor", 0600);
	make_file(in_dir("a/gpg.conf"), "textmode", 0600);
	make_file(in_dir("b/gpg.conf"), "openpgp", 0600);
	WORKS(gpgoptions_look(NULL, &it, &found, NULL));
	HAS(found.against, in_dir(".gnupg/gpg.conf, line 1, has armor"));
	setenv("GNUPGHOME", "", 1);
	WORKS(gpgoptions_look("", &it, &found, NULL));
	HAS(found.against, "has armor");
	setenv("GNUPGHOME", in_dir("a/"), 1);
	WORKS(gpgoptions_look("", &it, &found, NULL));
	HAS(found.against, "has textmode");
	setenv("GNUPGHOME", "~/b", 1);
	WORKS(gpgoptions_look("", &it, &found, NULL));
	HAS(found.against, "has openpgp");
	WORKS(gpgoptions_look("--homedir b --homed ~/a", &it, &found, NULL));
	HAS(found.against, in_dir("a/gpg.conf, line 1, has textmode"));
	snprintf(options, sizeof(options), "--homedir=%s", in_dir("b"));
	WORKS(gpgoptions_look(options, &it, &found, NULL));
	HAS(found.against, "has openpgp");
	FAILS(gpgoptions_look("--homedir=~no-such-user/x", &it, &found, &failure), STAGE_E_SETTING);
	unsetenv("GNUPGHOME");
	remove_tree(in_dir(".gnupg"));
	remove_tree(in_dir("a"));
	remove_tree(in_dir("b"));
}

/* --options, --no-options: instead of gpg.conf. */
static void
own_files(void)
{
	char options[2048];

	make_dir(in_dir("home"), 0700);
	make_file(in_dir("home/gpg.conf"), "armor", 0600);
	make_file(in_dir("own"), "#\nencrypt-to x", 0600);
	make_file(in_dir("other"), "#\ntextmode", 0600);
	HAS(look(""), "has armor");
	CU_ASSERT_STRING_EQUAL(look("--no-options"), "");
	snprintf(options, sizeof(options), "--options %s", in_dir("own"));
	CU_ASSERT_STRING_EQUAL(look(options), "");
	CHECK(found.recipients == 1);
	/* some versions read the first, some all */
	snprintf(options, sizeof(options), "--options %s --no-options --options=%s", in_dir("own"),
		in_dir("other"));
	HAS(look(options), in_dir("other, line 2, has textmode"));
	snprintf(options, sizeof(options), "--options %s", in_dir("missing"));
	HAS(look(options), in_dir("missing"));
	unlink(in_dir("own"));
	unlink(in_dir("other"));
	remove_tree(in_dir("home"));
}

/* The first that exists, by the version; and the one of all users. */
static void
versions(void)
{
	static const char *const names[] = {
		"gpg.conf-2.2.40", "gpg.conf-2.2", "gpg.conf-2", "gpg.conf", "options"};
	struct gpgoptions_gpg it = gpg();
	char path[1024];
	size_t i;

	make_dir(in_dir("home"), 0700);
	setenv("GNUPGHOME", in_dir("home"), 1);
	for (i = 0; i < COUNT(names); i++)
		make_file(join(in_dir("home"), names[i]), "armor", 0600);
	for (i = 0; i < COUNT(names); i++) {
		WORKS(gpgoptions_look("", &it, &found, &failure));
		snprintf(path, sizeof(path), "%s, line 1, has armor", names[i]);
		HAS(found.against, path);
		unlink(join(in_dir("home"), names[i]));
	}
	make_file(in_dir("home/options"), "armor", 0600);
	make_file(in_dir("home/gpg.conf-2.2.4"), "armor", 0600);
	make_dir(in_dir("etc"), 0700);
	make_file(in_dir("etc/gpg.conf"), "textmode", 0600);
	HAS(look("--no-options"), in_dir("etc/gpg.conf, line 1, has textmode"));
	setenv("GNUPGHOME", in_dir("home"), 1);
	it.version[1] = 4;
	WORKS(gpgoptions_look("", &it, &found, &failure));
	HAS(found.against, in_dir("etc/gpg.conf, line 1, has textmode"));
	unlink(in_dir("etc/gpg.conf"));
	WORKS(gpgoptions_look("", &it, &found, &failure));
	CU_ASSERT_STRING_EQUAL(found.against, "");
	make_file(in_dir("etc/gpg.conf"), "textmode", 0600);
	it.version[0] = 1;
	WORKS(gpgoptions_look("", &it, &found, &failure));
	HAS(found.against, "home/options, line 1, has armor");
	unsetenv("GNUPGHOME");
	remove_tree(in_dir("home"));
	remove_tree(in_dir("etc"));
}

/* No file at all, a file that is none, one that cannot be read. */
static void
odd_files(void)
{
	struct gpgoptions_gpg it = gpg();

	CU_ASSERT_STRING_EQUAL(look(""), "");
	make_file(in_dir("home"), "armor", 0600);
	CU_ASSERT_STRING_EQUAL(look(""), "");
	unlink(in_dir("home"));
	make_dir(in_dir("home"), 0700);
	CU_ASSERT_STRING_EQUAL(look(""), "");
	make_dir(in_dir("home/gpg.conf"), 0700);
	HAS(look(""), in_dir("home/gpg.conf is no regular file"));
	rmdir(in_dir("home/gpg.conf"));
	REQUIRE(mkfifo(in_dir("home/gpg.conf"), 0600) == 0);
	HAS(look(""), "is no regular file");
	unlink(in_dir("home/gpg.conf"));
	REQUIRE(symlink("../mine", in_dir("home/gpg.conf")) == 0);
	CU_ASSERT_STRING_EQUAL(look(""), "");
	make_file(in_dir("mine"), "armor", 0600);
	HAS(look(""), in_dir("home/gpg.conf, line 1, has armor"));
	unlink(in_dir("home/gpg.conf"));
	unlink(in_dir("mine"));
	make_file_bytes(in_dir("home/gpg.conf"), "armor\0x", 7, 0600);
	HAS(look(""), "holds a NUL byte");
	setenv("GNUPGHOME", in_dir("home"), 1);
	wrap_begin_two("read", EIO, "read", EIO);
	FAILS(gpgoptions_look("", &it, &found, &failure), STAGE_E_SYSTEM);
	wrap_end();
	HAS(failure.message, in_dir("home/gpg.conf"));
	CHECK(failure.sys_errno == EIO);
	unsetenv("GNUPGHOME");
	remove_tree(in_dir("home"));
}

static void
large_files(void)
{
	char *large = calloc(1, 65538);

	REQUIRE(large != NULL);
	memset(large, '#', 65537);
	HAS(look_at(large), "is larger than 64 KiB");
	large[65536] = '\0';
	CU_ASSERT_STRING_EQUAL(look_at(large), "");
	free(large);
}

/* A message has one line, whatever a file is called. */
static void
printable(void)
{
	CU_ASSERT_STRING_EQUAL(look("--options=/no/a\x02\x7f"),
		"--gpg-options has options, and /no/a\\x02\\x7f is missing");
}

/* What speaks against signing by a gpg of its own speaks against nothing else. */
static void
signing(void)
{
	static const char *const options[] = {"-u me", "-ume", "--local-user=me", "--sign-with x",
		"--sig-notation a@b=c", "-N a@b=c", "--set-policy-url x", "--include-key-block",
		"--encrypt-to-default-key", "--default-recipient-self", "--passphrase-fd 7",
		"--passphrase-file x", "--passphrase x", "--command-fd 7", "--local-u me"};
	struct gpgoptions_gpg it = gpg();
	size_t i;

	setenv("GNUPGHOME", in_dir("home"), 1);
	for (i = 0; i < COUNT(options); i++) {
		it.signs = false;
		WORKS(gpgoptions_look(options[i], &it, &found, &failure));
		CU_ASSERT_STRING_EQUAL(found.against, "");
		it.signs = true;
		WORKS(gpgoptions_look(options[i], &it, &found, &failure));
		HAS(found.against, "--gpg-options has ");
	}
	WORKS(gpgoptions_look("--digest-algo SHA512 --default-key x -q --sender a@b -r x", &it,
		&found, &failure));
	CU_ASSERT_STRING_EQUAL(found.against, "");
	make_dir(in_dir("home"), 0700);
	make_file(in_dir("home/gpg.conf"), "local-user me\n", 0600);
	WORKS(gpgoptions_look("", &it, &found, &failure));
	HAS(found.against, "line 1, has local-user");
	unlink(in_dir("home/gpg.conf"));
	rmdir(in_dir("home"));
	unsetenv("GNUPGHOME");
}

/*
 * The gpg of this machine tells of each option whether it takes a value, and whether it is a command. What the
 * table has must agree with that. What it does not have is only told: a gpg may be newer.
 */
static void
table_of_gpg(void)
{
	FILE *list = popen("gpg --batch --no-options --dump-option-table 2>/dev/null", "r");
	struct gpgtable_option option;
	char line[512], name[256];
	unsigned int flags;
	size_t count = 0;

	REQUIRE(list != NULL);
	while (fgets(line, sizeof(line), list)) {
		/* with 512 it is a heading */
		if (sscanf(line, "%255[^:]:%*[^:]:%u:", name, &flags) != 2 || flags & 512)
			continue;
		count++;
		gpgtable_long(name, strlen(name), &option);
		if (!option.name || strcmp(option.name, name) != 0) {
			fprintf(stderr, "\nnot in gpgtable.c: %s\n", name);
			continue;
		}
		if (flags & 128 && strcmp(name, "encrypt") != 0 && strcmp(name, "symmetric") != 0)
			CHECK(option.flags & GPGTABLE_AGAINST);
		if (!(option.flags & GPGTABLE_PERHAPS))
			CHECK(!(option.flags & GPGTABLE_VALUE) == !(flags & 7));
	}
	pclose(list);
	if (!count)
		fprintf(stderr, "\nnot tested: gpg is missing, or has no --dump-option-table\n");
}

static void
look_scenario(void)
{
	struct gpgoptions_gpg it = gpg();
	struct gpgoptions seen;

	setenv("GNUPGHOME", "~/home", 1);
	TRY(gpgoptions_look("", &it, &seen, &sweep_said));
	TRY(gpgoptions_look("--homedir home --batch -r me", &it, &seen, &sweep_said));
	TRY(gpgoptions_look("--options home/gpg.conf", &it, &seen, &sweep_said));
	unsetenv("GNUPGHOME");
}

SWEEP(sweep_failures, look_scenario, NULL, NULL, NULL)

static void
failures(void)
{
	make_dir(in_dir("home"), 0700);
	make_file(in_dir("home/gpg.conf"), "batch\n", 0600);
	make_dir(in_dir("etc"), 0700);
	make_file(in_dir("etc/gpg.conf"), "batch\n", 0600);
	sweep_failures();
	remove_tree(in_dir("home"));
	remove_tree(in_dir("etc"));
}

static const struct test tests[] = {
	{"options_against", options_against},
	{"options_harmless", options_harmless},
	{"options_unsure", options_unsure},
	{"white_space", white_space},
	{"recipients", recipients},
	{"lines_against", lines_against},
	{"lines_harmless", lines_harmless},
	{"homes", homes},
	{"own_files", own_files},
	{"versions", versions},
	{"odd_files", odd_files},
	{"large_files", large_files},
	{"printable", printable},
	{"signing", signing},
	{"table_of_gpg", table_of_gpg},
	{"failures", failures},
	{NULL, NULL},
};

const struct suite suite_gpgoptions = {"gpgoptions", tests};
