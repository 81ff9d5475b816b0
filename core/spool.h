/*
 * spool - sealed files in a staging directory of their own, until storage has them
 *
 * A struct stage_spool is one staging directory. It lies beside the directory in which its files are made,
 * and so on the same file system. It is made for one target, and is locked while its run lives
 * (lockdir.h). Its journal describes it (journal.h), so that a later run can go on, however this one was
 * ended.
 *
 *	accept		moves a tracked file of a struct stage_dir in; it is not yet safe
 *	seal		makes it durable and records size, digest and name: from here on it survives
 *			a kill and a power cut, and is called staged
 *	confirm		removes it, when storage has confirmed it; forget does, when it is of no use
 *
 *	stage_spool_open(dir, &about, true, &log, &spool, &error);
 *	stage_spool_accept(spool, dir, path, "volume.1", "", &file, &error);
 *	stage_spool_seal(spool, file, &error);
 *	...storage takes the file and confirms its size...
 *	stage_spool_confirm(spool, &file, &error);
 *	stage_spool_close(&spool);		(what was not forgotten stays)
 *
 * A dead run's spool is found by stage_spool_find() (spool_find.h) and taken over by stage_spool_adopt().
 * Its files are those that were sealed and not forgotten. Other files with names of ours were never safe,
 * and are removed when the spool is closed. Anything else is named in a warning and stays, and so does
 * the directory. If a record of the journal is damaged, files without a record may have been safe
 * (unlisted.h): they stay until somebody forgets them.
 *
 * To see only what is in a spool, look at it: stage_spool_look() holds nothing, and its close removes
 * nothing.
 *
 * Where locks prove nothing (FUSE, NFS and others), nobody could tell that a run is dead. There, if files
 * stay, close says that the run is gone. If a run was killed, its spool is nobody's until the operator
 * says so (stage_orphan_release()).
 *
 * Threads: any thread may call any function at any time, close last; but for one file, and for the
 * reservation, one thread at a time. Forks: a child must not use it. Close in a child closes descriptors
 * only.
 */
#ifndef STAGEDIR_SPOOL_H
#define STAGEDIR_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
	uint64_t size; /* as of accept; if that was not known, 0 until it is sealed */
	bool sealed;
	struct stage_spool_file *next; /* of the spool, in order of accept */
};

/* The same for all files of a spool. It is copied. */
struct stage_spool_about {
	/* the URL where the files are to go; its target form (url.h) is what is written down */
	const char *target;
	const char *home; /* the host's directory that belongs to them; "" if there is none */
};

/*
 * Makes a spool in the temp root of dir. durable: seal waits for the disk (fsync(2)). Without it a sealed
 * file keeps a descriptor, by which stage_spool_check_read() learns whether the disk has failed since. At
 * most 128 files do; while so many wait, seal waits for the disk as well. STAGE_E_SYSTEM,
 * STAGE_E_MEMORY; STAGE_E_CLOSED or STAGE_E_FORKED of dir. On failure nothing is left.
 */
int stage_spool_open(struct stage_dir *dir, const struct stage_spool_about *about, bool durable,
	const struct stage_log *log, struct stage_spool **ret_spool, struct stage_error *error);

/*
 * Of an adopted spool: the name and the note of the last file that storage has confirmed to the dead run.
 * Both stay the spool's. NULL if the journal tells of none, or the spool was not adopted.
 */
const char *stage_spool_confirmed(const struct stage_spool *spool, const char **ret_note);

/* The directory's absolute path; the spool's. */
const char *stage_spool_path(const struct stage_spool *spool);

/* The first file; NULL if there is none. Only for a caller that shares the spool with no thread. */
struct stage_spool_file *stage_spool_files(const struct stage_spool *spool);

/*
 * In a spool that is adopted or looked at: the first file without a record, if a damaged record may have
 * been its own. NULL if there is none. The name and note of such a file are "", and it is not sealed: it can only be
 * forgotten.
 */
struct stage_spool_file *stage_spool_unlisted(const struct stage_spool *spool);

/* How many files of a dead run the close of an adopted spool removes, and their bytes. */
void stage_spool_rest(const struct stage_spool *spool, size_t *ret_files, uint64_t *ret_bytes);

/*
 * Reserves bytes for the file that is to be made at path, which a struct stage_dir in the same root has
 * given (reserve.h). It replaces the reservation that this spool had before. limit: the bytes that all
 * live runs of this user may hold staged in the root, with that file; 0 is no limit. STAGE_E_NO_ROOM:
 * there is not enough now; the message says what is missing, and *ret_room is written, too.
 * STAGE_E_SETTING: bytes are more than limit, so there never will be enough. STAGE_E_ARGUMENT: path is no
 * such file. STAGE_E_SYSTEM. On failure nothing is reserved.
 */
int stage_spool_reserve(struct stage_spool *spool, const char *path, uint64_t bytes, uint64_t limit,
	struct stage_reserved *ret_room, struct stage_error *error);

/* Gives the reservation back. No error if there is none. */
void stage_spool_unreserve(struct stage_spool *spool);

/*
 * Moves path, tracked by dir, into the spool. Gives up the reservation, and space that was allocated and
 * not written. On success dir has forgotten path; on failure all is as before. STAGE_E_SYSTEM (EXDEV: dir
 * is on another file system), STAGE_E_MEMORY; STAGE_E_UNTRACKED, STAGE_E_CLOSED and STAGE_E_FORKED of dir.
 */
int stage_spool_accept(struct stage_spool *spool, struct stage_dir *dir, const char *path,
	const char *name, const char *note, struct stage_spool_file **ret_file,
	struct stage_error *error);

/*
 * Tells the SHA-256 of the first size bytes of an accepted file, from a caller that had them while they
 * were written. If the file has just these bytes when it is sealed, seal does not read it. Does nothing
 * for a sealed file.
 */
