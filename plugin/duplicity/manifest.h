/*
 * manifest - the host's partial manifest, and the note that ties a staged volume to it
 *
 * While a backup is made, the host keeps a partial manifest in its archive directory. It is text, and the
 * host adds a record for each volume before it puts the volume:
 *
 *	Volume 3:
 *	    StartingPath   home 12
 *	    EndingPath     home/me
 *	    Hash SHA1 5b0cd4b8a1...
 *
 * A run that goes on with the backup goes back by a volume or more, and adds their records again. In
 * "1 2 3 2" the last record counts for volume 2, and volume 3 is no part of the backup any more. A last
 * record that was torn before the newline of its Hash is no record yet. But it shows that volumes from its
 * number on were being made again.
 *
 * The note of a staged file (spool.h) ties it to such a record:
 *
 *	VOLUME HASHTYPE HASH MANIFEST
 *
 * A dead run's volume is of use only while the manifest has it like that. If not, the backup is complete,
 * or was begun anew, or the volume was made again.
 *
 * Nothing here knows Python, or anything else of the host. Any thread may call it.
 */
#ifndef STAGEDIR_MANIFEST_H
#define STAGEDIR_MANIFEST_H

#include <stdbool.h>

#include "error.h"

#include "duplicity/manifestindex.h"
#include "duplicity/manifestline.h"

#define MANIFEST_HASH_MAX MANIFESTLINE_HASH_MAX

#define MANIFEST_SHA1_BYTES 20

/*
 * Finds the hash of a volume, SHA1 or else MD5, in the partial manifest of this name in the host's
 * archive directory home. index keeps what was read of it, for the next call; NULL: nothing is kept.
 * STAGE_E_DAMAGED: the volume is not in it, or it is no manifest; STAGE_E_SYSTEM, with ENOENT if there is
 * none; STAGE_E_MEMORY; STAGE_E_ARGUMENT: manifest is not the name of a file in a directory.
 */
int manifest_volume_hash(struct manifestindex *index, const char *home, const char *manifest,
	unsigned long volume, char ret_hash[MANIFEST_HASH_MAX], struct stage_error *error);

/* A partial manifest in short. */
struct manifest_summary {
	unsigned long volumes;        /* the number of the last volume, 0 where there is none */
	char hash[MANIFEST_HASH_MAX]; /* "SHA1 ..." of the last volume, or "" */
	bool is_complete;             /* the host has come to its end */
};

/*
 * Reads the manifest at path. The host ends a manifest with the list of changed files, and their number
 * above it (duplicity 0.8.22, 3.0.4). If that list is whole, the manifest is complete. Errors as of
 * manifest_volume_hash(), but that it may have any size.
 */
int manifest_summarize(
	const char *path, struct manifest_summary *ret_summary, struct stage_error *error);

/*
 * Makes the note of a volume with this SHA-1, whose record is in the partial manifest of this name, or will
 * be. The caller frees it. STAGE_E_MEMORY; STAGE_E_ARGUMENT: manifest is no name of a file.
 */
int manifest_note_make(unsigned long volume, const unsigned char sha1[MANIFEST_SHA1_BYTES],
	const char *manifest, char **ret_note, struct stage_error *error);

/*
 * Can the file with this note still be handed off, by the manifest in home? index as of
 * manifest_volume_hash(): whoever asks for many files has one. 0: yes. STAGE_E_DAMAGED: no,
 * never, and the message says why. STAGE_E_SYSTEM, STAGE_E_MEMORY: that could not be found out, as when
 * home itself does not exist. (stored.h: who judges by this, and what else they ask.)
 */
int manifest_note_check(struct manifestindex *index, const char *home, const char *note,
	unsigned long *ret_volume, struct stage_error *error);

/* The number of the volume in a note. False if it is no note. */
bool manifest_note_volume(const char *note, unsigned long *ret_volume);

#endif
