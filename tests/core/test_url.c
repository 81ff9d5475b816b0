#include "tests.h"

#include <stdio.h>
#include <stdlib.h>

#include "redact.h"
#include "url.h"
#include "urlparts.h"
#include "urlsecret.h"

static bool
is(const struct stage_urlpart *part, const char *text)
{
	if (!text || !part->text)
		return !text && !part->text;
	return part->length == strlen(text) && memcmp(part->text, text, part->length) == 0;
}

static void
show(const char *what, const struct stage_urlpart *part)
{
	fprintf(stderr, " %s=%.*s", what, part->text ? (int)part->length : 4,
		part->text ? part->text : "NULL");
}

/* tests/plugin/urlsplit.sh has urllib split thousands of others, and compares. */
static void
parts(void)
{
	static const struct {
		const char *url, *scheme, *user, *password, *place, *host, *port, *path, *query,
			*fragment;
	} table[] = {
		{"", NULL, NULL, NULL, NULL, NULL, NULL, "", NULL, NULL},
		{"/local/dir", NULL, NULL, NULL, NULL, NULL, NULL, "/local/dir", NULL, NULL},
		{"file:///srv", "file", NULL, NULL, "", "", NULL, "/srv", NULL, NULL},
		{"sftp://me@corp.com:secret@host/dir", "sftp", "me@corp.com", "secret", "host",
			"host", NULL, "/dir", NULL, NULL},
		{"sftp://me%40corp.com:se%3Acret@host:22/dir", "sftp", "me%40corp.com", "se%3Acret",
			"host:22", "host", "22", "/dir", NULL, NULL},
		{"x://u:p:q@r@h:1:2/", "x", "u", "p:q@r", "h:1:2", "h", "1:2", "/", NULL, NULL},
		{"x://:p@h", "x", "", "p", "h", "h", NULL, "", NULL, NULL},
		{"x://u:@h", "x", "u", "", "h", "h", NULL, "", NULL, NULL},
		{"x://u@h", "x", "u", NULL, "h", "h", NULL, "", NULL, NULL},
		{"x://@h:", "x", "", NULL, "h:", "h", "", "", NULL, NULL},
		{"stage+par2+sftp://u:p@[fe80::1%25a]:22/d", "stage+par2+sftp", "u", "p",
			"[fe80::1%25a]:22", "fe80::1%25a", "22", "/d", NULL, NULL},
		{"x://u:p@[::1/d", "x", "u", "p", "[::1", "::1", NULL, "/d", NULL, NULL},
		{"x://h?a=b?c#d#e?f", "x", NULL, NULL, "h", "h", NULL, "", "a=b?c", "d#e?f"},
		{"x://h#d?e", "x", NULL, NULL, "h", "h", NULL, "", NULL, "d?e"},
		{"x://u:p?q@h/d", "x", NULL, NULL, "u:p", "u", "p", "", "q@h/d", NULL},
		{"rclone:remote:path", "rclone", NULL, NULL, NULL, NULL, NULL, "remote:path", NULL,
			NULL},
		{"a b://u:p@h", NULL, NULL, NULL, NULL, NULL, NULL, "a b://u:p@h", NULL, NULL},
		{"//u:p@h/d", NULL, "u", "p", "h", "h", NULL, "/d", NULL, NULL},
		{" \x01SFTP:/\n/u\t:p@h/d", "SFTP", "u\t", "p", "h", "h", NULL, "/d", NULL, NULL},
	};
	struct stage_urlparts parts;
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool same;

		stage_urlparts_split(table[i].url, strlen(table[i].url), NULL, &parts);
		same = is(&parts.scheme, table[i].scheme) && is(&parts.user, table[i].user) &&
		       is(&parts.password, table[i].password) && is(&parts.place, table[i].place) &&
		       is(&parts.host, table[i].host) && is(&parts.port, table[i].port) &&
		       is(&parts.path, table[i].path) && is(&parts.query, table[i].query) &&
		       is(&parts.fragment, table[i].fragment);
		CHECK(same);
		if (same)
			continue;
		fprintf(stderr, "%s:", table[i].url);
		show("user", &parts.user);
		show("password", &parts.password);
		show("host", &parts.host);
		show("port", &parts.port);
		show("path", &parts.path);
		fputc('\n', stderr);
	}
}

