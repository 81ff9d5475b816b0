#include "sigarchive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tarheader.h"

/* Bytes that are kept of a member while its header is read. */
struct kept {
	char *bytes;
	size_t size, room;
};

struct stage_sigarchive {
	struct stage_gunzip *gunzip;
	char *path;
	bool ended;
	struct stage_error failure; /* its code is 0 where nothing has failed */

	unsigned char block[STAGE_TARHEADER_BLOCK];
	struct stage_tarheader header;
	struct kept records, long_name, long_target;
	struct kept name; /* put together of prefix and name */
	struct stage_sigarchive_entry entry;
	uint64_t left;    /* of the member's content */
	uint64_t padding; /* behind it */
};

static int
fail(struct stage_sigarchive *archive, enum stage_code code, const char *reason)
{
	return stage_error_set(&archive->failure, code, 0, "the archive of signatures %s %s: %s",
		archive->path, code == STAGE_E_DAMAGED ? "is damaged" : "cannot be read", reason);
}

/* Sees to room for size bytes and a NUL. */
static int
make_room(struct stage_sigarchive *archive, struct kept *kept, size_t size)
{
	char *grown;

	if (size < kept->room)
		return 0;
	grown = realloc(kept->bytes, 2 * size + 256);
	if (!grown)
		return fail(archive, STAGE_E_MEMORY, "no memory");
	kept->bytes = grown;
	kept->room = 2 * size + 256;
	return 0;
}

/* Reads all of size bytes. */
static int
read_whole(struct stage_sigarchive *archive, void *buffer, size_t size)
{
	size_t count;
	int code = stage_gunzip_read(archive->gunzip, buffer, size, &count, &archive->failure);

	if (code == 0 && count < size)
		return fail(archive, STAGE_E_DAMAGED, "it ends in the middle of a member");
	return code;
}

static int
skip_whole(struct stage_sigarchive *archive, uint64_t size)
{
	uint64_t count = 0;
	int code = stage_gunzip_skip(archive->gunzip, size, &count, &archive->failure);

	if (code == 0 && count < size)
		return fail(archive, STAGE_E_DAMAGED, "it ends in the middle of a member");
	return code;
}

static uint64_t
padding_of(uint64_t size)
{
	return -size % STAGE_TARHEADER_BLOCK;
}

/* Keeps the content of a header that goes before another. */
static int
keep(struct stage_sigarchive *archive, struct kept *kept)
{
	uint64_t size = archive->header.size;

	if (kept->size > 0)
		return fail(archive, STAGE_E_DAMAGED, "a member has two headers of the same kind");
	if (size == 0 || size > STAGE_SIGARCHIVE_RECORDS_MAX)
		return fail(archive, STAGE_E_DAMAGED, "the name of a member is too long");
	if (make_room(archive, kept, (size_t)size) < 0 ||
		read_whole(archive, kept->bytes, (size_t)size) < 0 ||
		skip_whole(archive, padding_of(size)) < 0)
		return archive->failure.code;
	kept->bytes[size] = '\0';
	kept->size = (size_t)size;
	return 0;
}

/* Behind the last member: only then is the checksum of gzip looked at. */
static int
end(struct stage_sigarchive *archive)
{
	uint64_t count;

	archive->ended = true;
	return stage_gunzip_skip(archive->gunzip, UINT64_MAX, &count, &archive->failure);
}

/* Reads one block as a header: 1, 0 at the end, or an error. */
static int
read_header(struct stage_sigarchive *archive)
{
	size_t count;
	int code;

	code = stage_gunzip_read(
		archive->gunzip, archive->block, sizeof(archive->block), &count, &archive->failure);
	if (code < 0)
		return code;
	if (count == 0)
		return end(archive);
	if (count < sizeof(archive->block))
		return fail(archive, STAGE_E_DAMAGED, "it ends in the middle of a member");
	switch (stage_tarheader_read(archive->block, &archive->header)) {
	case STAGE_TARHEADER_FOUND:
		return 1;
	case STAGE_TARHEADER_END:
		return end(archive);
	default:
		return fail(archive, STAGE_E_DAMAGED, "a member's header is none");
	}
}

