/*
 * naming - the names of staging directories and of the files in them
 *
 *	stagedir-MACHINE-BOOT-PID-RANDOM	a staging directory
 *	stagedir-MACHINE-sBOOT-PID-RANDOM	the same, made where locks prove nothing (locks.h)
 *	stagedir-MACHINE-PID-RANDOM		made by version 0.1.0
 *	mktemp-RANDOM-COUNT			a file in it whose name was given out, made by the caller
 *	mkstemp-RANDOM-COUNT			a file in it that the library made
 *	staged-RANDOM-COUNT			a file in a spool (spool.h), for storage
 *	released-MACHINE-BOOT			an empty file in it: its run is gone (released.h)
 *
 * MACHINE is 16 hexadecimal digits made from the machine's id (machine-id(5)) by a one-way function, as
 * that page asks. BOOT is 8 digits made likewise from the kernel's boot id. PID is for people: nothing
 * is ever decided by it. RANDOM is lower case base32 of the kernel's randomness. COUNT never repeats in a
 * directory. A later run knows the files of a dead run by this shape.
 *
 * The use of MACHINE and BOOT
 *	- On a file system that one kernel alone can have mounted (locks.h), the lock says whether a run
 *	  lives, whoever made the directory. MACHINE is compared only because a disk can be copied: the
 *	  copy of a virtual machine must not go on with the work of the original. BOOT is not compared:
 *	  after a restart it is another one, and the run is surely dead. A machine that was cloned with
 *	  its id cannot have the same local disk. (If two kernels mount a local file system on a block
 *	  device that they share, that alone damages it.)
 *	- A machine without an id, such as a container, has MACHINE_NONE. Anybody may take over its
 *	  directories: they have no other heir, since a container has another host name each time.
 *	- On any other file system neither is enough: ids are cloned, and locks are not seen by all. There
 *	  a directory is nobody's until it is released (released.h) to this machine, since it was started.
 *	  The s in its name says so. It is needed because FUSE or NFS for one run may be the local disk
 *	  of another, which does not see the lock of the first.
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
#define STAGE_BOOT_DIGITS 8
#define STAGE_DIR_RANDOM 16 /* characters, 5 bits each */
#define STAGE_FILE_RANDOM 13
#define STAGE_DIR_NAME_MAX 64  /* bytes with the NUL */
#define STAGE_FILE_NAME_MAX 48 /* bytes with the NUL */
#define STAGE_RELEASED_NAME_MAX 48

enum stage_file_kind { STAGE_MKTEMP, STAGE_MKSTEMP, STAGE_STAGED };

/* Randomness, got from the kernel for several names at a time. Zero it before the first use. */
struct stage_random {
	unsigned char bytes[16 * STAGE_FILE_RANDOM];
	size_t left;
};

/*
 * Writes a new name for a staging directory of this process. proven: it is made where locks prove
 * whether a run lives.
 */
int stage_naming_dir(bool proven, char ret_name[STAGE_DIR_NAME_MAX], struct stage_error *error);

/* Writes a new name for a file; the caller sees to it that count does not repeat. */
int stage_naming_file(enum stage_file_kind kind, struct stage_random *random, uint64_t count,
	char ret_name[STAGE_FILE_NAME_MAX], struct stage_error *error);

/*
 * Is this the name of a staging directory? If so, *ret_pid is that of its run, and *ret_this_machine is
 * true if this machine made it, or one without an id.
 */
bool stage_naming_is_dir(const char *name, pid_t *ret_pid, bool *ret_this_machine);

/*
 * Was the directory of this name made where locks prove nothing? Version 0.1.0 marked directories that it
 * could not lock by MACHINE 0.
 */
bool stage_naming_is_shared(const char *name);

/* Writes the name of the file that releases a directory to this machine, since it was started. */
int stage_naming_released(char ret_name[STAGE_RELEASED_NAME_MAX], struct stage_error *error);

/* Is this such a name? If so: of this machine, and of this boot? */
bool stage_naming_is_released(const char *name, bool *ret_this_machine, bool *ret_this_boot);

/* Is this a name that stage_naming_file() gives? */
bool stage_naming_is_file(const char *name);

/* Is this a name that stage_naming_file() gives to a file in a spool? */
bool stage_naming_is_staged(const char *name);

#endif
