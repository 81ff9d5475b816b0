/*
 * The caller's side: the stack of folders that he is in, and the file whose content comes in.
 */
#include "unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unpack_internal.h"

static int
no_memory(struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to write a file");
}

void
stage_unpack_note(struct told *told, enum stage_unpack_call call, int sys_errno)
{
	if (told->count == FAILURES_MAX)
		return;
	told->failures[told->count].call = call;
	told->failures[told->count].sys_errno = sys_errno;
	told->count++;
}

void
stage_unpack_copy(const struct stage_entry *entry, struct stage_entry *ret_copy, char *text)
{
	*ret_copy = *entry;
	memcpy(text, entry->index, entry->index_length);
	text[entry->index_length] = '\0';
	ret_copy->index = text;
	text += entry->index_length + 1;
	if (entry->target_length > 0)
		memcpy(text, entry->target, entry->target_length);
	text[entry->target_length] = '\0';
	ret_copy->target = text;
}

static int
init_lock(struct stage_unpack *unpack)
{
	int failed = pthread_mutex_init(&unpack->lock, NULL);

	if (failed)
		return failed;
	failed = pthread_cond_init(&unpack->work, NULL);
	if (!failed && (failed = pthread_cond_init(&unpack->done, NULL)))
		pthread_cond_destroy(&unpack->work);
	if (failed)
		pthread_mutex_destroy(&unpack->lock);
	return failed;
}

int
stage_unpack_open(int base_fd, const struct stage_unpack_options *options,
	struct stage_unpack **ret_unpack, struct stage_error *error)
{
	static const struct stage_entry base = {.index = "", .type = STAGE_ENTRY_DIRECTORY};
	struct stage_unpack *unpack = calloc(1, sizeof(*unpack));
	struct unpack_folder *folder = stage_unpack_folder_new(NULL, &base, "");
	int failed = ENOMEM;

	if (!unpack || !folder || (failed = init_lock(unpack))) {
		free(unpack);
		free(folder);
		if (failed == ENOMEM)
			return no_memory(error);
		return stage_error_set(error, STAGE_E_SYSTEM, failed, "cannot make a lock");
	}
	unpack->options = *options;
	unpack->owner = getpid();
	folder->fd = base_fd;
	unpack->last = &unpack->first;
	unpack->last_failed = &unpack->first_failed;
	unpack->current = folder;
	stage_unpack_count(unpack, folder);
	stage_unpack_start(unpack);
	*ret_unpack = unpack;
	return 0;
}

static bool
is_below(const char *path, size_t length, const struct stage_entry *entry)
{
	if (length == 0)
		return true;
	return entry->index_length > length && entry->index[length] == '/' &&
	       memcmp(entry->index, path, length) == 0;
}

bool
stage_unpack_is_lost(const struct stage_unpack *unpack, const struct stage_entry *entry)
{
	return unpack->lost && is_below(unpack->lost, unpack->lost_length, entry);
}

static int
check(const struct stage_unpack *unpack, struct stage_error *error)
{
	if (unpack->owner != getpid())
		return stage_error_set(error, STAGE_E_FORKED, 0, "an unpack is its process's own");
	if (unpack->is_finished)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0, "the unpack is finished");
	return 0;
}

/* May these bytes be a name, or all of a target? */
static bool
is_name(const char *bytes, size_t length)
{
	return length > 0 && !(length == 1 && bytes[0] == '.') &&
	       !(length == 2 && bytes[0] == '.' && bytes[1] == '.') && !memchr(bytes, '\0', length);
}

static bool
is_valid(const struct stage_entry *entry)
{
	const char *name = entry->index, *end = name + entry->index_length, *slash;

	while ((slash = memchr(name, '/', (size_t)(end - name)))) {
		if (!is_name(name, (size_t)(slash - name)))
			return false;
		name = slash + 1;
	}
	return is_name(name, (size_t)(end - name)) &&
	       (entry->target_length == 0 || !memchr(entry->target, '\0', entry->target_length));
}

