/*
 * libarchive has one charset for an archive. So there are two archives, that write to one place:
 * one for members all of whose strings are ASCII, one that marks what it writes as BINARY.
 *
 * To libarchive writing always works: an archive that has failed leaks memory when it is freed
 * (3.6.2), and so does one that is not closed. What it writes then is dropped here, after an error,
 * and as the end that it gives an archive that is closed.
 */
#include "tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK 512
#define RECORD 10240

/* The digits of a piece, with what stands around a name. */
#define FRAME_MAX 64

struct stage_tar {
	struct archive *ascii, *binary; /* the second one is made when it is needed */
	struct archive_entry *entry;
	char *name; /* of a member, framed */
	size_t name_room;

	stage_tar_write write;
	void *context;
	uint64_t size; /* bytes that were written, as a tar reader counts them */
	bool closing, ended;
	int code; /* of the first error, which error then holds */
	struct stage_error error;
};

static int
fail(struct stage_tar *tar, struct stage_error *error)
{
	if (error)
		*error = tar->error;
	return tar->code;
}

static int
fail_memory(struct stage_tar *tar, struct stage_error *error)
{
	tar->code = stage_error_set(
		&tar->error, STAGE_E_MEMORY, 0, "no memory for a member of a volume");
	return fail(tar, error);
}

/* What libarchive gives out goes to the caller's function. */
static la_ssize_t
pass_on(struct archive *archive, void *context, const void *data, size_t size)
{
	struct stage_tar *tar = context;

	(void)archive;
	if (tar->code == 0 && !tar->closing)
		tar->code = tar->write(tar->context, data, size, &tar->error);
	tar->size += size;
	return (la_ssize_t)size;
}

/* An archive that writes what it is given at once. NULL for want of memory. */
static struct archive *
new_archive(struct stage_tar *tar, bool binary)
{
	struct archive *archive = archive_write_new();

	if (!archive)
		return NULL;
	if (archive_write_set_format_pax_restricted(archive) == ARCHIVE_OK &&
		(!binary || archive_write_set_format_option(
				    archive, NULL, "hdrcharset", "BINARY") == ARCHIVE_OK) &&
		archive_write_set_bytes_per_block(archive, 0) == ARCHIVE_OK &&
		archive_write_open(archive, tar, NULL, pass_on, NULL) == ARCHIVE_OK)
		return archive;
	archive_write_free(archive);
	return NULL;
}

static bool
is_ascii(const char *text)
{
	const unsigned char *byte = (const unsigned char *)text;

	while (byte && *byte)
		if (*byte++ > 127)
			return false;
	return true;
}

static struct archive *
archive_for(struct stage_tar *tar, const struct stage_member *member)
{
	if (is_ascii(member->name) && is_ascii(member->target) && is_ascii(member->user) &&
		is_ascii(member->group))
		return tar->ascii;
	if (!tar->binary)
		tar->binary = new_archive(tar, true);
	return tar->binary;
}

static const char *
prefix_of(enum stage_member_kind kind)
{
	switch (kind) {
	case STAGE_MEMBER_SNAPSHOT:
		return "snapshot";
	case STAGE_MEMBER_DIFF:
		return "diff";
	case STAGE_MEMBER_DELETED:
		return "deleted";
	case STAGE_MEMBER_SIGNATURE:
		break;
	}
	return "signature";
}

/* Writes the name that a member has in the archive to tar->name. False for want of memory. */
static bool
frame(struct stage_tar *tar, const struct stage_member *member)
{
	const char *prefix = prefix_of(member->kind), *name = member->name ? member->name : "";
	size_t room = strlen(name) + FRAME_MAX;
	char *grown;

	if (room > tar->name_room) {
		grown = realloc(tar->name, room);
		if (!grown)
			return false;
		tar->name = grown;
		tar->name_room = room;
	}
	if (member->piece > 0)
		snprintf(tar->name, tar->name_room, "multivol_%s/%s/%" PRIu64, prefix, name,
			member->piece);
	else
		stpcpy(stpcpy(stpcpy(tar->name, prefix), "/"), name);
	return true;
}

static unsigned int
file_type(enum stage_member_type type)
{
	switch (type) {
	case STAGE_MEMBER_DIRECTORY:
		return AE_IFDIR;
	case STAGE_MEMBER_LINK:
		return AE_IFLNK;
	case STAGE_MEMBER_FIFO:
		return AE_IFIFO;
	case STAGE_MEMBER_CHARACTER:
		return AE_IFCHR;
	case STAGE_MEMBER_BLOCK:
		return AE_IFBLK;
	case STAGE_MEMBER_FILE:
		break;
	}
	return AE_IFREG;
}

