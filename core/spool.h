/*
 * spool - sealed files in a staging directory of their own, until storage has them
 *
 * A struct stage_spool is one staging directory, beside the one in which its files are made and so
 * on the same file system. It is made for one target, is locked while its run lives (lockdir.h), and
 * describes itself by its journal (journal.h), so that a later run can go on where this one was
 * ended, in whatever way.
 *
 *	accept		moves a tracked file of a struct stage_dir in; it is not yet safe
 *	seal		makes it durable and records size, digest and name: from here on it survives
 *			a kill and a power cut, and is what the design calls staged
 *	confirm		removes it, when storage has confirmed it; forget, when it is of no use
 *
 *	stage_spool_open(dir, &about, true, &log, &spool, &error);
 *	stage_spool_accept(spool, dir, path, "volume.1", "", &file, &error);
 *	stage_spool_seal(spool, file, &error);
 *	...storage takes the file and confirms its size...
 *	stage_spool_confirm(spool, &file, &error);
 *	stage_spool_close(&spool);		(what was not forgotten stays)
 *
 * A dead run's is found by stage_spool_find() (spool_find.h) and taken over by stage_spool_adopt(): its
 * files are those that were sealed and not forgotten. What else lies in it was never safe and is removed when
 * the spool is closed: files with names of ours, that is. Anything else is named in a warning and
 * stays, and so does the directory. Where a record of the journal is damaged, files that no record
 * tells of may have been safe (unlisted.h): they stay until somebody forgets them.
 *
 * Who only wants to see what is in a spool looks at it: stage_spool_look() holds nothing and its close
 * removes nothing.
 *
 * Where locks prove nothing (FUSE, NFS and others), nobody could tell that a run is dead: there close
 * says of what stays that the run is gone, and what a run that was killed has left is nobody's until
 * the operator says so (stage_orphan_release()).
 *
 * Threads: any function may be called by any thread at any time, close last; for one file, and for
 * what is reserved, one thread at a time. Forks: a child must not use it, and close in a child
 * closes descriptors only.
 */
#ifndef STAGEDIR_SPOOL_H
#define STAGEDIR_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dir.h"
#include "error.h"
#include "log.h"
#include "reserve.h"

#pragma GCC visibility push(default)

struct stage_spool;

/* Owned by its spool until it is forgotten or the spool is closed. Read only. */
struct stage_spool_file {
	char *path;    /* absolute */
	char *name;    /* in storage */
	char *note;    /* the caller's */
	uint64_t size; /* as of accept; 0 until it is sealed where that could not be told */
	bool sealed;
	struct stage_spool_file *next; /* of the spool, in order of accept */
};

/* What is the same for all files of a spool; copied. */
struct stage_spool_about {
	/* the URL where the files are to go; its target form (url.h) is what is written down */
	const char *target;
	const char *home; /* the host's directory with what belongs to them; "" where it has none */
};

/*
 * Makes a spool in the temp root that dir is in. durable: seal waits for the disk (fsync(2)). Without it a
 * sealed file keeps a descriptor, by which stage_spool_check_read() learns whether the disk has failed
 * since; at most 128 do, and while so many wait, seal waits for the disk as well.
 * STAGE_E_SYSTEM, STAGE_E_MEMORY, STAGE_E_CLOSED or STAGE_E_FORKED of dir. On failure nothing is
 * left.
 */
int stage_spool_open(struct stage_dir *dir, const struct stage_spool_about *about, bool durable,
	const struct stage_log *log, struct stage_spool **ret_spool, struct stage_error *error);

/*
 * The name, and with *ret_note the note, of the last file that the dead run from which the spool was
 * adopted has had confirmed; the spool's. NULL where its journal tells of none, or it was opened.
 */
const char *stage_spool_confirmed(const struct stage_spool *spool, const char **ret_note);

/* The directory's absolute path; the spool's. */
const char *stage_spool_path(const struct stage_spool *spool);

/* The files; NULL where there is none. Only for a caller that shares the spool with no thread. */
struct stage_spool_file *stage_spool_files(const struct stage_spool *spool);

/*
 * The files of an adopted spool, or of one that is looked at, which a damaged record may have told of;
 * NULL where there is none. Their name and note are "", and they are not sealed: they can be forgotten
 * only.
 */
struct stage_spool_file *stage_spool_unlisted(const struct stage_spool *spool);

/* How many files close would remove of what a dead run left, or does once it is adopted, and their bytes. */
void stage_spool_rest(const struct stage_spool *spool, size_t *ret_files, uint64_t *ret_bytes);

/*
 * Reserves bytes for the file that is to be made as path, which a struct stage_dir in the same root
 * has given, in the place of what this spool had reserved before; reserve.h tells how. limit: the
 * bytes that all live runs of this user may hold staged in the root, that file included; 0 is no
 * limit. *ret_room is written with STAGE_E_NO_ROOM too: there is not enough now; the message says
 * what is missing. STAGE_E_SETTING: bytes are more than limit, so that there never will be.
 * STAGE_E_ARGUMENT: path is no such file. STAGE_E_SYSTEM. On failure nothing is reserved.
 */
int stage_spool_reserve(struct stage_spool *spool, const char *path, uint64_t bytes, uint64_t limit,
	struct stage_reserved *ret_room, struct stage_error *error);

/*
 * Moves path, tracked by dir, into the spool, and gives up what was reserved, and what was allocated
 * and not written. On success dir has forgotten it; on failure all is as it was. STAGE_E_SYSTEM
 * (EXDEV where dir is on another file system), STAGE_E_MEMORY; STAGE_E_UNTRACKED, STAGE_E_CLOSED and
 * STAGE_E_FORKED of dir.
 */