/* Each URL with its forms; NULL: as the one before. S3CRET is in no form. */
static const struct {
	const char *url, *target, *display;
} forms_table[] = {
	{"", "", ""},
	{"/local/dir?a#b", NULL, NULL},
	{"a b?c#d", NULL, NULL},
	{"sftp://host/dir", "sftp://host/dir", "sftp://host/dir"},
	{"sftp://me@corp.com:S3CRET@host/dir", "sftp://me@corp.com@host/dir",
		"sftp://me@corp.com:***@host/dir"},
	{"stage+sftp://me:S3CRET@host:22/dir", "sftp://me@host:22/dir",
		"stage+sftp://me:***@host:22/dir"},
	{"stage+par2+stage+sftp://me:S3CRET@host/dir", "par2+stage+sftp://me@host/dir",
		"stage+par2+stage+sftp://me:***@host/dir"},
	{"STAGE+SFTP://Me:S3CRET@Host/Dir", "SFTP://Me@Host/Dir", "STAGE+SFTP://Me:***@Host/Dir"},
	{"sftp://me%40corp.com:S3%3ACRET@host", "sftp://me%40corp.com@host",
		"sftp://me%40corp.com:***@host"},
	{"sftp://me:S3:CR@ET@host//abs", "sftp://me@host//abs", "sftp://me:***@host//abs"},
	{"sftp://:S3CRET@host/dir", "sftp://host/dir", "sftp://:***@host/dir"},
	{"sftp://me:@host/dir", "sftp://me@host/dir", "sftp://me@host/dir"},
	{"sftp://me:S3CRET@[fe80::1]:22/dir", "sftp://me@[fe80::1]:22/dir",
		"sftp://me:***@[fe80::1]:22/dir"},
	/* should have been quoted, and is refused by the host */
	{"sftp://me:S3/CR?E#T@host/dir?x=1", "sftp://me@host/dir", "sftp://me:***@host/dir?***"},
	{"sftp://me:S3/CRET@host/dir@2", "sftp://me@2", "sftp://me:***@2"},
	{"sftp:/me:S3CRET@host/dir", "sftp:/me@host/dir", "sftp:/me:***@host/dir"},
	{"sftp:me:S3CRET@host/dir", "sftp:me@host/dir", "sftp:me:***@host/dir"},
	{"sftp://me:S3CRET", "sftp://me", "sftp://me:***"},
	{"sftp://[::1]:S3CRET/d", "sftp://[::1]/d", "sftp://[::1]:***/d"},
	/* no passwords: ports, folders, modules */
	{"sftp://host:22/dir@2", NULL, NULL},
	{"sftp://host:/dir@2", NULL, NULL},
	{"rsync://host::module/a:b@c", NULL, NULL},
	{"file:/a:b@c", NULL, NULL},
	{"file:///a:b@c", NULL, NULL},
	{"rclone://remote:me@corp.com/dir", NULL, NULL},
	{"rclone:remote:path", NULL, NULL},
	{"gs://bucket/dir", NULL, NULL},
	/* the query */
	{"file:///dir?password=S3CRET", "file:///dir", "file:///dir?***"},
	{"file:///dir?S3CRET", "file:///dir", "file:///dir?***"},
	{"file:///dir?", "file:///dir", "file:///dir"},
	{"multi:///cfg.json?mode=mirror&onfail=abort&subpath=a", NULL, NULL},
	{"multi:///cfg?token=S3CRET&mode=mirror&&sig=S3CRET;subpath=b",
		"multi:///cfg?mode=mirror&subpath=b", "multi:///cfg?***&mode=mirror&***&subpath=b"},
	{"gdrive://a@b.iam.gserviceaccount.com/x?driveID=0A", NULL, NULL},
	{"megav3://me:S3CRET@mega.co.nz/d?no_logout=1", "megav3://me@mega.co.nz/d?no_logout=1",
		"megav3://me:***@mega.co.nz/d?no_logout=1"},
	{"x://h/d?MODE=S3CRET&mo%64e=S3CRET&pass%77ord=S3CRET", "x://h/d", "x://h/d?***&***&***"},
	{"x://h/d#S3CRET", "x://h/d", "x://h/d#***"},
	{"x://h/d?mode=a#S3CRET?mode=S3CRET", "x://h/d?mode=a", "x://h/d?mode=a#***"},
	{"x://h/d#", "x://h/d", "x://h/d"},
	/* what the host takes for no part of the path */
	{"sftp://h/a;b/c;token=S3CRET", "sftp://h/a;b/c", "sftp://h/a;b/c;***"},
	{"par2+ftp://h/c;S3CRET?mode=a", "par2+ftp://h/c?mode=a", "par2+ftp://h/c;***?mode=a"},
	{"lftp+sftp://h/a;b", NULL, NULL},
	/* connection strings */
	{"rclone://:sftp,host=h,user=me@x,pass=S3CRET,port=2:d/e",
		"rclone://:sftp,host=h,user=me@x,port=2:d/e",
		"rclone://:sftp,host=h,user=me@x,***,port=2:d/e"},
	{"rclone://r,pass=\"S3,C\"\"R:ET\",client_secret='S3@CRET':d?x#y", "rclone://r:d",
		"rclone://r,***,***:d?***#***"},
	{"rclone://r:d,pass=x", NULL, NULL},
	{"rclone://:webdav,url=\"https://u:S3CRET@h/p\",vendor=x:d",
		"rclone://:webdav,url=\"https://u@h/p\",vendor=x:d",
		"rclone://:webdav,url=\"https://u:***@h/p\",vendor=x:d"},
	{"rclone://:webdav,url=https://u:S3CRET@h/,bearer_token=S3CRET:d",
		"rclone://:webdav,url=https://u@h/:d",
		"rclone://:webdav,url=https://u:***@h/,***:d"},
	{"rclone:///:sftp,host=h,pass=S3CRET:d", "rclone:///:sftp,host=h:d",
		"rclone:///:sftp,host=h,***:d"},
	{"rclone://:s,url=https://h:80/a@b,user=x:d", NULL, NULL},
	/* what is left grows together, and has a password again */
	{"rclone://r,=://,sig=:@", "rclone://r,=://@", "rclone://r,=://,***:@"},
};

