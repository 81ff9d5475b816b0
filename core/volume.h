/*
 * volume - one volume that is to be staged, from the room that is reserved for it until it is in a spool
 *
 *	stage_volume_new(path, bytes, durable, log, &volume, &error);
 *	fd = ...make the file...;
 *	stage_volume_begin(volume, fd, STAGE_VOLUME_OWN, &error);
 *	stage_volume_ahead(volume, &error);
 *	while (...) {
 *		write(fd, data, size);
 *		stage_volume_wrote(volume, data, size);
 *	}
 *	stage_volume_complete(volume, &error);
 *	...stage_volume_sha1(volume)...
 *	stage_spool_accept(spool, dir, path, name, note, &file, &error);
 *	stage_volume_staged(volume, file, &error);
 *	stage_volume_free(&volume);
 *
 * States, which only go down:
 *
 *	reserved	there is room for it (spool.h), and no file yet
 *	begun		it is being written, and disk space is allocated a step ahead
 *	complete	it is not written any more; its digests are known, if they could be taken
 *	staged		a spool has it, with its digests
 *	ended		nobody wants it any more
 *
 * A call in the wrong state is STAGE_E_ARGUMENT, with a message that names the volume, its state and
 * the call.
 *
 * Its digests are taken while it is written: the SHA-1 for the host's manifest, the SHA-256 for
 * sealing. Of this process's own writer they are taken of what it writes, at once, which costs it 0.8
 * to 1.2 s a GB: so that is for one that others hold up, as compressing threads do. A thread that is
 * handed the bytes was measured to cost 0.3 to 0.7 s a GB more, in caches that two processors then take
 * from each other. Of gpg's volumes, and of what is not compressed, they are taken by reading the file
 * behind its writer (digestfollow.h). Where they cannot be had the backup goes on: whoever wants one then
 * reads the file, and log says so.
 *
 * Nobody knows how large a volume becomes: one of an increment may have a few kilobytes of the 200 MiB that
 * are reserved. So disk space is allocated as it is needed, 16 MiB ahead of the writer, who then does not
 * meet a full disk, and can wait before it is met. Where the file system refuses that, as a quota may, the
 * rest is written without.
 *
 * A descriptor from before it is written goes with it to the spool. Only such a descriptor is sure to
 * report every failure of the disk (durable.h).
 *
 * Not installed. Any thread may call any function at any time, free last. Forks: in a child nothing is
 * begun, and free only frees.
 */
#ifndef STAGEDIR_VOLUME_H
#define STAGEDIR_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "error.h"
#include "log.h"
#include "spool.h"

struct stage_volume;

enum stage_volume_writer {
	STAGE_VOLUME_OWN, /* who writes it calls stage_volume_wrote() */
	STAGE_VOLUME_OTHER, /* who writes it says nothing: another process, which appends to the file */
};

/*
 * A volume at path, for which bytes are reserved. No writer is stopped at that size: whoever writes the
 * volume keeps its limit. durable: it will be synced before it counts as sealed. path is copied; the
 * context of log must live as long as the volume. STAGE_E_MEMORY, STAGE_E_SYSTEM.
 */
int stage_volume_new(const char *path, uint64_t bytes, bool durable, const struct stage_log *log,
	struct stage_volume **ret_volume, struct stage_error *error);

/* Its path, valid as long as the volume lives. */
const char *stage_volume_path(const struct stage_volume *volume);

/* Begins a reserved volume, whose empty file fd has open for writing. fd stays the caller's. STAGE_E_FORKED. */
int stage_volume_begin(struct stage_volume *volume, int fd, enum stage_volume_writer writer,
	struct stage_error *error);

/*
 * Allocates disk space for the next bytes of a volume that is begun, unless half a step is still there. To
 * be called before it is written, and by whoever feeds another writer again and again: each half step that
 * may come. STAGE_E_SYSTEM with ENOSPC or EDQUOT: there is not so much now. Wait for space, and ask again;
 * or call stage_volume_without().
 */
int stage_volume_ahead(struct stage_volume *volume, struct stage_error *error);

/* Does without allocation for the rest of the volume. */
void stage_volume_without(struct stage_volume *volume);

/* ENOSPC or EDQUOT if the file system has refused the volume space, and it is written without; otherwise 0. */
int stage_volume_refusal(struct stage_volume *volume);

/*
 * These next bytes were written to the file. Allocates further space; where that is refused, does without.
 * Does nothing for a volume that is not begun.
 */
void stage_volume_wrote(struct stage_volume *volume, const void *data, size_t size);

/* The volume is not written any more. Does nothing for a complete one. */
int stage_volume_complete(struct stage_volume *volume, struct stage_error *error);

/* Gives the SHA-1 of a complete volume. STAGE_E_AGAIN, without a message: it is not known. */
int stage_volume_sha1(struct stage_volume *volume, unsigned char ret_sha1[STAGE_SHA1_BYTES],
	struct stage_error *error);

/* Takes the SHA-1 of a complete volume from a caller, if it was not known. */
int stage_volume_set_sha1(struct stage_volume *volume, const unsigned char sha1[STAGE_SHA1_BYTES],
	struct stage_error *error);

/*
 * A spool has accepted the file of a complete volume. Gives file the digest and the descriptor.
 */
int stage_volume_staged(
	struct stage_volume *volume, struct stage_spool_file *file, struct stage_error *error);

/*
 * The volume is unwanted: its threads end, its descriptors are closed. The file is not touched. Does
 * nothing for a staged one.
 */
void stage_volume_end(struct stage_volume *volume);

/* Was it begun, and not ended since? Is it staged? */
bool stage_volume_is_begun(struct stage_volume *volume);
bool stage_volume_is_staged(struct stage_volume *volume);

/* Ends it, frees *volume, sets it to NULL; NULL in it is no error. */
void stage_volume_free(struct stage_volume **volume);

#endif
