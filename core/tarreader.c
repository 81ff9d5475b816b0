#include "tarreader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tarheader.h"

/* Bytes that are kept of a member while its header is read. */
struct kept {
	char *bytes;
	size_t size, room;
};

struct stage_tarreader {
	const char *kind, *path;
	struct stage_tarsource source;
	bool ended;
	struct stage_error failure; /* its code is 0 where nothing has failed */

	unsigned char block[STAGE_TARHEADER_BLOCK];
	struct stage_tarheader header;
	struct kept records, long_name, long_target;
	struct kept name; /* put together of prefix and name */
	struct stage_tarmember member;
	uint64_t left;    /* of the member's content */
	uint64_t padding; /* behind it */
};

static int
fail(struct stage_tarreader *reader, enum stage_code code, const char *reason)
{
	return stage_error_set(&reader->failure, code, 0, "the %s %s %s: %s", reader->kind,
		reader->path, code == STAGE_E_DAMAGED ? "is damaged" : "cannot be read", reason);
}

/* Sees to room for size bytes and a NUL. */
static int
make_room(struct stage_tarreader *reader, struct kept *kept, size_t size)
{
	char *grown;

	if (size < kept->room)
		return 0;
	grown = realloc(kept->bytes, 2 * size + 256);
	if (!grown)
		return fail(reader, STAGE_E_MEMORY, "no memory");
	kept->bytes = grown;
	kept->room = 2 * size + 256;
	return 0;
}

static int
read_source(struct stage_tarreader *reader, void *buffer, size_t size, size_t *ret_count)
{
	return reader->source.read(
		reader->source.context, buffer, size, ret_count, &reader->failure);
}

static int
skip_source(struct stage_tarreader *reader, uint64_t size, uint64_t *ret_count)
{
	return reader->source.skip(reader->source.context, size, ret_count, &reader->failure);
}

/* Reads all of size bytes. */
static int
read_whole(struct stage_tarreader *reader, void *buffer, size_t size)
{
	size_t count;
	int code = read_source(reader, buffer, size, &count);

	if (code == 0 && count < size)
		return fail(reader, STAGE_E_DAMAGED, "it ends in the middle of a member");
	return code;
}

static int
skip_whole(struct stage_tarreader *reader, uint64_t size)
{
	uint64_t count = 0;
	int code = size > 0 ? skip_source(reader, size, &count) : 0;

	if (code == 0 && count < size)
		return fail(reader, STAGE_E_DAMAGED, "it ends in the middle of a member");
	return code;
}

static uint64_t
padding_of(uint64_t size)
{
	return -size % STAGE_TARHEADER_BLOCK;
}

/* Keeps the content of a header that goes before another. */
static int
keep(struct stage_tarreader *reader, struct kept *kept)
{
	uint64_t size = reader->header.size;

	if (kept->size > 0)
		return fail(reader, STAGE_E_DAMAGED, "a member has two headers of the same kind");
	if (size == 0 || size > STAGE_TARREADER_RECORDS_MAX)
		return fail(reader, STAGE_E_DAMAGED, "the name of a member is too long");
	if (make_room(reader, kept, (size_t)size) < 0 ||
		read_whole(reader, kept->bytes, (size_t)size) < 0 ||
		skip_whole(reader, padding_of(size)) < 0)
		return reader->failure.code;
	kept->bytes[size] = '\0';
	kept->size = (size_t)size;
	return 0;
}

/* Behind the last member: only then is the checksum of gzip looked at. */
static int
end(struct stage_tarreader *reader)
{
	uint64_t count;

	reader->ended = true;
	return skip_source(reader, UINT64_MAX, &count);
}

/* Reads one block as a header: 1, 0 at the end, or an error. */
static int
read_header(struct stage_tarreader *reader)
{
	size_t count;
	int code;

	code = read_source(reader, reader->block, sizeof(reader->block), &count);
	if (code < 0)
		return code;
	if (count == 0)
		return end(reader);
	if (count < sizeof(reader->block))
		return fail(reader, STAGE_E_DAMAGED, "it ends in the middle of a member");
	switch (stage_tarheader_read(reader->block, &reader->header)) {
	case STAGE_TARHEADER_FOUND:
		return 1;
	case STAGE_TARHEADER_END:
		return end(reader);
	default:
		return fail(reader, STAGE_E_DAMAGED, "a member's header is none");
	}
}

/* Puts what goes before a header into it. */
static int
complete_header(struct stage_tarreader *reader)
{
	struct stage_tarheader *header = &reader->header;

	if (reader->long_name.size > 0) {
		header->name = (struct stage_tarheader_text){
			reader->long_name.bytes, strlen(reader->long_name.bytes)};
		header->prefix.length = 0;
	}
	if (reader->long_target.size > 0)
		header->target = (struct stage_tarheader_text){
			reader->long_target.bytes, strlen(reader->long_target.bytes)};
	if (!stage_tarheader_apply(header, reader->records.bytes, reader->records.size))
		return fail(reader, STAGE_E_DAMAGED, "a member has wrong pax records");
	return 1;
}

/* Reads the header of a member with all that goes before it: 1, 0 at the end, or an error. */
static int
read_headers(struct stage_tarreader *reader)
{
	bool is_first = true;
	int code;

	reader->records.size = reader->long_name.size = reader->long_target.size = 0;
	for (;; is_first = false) {
		code = read_header(reader);
		if (code == 0 && !is_first)
			return fail(reader, STAGE_E_DAMAGED, "it ends in the middle of a member");
		if (code <= 0)
			return code;
		switch (reader->header.type) {
		case 'x':
			code = keep(reader, &reader->records);
			break;
		case 'L':
			code = keep(reader, &reader->long_name);
			break;
		case 'K':
			code = keep(reader, &reader->long_target);
			break;
		default:
			return complete_header(reader);
		}
		if (code < 0)
			return code;
	}
}

