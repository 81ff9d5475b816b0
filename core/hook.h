/*
 * hook - a command of the configuration file, run when something has happened to a backup
 *
 *	static const char *const facts[] = {"STAGEDIR_EVENT=success", "STAGEDIR_TARGET=sftp://host/dir", NULL};
 *
 *	environment = stage_hook_environment(facts);
 *	stage_hook_start(settings->on_success, environment, 30, &hook, &error);
 *	stage_hook_environment_free(&environment);
 *	...
 *	while (stage_hook_wait(&hook, 0.1, &error) == STAGE_E_AGAIN)
 *		...
 *
 * The command is the text of a setting, given to `sh -c` as it stands; settings.h says who may write that file. What
 * happened is in its environment and never in its text. So no name, URL or message can become a part of a command.
 *
 * Of the environment of this process it gets only what names the user, his folders, his language and his terminal
 * (hook.c has the list): passphrases and passwords that duplicity takes from the environment are not among them.
 *
 * It has /dev/null as standard input, and writes to the standard error of this process. It gets no other
 * descriptor of this process where close_range(2) can see to it. It is the first of a process group of its own, all of which
 * is ended when the time is over; and when its shell has ended, so that nothing that it leaves holds standard error. The end
 * of the shell is seen when it is waited for. If this process ends before, a timer (alarm(2))
 * ends the shell.
 *
 * Not installed. Threads: any; one at a time for a hook.
 */
#ifndef STAGEDIR_HOOK_H
#define STAGEDIR_HOOK_H

#include "error.h"

struct stage_hook;

/*
 * The environment of a command: facts, NAME=VALUE, up to a NULL, and what is passed on of this process's, which no other
 * thread may change meanwhile. The caller frees it. NULL: no memory.
 */
char **stage_hook_environment(const char *const *facts);
void stage_hook_environment_free(char ***environment);

/*
 * Starts a command, which may take so many seconds. Does not wait. environment is that of stage_hook_environment();
 * NULL counts as no memory. STAGE_E_SYSTEM: there is no process to be had; STAGE_E_MEMORY.
 */
int stage_hook_start(const char *command, char *const *environment, int seconds,
	struct stage_hook **ret_hook, struct stage_error *error);

/*
 * Waits until the command has ended, or its time is over and it was ended, but at most for so many seconds. Frees *hook,
 * sets it to NULL; NULL in it is no error. STAGE_E_AGAIN: it still runs, and *hook is as it was; STAGE_E_SYSTEM: it
 * failed, or was ended.
 */
int stage_hook_wait(struct stage_hook **hook, double seconds, struct stage_error *error);

/* Ends the command and its process group, within two seconds. Frees *hook, sets it to NULL; NULL in it is no error. */
void stage_hook_end(struct stage_hook **hook);

/* Frees *hook without waiting for it, sets it to NULL; NULL in it is no error. */
void stage_hook_leave(struct stage_hook **hook);

#endif