/* The call that makes a member. */
static enum stage_unpack_call
making(enum stage_entry_type type)
{
	switch (type) {
	case STAGE_ENTRY_DIRECTORY:
		return STAGE_UNPACK_MKDIR;
	case STAGE_ENTRY_LINK:
		return STAGE_UNPACK_SYMLINK;
	case STAGE_ENTRY_FIFO:
		return STAGE_UNPACK_MKFIFO;
	case STAGE_ENTRY_CHARACTER:
	case STAGE_ENTRY_BLOCK:
		return STAGE_UNPACK_MKNOD;
	case STAGE_ENTRY_FILE:
	case STAGE_ENTRY_NONE:
		break;
	}
	return STAGE_UNPACK_OPEN;
}

static const char *
last_name(const struct stage_entry *entry)
{
	const char *slash = memrchr(entry->index, '/', entry->index_length);

	return slash ? slash + 1 : entry->index;
}

/* A member, in no folder yet. NULL without memory. */
static struct unpack_member *
new_member(const struct stage_entry *entry)
{
	struct unpack_member *member =
		malloc(sizeof(*member) + entry->index_length + entry->target_length + 2);

	if (!member)
		return NULL;
	memset(member, 0, sizeof(*member));
	stage_unpack_copy(entry, &member->told.entry, member->text);
	member->name = last_name(&member->told.entry);
	member->fd = -1;
	return member;
}

/* From now on what is in this folder is lost. -1 without memory. */
static int
lose(struct stage_unpack *unpack, const struct stage_entry *entry)
{
	char *path = malloc(entry->index_length + 1);

	if (!path)
		return -1;
	memcpy(path, entry->index, entry->index_length);
	path[entry->index_length] = '\0';
	free(unpack->lost);
	unpack->lost = path;
	unpack->lost_length = entry->index_length;
	return 0;
}

/* A member that cannot be made. */
static int
refuse(struct stage_unpack *unpack, const struct stage_entry *entry, int sys_errno,
	struct stage_error *error)
{
	struct unpack_member *member = new_member(entry);

	if (!member)
		return no_memory(error);
	if (entry->type == STAGE_ENTRY_DIRECTORY && lose(unpack, entry) < 0) {
		free(member);
		return no_memory(error);
	}
	stage_unpack_note(&member->told, making(entry->type), sys_errno);
	if (entry->type == STAGE_ENTRY_FILE)
		unpack->open = member; /* its content is taken, to nowhere */
	else
		stage_unpack_tell(unpack, &member->told);
	return 0;
}

static void
leave(struct stage_unpack *unpack)
{
	struct unpack_folder *folder = unpack->current;

	if (folder->parent && stage_unpack_folder_reopen(folder))
		stage_unpack_count_open(unpack);
	unpack->current = folder->parent;
	stage_unpack_leave(unpack, folder);
}

/* Goes into a folder that was opened, and closes the one that is far up now. */
static void
enter(struct stage_unpack *unpack, struct unpack_folder *folder)
{
	struct unpack_folder *far = folder;
	unsigned int i;

	stage_unpack_count(unpack, folder);
	unpack->current = folder;
	if (folder->depth <= STAGE_UNPACK_NEAR)
		return;
	for (i = 0; i < STAGE_UNPACK_NEAR; i++)
		far = far->parent;
	if (stage_unpack_may_rest(unpack, far))
		stage_unpack_folder_rest(far);
}

/* Makes and enters a folder on the way to a member; or opens it, where it is there or none is to be made. 0, or an
 * errno. */