/* One form of a URL; it is freed at the end of the test. */
static char *made[16];
static size_t made_count;

static const char *
form(int (*make)(const char *, char **, struct stage_error *), const char *url)
{
	char **kept = &made[made_count++ % (sizeof(made) / sizeof(made[0]))];

	free(*kept);
	*kept = NULL;
	WORKS(make(url, kept, &failure));
	REQUIRE(*kept != NULL);
	return *kept;
}

static void
free_forms(void)
{
	size_t i;

	for (i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		free(made[i]);
		made[i] = NULL;
	}
}

static void
check_form(const char *url, const char *came, const char *expected)
{
	CHECK(strcmp(came, expected) == 0);
	if (strcmp(came, expected) != 0)
		fprintf(stderr, "%s: %s\n  and not %s\n", url, came, expected);
}

static bool
same(const char *one, const char *other)
{
	bool result = false;

	WORKS(stage_url_same(one, other, &result, &failure));
	return result;
}

static bool
names(const char *url, const char *target)
{
	bool result = false;

	WORKS(stage_url_names(url, target, &result, &failure));
	return result;
}

static void
forms(void)
{
	size_t i;

	for (i = 0; i < sizeof(forms_table) / sizeof(forms_table[0]); i++) {
		const char *url = forms_table[i].url;
		const char *expected = forms_table[i].target ? forms_table[i].target : url;
		const char *shown = forms_table[i].display ? forms_table[i].display : url;
		const char *target = form(stage_url_target, url);

		check_form(url, target, expected);
		check_form(url, form(stage_url_target, target), expected);
		check_form(url, form(stage_url_display, url), shown);
		CHECK(same(url, target) && same(target, url) && names(url, target));
	}
	free_forms();
}

static void
display(void)
{
	char deep[4096] = "";
	size_t i;

	/* options; URLs in URLs */
	check_form("", form(stage_url_display, "--url=sftp://me:S3 CRET@host/a b"),
		"--url=sftp://me:***@host/a b");
	check_form("", form(stage_url_display, "--url=sftp:/me:S3CRET@host/a b"),
		"--url=sftp:/me:***@host/a b");
	check_form("", form(stage_url_display, "--include=a b:c@d"), "--include=a b:c@d");
	check_form("",
		form(stage_url_display, "x://h/a,sftp://me:S3CRET@host/b?mode=y://u:S3CRET@z"),
		"x://h/a,sftp://me:***@host/b?mode=y://u:***@z");
	check_form("", form(stage_url_display, "://me:S3CRET@host"), "://me:***@host");
	for (i = 0; i < 600; i++)
		strcat(deep, "a://h/");
	strcat(deep, "u:S3CRET@h");
	HAS_NOT(form(stage_url_display, deep), "S3CRET");
	/* messages: a URL ends at a blank */
	check_form("",
		form(stage_url_display_all,
			"of sftp://me@x:S3CRET@h/d: a:b@c, 'ftp://u:S3CRET@h'."),
		"of sftp://me@x:***@h/d: a:b@c, 'ftp://u:***@h'.");
	check_form("", form(stage_url_display_all, "a:b:c@d"), "a:b:c@d");
	check_form("", form(stage_url_display_all, ""), "");
	free_forms();
}

