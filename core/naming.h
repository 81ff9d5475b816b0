/*
 * naming - the names of staging directories and of the files in them
 *
 *	stagedir-MACHINE-PID-RANDOM	a staging directory
 *	mktemp-RANDOM-COUNT		a file in it whose name was given out, made by the caller
 *	mkstemp-RANDOM-COUNT		a file in it that the library made
 *	staged-RANDOM-COUNT		a file in a spool (spool.h), for storage
 *
 * MACHINE is 16 hexadecimal digits made from the machine's id (machine-id(5)) by a one-way
 * function, as that page asks; where there is no id, from the host's name. PID is for people only:
 * nothing is ever decided by it. RANDOM is lower case base32 of the kernel's randomness. COUNT
 * never repeats in a directory. That a file matches this shape is how a later run knows that a dead
 * run made it.
 *
 * Not installed. All functions may be called from any thread.
 */
#ifndef STAGEDIR_NAMING_H
#define STAGEDIR_NAMING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define STAGE_MACHINE_DIGITS 16
#define STAGE_DIR_RANDOM 16 /* characters, 5 bits each */
#define STAGE_FILE_RANDOM 13
#define STAGE_DIR_NAME_MAX 64  /* bytes with the NUL */
#define STAGE_FILE_NAME_MAX 48 /* bytes with the NUL */

enum stage_file_kind { STAGE_MKTEMP, STAGE_MKSTEMP, STAGE_STAGED };

/* Randomness, got from the kernel for several names at a time. Zero it before the first use. */
struct stage_random {
	unsigned char bytes[16 * STAGE_FILE_RANDOM];
	size_t left;
};

/*
 * Writes a new name for a staging directory of this process. One that cannot be locked gets MACHINE
 * 0, which is no machine's: nobody can then take it for an orphan.
 */
int stage_naming_dir(bool lockable, char ret_name[STAGE_DIR_NAME_MAX], struct stage_error *error);

/* Writes a new name for a file; the caller sees to it that count does not repeat. */
int stage_naming_file(enum stage_file_kind kind, struct stage_random *random, uint64_t count,
	char ret_name[STAGE_FILE_NAME_MAX], struct stage_error *error);

/*
 * Is this the name of a staging directory? If so, tells the process and whether the machine is
 * ours.
 */
bool stage_naming_is_dir(const char *name, pid_t *ret_pid, bool *ret_this_machine);

/* Is this a name that stage_naming_file() gives? */
bool stage_naming_is_file(const char *name);

/* Is this a name that it gives to a file in a spool? */
bool stage_naming_is_staged(const char *name);

#endif
