/*
 * What waits for the threads, the threads, and who is the last in a folder.
 *
 * A member counts in its folder from stage_unpack_begin() until it is complete, and a folder in its parent until it is
 * complete itself. The last one to go sees to the folder.
 */
#include <signal.h>
#include <stdlib.h>

#include "cpus.h"
#include "unpack_internal.h"

static bool
is_complete(const struct unpack_folder *folder)
{
	return folder->left && folder->members == 0 && folder->folders == 0;
}

/* With the lock. */
static void
tell(struct stage_unpack *unpack, struct told *told)
{
	if (told->count == 0) {
		free(told);
		return;
	}
	told->next = NULL;
	*unpack->last_failed = told;
	unpack->last_failed = &told->next;
}

void
stage_unpack_tell(struct stage_unpack *unpack, struct told *told)
{
	pthread_mutex_lock(&unpack->lock);
	tell(unpack, told);
	pthread_mutex_unlock(&unpack->lock);
}

/* With the lock, which is given up meanwhile: completes a folder, if it is the time for that, and those above. */
static void
complete_folders(struct stage_unpack *unpack, struct unpack_folder *folder)
{
	struct unpack_folder *parent;
	bool was_open;

	while (folder && is_complete(folder)) {
		parent = folder->parent;
		pthread_mutex_unlock(&unpack->lock);
		was_open = stage_unpack_folder_complete(unpack, folder);
		pthread_mutex_lock(&unpack->lock);
		unpack->open_folders -= was_open;
		if (parent)
			parent->folders--;
		tell(unpack, &folder->told);
		folder = parent;
	}
}

/* With the lock: a member is complete. */
static void
count_out(struct stage_unpack *unpack, struct unpack_member *member)
{
	struct unpack_folder *folder = member->folder;

	unpack->bytes -= member->charged;
	tell(unpack, &member->told);
	folder->members--;
	complete_folders(unpack, folder);
	/* only now: whoever waits for the members then finds the folders complete */
	unpack->members--;
	if (unpack->awaited && unpack->awaited(unpack))
		pthread_cond_signal(&unpack->done);
}

static void *
run(void *context)
{
	struct stage_unpack *unpack = context;
	struct unpack_member *member;

	pthread_mutex_lock(&unpack->lock);
	for (;;) {
		member = (struct unpack_member *)unpack->first;
		if (!member && unpack->ended)
			break;
		if (!member) {
			pthread_cond_wait(&unpack->work, &unpack->lock);
			continue;
		}
		unpack->first = member->told.next;
		if (!unpack->first)
			unpack->last = &unpack->first;
		pthread_mutex_unlock(&unpack->lock);
		stage_unpack_member_complete(unpack, member);
		pthread_mutex_lock(&unpack->lock);
		count_out(unpack, member);
	}
	pthread_mutex_unlock(&unpack->lock);
	return NULL;
}

