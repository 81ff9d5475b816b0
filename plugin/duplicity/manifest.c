#include "duplicity/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "path.h"

#include "duplicity/manifestline.h"

static bool
is_file_name(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int
refuse_name(const char *manifest, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_ARGUMENT, 0, "\"%s\" is not the name of a manifest", manifest);
}

int
manifest_volume_hash(struct manifestindex *index, const char *home, const char *manifest,
	unsigned long volume, char ret_hash[MANIFEST_HASH_MAX], struct stage_error *error)
{
	struct manifestindex own = {0};
	const char *hash = NULL;
	char *path;
	int code;

	if (!is_file_name(manifest))
		return refuse_name(manifest, error);
	path = stage_path_join(home, manifest);
	if (!path)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for the manifest");
	if (!index)
		index = &own;
	code = manifestindex_read(index, path, error);
	if (code == 0)
		hash = manifestindex_hash(index, volume);
	if (code == 0 && !hash)
		code = stage_error_set(error, STAGE_E_DAMAGED, 0,
			"volume %lu was made again since, or is not in %s", volume, path);
	else if (code == 0)
		memcpy(ret_hash, hash, MANIFEST_HASH_MAX);
	manifestindex_release(&own);
	free(path);
	return code;
}

int
manifest_summarize(
	const char *path, struct manifest_summary *ret_summary, struct stage_error *error)
{
	struct manifestindex index = {.kind = MANIFESTINDEX_LAST};
	const char *hash;
	int code;

	code = manifestindex_read(&index, path, error);
	if (code < 0)
		return code;
	*ret_summary = (struct manifest_summary){.is_complete = manifestindex_is_complete(&index)};
	ret_summary->volumes = manifestindex_last(&index, &hash);
	if (strncmp(hash, "SHA1 ", 5) == 0)
		memcpy(ret_summary->hash, hash, MANIFEST_HASH_MAX);
	manifestindex_release(&index);
	return 0;
}

int
manifest_note_make(unsigned long volume, const unsigned char sha1[MANIFEST_SHA1_BYTES],
	const char *manifest, char **ret_note, struct stage_error *error)
{
	char hash[2 * MANIFEST_SHA1_BYTES + 1], *note;
	size_t i;

	if (!is_file_name(manifest))
		return refuse_name(manifest, error);
	for (i = 0; i < MANIFEST_SHA1_BYTES; i++)
		snprintf(hash + 2 * i, 3, "%02x", sha1[i]);
	if (asprintf(&note, "%lu SHA1 %s %s", volume, hash, manifest) < 0)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a note");
	*ret_note = note;
	return 0;
}

/* Takes a note apart: its hash is as in a manifest. */
static bool
parse(const char *note, unsigned long *ret_volume, char ret_hash[MANIFEST_HASH_MAX],
	const char **ret_manifest)
{
	struct manifestline_text rest = {note, strlen(note)}, number = manifestline_word(&rest);

	if (number.length == 0 || manifestline_number(number, ret_volume) != number.length ||
		manifestline_hash(&rest, ret_hash) == MANIFESTLINE_TYPES || *rest.start != ' ' ||
		!is_file_name(rest.start + 1))
		return false;
	*ret_manifest = rest.start + 1;
	return true;
}

bool
manifest_note_volume(const char *note, unsigned long *ret_volume)
{
	char hash[MANIFEST_HASH_MAX];
	const char *manifest;
	unsigned long volume;

	if (!parse(note, &volume, hash, &manifest))
		return false;
	*ret_volume = volume;
	return true;
}

/* Why there is no such manifest: it is gone, or all of the archive directory is not there now. */
static int
fail_missing(const char *home, const char *manifest, struct stage_error *error)
{
	struct stat stat;

	if (lstat(home, &stat) == 0)
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"the backup that it belongs to is complete, or was begun anew: %s is not in %s",
			manifest, home);
	return stage_error_set(error, STAGE_E_SYSTEM, errno,
		"nobody can tell whether the backup that it belongs to is complete: its archive directory %s cannot be looked at; is it on a disk that is not mounted here?",
		home);
}

int
manifest_note_check(struct manifestindex *index, const char *home, const char *note,
	unsigned long *ret_volume, struct stage_error *error)
{
	char noted[MANIFEST_HASH_MAX], hash[MANIFEST_HASH_MAX];
	struct stage_error failure;
	const char *manifest;
	unsigned long volume;
	int code;

	if (!*home || !parse(note, &volume, noted, &manifest))
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"it was put without a partial manifest in which it could be found again");
	code = manifest_volume_hash(index, home, manifest, volume, hash, &failure);
	if (code == STAGE_E_SYSTEM && (failure.sys_errno == ENOENT || failure.sys_errno == ENOTDIR))
		return fail_missing(home, manifest, error);
	if (code < 0) {
		if (error)
			*error = failure;
		return code;
	}
	if (strcmp(hash, noted) != 0)
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"volume %lu was made again since: %s in %s has another hash of it", volume,
			manifest, home);
	*ret_volume = volume;
	return 0;
}
