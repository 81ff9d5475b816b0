#include "entry.h"

#include <string.h>
#include <sys/sysmacros.h>

static enum stage_entry_type
type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return STAGE_ENTRY_FILE;
	case S_IFDIR:
		return STAGE_ENTRY_DIRECTORY;
	case S_IFLNK:
		return STAGE_ENTRY_LINK;
	case S_IFIFO:
		return STAGE_ENTRY_FIFO;
	case S_IFCHR:
		return STAGE_ENTRY_CHARACTER;
	case S_IFBLK:
		return STAGE_ENTRY_BLOCK;
	default:
		return STAGE_ENTRY_NONE;
	}
}

double
stage_entry_seconds(const struct timespec *time)
{
	return (double)time->tv_sec + 1e-9 * (double)time->tv_nsec;
}

void
stage_entry_set_stat(struct stage_entry *entry, const struct stat *stat)
{
	entry->type = type_of(stat->st_mode);
	entry->mode = stat->st_mode & 07777;
	entry->uid = stat->st_uid;
	entry->gid = stat->st_gid;
	entry->mtime = (int64_t)stage_entry_seconds(&stat->st_mtim);
	entry->size = (uint64_t)stat->st_size;
	entry->dev_major = major(stat->st_rdev);
	entry->dev_minor = minor(stat->st_rdev);
}

/* The end of a part of a path comes before all bytes that go on with it. */
static int
weight(char byte)
{
	return byte == '/' ? -1 : (unsigned char)byte;
}

int
stage_entry_order(const struct stage_entry *a, const struct stage_entry *b)
{
	size_t both = a->index_length < b->index_length ? a->index_length : b->index_length, i;

	for (i = 0; i < both; i++)
		if (a->index[i] != b->index[i])
			return weight(a->index[i]) - weight(b->index[i]);
	return (a->index_length > both) - (b->index_length > both);
}

static bool
has_same_owner(const struct stage_entry *a, const struct stage_entry *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid;
}

bool
stage_entry_is_same(const struct stage_entry *a, const struct stage_entry *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type) {
	case STAGE_ENTRY_NONE:
		return true;
	case STAGE_ENTRY_LINK:
		return a->target_length == b->target_length &&
		       memcmp(a->target, b->target, a->target_length) == 0;
	case STAGE_ENTRY_CHARACTER:
	case STAGE_ENTRY_BLOCK:
		return has_same_owner(a, b) && a->dev_major == b->dev_major &&
		       a->dev_minor == b->dev_minor;
	default:
		return has_same_owner(a, b) &&
		       (a->mtime == b->mtime || (a->mtime <= 0 && b->mtime <= 0));
	}
}
