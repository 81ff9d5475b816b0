/*
 * Between fork and exec only functions are called that a signal's handler might call: other threads may have held
 * any lock.
 */
#include "hook.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

/* Seconds that a command has to end by itself once it was told to. */
#define GRACE 1

/* Seconds between two looks. */
#define LOOK 0.02

struct stage_hook {
	pid_t owner, pid;
	int seconds;
	double until;
};

/* What a command gets of this environment: these, and what begins with LC_ or XDG_. */
static const char *const passed[] = {"CREDENTIALS_DIRECTORY", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY",
	"HOME", "INVOCATION_ID", "LANG", "LANGUAGE", "LOGNAME", "MAILTO", "PATH",
	"RUNTIME_DIRECTORY", "SHELL", "STATE_DIRECTORY", "TERM", "TMPDIR", "TZ", "USER",
	"WAYLAND_DISPLAY"};

static bool
is_passed(const char *variable)
{
	const size_t length = strcspn(variable, "=");
	size_t i;

	if (strncmp(variable, "LC_", 3) == 0 || strncmp(variable, "XDG_", 4) == 0)
		return true;
	for (i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (strlen(passed[i]) == length && strncmp(variable, passed[i], length) == 0)
			return true;
	return false;
}

char **
stage_hook_environment(const char *const *facts)
{
	size_t count = 1, i;
	char **result;

	for (i = 0; environ && environ[i]; i++)
		count++;
	for (i = 0; facts[i]; i++)
		count++;
	result = calloc(count, sizeof(*result));
	if (!result)
		return NULL;
	count = 0;
	for (i = 0; environ && environ[i]; i++)
		if (is_passed(environ[i]) && !(result[count++] = strdup(environ[i])))
			goto failed;
	for (i = 0; facts[i]; i++)
		if (!(result[count++] = strdup(facts[i])))
			goto failed;
	return result;

failed:
	stage_hook_environment_free(&result);
	return NULL;
}

void
stage_hook_environment_free(char ***environment)
{
	char **next;

	for (next = *environment; next && *next; next++)
		free(*next);
	free(*environment);
	*environment = NULL;
}

/* In the child. Never returns. */
static void __attribute__((noreturn))
become(const char *command, char *const *environment, int seconds)
{
	const char *const arguments[] = {"sh", "-c", command, NULL};
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t none;
	int number, null;

	setpgid(0, 0);
	for (number = 1; number < NSIG; number++)
		sigaction(number, &by_default, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDONLY);
	if (null > STDIN_FILENO)
		dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO);
#ifdef CLOSE_RANGE_CLOEXEC
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); /* of Linux 5.11 */
#endif
	alarm((unsigned int)(seconds + GRACE));
	execve("/bin/sh", (char *const *)arguments, environment);
	_exit(127);
}

int
stage_hook_start(const char *command, char *const *environment, int seconds,
	struct stage_hook **ret_hook, struct stage_error *error)
{
	struct stage_hook *hook = calloc(1, sizeof(*hook));
	sigset_t all, before;
	int failed;

	if (!hook || !environment) {
		free(hook);
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to run a command");
	}
	hook->owner = getpid();
	hook->seconds = seconds;
	hook->until = stage_clock_now() + seconds;
	/* a handler of the host's must not run in the child */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	hook->pid = fork();
	if (hook->pid == 0)
		become(command, environment, seconds);
	failed = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (hook->pid < 0) {
		free(hook);
		return stage_error_set(
			error, STAGE_E_SYSTEM, failed, "cannot start a process for a command");
	}
	setpgid(hook->pid, hook->pid); /* whoever of the two is first */
	*ret_hook = hook;
	return 0;
}

/* Looks until the command's shell has ended, at most until then. It stays a zombie, so that its pid is no other's. */
static bool
has_ended(const struct stage_hook *hook, double until)
{
	const struct timespec look = {.tv_nsec = (long)(LOOK * 1e9)};
	siginfo_t found;

	for (;;) {
		found.si_pid = 0;
		if (waitid(P_PID, (id_t)hook->pid, &found, WEXITED | WNOHANG | WNOWAIT) < 0 &&
			errno != EINTR)
			return true; /* somebody has waited for all children */
		if (found.si_pid == hook->pid)
			return true;
		if (stage_clock_now() >= until)
			return false;
		nanosleep(&look, NULL);
	}
}

/* Ends all of the process group that the shell has left, and takes its status. */
static int
end_rest(const struct stage_hook *hook)
{
	siginfo_t found;
	int status = 0;

	if (waitid(P_PID, (id_t)hook->pid, &found, WEXITED | WNOHANG | WNOWAIT) < 0)
		return 0; /* the number may be another group's by now */
	kill(-hook->pid, SIGKILL);
	return waitpid(hook->pid, &status, WNOHANG) == hook->pid ? status : 0;
}

/* Ends all of the command's process group: the shell first. */
static int
end_group(const struct stage_hook *hook)
{
	kill(-hook->pid, SIGTERM);
	if (!has_ended(hook, stage_clock_now() + GRACE)) {
		kill(-hook->pid, SIGKILL);
		(void)has_ended(hook, stage_clock_now() + GRACE);
	}
	return end_rest(hook);
}

static int
judge(int status, int seconds, bool too_late, struct stage_error *error)
{
	if (too_late || (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM))
		return stage_error_set(error, STAGE_E_SYSTEM, 0,
			"it took more than the %d seconds of hook_timeout, and was ended", seconds);
	if (WIFSIGNALED(status))
		return stage_error_set(
			error, STAGE_E_SYSTEM, 0, "it was ended by signal %d", WTERMSIG(status));
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return stage_error_set(error, STAGE_E_SYSTEM, 0, "it ended with exit status %d",
			WEXITSTATUS(status));
	return 0;
}

int
stage_hook_wait(struct stage_hook **hook, double seconds, struct stage_error *error)
{
	const double until = stage_clock_now() + seconds;
	bool too_late = false;
	int status = 0, code = 0;

	if (!*hook)
		return 0;
	if (getpid() == (*hook)->owner) {
		if (!has_ended(*hook, until < (*hook)->until ? until : (*hook)->until)) {
			too_late = stage_clock_now() >= (*hook)->until;
			if (!too_late)
				return STAGE_E_AGAIN;
		}
		status = too_late ? end_group(*hook) : end_rest(*hook);
		code = judge(status, (*hook)->seconds, too_late, error);
	}
	stage_hook_leave(hook);
	return code;
}

void
stage_hook_end(struct stage_hook **hook)
{
	if (*hook && getpid() == (*hook)->owner)
		(void)end_group(*hook);
	stage_hook_leave(hook);
}

void
stage_hook_leave(struct stage_hook **hook)
{
	free(*hook);
	*hook = NULL;
}