static void
fill_entry(const struct stage_tar *tar, const struct stage_member *member, size_t size)
{
	struct archive_entry *entry = tar->entry;

	archive_entry_clear(entry);
	archive_entry_set_pathname(entry, tar->name);
	archive_entry_set_filetype(entry, file_type(member->type));
	archive_entry_set_perm(entry, member->mode & 07777);
	archive_entry_set_size(entry, (la_int64_t)size);
	archive_entry_set_uid(entry, (la_int64_t)member->uid);
	archive_entry_set_gid(entry, (la_int64_t)member->gid);
	archive_entry_set_mtime(entry, member->mtime, 0);
	if (member->user)
		archive_entry_set_uname(entry, member->user);
	if (member->group)
		archive_entry_set_gname(entry, member->group);
	if (member->type == STAGE_MEMBER_LINK)
		archive_entry_set_symlink(entry, member->target ? member->target : "");
	if (member->type == STAGE_MEMBER_CHARACTER || member->type == STAGE_MEMBER_BLOCK) {
		archive_entry_set_rdevmajor(entry, member->dev_major);
		archive_entry_set_rdevminor(entry, member->dev_minor);
	}
}

/* Why libarchive did not do what it was to do. */
static int
note_failure(struct stage_tar *tar, struct archive *archive, struct stage_error *error)
{
	const char *reason = archive_error_string(archive);

	if (archive_errno(archive) == ENOMEM)
		return fail_memory(tar, error);
	tar->code = stage_error_set(&tar->error, STAGE_E_ARGUMENT, 0,
		"libarchive cannot write %s: %s", tar->name, reason ? reason : "no reason given");
	return fail(tar, error);
}

int
stage_tar_open(
	stage_tar_write write, void *context, struct stage_tar **ret_tar, struct stage_error *error)
{
	struct stage_tar *tar = calloc(1, sizeof(*tar));

	if (!tar)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a volume");
	tar->write = write;
	tar->context = context;
	tar->entry = archive_entry_new();
	tar->ascii = new_archive(tar, false);
	if (!tar->entry || !tar->ascii) {
		stage_tar_close(&tar);
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a volume");
	}
	*ret_tar = tar;
	return 0;
}

/* To be called first by whatever writes: is it open, and not yet ended or failed? */
static int
enter(struct stage_tar *tar, const char *what, struct stage_error *error)
{
	if (!tar)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"%s cannot be written: the archive is not open", what);
	if (tar->code < 0)
		return fail(tar, error);
	if (tar->ended)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"%s cannot be written: the archive has ended already, and no reader looks behind its end",
			what);
	return 0;
}

int
stage_tar_add(struct stage_tar *tar, const struct stage_member *member, const void *data,
	size_t size, struct stage_error *error)
{
	const char *name = member && member->name ? member->name : "a member";
	struct archive *archive;
	int code;

	code = enter(tar, name, error);
	if (code < 0)
		return code;
	if (!member || (size > 0 && (member->type != STAGE_MEMBER_FILE || !data)))
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"%s cannot be written: it has %zu bytes of data, which only files have",
			name, size);
	archive = archive_for(tar, member);
	if (!archive || !frame(tar, member))
		return fail_memory(tar, error);
	fill_entry(tar, member, size);
	if (archive_write_header(archive, tar->entry) != ARCHIVE_OK ||
		(size > 0 && archive_write_data(archive, data, size) != (la_ssize_t)size) ||
		archive_write_finish_entry(archive) != ARCHIVE_OK)
		return note_failure(tar, archive, error);
	return tar->code < 0 ? fail(tar, error) : 0;
}

int
stage_tar_end(struct stage_tar *tar, struct stage_error *error)
{
	static const char zeros[RECORD];
	size_t size = 2 * BLOCK;
	int code;

	code = enter(tar, "an end", error);
	if (code < 0)
		return code;
	tar->ended = true;
	size += (size_t)((RECORD - (tar->size + size) % RECORD) % RECORD);
	for (; size > 0 && tar->code == 0; size -= size < RECORD ? size : RECORD)
		pass_on(NULL, tar, zeros, size < RECORD ? size : RECORD);
	return tar->code < 0 ? fail(tar, error) : 0;
}

void
stage_tar_close(struct stage_tar **tar)
{
	int before = errno;

	if (!*tar)
		return;
	(*tar)->closing = true;
	archive_write_free((*tar)->ascii);
	archive_write_free((*tar)->binary);
	archive_entry_free((*tar)->entry);
	free((*tar)->name);
	free(*tar);
	*tar = NULL;
	errno = before;
}