int stage_spool_accept(struct stage_spool *spool, struct stage_dir *dir, const char *path,
	const char *name, const char *note, struct stage_spool_file **ret_file,
	struct stage_error *error);

/*
 * Tells the SHA-256 of the first size bytes of an accepted file, which the caller has read while it
 * was written: where these are all that it has when it is sealed, seal does not read it again.
 * Nothing for a file that is sealed.
 */
void stage_spool_set_digest(
	struct stage_spool_file *file, uint64_t size, const unsigned char sha256[32]);

/*
 * Gives an accepted file a descriptor of it, best from before it was written, which is the spool's
 * from now on: by it seal learns of all that the disk has failed to take since it was opened.
 * Without one, that is what the kernel still knows of when the file was accepted.
 */
void stage_spool_hold(struct stage_spool_file *file, int fd);

/*
 * Makes an accepted file durable and records it: file, directory, journal, in this order; its mode
 * is 0600 then. Nothing to do for one that is sealed. On failure it is as it was, but one that the
 * disk did not take cannot be sealed by trying again. STAGE_E_SYSTEM; STAGE_E_DAMAGED where it is
 * no regular file or has another size than when it was accepted; STAGE_E_SWAPPED where the spool is
 * not at its path any more; STAGE_E_MEMORY.
 */
int stage_spool_seal(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error);

/*
 * May a file that could not be sealed be handed off all the same? Nothing is asked where the disk
 * has taken what is in it. Where it has not (a thin volume, a quota, a server tell it only when
 * asked to make a file durable), it is read again, from the disk as far as the kernel lets it, and
 * must be what set_digest told; what nobody told of is lost. STAGE_E_NO_ROOM with the errno of
 * fsync(2), STAGE_E_SYSTEM where that is another one: it is lost, and must be made again. Otherwise
 * as stage_spool_seal().
 */
int stage_spool_check_written(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error);

/*
 * Was what has been read of a file so far what was written to it, as far as is known? To be asked
 * when it was uploaded, before it is confirmed, as long as it may not be on disk: where the disk
 * failed to take some of it meanwhile, storage may have what the disk has. Waits for nothing.
 * STAGE_E_NO_ROOM or STAGE_E_SYSTEM, as stage_spool_check_written(): the file does not wait any more,
 * and close removes it.
 */
int stage_spool_check_read(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error);

/*
 * Is a sealed file what its record says? Reads it whole, unless its size says enough, and from the
 * disk as far as the kernel lets it. STAGE_E_DAMAGED with what is wrong, also where it is gone;
 * STAGE_E_SYSTEM where it cannot be read, STAGE_E_MEMORY; STAGE_E_ARGUMENT for one that was never
 * sealed.
 * Of a spool that is only looked at, STAGE_E_SYSTEM with ENOENT where it is gone: somebody has
 * handed it off, or removed it.
 */
int stage_spool_check(
	struct stage_spool *spool, const struct stage_spool_file *file, struct stage_error *error);

/*
 * Records for people that an attempt to hand off the file has failed. URLs in the message lose their
 * secrets (url.h); what else in it may be a secret is for the caller to take out (redact.h).
 */
void stage_spool_note_failure(struct stage_spool *spool, const struct stage_spool_file *file,
	unsigned int attempt, const char *message);

/*
 * As forget, and records that storage has confirmed the file, sealed or not: what was staged behind
 * it may follow it, also when a later run hands it off. That it could not be recorded is logged as a
 * warning.
 */
int stage_spool_confirm(
	struct stage_spool *spool, struct stage_spool_file **file, struct stage_error *error);

/*
 * Removes a file and its record, frees *file, sets it to NULL. One that is gone already is no
 * error. STAGE_E_SYSTEM: it could not be removed, and is still in the spool; it does not wait any
 * more, and close tries again.
 */
int stage_spool_forget(
	struct stage_spool *spool, struct stage_spool_file **file, struct stage_error *error);

/*
 * Ends this process's part: files that were accepted and not sealed are removed, sealed ones stay
 * for a later run, and without any the directory goes. What cannot be removed is logged as a
 * warning. Frees *spool, sets it to NULL; NULL in it is no error. Keeps errno.
 */
void stage_spool_close(struct stage_spool **spool);

/*
 * Takes over the spool of a dead run: locks it, and has its files. STAGE_E_BUSY where its run, or
 * somebody who has taken it over, lives; STAGE_E_SYSTEM (ENOENT where it, or its journal, is gone)
 * and STAGE_E_DAMAGED where it cannot be read; STAGE_E_ARGUMENT where it is no spool of this user
 * and machine, or nobody can tell whether its run lives; STAGE_E_MEMORY. On failure it is left as it
 * was. Files of which the record is damaged cannot be handed off by anybody: a warning says how many,
 * and close leaves them.
 */
int stage_spool_adopt(const char *path, bool durable, const struct stage_log *log,
	struct stage_spool **ret_spool, struct stage_error *error);

/*
 * Opens a spool to look at it, whoever has it: its files, unlisted, rest, path and check are as of an
 * adopted one, confirmed too. All that would change it is refused (STAGE_E_ARGUMENT), and close frees
 * memory and descriptors. It holds nothing, so a run may take over, hand off and remove what is looked
 * at. Codes as of adopt, but BUSY.
 */
int stage_spool_look(const char *path, const struct stage_log *log, struct stage_spool **ret_spool,
	struct stage_error *error);

#pragma GCC visibility pop

#endif