static int
enter_missing(struct stage_unpack *unpack, const struct stage_entry *entry, bool makes)
{
	struct unpack_folder *folder;
	int failed = ENOENT;

	stage_unpack_await_room(unpack);
	folder = stage_unpack_folder_new(unpack->current, entry, last_name(entry));
	if (!folder)
		return ENOMEM;
	if (makes)
		failed = stage_unpack_folder_make(folder);
	if (!makes || failed == EEXIST)
		failed = stage_unpack_folder_open(folder);
	if (failed)
		free(folder);
	else
		enter(unpack, folder);
	return failed;
}

/* Enters the folder that a member is in. 0, or an errno. */
static int
enter_parents(struct stage_unpack *unpack, const struct stage_entry *entry)
{
	struct stage_entry way = {.index = entry->index, .type = STAGE_ENTRY_DIRECTORY};
	size_t done;
	const char *slash;
	int failed = 0;

	while (!is_below(unpack->current->told.entry.index, unpack->current->length, entry))
		leave(unpack);
	if (unpack->current->failed)
		return unpack->current->failed;
	done = unpack->current->length + (unpack->current->length > 0);
	while (!failed && (slash = memchr(entry->index + done, '/', entry->index_length - done))) {
		/* what is there may be on its way */
		stage_unpack_await_members(unpack);
		way.index_length = (size_t)(slash - entry->index);
		failed = enter_missing(unpack, &way, entry->type == STAGE_ENTRY_DIRECTORY);
		done = way.index_length + 1;
	}
	return failed;
}

static int
add_folder(struct stage_unpack *unpack, const struct stage_entry *entry, struct stage_error *error)
{
	struct unpack_folder *folder;
	int failed;

	stage_unpack_await_room(unpack);
	folder = stage_unpack_folder_new(unpack->current, entry, last_name(entry));
	if (!folder)
		return no_memory(error);
	failed = stage_unpack_folder_make(folder);
	if (failed) {
		free(folder);
		return refuse(unpack, entry, failed, error);
	}
	folder->is_member = true;
	enter(unpack, folder);
	return 0;
}

static int
add_member(struct stage_unpack *unpack, const struct stage_entry *entry, struct stage_error *error)
{
	struct unpack_member *member = new_member(entry);

	if (!member)
		return no_memory(error);
	member->folder = unpack->current;
	stage_unpack_begin(unpack, member);
	if (entry->type == STAGE_ENTRY_FILE)
		unpack->open = member;
	else
		stage_unpack_queue(unpack, member);
	return 0;
}

static int
add_base(struct stage_unpack *unpack, const struct stage_entry *entry, struct stage_error *error)
{
	struct unpack_folder *base = unpack->current;

	if (unpack->has_begun || entry->type != STAGE_ENTRY_DIRECTORY)
		return stage_error_set(
			error, STAGE_E_ARGUMENT, 0, "the base is a folder, and comes first");
	unpack->has_begun = true;
	base->told.entry = *entry;
	base->told.entry.index = base->told.entry.target = base->text;
	base->told.entry.target_length = 0;
	base->is_member = true;
	return 0;
}

int
stage_unpack_add(
	struct stage_unpack *unpack, const struct stage_entry *entry, struct stage_error *error)
{
	int code = check(unpack, error), failed;

	if (code < 0)
		return code;
	if (unpack->open)
		return stage_error_set(
			error, STAGE_E_ARGUMENT, 0, "a file has not come to its end");
	if (entry->type == STAGE_ENTRY_NONE || stage_unpack_is_lost(unpack, entry))
		return 0;
	if (entry->index_length == 0)
		return add_base(unpack, entry, error);
	unpack->has_begun = true;
	failed = is_valid(entry) ? enter_parents(unpack, entry) : EINVAL;
	if (failed == ENOMEM)
		return no_memory(error);
	if (failed)
		return refuse(unpack, entry, failed, error);
	if (entry->type == STAGE_ENTRY_DIRECTORY)
		return add_folder(unpack, entry, error);
	return add_member(unpack, entry, error);
}