void stage_spool_set_digest(
	struct stage_spool_file *file, uint64_t size, const unsigned char sha256[32]);

/*
 * Gives an accepted file a descriptor of itself, best one from before it was written. The spool takes it
 * over. By it seal learns of every failure of the disk since it was opened. Without it seal learns only
 * of those that the kernel still knows when the file is accepted.
 */
void stage_spool_hold(struct stage_spool_file *file, int fd);

/*
 * Makes an accepted file durable and records it: file, directory, journal, in this order. Its mode is
 * 0600 then. Does nothing for a sealed file. On failure the file is as before, but if the disk did not
 * take it, no further try can seal it. STAGE_E_SYSTEM; STAGE_E_DAMAGED: it is no regular file, or has
 * another size than when it was accepted; STAGE_E_SWAPPED: the spool is not at its path any more;
 * STAGE_E_MEMORY.
 */
int stage_spool_seal(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error);

/*
 * Gives a file the mode that storage is to have it with, as some backends copy the mode of what they are
 * given. To be called when it is handed off: until then it is private, and its directory stays so. If it
 * cannot be had, the mode stays; log says so.
 */
void stage_spool_publish(
	const struct stage_spool *spool, const struct stage_spool_file *file, mode_t mode);

/*
 * May a file that could not be sealed be handed off all the same? Yes, if the disk has taken its content.
 * If not (thin volumes, quotas and file servers say so only at fsync(2)), it is read again, from the disk
 * if the kernel allows that, and its digest must be that of set_digest. A file without that digest counts
 * as lost. STAGE_E_NO_ROOM, with the errno of fsync(2): the disk was full, the file is lost, and must be
 * made again; STAGE_E_SYSTEM: the same for another errno. Otherwise as stage_spool_seal().
 */
int stage_spool_check_written(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error);

/*
 * Were the bytes that were read of a file so far those that were written to it? To be asked after an
 * upload, before the file is confirmed, unless it is surely on disk. If the disk meanwhile failed to take
 * some of it, storage may have read other bytes. Does not wait. STAGE_E_NO_ROOM or STAGE_E_SYSTEM, as
 * stage_spool_check_written(): the file does not wait for hand-off any more, and close removes it.
 */
int stage_spool_check_read(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error);

/*
 * Is a sealed file as its record says? Reads all of it, unless its size is wrong already, and from the
 * disk if the kernel allows that. STAGE_E_DAMAGED: no, or it is gone; STAGE_E_SYSTEM: it cannot be read;
 * STAGE_E_MEMORY; STAGE_E_ARGUMENT: it was never sealed. In a spool that is only looked at, a file that is
 * gone is STAGE_E_SYSTEM with ENOENT: somebody has handed it off, or removed it.
 */
int stage_spool_check(
	struct stage_spool *spool, const struct stage_spool_file *file, struct stage_error *error);

/*
 * Is a sealed file still there? Only its name is looked up. STAGE_E_DAMAGED, as of check: it is gone. Where nobody can
 * tell, it counts as there.
 */
int stage_spool_check_there(
	struct stage_spool *spool, const struct stage_spool_file *file, struct stage_error *error);

/*
 * Records for people that an attempt to hand off the file has failed. URLs in the message lose their
 * secrets (url.h). The caller removes other secrets from it (redact.h).
 */
void stage_spool_note_failure(struct stage_spool *spool, const struct stage_spool_file *file,
	unsigned int attempt, const char *message);

/*
 * As forget, and records that storage has confirmed the file, sealed or not. Files that were staged
 * behind it may then follow it, also in a later run. If that cannot be recorded, a warning is logged.
 */
int stage_spool_confirm(
	struct stage_spool *spool, struct stage_spool_file **file, struct stage_error *error);

/*
 * Removes a file and its record, frees *file, sets it to NULL. No error if the file is gone already.
 * STAGE_E_SYSTEM: it could not be removed, and is still in the spool. It does not wait for hand-off any
 * more, and close tries again to remove it.
 */
int stage_spool_forget(
	struct stage_spool *spool, struct stage_spool_file **file, struct stage_error *error);

/*
 * Ends this process's part. Files that were accepted and not sealed are removed. Sealed ones stay for a
 * later run. If there is none, the directory is removed. Each failure to remove is a warning in the log.
 * Frees *spool, sets it to NULL; NULL in it is no error. Keeps errno.
 */
void stage_spool_close(struct stage_spool **spool);

/*
 * Takes over the spool of a dead run: locks it, and has its files. STAGE_E_BUSY: its run, or another that
 * has taken it over, lives; STAGE_E_SYSTEM (ENOENT: it or its journal is gone) and STAGE_E_DAMAGED: it
 * cannot be read; STAGE_E_ARGUMENT: it is no spool of this user and machine, or nobody can tell whether
 * its run lives; STAGE_E_MEMORY. On failure it is left as it was. Nobody can hand off a file whose record
 * is damaged: a warning says how many there are, and close leaves them.
 */
int stage_spool_adopt(const char *path, bool durable, const struct stage_log *log,
	struct stage_spool **ret_spool, struct stage_error *error);

/*
 * Opens a spool to look at it, whoever has it. files, unlisted, rest, path, confirmed and check work as
 * for an adopted one. Every function that would change it is refused (STAGE_E_ARGUMENT), and close frees
 * memory and descriptors only. Nothing is held, so a run may take the spool over meanwhile, and hand off
 * and remove its files. Codes as of adopt, except BUSY.
 */
int stage_spool_look(const char *path, const struct stage_log *log, struct stage_spool **ret_spool,
	struct stage_error *error);

#pragma GCC visibility pop

#endif
