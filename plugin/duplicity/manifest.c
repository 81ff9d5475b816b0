#include "duplicity/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "path.h"
#include "regular.h"

/* Of a line so much is looked at: what is longer is a path, and paths are of no interest. */
#define LINE_BYTES 256

/* The hashes that are known, the better one first, as the host has it. */
static const struct {
	const char *name;
	size_t digits;
} types[] = {{"SHA1", 40}, {"MD5", 32}};
#define TYPES (sizeof(types) / sizeof(types[0]))

/* The state of reading a manifest. */
struct scan {
	unsigned long wanted;                  /* a number, or LAST_VOLUME */
	uint64_t most;                         /* bytes; a larger file is not read */
	bool inside;                           /* in a record of the wanted volume */
	char hashes[TYPES][MANIFEST_HASH_MAX]; /* of it, each "" where there is none */
	unsigned long last;                    /* the number of the last record */
	long files; /* lines that the list of files lacks; -1 outside of one */
	bool torn;  /* the last line has no newline */
};

/* More than a number of volume can be. */
#define LAST_VOLUME ULONG_MAX

/* Part of a line: it may hold any bytes. */
struct text {
	const char *start;
	size_t length;
};

static bool
is_blank(char character)
{
	return character == ' ' || (character >= '\t' && character <= '\r');
}

/* Cuts the first word off. */
static struct text
take_word(struct text *rest)
{
	struct text word;

	while (rest->length && is_blank(*rest->start)) {
		rest->start++;
		rest->length--;
	}
	word = (struct text){rest->start, 0};
	while (rest->length && !is_blank(*rest->start)) {
		word.length++;
		rest->start++;
		rest->length--;
	}
	return word;
}

static bool
is_word(struct text word, const char *text)
{
	return word.length == strlen(text) && strncasecmp(word.start, text, word.length) == 0;
}

static size_t
count_of(struct text text, const char *allowed)
{
	size_t count = 0;

	while (count < text.length && text.start[count] && strchr(allowed, text.start[count]))
		count++;
	return count;
}

/* Takes a number of volume from the beginning of text; returns how many digits it has, 0: none. */
static size_t
take_number(struct text text, unsigned long *ret_number)
{
	size_t digits = count_of(text, "0123456789"), i;
	unsigned long number = 0;

	if (digits > 9)
		return 0;
	for (i = 0; i < digits; i++)
		number = 10 * number + (unsigned long)(text.start[i] - '0');
	*ret_number = number;
	return digits;
}

/* Which type of hash is it, and is this one? Returns TYPES where not. */
static size_t
find_type(struct text type, struct text hash)
{
	size_t i;

	for (i = 0; i < TYPES; i++)
		if (is_word(type, types[i].name) && hash.length == types[i].digits &&
			count_of(hash, "0123456789abcdefABCDEF") == hash.length)
			break;
	return i;
}

/* "Volume 3:" begins a record, and has done with what was told of it and of later ones before. */
static bool
take_header(struct scan *scan, struct text number)
{
	unsigned long volume;
	size_t digits = take_number(number, &volume);

	if (digits == 0 || digits == number.length || number.start[digits] != ':')
		return false;
	if (volume <= scan->wanted)
		memset(scan->hashes, 0, sizeof(scan->hashes));
	scan->inside = volume == scan->wanted || scan->wanted == LAST_VOLUME;
	scan->last = volume;
	scan->files = -1;
	return true;
}

/* "Filelist 12" stands above so many lines, one for each changed file. */
static void
take_list(struct scan *scan, struct text number)
{
	unsigned long files;

	scan->files = take_number(number, &files) ? (long)files : -1;
}

/* "Hash SHA1 5b0c..." of the volume that is wanted. */
static void
take_hash(struct scan *scan, struct text line)
{
	struct text type = take_word(&line), hash = take_word(&line);
	size_t i = find_type(type, hash);

	if (i < TYPES)
		snprintf(scan->hashes[i], sizeof(scan->hashes[i]), "%s %.*s", types[i].name,
			(int)hash.length, hash.start);
}

/* Takes a line, without its newline. False where no manifest has it. */
static bool
take_line(struct scan *scan, struct text line)
{
	bool indented = line.length && is_blank(*line.start);
	struct text name = take_word(&line);

	if (is_word(name, "Volume") && !indented)
		return take_header(scan, take_word(&line));
	if (is_word(name, "Filelist") && !indented)
		take_list(scan, take_word(&line));
	else if (scan->files >= 0)
		scan->files--;
	else if (scan->inside && is_word(name, "Hash"))
		take_hash(scan, line);
	return true;
}