/* Puts what goes before a header into it. */
static int
complete_header(struct stage_sigarchive *archive)
{
	struct stage_tarheader *header = &archive->header;

	if (archive->long_name.size > 0) {
		header->name = (struct stage_tarheader_text){
			archive->long_name.bytes, strlen(archive->long_name.bytes)};
		header->prefix.length = 0;
	}
	if (archive->long_target.size > 0)
		header->target = (struct stage_tarheader_text){
			archive->long_target.bytes, strlen(archive->long_target.bytes)};
	if (!stage_tarheader_apply(header, archive->records.bytes, archive->records.size))
		return fail(archive, STAGE_E_DAMAGED, "a member has wrong pax records");
	return 1;
}

/* Reads the header of a member with all that goes before it: 1, 0 at the end, or an error. */
static int
read_headers(struct stage_sigarchive *archive)
{
	bool is_first = true;
	int code;

	archive->records.size = archive->long_name.size = archive->long_target.size = 0;
	for (;; is_first = false) {
		code = read_header(archive);
		if (code == 0 && !is_first)
			return fail(archive, STAGE_E_DAMAGED, "it ends in the middle of a member");
		if (code <= 0)
			return code;
		switch (archive->header.type) {
		case 'x':
			code = keep(archive, &archive->records);
			break;
		case 'L':
			code = keep(archive, &archive->long_name);
			break;
		case 'K':
			code = keep(archive, &archive->long_target);
			break;
		default:
			return complete_header(archive);
		}
		if (code < 0)
			return code;
	}
}

/* The whole name, as the host has it: a directory's ends with a slash. */
static int
join_name(struct stage_sigarchive *archive)
{
	const struct stage_tarheader *header = &archive->header;
	struct kept *name = &archive->name;
	size_t length = header->prefix.length;

	if (make_room(archive, name, length + header->name.length + 2) < 0)
		return archive->failure.code;
	memcpy(name->bytes, header->prefix.bytes, length);
	if (length > 0)
		name->bytes[length++] = '/';
	memcpy(name->bytes + length, header->name.bytes, header->name.length);
	length += header->name.length;
	if (header->type == '5' && (length == 0 || name->bytes[length - 1] != '/'))
		name->bytes[length++] = '/';
	name->bytes[length] = '\0';
	name->size = length;
	return 0;
}

/* Splits the name into the kind of member and the index. */
static int
split_name(struct stage_sigarchive *archive)
{
	static const struct {
		const char *prefix;
		enum stage_member_kind kind;
	} kinds[] = {{"signature/", STAGE_MEMBER_SIGNATURE}, {"snapshot/", STAGE_MEMBER_SNAPSHOT},
		{"deleted/", STAGE_MEMBER_DELETED}};
	struct stage_sigarchive_entry *entry = &archive->entry;
	size_t i, length;

	if (join_name(archive) < 0)
		return archive->failure.code;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		length = strlen(kinds[i].prefix);
		if (strncmp(archive->name.bytes, kinds[i].prefix, length) != 0)
			continue;
		entry->kind = kinds[i].kind;
		entry->entry.index = archive->name.bytes + length;
		entry->entry.index_length = archive->name.size - length;
		if (archive->name.bytes[archive->name.size - 1] == '/' &&
			entry->entry.index_length > 0)
			entry->entry.index_length--;
		return 0;
	}
	return stage_error_set(&archive->failure, STAGE_E_DAMAGED, 0, "Bad tarinfo name %s in %s",
		archive->name.bytes, archive->path);
}

