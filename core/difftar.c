/*
 * The reader is at the member whose content is the path's, or a part of it. Of a file in parts it may have gone on
 * to the member behind the last one: that waits for stage_difftar_next() then.
 */
#include "difftar.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the name of a member tells. */
struct split {
	enum stage_member_kind kind;
	bool is_part;
	const char *index; /* in the name */
	size_t length;
};

struct stage_difftar {
	struct stage_tarreader *reader;
	stage_difftar_volume next_volume;
	void *context;
	bool begun, ended;
	struct stage_error failure; /* its code is 0 where nothing has failed */

	const struct stage_tarmember *member; /* that the reader is at */
	struct split split;
	bool waits; /* it is not of the path */

	struct stage_difftar_entry entry;
	bool has_parts; /* the reader is at a part of the path */
	char *kept;     /* strings of a path in parts */
	size_t room;
};

static int
unrecognized(struct stage_difftar *difftar)
{
	return stage_error_set(&difftar->failure, STAGE_E_DAMAGED, 0, "Unrecognized diff entry %s",
		difftar->member->name);
}

/* Takes the number off the end of a part's name: what is left may be nothing. */
static bool
cut_number(struct split *split)
{
	size_t length = split->length;

	while (length > 0 && split->index[length - 1] >= '0' && split->index[length - 1] <= '9')
		length--;
	if (length == split->length)
		return false;
	if (length == 0) /* the slash before it is the prefix's */
		split->length = 0;
	else if (split->index[length - 1] == '/')
		split->length = length - 1;
	else
		return false;
	return true;
}

static bool
leads_up(const struct split *split)
{
	size_t from = 0, at;

	for (at = 0; at <= split->length; at++) {
		if (at < split->length && split->index[at] != '/')
			continue;
		if (at - from == 2 && memcmp(split->index + from, "..", 2) == 0)
			return true;
		from = at + 1;
	}
	return false;
}

/* Splits the name of the member as the host's get_index_from_tarinfo() does it. */
static int
split_name(struct stage_difftar *difftar)
{
	static const struct {
		const char *prefix;
		enum stage_member_kind kind;
		bool is_part;
	} kinds[] = {{"snapshot/", STAGE_MEMBER_SNAPSHOT, false},
		{"diff/", STAGE_MEMBER_DIFF, false}, {"deleted/", STAGE_MEMBER_DELETED, false},
		{"multivol_diff/", STAGE_MEMBER_DIFF, true},
		{"multivol_snapshot/", STAGE_MEMBER_SNAPSHOT, true}};
	const struct stage_tarmember *member = difftar->member;
	struct split *split = &difftar->split;
	size_t i, length = 0;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		length = strlen(kinds[i].prefix);
		if (strncmp(member->name, kinds[i].prefix, length) == 0)
			break;
	}
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		return unrecognized(difftar);
	*split = (struct split){kinds[i].kind, kinds[i].is_part, member->name + length,
		member->name_length - length};
	if (split->is_part && !cut_number(split))
		return unrecognized(difftar);
	if (!split->is_part && split->length > 0 && split->index[split->length - 1] == '/')
		split->length--;
	if (split->length == 1 && split->index[0] == '.')
		split->length = 0;
	if (leads_up(split))
		return stage_error_set(&difftar->failure, STAGE_E_DAMAGED, 0,
			"Tar entry %s contains '..'.  Security violation", member->name);
	return 1;
}

/* Goes to the next member, of the next volume where this one has none: 1, 0 behind the last, or an error. */
static int
go_on(struct stage_difftar *difftar)
{
	struct stage_tarsource source;
	const char *path;
	int code;

	for (;;) {
		if (difftar->begun) {
			code = stage_tarreader_next(
				difftar->reader, &difftar->member, &difftar->failure);
			if (code != 0)
				return code < 0 ? code : split_name(difftar);
		}
		code = difftar->next_volume(difftar->context, &source, &path, &difftar->failure);
		if (code < 0)
			difftar->failure.code = (enum stage_code)code;
		difftar->ended = code <= 0;
		if (code <= 0)
			return code;
		stage_tarreader_begin(difftar->reader, &source, path);
		difftar->begun = true;
	}
}

/* Behind a part: is the next member another one of the path? 0, or an error. */
static int
go_to_part(struct stage_difftar *difftar)
{
	const struct stage_entry *entry = &difftar->entry.entry;
	int code = go_on(difftar);

	if (code < 0)
		return code;
	difftar->waits = code > 0;
	difftar->has_parts = false;
	if (code == 0 || !difftar->split.is_part || difftar->split.length != entry->index_length ||
		memcmp(difftar->split.index, entry->index, entry->index_length) != 0)
		return 0;
	if (difftar->member->entry.type != STAGE_ENTRY_FILE)
		return stage_error_set(&difftar->failure, STAGE_E_DAMAGED, 0,
			"%s is no part of a file", difftar->member->name);
	difftar->waits = false;
	difftar->has_parts = true;
	return 0;
}

static const char *
keep(char **at, const char *bytes, size_t length)
{
	char *to = *at;

	if (length > 0)
		memcpy(to, bytes, length);
	*at += length;
	return to;
}