/* Keeps content. -1 without memory. */
static int
keep(struct unpack_member *member, const void *data, size_t size)
{
	size_t room = member->room;
	unsigned char *grown;

	if (room == 0 && member->told.entry.size <= STAGE_UNPACK_SMALL)
		room = (size_t)member->told.entry.size;
	if (room < member->size + size)
		room = 2 * (member->size + size);
	if (room > STAGE_UNPACK_SMALL)
		room = STAGE_UNPACK_SMALL;
	if (room > member->room) {
		grown = realloc(member->content, room);
		if (!grown)
			return -1;
		member->content = grown;
		member->room = room;
	}
	memcpy(member->content + member->size, data, size);
	member->size += size;
	return 0;
}

/* Writes what was kept: the file is too large for that. */
static void
create(struct unpack_member *member)
{
	stage_unpack_member_create(member);
	if (member->size > 0 && member->fd >= 0)
		stage_unpack_member_write(member, member->content, member->size);
	free(member->content);
	member->content = NULL;
	member->size = member->room = 0;
}

int
stage_unpack_write(
	struct stage_unpack *unpack, const void *data, size_t size, struct stage_error *error)
{
	struct unpack_member *member = unpack->open;
	int code = check(unpack, error);

	if (code < 0)
		return code;
	if (!member)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0, "there is no file to write to");
	if (member->told.count > 0)
		return 1;
	if (size == 0)
		return 0;
	if (member->fd < 0 && size <= STAGE_UNPACK_SMALL - member->size)
		return keep(member, data, size) < 0 ? no_memory(error) : 0;
	if (member->fd < 0)
		create(member);
	return member->told.count == 0 && stage_unpack_member_write(member, data, size) ? 0 : 1;
}

static void
end(struct stage_unpack *unpack, bool is_whole)
{
	struct unpack_member *member = unpack->open;

	unpack->open = NULL;
	member->is_partial = !is_whole;
	if (!member->folder) {
		stage_unpack_tell(unpack, &member->told);
	} else if (member->fd >= 0 || member->told.count > 0) {
		stage_unpack_member_complete(unpack, member);
		stage_unpack_done(unpack, member);
	} else {
		stage_unpack_queue(unpack, member);
	}
}

int
stage_unpack_end(struct stage_unpack *unpack, bool is_whole, struct stage_error *error)
{
	int code = check(unpack, error);

	if (code < 0)
		return code;
	if (!unpack->open)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0, "there is no file to end");
	end(unpack, is_whole);
	return 0;
}

/* Leaves all folders, without setting their attributes where the unpack is given up; waits for all. */
static void
finish(struct stage_unpack *unpack, bool is_whole)
{
	struct unpack_folder *folder;

	if (unpack->open)
		end(unpack, false);
	for (folder = unpack->current; folder; folder = folder->parent)
		folder->is_unfinished = !is_whole;
	unpack->is_finished = true;
	while (unpack->current)
		leave(unpack);
	stage_unpack_stop(unpack);
}

int
stage_unpack_finish(struct stage_unpack *unpack, bool is_whole, struct stage_error *error)
{
	int code = check(unpack, error);

	if (code < 0)
		return code;
	if (unpack->open && is_whole)
		return stage_error_set(
			error, STAGE_E_ARGUMENT, 0, "a file has not come to its end");
	finish(unpack, is_whole);
	return 0;
}

void
stage_unpack_close(struct stage_unpack **unpack)
{
	struct stage_unpack *closed = *unpack;
	struct stage_unpack_failed failed;
	int saved_errno = errno;

	*unpack = NULL;
	if (!closed || closed->owner != getpid())
		return; /* another's threads, which are not here, may have had the lock */
	if (!closed->is_finished)
		finish(closed, false);
	while (stage_unpack_failure(closed, &failed))
		continue;
	pthread_cond_destroy(&closed->done);
	pthread_cond_destroy(&closed->work);
	pthread_mutex_destroy(&closed->lock);
	free(closed->lost);
	free(closed);
	errno = saved_errno;
}
