/*
 * error - how every room of libstagedir reports a failure
 *
 * A function that can fail returns 0 or a negative enum stage_code. Its last argument is a struct
 * stage_error of the caller, or NULL if he wants the code alone:
 *
 *	struct stage_error error;
 *
 *	if (stage_dir_open("/var/tmp", NULL, &dir, &error) < 0)
 *		fprintf(stderr, "myprog: %s\n", error.message);
 *
 * The struct is written only on failure, the ret_ arguments only on success. Nothing here is global:
 * two threads with two structs never meet. Nothing is allocated.
 */
#ifndef STAGEDIR_ERROR_H
#define STAGEDIR_ERROR_H

#include <stddef.h>

#pragma GCC visibility push(default)

enum stage_code {
	STAGE_OK = 0,

	/* Memory could not be had. Nothing was changed. */
	STAGE_E_MEMORY = -1,

	/* A system call failed; sys_errno holds its errno, the message names the path. */
	STAGE_E_SYSTEM = -2,

	/* The configuration file is wrong - the message names file, line, text and what is
	 * allowed - or cannot be read, with the errno. */
	STAGE_E_SETTING = -3,

	/* No temp root can be used: the message holds the reason for each. */
	STAGE_E_NO_ROOT = -4,

	/* The staging directory is no longer at its path: somebody moved, removed or replaced it.
	 * A name in it would lead elsewhere, so none is given out. */
	STAGE_E_SWAPPED = -5,

	/* The name is not tracked by this staging directory: never was, or was forgotten. */
	STAGE_E_UNTRACKED = -6,

	/* The staging directory was cleaned up already. */
	STAGE_E_CLOSED = -7,

	/*
	 * Called in a child process: the staging directory belongs to the process that opened it.
	 */
	STAGE_E_FORKED = -8,

	/* An argument makes no sense; the message says which. A bug of the caller. */
	STAGE_E_ARGUMENT = -9,

	/* A staged file, or the record of it, is not what it was when it was sealed. */
	STAGE_E_DAMAGED = -10,

	/* A temp root has not enough room now; the message says what is missing. */
	STAGE_E_NO_ROOM = -11,

	/* A file could not be handed off, and was given up. The message is of the last attempt. */
	STAGE_E_HANDOFF = -12,

	/* The given time is over, and the wanted state was not reached. No message. */
	STAGE_E_AGAIN = -13,

	/* A live run holds the staging directory or spool. */
	STAGE_E_BUSY = -14,

	/* A file is of a kind that is not supported; the message says of which. */
	STAGE_E_UNSUPPORTED = -15,
};

/* Bytes of a message with its terminating NUL. A longer one is cut and ends in "...". */
#define STAGE_ERROR_MESSAGE_MAX 2048

struct stage_error {
	enum stage_code code;

	/* errno of the failed call, 0 where no system call failed */
	int sys_errno;

	/* One line of UTF-8 for people, without newline. Names of files may hold control characters
	 * and bytes that are not UTF-8: these are written as \xNN. A backslash stays as it is. */
	char message[STAGE_ERROR_MESSAGE_MAX];
};

/*
 * Fills *error (which may be NULL) and returns code, so that a function can end with
 * `return stage_error_set(...)`. If sys_errno is not 0 its text is added: "FORMAT: TEXT".
 * Keeps errno.
 */
int stage_error_set(struct stage_error *error, enum stage_code code, int sys_errno,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The text of an errno in English, or "unknown error". Never NULL. */
const char *stage_error_errno_text(int sys_errno);

/* The name of a code, such as "STAGE_E_MEMORY"; "unknown" for any other number. Never NULL. */
const char *stage_error_code_name(int code);

/*
 * Writes text to buffer (size bytes, at least 4, with the NUL) in the form of a message, see struct
 * stage_error above. Returns buffer. A text that does not fit is cut and ends in "...".
 */
char *stage_error_printable(char *buffer, size_t size, const char *text);

#pragma GCC visibility pop

#endif