void
stage_unpack_start(struct stage_unpack *unpack)
{
	unsigned int wanted = stage_cpus();
	sigset_t all, before;

	if (wanted < 2)
		wanted = 2;
	if (wanted > STAGE_UNPACK_THREADS_MAX)
		wanted = STAGE_UNPACK_THREADS_MAX;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (unpack->thread_count < wanted &&
		pthread_create(&unpack->threads[unpack->thread_count], NULL, run, unpack) == 0)
		unpack->thread_count++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
stage_unpack_stop(struct stage_unpack *unpack)
{
	unsigned int i;

	pthread_mutex_lock(&unpack->lock);
	unpack->ended = true;
	pthread_cond_broadcast(&unpack->work);
	pthread_mutex_unlock(&unpack->lock);
	for (i = 0; i < unpack->thread_count; i++)
		pthread_join(unpack->threads[i], NULL);
}

void
stage_unpack_count(struct stage_unpack *unpack, const struct unpack_folder *folder)
{
	pthread_mutex_lock(&unpack->lock);
	unpack->open_folders++;
	if (folder->parent)
		folder->parent->folders++;
	pthread_mutex_unlock(&unpack->lock);
}

void
stage_unpack_count_open(struct stage_unpack *unpack)
{
	pthread_mutex_lock(&unpack->lock);
	unpack->open_folders++;
	pthread_mutex_unlock(&unpack->lock);
}

/* With the lock: waits until it is so. */
static void
await(struct stage_unpack *unpack, bool (*is_so)(const struct stage_unpack *unpack))
{
	unpack->awaited = is_so;
	while (!is_so(unpack))
		pthread_cond_wait(&unpack->done, &unpack->lock);
	unpack->awaited = NULL;
}

void
stage_unpack_begin(struct stage_unpack *unpack, struct unpack_member *member)
{
	pthread_mutex_lock(&unpack->lock);
	unpack->members++;
	member->folder->members++;
	pthread_mutex_unlock(&unpack->lock);
}

void
stage_unpack_done(struct stage_unpack *unpack, struct unpack_member *member)
{
	pthread_mutex_lock(&unpack->lock);
	count_out(unpack, member);
	pthread_mutex_unlock(&unpack->lock);
}

/* Who has waited goes on where half of it is free: so he seldom waits. */
static bool
is_half_free(const struct stage_unpack *unpack)
{
	return unpack->members <= STAGE_UNPACK_MEMBERS / 2 &&
	       unpack->bytes <= STAGE_UNPACK_QUEUED / 2;
}

void
stage_unpack_queue(struct stage_unpack *unpack, struct unpack_member *member)
{
	if (unpack->thread_count == 0) {
		stage_unpack_member_complete(unpack, member);
		stage_unpack_done(unpack, member);
		return;
	}
	member->charged = sizeof(*member) + member->told.entry.index_length +
			  member->told.entry.target_length + member->room;
	pthread_mutex_lock(&unpack->lock);
	if (unpack->members > STAGE_UNPACK_MEMBERS ||
		unpack->bytes + member->charged > STAGE_UNPACK_QUEUED)
		await(unpack, is_half_free);
	unpack->bytes += member->charged;
	member->told.next = NULL;
	*unpack->last = &member->told;
	unpack->last = &member->told.next;
	pthread_cond_signal(&unpack->work);
	pthread_mutex_unlock(&unpack->lock);
}

static bool
is_alone(const struct stage_unpack *unpack)
{
	return unpack->awaited_folder->members == 0 && unpack->awaited_folder->folders == 0;
}

/* With the lock: waits until nothing in the folder is on its way. */
static void
await_folder(struct stage_unpack *unpack, const struct unpack_folder *folder)
{
	unpack->awaited_folder = folder;
	await(unpack, is_alone);
}

void
stage_unpack_leave(struct stage_unpack *unpack, struct unpack_folder *folder)
{
	pthread_mutex_lock(&unpack->lock);
	if (folder->depth > STAGE_UNPACK_NEAR)
		await_folder(unpack, folder);
	folder->left = true;
	complete_folders(unpack, folder);
	pthread_mutex_unlock(&unpack->lock);
}

static bool
has_no_members(const struct stage_unpack *unpack)
{
	return unpack->awaited_folder->members == 0;
}

bool
stage_unpack_may_rest(struct stage_unpack *unpack, const struct unpack_folder *folder)
{
	bool is_open;

	pthread_mutex_lock(&unpack->lock);
	unpack->awaited_folder = folder;
	await(unpack, has_no_members);
	is_open = folder->fd >= 0;
	unpack->open_folders -= is_open;
	pthread_mutex_unlock(&unpack->lock);
	return is_open;
}

static bool
is_room(const struct stage_unpack *unpack)
{
	return unpack->open_folders < STAGE_UNPACK_FOLDERS;
}

void
stage_unpack_await_room(struct stage_unpack *unpack)
{
	pthread_mutex_lock(&unpack->lock);
	await(unpack, is_room);
	pthread_mutex_unlock(&unpack->lock);
}

static bool
is_quiet(const struct stage_unpack *unpack)
{
	return unpack->members == 0;
}

void
stage_unpack_await_members(struct stage_unpack *unpack)
{
	pthread_mutex_lock(&unpack->lock);
	await(unpack, is_quiet);
	pthread_mutex_unlock(&unpack->lock);
}

bool
stage_unpack_failure(struct stage_unpack *unpack, struct stage_unpack_failed *ret_failed)
{
	struct told *told = unpack->given;

	if (told && told->given == told->count) {
		free(told);
		unpack->given = told = NULL;
	}
	if (!told) {
		pthread_mutex_lock(&unpack->lock);
		told = unpack->first_failed;
		if (told && !(unpack->first_failed = told->next))
			unpack->last_failed = &unpack->first_failed;
		pthread_mutex_unlock(&unpack->lock);
	}
	unpack->given = told;
	if (!told)
		return false;
	ret_failed->entry = &told->entry;
	ret_failed->call = told->failures[told->given].call;
	ret_failed->sys_errno = told->failures[told->given].sys_errno;
	told->given++;
	return true;
}
