/* Commands of the configuration file: what they get, what they do not get, and that they end. */
#include "tests.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hook.h"

static const char *const facts[] = {
	"STAGEDIR_TARGET=file:///a b;$(touch x)'\"", "STAGEDIR_EVENT=success", NULL};

static int
run(const char *command, int seconds)
{
	struct stage_hook *hook = NULL;
	char **environment;
	int code;

	setenv("OUT", "of no use", 1);
	setenv("TMPDIR", test_dir, 1);
	environment = stage_hook_environment(facts);
	unsetenv("TMPDIR");
	code = stage_hook_start(command, environment, seconds, &hook, &failure);
	stage_hook_environment_free(&environment);
	CHECK(environment == NULL);
	if (code == 0)
		code = stage_hook_wait(&hook, 1000, &failure);
	CHECK(hook == NULL);
	return code;
}

/* What a command has written to $TMPDIR/out; the file is removed. */
static const char *
written(void)
{
	static char text[8192];
	FILE *file = fopen(in_dir("out"), "re");
	size_t length = 0;

	if (file) {
		length = fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
		unlink(in_dir("out"));
	}
	text[length] = '\0';
	return text;
}

static void
facts_in_the_environment(void)
{
	WORKS(run("printf '%s|%s' \"$STAGEDIR_TARGET\" \"$STAGEDIR_EVENT\" >\"$TMPDIR/out\"", 20));
	CHECK(strcmp(written(), "file:///a b;$(touch x)'\"|success") == 0);
}

/* Of the environment only what is harmless is passed on. */
static void
no_secrets(void)
{
	setenv("PASSPHRASE", "hidden-passphrase", 1);
	setenv("FTP_PASSWORD", "hidden-password", 1);
	setenv("LC_TIME", "C", 1);
	WORKS(run("env >\"$TMPDIR/out\"", 20));
	unsetenv("PASSPHRASE");
	unsetenv("FTP_PASSWORD");
	const char *text = written();

	HAS_NOT(text, "hidden");
	HAS_NOT(text, "OUT=");
	HAS(text, "HOME=");
	HAS(text, "PATH=");
	HAS(text, "LC_TIME=C");
	unsetenv("LC_TIME");
	unsetenv("OUT");
}

static void
failures(void)
{
	FAILS(run("exit 7", 20), STAGE_E_SYSTEM);
	HAS(failure.message, "it ended with exit status 7");
	FAILS(run("kill -9 $$", 20), STAGE_E_SYSTEM);
	HAS(failure.message, "it was ended by signal 9");
	FAILS(run("/nowhere/at/all 2>/dev/null", 20), STAGE_E_SYSTEM);
	HAS(failure.message, "exit status 127");
}

/* Has it ended, where nobody reaps the children of others? */
static bool
is_zombie(pid_t pid)
{
	char path[64], state[512] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	if (!fgets(state, sizeof(state), file))
		state[0] = '\0';
	fclose(file);
	return strstr(state, ") Z ") != NULL;
}

static void
wait_for_end(pid_t pid)
{
	while (kill(pid, 0) == 0 && !is_zombie(pid))
		usleep(10000);
}

/* Also what it has started, and what does not want to end. */
static void
hangs(void)
{
	pid_t pid;

	FAILS(run("trap '' TERM ALRM; sleep 1000 & echo $! >\"$TMPDIR/out\"; wait; sleep 1000", 1),
		STAGE_E_SYSTEM);
	HAS(failure.message, "it took more than the 1 seconds of hook_timeout, and was ended");
	pid = atoi(written());
	REQUIRE(pid > 0);
	wait_for_end(pid);
}

/* What it leaves in the background does not outlive its shell. */
static void
leaves_nothing(void)
{
	pid_t pid;

	WORKS(run("trap '' TERM; sleep 1000 & echo $! >\"$TMPDIR/out\"", 1000));
	pid = atoi(written());
	REQUIRE(pid > 0);
	wait_for_end(pid);
}

/* No descriptor of ours reaches it, however it was opened. */
static void
no_descriptors(void)
{
#ifdef CLOSE_RANGE_CLOEXEC
	char command[64];
	int fd = open("/dev/null", O_RDONLY);

	REQUIRE(fd > STDERR_FILENO);
	if (close_range(~0U, ~0U, CLOSE_RANGE_CLOEXEC) == 0) { /* the kernel can do it */
		snprintf(command, sizeof(command), "test ! -e /proc/$$/fd/%d", fd);
		WORKS(run(command, 20));
	}
	close(fd);
#endif
}

/* A wait of a part of its time, and an end before that is over. */
static void
ended_early(void)
{
	char **environment = stage_hook_environment(facts);
	struct stage_hook *hook = NULL;

	WORKS(stage_hook_start("sleep 1000", environment, 1000, &hook, &failure));
	stage_hook_environment_free(&environment);
	CHECK(stage_hook_wait(&hook, 0, NULL) == STAGE_E_AGAIN);
	CHECK(stage_hook_wait(&hook, 0.05, NULL) == STAGE_E_AGAIN);
	REQUIRE(hook != NULL);
	stage_hook_end(&hook);
	CHECK(hook == NULL && waitpid(-1, NULL, WNOHANG) < 0);
	stage_hook_end(&hook);
}

/* It has no signal blocked, none ignored, and no input. */
static void
signals(void)
{
	unsigned long long its_blocked, its_ignored;
	sigset_t blocked, before;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	signal(SIGPIPE, SIG_IGN);
	WORKS(run(
		"grep -e '^SigBlk' -e '^SigIgn' /proc/self/status >\"$TMPDIR/out\"; ! read -r line",
		20));
	signal(SIGPIPE, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	REQUIRE(sscanf(written(), "SigBlk: %llx SigIgn: %llx", &its_blocked, &its_ignored) == 2);
	/* 32 and 33 are glibc's own; what posix_spawn(3) starts, as make does, has them ignored */
	CHECK(its_blocked == 0 && (its_ignored & 0x7fffffff) == 0);
}

static int
wait_in_child(void *context)
{
	struct stage_hook *hook = context;

	return stage_hook_wait(&hook, 0, NULL);
}

static void
forked(void)
{
	char **environment = stage_hook_environment(facts);
	struct stage_hook *hook = NULL;

	WORKS(stage_hook_start("exit 0", environment, 20, &hook, &failure));
	stage_hook_environment_free(&environment);
	FAILS(stage_hook_start("exit 0", NULL, 20, &hook, &failure), STAGE_E_MEMORY);
	CHECK(in_child(wait_in_child, hook, -1) == 0);
	WORKS(stage_hook_wait(&hook, 1000, &failure));
	WORKS(stage_hook_wait(&hook, 1000, &failure));
}

static const struct test tests[] = {
	{"facts_in_the_environment", facts_in_the_environment},
	{"no_secrets", no_secrets},
	{"failures", failures},
	{"hangs", hangs},
	{"leaves_nothing", leaves_nothing},
	{"no_descriptors", no_descriptors},
	{"ended_early", ended_early},
	{"signals", signals},
	{"forked", forked},
	{NULL, NULL},
};

const struct suite suite_hook = {"hook", tests};