/* Keeps the strings of a path in parts, since the reader goes on while that is read. */
static int
keep_strings(struct stage_difftar *difftar)
{
	struct stage_difftar_entry *entry = &difftar->entry;
	size_t size = entry->entry.index_length + entry->user_length + entry->group_length + 1;
	char *at;

	if (size > difftar->room) {
		at = realloc(difftar->kept, 2 * size);
		if (!at)
			return stage_error_set(&difftar->failure, STAGE_E_MEMORY, 0,
				"no memory for a path of a volume");
		difftar->kept = at;
		difftar->room = 2 * size;
	}
	at = difftar->kept;
	entry->entry.index = keep(&at, entry->entry.index, entry->entry.index_length);
	entry->user = keep(&at, entry->user, entry->user_length);
	entry->group = keep(&at, entry->group, entry->group_length);
	entry->entry.target_length = 0;
	return 0;
}

/* Makes the member that the reader is at the path: 1, or an error. */
static int
take(struct stage_difftar *difftar)
{
	const struct stage_tarmember *member = difftar->member;
	struct stage_difftar_entry *entry = &difftar->entry;
	int code = stage_tarreader_check(difftar->reader, &difftar->failure);

	if (code < 0)
		return code;
	*entry = (struct stage_difftar_entry){.kind = difftar->split.kind,
		.entry = member->entry,
		.user = member->user,
		.user_length = member->user_length,
		.group = member->group,
		.group_length = member->group_length};
	entry->entry.index = difftar->split.index;
	entry->entry.index_length = difftar->split.length;
	if (entry->kind == STAGE_MEMBER_DELETED)
		entry->entry.type = STAGE_ENTRY_NONE;
	entry->in_parts = difftar->split.is_part && entry->entry.type == STAGE_ENTRY_FILE;
	difftar->has_parts = entry->in_parts;
	if (entry->in_parts && keep_strings(difftar) < 0)
		return difftar->failure.code;
	return 1;
}

static int
pass(struct stage_difftar *difftar)
{
	int code = 0;

	while (code == 0 && difftar->has_parts)
		code = go_to_part(difftar);
	return code;
}

/* Gives the failure to the caller, and its code. */
static int
give(const struct stage_difftar *difftar, struct stage_error *error)
{
	if (error)
		*error = difftar->failure;
	return difftar->failure.code;
}

int
stage_difftar_next(struct stage_difftar *difftar, const struct stage_difftar_entry **ret_entry,
	struct stage_error *error)
{
	int code = difftar->failure.code;

	if (code == 0)
		code = pass(difftar);
	if (code == 0 && difftar->waits)
		code = 1;
	else if (code == 0 && !difftar->ended)
		code = go_on(difftar);
	difftar->waits = false;
	if (code > 0)
		code = take(difftar);
	if (code < 0)
		return give(difftar, error);
	if (code == 0)
		difftar->entry = (struct stage_difftar_entry){0};
	else
		*ret_entry = &difftar->entry;
	return code;
}

/* Reads on in the parts of a file. */
static int
read_parts(struct stage_difftar *difftar, char *buffer, size_t size, size_t *ret_count)
{
	size_t done = 0, count;
	int code = 0;

	while (code == 0 && done < size && difftar->has_parts) {
		code = stage_tarreader_read(
			difftar->reader, buffer + done, size - done, &count, &difftar->failure);
		if (code == 0)
			done += count;
		if (code == 0 && stage_tarreader_left(difftar->reader) == 0)
			code = go_to_part(difftar);
	}
	*ret_count = done;
	return code;
}

int
stage_difftar_read(struct stage_difftar *difftar, void *buffer, size_t size, size_t *ret_count,
	struct stage_error *error)
{
	size_t count = 0;
	int code = difftar->failure.code;

	if (code == 0 && difftar->entry.in_parts)
		code = read_parts(difftar, buffer, size, &count);
	else if (code == 0 && difftar->begun && !difftar->ended)
		code = stage_tarreader_read(
			difftar->reader, buffer, size, &count, &difftar->failure);
	if (code < 0)
		return give(difftar, error);
	*ret_count = count;
	return 0;
}

int
stage_difftar_pass(struct stage_difftar *difftar, struct stage_error *error)
{
	int code = difftar->failure.code;

	if (code == 0)
		code = pass(difftar);
	return code < 0 ? give(difftar, error) : 0;
}

int
stage_difftar_new(stage_difftar_volume next_volume, void *context,
	struct stage_difftar **ret_difftar, struct stage_error *error)
{
	struct stage_difftar *difftar = calloc(1, sizeof(*difftar));
	int code;

	if (!difftar)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to read volumes");
	code = stage_tarreader_new("volume", &difftar->reader, error);
	if (code < 0) {
		free(difftar);
		return code;
	}
	difftar->next_volume = next_volume;
	difftar->context = context;
	*ret_difftar = difftar;
	return 0;
}

void
stage_difftar_free(struct stage_difftar **difftar)
{
	int before = errno;

	if (!*difftar)
		return;
	stage_tarreader_free(&(*difftar)->reader);
	free((*difftar)->kept);
	free(*difftar);
	*difftar = NULL;
	errno = before;
}
