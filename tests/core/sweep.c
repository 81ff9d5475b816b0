#include "sweep.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests.h"
#include "wrap.h"

char sweep_root[512];
_Atomic size_t sweep_reported;
struct stage_error sweep_said;

static size_t mute; /* failures without a message, or with a bad one, and other complaints */
static char what_was_mute[STAGE_ERROR_MESSAGE_MAX + 256];

void
sweep_complain(const char *format, ...)
{
	va_list arguments;

	mute++;
	va_start(arguments, format);
	vsnprintf(what_was_mute, sizeof(what_was_mute), format, arguments);
	va_end(arguments);
}

/* In the middle of a run: no CUnit, no memory. */
int
sweep_judge(int code, const char *call)
{
	bool good = code == 0 || (code < 0 && sweep_said.code == code && sweep_said.message[0] &&
					 !strchr(sweep_said.message, '\n') &&
					 !strstr(sweep_said.message, "(null)") &&
					 !strstr(sweep_said.message, ": Success"));

	if (!good)
		sweep_complain(
			"%s: %s \"%s\"", call, stage_error_code_name(code), sweep_said.message);
	memset(&sweep_said, 0, sizeof(sweep_said));
	return code;
}

static void
count_line(void *context, enum stage_level level, const char *line)
{
	(void)context;
	sweep_reported += level == STAGE_WARNING;
	if (strstr(line, "(null)") || !*line)
		sweep_complain("log: %s", line);
}
const struct stage_log sweep_log = {count_line, NULL};

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
	sweep_reported = mute = 0;
	wrap_begin(fail, sys_errno, lasting);
	scenario->run();
	wrap_end();
	if (scenario->after)
		scenario->after();
	left = count_entries(sweep_root);
	good = mute == 0 && count_fds() == fds && wrap_bad_closes() == 0 && wrap_leaked() == 0 &&
	       (left == 0 || (wrap_failed() && (sweep_reported > 0 || is_unsure(scenario, fail))));
	if (!good) {
		fprintf(stderr,
			"\n%s: %d descriptors, were %d; %zu blocks kept; %zu bad closes; %d left, %zu reported; %s\n",
			what, count_fds(), fds, wrap_leaked(), wrap_bad_closes(), left,
			sweep_reported, mute ? what_was_mute : "");
		CU_FAIL("after a failed call");
	}
	if (left) {
		if (!good)
			show_tree(sweep_root);
		remove_tree(sweep_root);
		make_dir(sweep_root, 0700);
	}
}

void
sweep(const struct scenario *scenario)
{
	char what[256];
	size_t calls, number, i, step, runs = 0;
	int lasting;

	memset(&sweep_said, 0, sizeof(sweep_said));
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

void
sweep_prepare(void)
{
	char text[2048];

	snprintf(sweep_root, sizeof(sweep_root), "%s", in_dir("root"));
	make_dir(sweep_root, 0700);
	REQUIRE(chdir(test_dir) == 0);
	REQUIRE(symlink("root", in_dir("link")) == 0);
	setenv("STAGE_TEST_A", sweep_root, 1);
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

void
sweep_clear(void)
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
