#include "sigarchive.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tarreader.h"

struct stage_sigarchive {
	struct stage_readahead *readahead;
	struct stage_tarreader *reader;
	char *path;
	struct stage_error failure; /* its code is 0 where nothing has failed */
	struct stage_sigarchive_entry entry;
};

/* Splits the name into the kind of member and the index. */
static int
split_name(struct stage_sigarchive *archive, const struct stage_tarmember *member)
{
	static const struct {
		const char *prefix;
		enum stage_member_kind kind;
	} kinds[] = {{"signature/", STAGE_MEMBER_SIGNATURE}, {"snapshot/", STAGE_MEMBER_SNAPSHOT},
		{"deleted/", STAGE_MEMBER_DELETED}};
	struct stage_sigarchive_entry *entry = &archive->entry;
	size_t i, length;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		length = strlen(kinds[i].prefix);
		if (strncmp(member->name, kinds[i].prefix, length) != 0)
			continue;
		entry->kind = kinds[i].kind;
		entry->entry.index = member->name + length;
		entry->entry.index_length = member->name_length - length;
		if (member->name[member->name_length - 1] == '/' && entry->entry.index_length > 0)
			entry->entry.index_length--;
		return 0;
	}
	return stage_error_set(&archive->failure, STAGE_E_DAMAGED, 0, "Bad tarinfo name %s in %s",
		member->name, archive->path);
}

static int
fill_entry(struct stage_sigarchive *archive, const struct stage_tarmember *member)
{
	struct stage_sigarchive_entry *entry = &archive->entry;

	*entry = (struct stage_sigarchive_entry){.user = member->user,
		.user_length = member->user_length,
		.group = member->group,
		.group_length = member->group_length,
		.entry = member->entry};
	if (split_name(archive, member) < 0)
		return archive->failure.code;
	if (entry->kind != STAGE_MEMBER_DELETED)
		return stage_tarreader_check(archive->reader, &archive->failure);
	entry->entry.type = STAGE_ENTRY_NONE; /* no more counts of it */
	return 0;
}

int
stage_sigarchive_next(struct stage_sigarchive *archive,
	const struct stage_sigarchive_entry **ret_entry, struct stage_error *error)
{
	const struct stage_tarmember *member;
	int code = archive->failure.code;

	if (code == 0)
		code = stage_tarreader_next(archive->reader, &member, &archive->failure);
	if (code > 0 && fill_entry(archive, member) < 0)
		code = archive->failure.code;
	if (code < 0 && error)
		*error = archive->failure;
	if (code > 0)
		*ret_entry = &archive->entry;
	return code;
}

int
stage_sigarchive_read(struct stage_sigarchive *archive, void *buffer, size_t size,
	size_t *ret_count, struct stage_error *error)
{
	int code = archive->failure.code;

	if (code == 0)
		code = stage_tarreader_read(
			archive->reader, buffer, size, ret_count, &archive->failure);
	if (code < 0 && error)
		*error = archive->failure;
	return code;
}

int
stage_sigarchive_open(struct stage_readahead *readahead, const char *path,
	struct stage_sigarchive **ret_archive, struct stage_error *error)
{
	const struct stage_tarsource source = stage_tarreader_readahead(readahead);
	struct stage_sigarchive *archive = calloc(1, sizeof(*archive));

	if (archive)
		archive->path = strdup(path);
	if (!archive || !archive->path ||
		stage_tarreader_new("archive of signatures", &archive->reader, NULL) < 0) {
		if (archive)
			free(archive->path);
		free(archive);
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to read %s", path);
	}
	stage_tarreader_begin(archive->reader, &source, archive->path);
	archive->readahead = readahead;
	*ret_archive = archive;
	return 0;
}

void
stage_sigarchive_close(struct stage_sigarchive **archive)
{
	int before = errno;

	if (!*archive)
		return;
	stage_readahead_close(&(*archive)->readahead);
	stage_tarreader_free(&(*archive)->reader);
	free((*archive)->path);
	free(*archive);
	*archive = NULL;
	errno = before;
}