static int
join_name(struct stage_tarreader *reader)
{
	const struct stage_tarheader *header = &reader->header;
	struct kept *name = &reader->name;
	size_t length = header->prefix.length;

	if (make_room(reader, name, length + header->name.length + 2) < 0)
		return reader->failure.code;
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

static enum stage_entry_type
type_of(const struct stage_tarheader *header)
{
	static const enum stage_entry_type types[] = {['2'] = STAGE_ENTRY_LINK,
		['3'] = STAGE_ENTRY_CHARACTER,
		['4'] = STAGE_ENTRY_BLOCK,
		['5'] = STAGE_ENTRY_DIRECTORY,
		['6'] = STAGE_ENTRY_FIFO,
		['0'] = STAGE_ENTRY_FILE,
		['\0'] = STAGE_ENTRY_FILE};
	unsigned char type = (unsigned char)header->type;

	return type < sizeof(types) / sizeof(types[0]) ? types[type] : STAGE_ENTRY_NONE;
}

/* What the header says of the member. */
static int
fill_member(struct stage_tarreader *reader)
{
	const struct stage_tarheader *header = &reader->header;

	if (join_name(reader) < 0)
		return reader->failure.code;
	reader->member = (struct stage_tarmember){.name = reader->name.bytes,
		.name_length = reader->name.size,
		.user = header->user.bytes,
		.user_length = header->user.length,
		.group = header->group.bytes,
		.group_length = header->group.length,
		.entry = {.type = type_of(header),
			.mode = header->mode,
			.uid = header->uid,
			.gid = header->gid,
			.mtime = header->mtime,
			.size = header->size,
			.target = header->target.bytes,
			.target_length = header->target.length,
			.dev_major = header->dev_major,
			.dev_minor = header->dev_minor}};
	return 1;
}

/* Gives the failure to the caller, and its code. */
static int
give(const struct stage_tarreader *reader, struct stage_error *error)
{
	if (error)
		*error = reader->failure;
	return reader->failure.code;
}

int
stage_tarreader_next(struct stage_tarreader *reader, const struct stage_tarmember **ret_member,
	struct stage_error *error)
{
	int code = reader->failure.code;

	if (code == 0 && reader->ended)
		return 0;
	if (code == 0)
		code = skip_whole(reader, reader->left + reader->padding);
	reader->left = reader->padding = 0;
	if (code == 0)
		code = read_headers(reader);
	if (code > 0)
		code = fill_member(reader);
	if (code < 0)
		return give(reader, error);
	if (code == 0)
		return 0;
	if (stage_tarheader_has_content(&reader->header)) {
		reader->left = reader->header.size;
		reader->padding = padding_of(reader->left);
	}
	*ret_member = &reader->member;
	return 1;
}

int
stage_tarreader_check(struct stage_tarreader *reader, struct stage_error *error)
{
	int code = reader->failure.code;

	if (code == 0 && reader->header.mtime < 0)
		code = fail(reader, STAGE_E_DAMAGED, "a member has a time before 1970");
	else if (code == 0 && reader->header.type == '1')
		code = fail(reader, STAGE_E_UNSUPPORTED, "Hard links not supported yet");
	else if (code == 0 && reader->member.entry.type == STAGE_ENTRY_NONE)
		code = fail(reader, STAGE_E_UNSUPPORTED, "Unknown tarinfo type");
	return code < 0 ? give(reader, error) : 0;
}

int
stage_tarreader_read(struct stage_tarreader *reader, void *buffer, size_t size, size_t *ret_count,
	struct stage_error *error)
{
	size_t count = size < reader->left ? size : (size_t)reader->left;
	int code = reader->failure.code;

	if (code == 0 && count > 0)
		code = read_whole(reader, buffer, count);
	if (code < 0)
		return give(reader, error);
	reader->left -= count;
	*ret_count = count;
	return 0;
}

uint64_t
stage_tarreader_left(const struct stage_tarreader *reader)
{
	return reader->left;
}

int
stage_tarreader_new(
	const char *kind, struct stage_tarreader **ret_reader, struct stage_error *error)
{
	struct stage_tarreader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to read a %s", kind);
	reader->kind = kind;
	reader->ended = true; /* there is no archive yet */
	*ret_reader = reader;
	return 0;
}

void
stage_tarreader_begin(
	struct stage_tarreader *reader, const struct stage_tarsource *source, const char *path)
{
	reader->source = *source;
	reader->path = path;
	reader->ended = false;
	reader->left = reader->padding = 0;
}

void
stage_tarreader_free(struct stage_tarreader **reader)
{
	int before = errno;

	if (!*reader)
		return;
	free((*reader)->records.bytes);
	free((*reader)->long_name.bytes);
	free((*reader)->long_target.bytes);
	free((*reader)->name.bytes);
	free(*reader);
	*reader = NULL;
	errno = before;
}

static int
read_ahead(void *context, void *buffer, size_t size, size_t *ret_count, struct stage_error *error)
{
	return stage_readahead_read(context, buffer, size, ret_count, error);
}

static int
skip_ahead(void *context, uint64_t size, uint64_t *ret_count, struct stage_error *error)
{
	return stage_readahead_skip(context, size, ret_count, error);
}

struct stage_tarsource
stage_tarreader_readahead(struct stage_readahead *readahead)
{
	return (struct stage_tarsource){
		.read = read_ahead, .skip = skip_ahead, .context = readahead};
}