static int
set_type(struct stage_sigarchive *archive)
{
	static const enum stage_entry_type types[] = {['2'] = STAGE_ENTRY_LINK,
		['3'] = STAGE_ENTRY_CHARACTER,
		['4'] = STAGE_ENTRY_BLOCK,
		['5'] = STAGE_ENTRY_DIRECTORY,
		['6'] = STAGE_ENTRY_FIFO,
		['0'] = STAGE_ENTRY_FILE,
		['\0'] = STAGE_ENTRY_FILE};
	unsigned char type = (unsigned char)archive->header.type;

	if (type == '1')
		return fail(archive, STAGE_E_UNSUPPORTED, "Hard links not supported yet");
	if (type >= sizeof(types) / sizeof(types[0]) ||
		(types[type] == STAGE_ENTRY_NONE && type != '\0'))
		return fail(archive, STAGE_E_UNSUPPORTED, "Unknown tarinfo type");
	archive->entry.entry.type = types[type];
	return 0;
}

/* What the header says of the member. */
static int
fill_entry(struct stage_sigarchive *archive)
{
	const struct stage_tarheader *header = &archive->header;
	struct stage_sigarchive_entry *entry = &archive->entry;

	*entry = (struct stage_sigarchive_entry){.user = header->user.bytes,
		.user_length = header->user.length,
		.group = header->group.bytes,
		.group_length = header->group.length,
		.entry = {.mode = header->mode,
			.uid = header->uid,
			.gid = header->gid,
			.mtime = header->mtime,
			.size = header->size,
			.target = header->target.bytes,
			.target_length = header->target.length,
			.dev_major = header->dev_major,
			.dev_minor = header->dev_minor}};
	if (split_name(archive) < 0)
		return archive->failure.code;
	if (entry->kind == STAGE_MEMBER_DELETED)
		return 0;      /* no more counts of it */
	if (header->mtime < 0) /* for which the host has a traceback, and writes 0 itself */
		return fail(archive, STAGE_E_DAMAGED, "a member has a time before 1970");
	return set_type(archive);
}

int
stage_sigarchive_next(struct stage_sigarchive *archive,
	const struct stage_sigarchive_entry **ret_entry, struct stage_error *error)
{
	int code = archive->failure.code;

	if (code == 0 && archive->ended)
		return 0;
	if (code == 0)
		code = skip_whole(archive, archive->left + archive->padding);
	archive->left = archive->padding = 0;
	if (code == 0)
		code = read_headers(archive);
	if (code > 0 && fill_entry(archive) < 0)
		code = archive->failure.code;
	if (code < 0) {
		if (error)
			*error = archive->failure;
		return code;
	}
	if (code > 0 && stage_tarheader_has_content(&archive->header)) {
		archive->left = archive->header.size;
		archive->padding = padding_of(archive->left);
	}
	if (code > 0)
		*ret_entry = &archive->entry;
	return code;
}

int
stage_sigarchive_read(struct stage_sigarchive *archive, void *buffer, size_t size,
	size_t *ret_count, struct stage_error *error)
{
	size_t count = size < archive->left ? size : (size_t)archive->left;
	int code = archive->failure.code;

	if (code == 0)
		code = read_whole(archive, buffer, count);
	if (code < 0) {
		if (error)
			*error = archive->failure;
		return code;
	}
	archive->left -= count;
	*ret_count = count;
	return 0;
}

int
stage_sigarchive_open(struct stage_gunzip *gunzip, const char *path,
	struct stage_sigarchive **ret_archive, struct stage_error *error)
{
	struct stage_sigarchive *archive = calloc(1, sizeof(*archive));

	if (archive)
		archive->path = strdup(path);
	if (!archive || !archive->path) {
		free(archive);
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to read %s", path);
	}
	archive->gunzip = gunzip;
	*ret_archive = archive;
	return 0;
}

void
stage_sigarchive_close(struct stage_sigarchive **archive)
{
	int before = errno;

	if (!*archive)
		return;
	stage_gunzip_close(&(*archive)->gunzip);
	free((*archive)->records.bytes);
	free((*archive)->long_name.bytes);
	free((*archive)->long_target.bytes);
	free((*archive)->name.bytes);
	free((*archive)->path);
	free(*archive);
	*archive = NULL;
	errno = before;
}
