/*
 * partial - what the host's partial manifest tells of a staged volume
 *
 * While a backup is made, the host keeps in its archive directory a partial manifest: text, to which
 * it adds a record for each volume before the volume is put:
 *
 *	Volume 3:
 *	    StartingPath   home 12
 *	    EndingPath     home/me
 *	    Hash SHA1 5b0cd4b8a1...
 *
 * A run that goes on with the backup goes back by a volume or more and adds their records again: in
 * "1 2 3 2" the last record counts for volume 2, and volume 3 is no part of the backup any more. A
 * record that was torn off at the end, before the newline of its Hash, is no record yet; but from
 * its number on volumes were being made again.
 *
 * The note of a staged file (spool.h) ties it to such a record:
 *
 *	VOLUME HASHTYPE HASH MANIFEST
 *
 * A dead run's volume is only of use while the manifest still has it like that: otherwise the
 * backup is complete, or was begun anew, or the volume was made again.
 *
 * Nothing here knows the host otherwise, or Python; any thread may call it.
 */
#ifndef STAGEDIR_MANIFEST_H
#define STAGEDIR_MANIFEST_H

#include <stdbool.h>

#include "error.h"

/* Bytes of a hash type and a hash, as in "MD5 d41d8cd98f00b204e9800998ecf8427e", with the NUL. */
#define MANIFEST_HASH_MAX 48

#define MANIFEST_SHA1_BYTES 20

/*
 * In a larger manifest no volume is looked for: STAGE_E_DAMAGED. Some half a million volumes. While a backup
 * is made its manifest has no list of changed files, which may be larger.
 */
#define MANIFEST_BYTES_MAX (256 * 1024 * 1024)

/*
 * Finds the hash of a volume, SHA1 or else MD5, in the partial manifest of this name in the host's
 * archive directory home. STAGE_E_DAMAGED where the volume is not in it, or it is no manifest;
 * STAGE_E_SYSTEM, ENOENT where there is none; STAGE_E_MEMORY; STAGE_E_ARGUMENT where name is none
 * of a file in a directory.
 */
int manifest_volume_hash(const char *home, const char *manifest, unsigned long volume,
	char ret_hash[MANIFEST_HASH_MAX], struct stage_error *error);

/* What a partial manifest tells of its backup. */
struct manifest_summary {
	unsigned long volumes;        /* the number of the last volume, 0 where there is none */
	char hash[MANIFEST_HASH_MAX]; /* "SHA1 ..." of that, or "" */
	bool is_complete;             /* the host has come to its end */
};

/*
 * The host ends a manifest by the list of changed files, whose number stands above them (duplicity
 * 0.8.22, 3.0.4): where all of it is there, nothing is missing. Errors as of manifest_volume_hash(), but
 * that it may have any size; path is that of the file.
 */
int manifest_summarize(
	const char *path, struct manifest_summary *ret_summary, struct stage_error *error);

/*
 * Makes the note, which the caller frees, of a volume with this SHA-1 that a partial manifest of this
 * name has, or is about to have. STAGE_E_MEMORY; STAGE_E_ARGUMENT where manifest is no name of a file.
 */
int manifest_note_make(unsigned long volume, const unsigned char sha1[MANIFEST_SHA1_BYTES],
	const char *manifest, char **ret_note, struct stage_error *error);

/*
 * Can the file that has this note still be handed off, as far as the manifest in home tells?
 * STAGE_E_DAMAGED: no, never, and the message says for people why. Any other code, STAGE_E_SYSTEM
 * or STAGE_E_MEMORY: that could not be found out; so it is where home itself is not there.
 */
int manifest_note_check(
	const char *home, const char *note, unsigned long *ret_volume, struct stage_error *error);

/* The volume that a note is of. False where it is no note. */
bool manifest_note_volume(const char *note, unsigned long *ret_volume);

#endif