/* Scans to the end. 0, -1 where it cannot be read (errno), 1 where it is no manifest. */
static int
scan_stream(struct scan *scan, FILE *stream)
{
	char line[LINE_BYTES];
	uint64_t total = 0;
	size_t length = 0;
	int character;

	while ((character = getc_unlocked(stream)) != EOF) {
		if (++total > scan->most)
			return 1;
		if (character == '\n') {
			if (!take_line(scan, (struct text){line, length}))
				return 1;
			length = 0;
		} else if (length < sizeof(line)) {
			line[length++] = (char)character;
		}
	}
	scan->torn = length > 0;
	return ferror(stream) ? -1 : 0;
}

static bool
is_file_name(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int
open_manifest(const char *path, uint64_t most, FILE **ret_stream, struct stage_error *error)
{
	struct stat stat;
	FILE *stream;
	int fd = -1, code;

	code = stage_regular_open(AT_FDCWD, path, O_RDONLY, &fd, &stat);
	if (code == STAGE_E_DAMAGED && errno != ELOOP)
		return stage_error_set(
			error, code, 0, "the partial manifest %s is not a regular file", path);
	if (code == 0 && (uint64_t)stat.st_size > most) {
		close(fd);
		return stage_error_set(
			error, STAGE_E_DAMAGED, 0, "the partial manifest %s is too large", path);
	}
	stream = code == 0 ? fdopen(fd, "r") : NULL;
	if (stream) {
		*ret_stream = stream;
		return 0;
	}
	code = stage_error_set(error, errno == ENOMEM ? STAGE_E_MEMORY : STAGE_E_SYSTEM, errno,
		"cannot read the partial manifest %s", path);
	if (fd >= 0)
		close(fd);
	return code;
}

static int
scan_file(struct scan *scan, const char *path, struct stage_error *error)
{
	FILE *stream = NULL;
	int code;

	code = open_manifest(path, scan->most, &stream, error);
	if (code < 0)
		return code;
	code = scan_stream(scan, stream);
	if (code < 0)
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot read the partial manifest %s", path);
	else if (code > 0)
		code = stage_error_set(error, STAGE_E_DAMAGED, 0,
			"%s is not understood: no manifest of duplicity's is like that", path);
	fclose(stream);
	return code;
}

static int
refuse_name(const char *manifest, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_ARGUMENT, 0, "\"%s\" is not the name of a manifest", manifest);
}

int
manifest_volume_hash(const char *home, const char *manifest, unsigned long volume,
	char ret_hash[MANIFEST_HASH_MAX], struct stage_error *error)
{
	struct scan scan = {.wanted = volume, .most = MANIFEST_BYTES_MAX, .files = -1};
	size_t i;
	char *path;
	int code;

	if (!is_file_name(manifest))
		return refuse_name(manifest, error);
	path = stage_path_join(home, manifest);
	if (!path)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for the manifest");
	code = scan_file(&scan, path, error);
	for (i = 0; code == 0 && i < TYPES && !scan.hashes[i][0]; i++)
		;
	if (code == 0 && i == TYPES)
		code = stage_error_set(error, STAGE_E_DAMAGED, 0,
			"volume %lu was made again since, or is not in %s", volume, path);
	else if (code == 0)
		memcpy(ret_hash, scan.hashes[i], MANIFEST_HASH_MAX);
	free(path);
	return code;
}

int
manifest_summarize(
	const char *path, struct manifest_summary *ret_summary, struct stage_error *error)
{
	struct scan scan = {.wanted = LAST_VOLUME, .most = UINT64_MAX, .files = -1};
	int code;

	code = scan_file(&scan, path, error);
	if (code < 0)
		return code;
	*ret_summary = (struct manifest_summary){
		.volumes = scan.last, .is_complete = scan.files == 0 && !scan.torn};
	snprintf(ret_summary->hash, sizeof(ret_summary->hash), "%s", scan.hashes[0]);
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
	struct text rest = {note, strlen(note)}, number, type, hash;
	size_t i;

	number = take_word(&rest);
	type = take_word(&rest);
	hash = take_word(&rest);
	i = find_type(type, hash);
	if (i == TYPES || number.length == 0 || take_number(number, ret_volume) != number.length ||
		*rest.start != ' ' || !is_file_name(rest.start + 1))
		return false;
	snprintf(ret_hash, MANIFEST_HASH_MAX, "%s %.*s", types[i].name, (int)hash.length,
		hash.start);
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
manifest_note_check(
	const char *home, const char *note, unsigned long *ret_volume, struct stage_error *error)
{
	char noted[MANIFEST_HASH_MAX], hash[MANIFEST_HASH_MAX];
	struct stage_error failure;
	const char *manifest;
	unsigned long volume;
	int code;

	if (!*home || !parse(note, &volume, noted, &manifest))
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"it was put without a partial manifest in which it could be found again");
	code = manifest_volume_hash(home, manifest, volume, hash, &failure);
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