static void
equality(void)
{
	CHECK(same("sftp://me@corp.com:a@h/d", "stage+sftp://me@corp.com:b@h/d"));
	CHECK(same("sftp://me%40corp.com:a@h/d", "sftp://me@corp.com@h/d"));
	CHECK(same("SFTP://me@h/d", "sftp://me:a@h/d?token=x#y"));
	CHECK(same(" sftp:/\n/me@h/d", "sftp://me@h/d"));
	/* as stagedir 0.1.0 wrote them down */
	CHECK(same("sftp://me@corp.com:secret@h/d", "sftp://me@corp.com:secret@h/d"));
	CHECK(same("sftp://me@h/d", "sftp://me:se@cret@h/d"));
	CHECK(same("sftp://@h/d", "sftp://:secret@h/d"));
	CHECK(!same("sftp://me@h/d", "sftp://you@h/d"));
	CHECK(!same("sftp://me@h/d", "sftp://h/d"));
	CHECK(!same("sftp://a%2Fb@h/d", "sftp://a/b@h/d"));
	CHECK(!same("sftp://a%3Fb@h/d", "sftp://a?b@h/d"));
	CHECK(!same("sftp://me@h/d", "sftp://me@h/D"));
	CHECK(!same("multi:///d?subpath=a", "multi:///d?subpath=b"));
	CHECK(names("sftp://me:x@h/d", "sftp://h/d"));
	CHECK(names("sftp://me:x@h/d", "sftp://me@h/d"));
	CHECK(!names("sftp://h/d", "sftp://me@h/d"));
	CHECK(!names("sftp://me@h/d", "sftp://you@h/d"));
	CHECK(!names("sftp://me@h/di", "sftp://h/d"));
}

/* What is found in a message when the secrets of a URL are known. */
static void
check_hidden(const char *url, const char *text, const char *expected)
{
	struct stage_redact *secrets = NULL;
	char *hidden = NULL;

	WORKS(stage_redact_add(&secrets, "sftp://other:0th3r@h/", &failure));
	WORKS(stage_redact_add(&secrets, url, &failure));
	WORKS(stage_redact_add(&secrets, url, &failure));
	WORKS(stage_redact_hide(secrets, text, &hidden, &failure));
	check_form(text, hidden ? hidden : "", expected);
	free(hidden);
	stage_redact_free(&secrets);
	CHECK(secrets == NULL);
}

static void
secrets(void)
{
	struct stage_redact *none = NULL;
	char *hidden = NULL;

	check_hidden("sftp://me@corp.com:se%3Acr%2Fet@h/d",
		"se%3Acr%2Fet, se:cr/et, se%3acr, 0th3r and sftp://x:y@z",
		"***, ***, se%3acr, *** and sftp://x:***@z");
	check_hidden("x://u:a+b c@h", "a+b c a b c a%2Bb%20c", "*** *** ***");
	check_hidden("x://h/d?token=abc&timeout=30&n=long-value&q=a+b%20c=+de",
		"abc abcd 30 long-value a b c= de", "*** abcd 30 *** ***");
	check_hidden("x://h/d?c2VjcmV0==&e==", "c2VjcmV0== c2VjcmV0 e==", "*** c2VjcmV0 e==");
	check_hidden("x://h/d#frag&long-fragment", "frag long-fragment frag&long-fragment",
		"frag long-fragment ***");
	check_hidden("x://h/d#frag", "frag", "frag");
	/* short ones stand alone; a longer one wins */
	check_hidden("x://u:no@h", "no space: not now, no", "*** space: not now, ***");
	check_hidden("x://u:0th3r-longer@h", "0th3r-longer 0th3r", "*** ***");
	check_hidden("rclone://:s,pass=\"a,b,c\":d", "\"a,b,c\" a,b,c", "*** ***");
	check_hidden("sftp:/me:S3CRET@host/dir", "S3CRET", "***");
	check_hidden("sftp://me:S3/CRET@host/dir", "S3/CRET", "***");
	check_hidden("x://u:%@h", "% 50%", "*** 50%");
	check_hidden("x://u:a%00b@h", "a%00b", "***");

	WORKS(stage_redact_add(&none, "sftp://me@h/d", &failure));
	CHECK(none == NULL);
	WORKS(stage_redact_hide(none, "sftp://me:S3CRET@h/d fails", &hidden, &failure));
	check_form("", hidden, "sftp://me:***@h/d fails");
	free(hidden);
	stage_redact_free(&none);
}

static const struct test tests[] = {
	{"parts", parts},
	{"forms", forms},
	{"display", display},
	{"equality", equality},
	{"secrets", secrets},
	{NULL, NULL},
};
const struct suite suite_url = {"url", tests};
