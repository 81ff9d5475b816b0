/*
 * A file of a spool is one of
 *
 *	accepted	moved in; nothing on disk tells what it is, and close removes it
 *	sealed		in the journal; close leaves it
 *	unlisted	of an adopted spool: a damaged record may have told of it; close leaves it
 *
 * and gone when it is confirmed or forgotten.
 *
 * Each file has a descriptor that was opened when it was accepted, or before it was written, until it is
 * on disk (durable.h).
 */
#include "spool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allocate.h"
#include "durable.h"
#include "path.h"
#include "regular.h"
#include "reserve_internal.h"
#include "spool_item.h"
#include "url.h"

int
stage_spool_fail_memory(struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a spool of staged files");
}

/* Returns 0 or an errno. */
static int
init_locks(struct stage_spool *spool)
{
	int failed = pthread_mutex_init(&spool->lock, NULL);

	if (failed)
		return failed;
	failed = pthread_mutex_init(&spool->recording, NULL);
	if (failed)
		pthread_mutex_destroy(&spool->lock);
	return failed;
}

int
stage_spool_new(const char *root, const char *name, bool durable, const struct stage_log *log,
	struct stage_spool **ret_spool, struct stage_error *error)
{
	struct stage_spool *spool = calloc(1, sizeof(*spool));
	int code, failed;

	if (!spool)
		return stage_spool_fail_memory(error);
	spool->held = (struct stage_lockdir)STAGE_LOCKDIR_NONE;
	spool->durable = durable;
	if (log)
		spool->log = *log;
	spool->root = strdup(root);
	spool->path = stage_path_join(root, name);
	if (!spool->root || !spool->path) {
		code = stage_spool_fail_memory(error);
		goto failed;
	}
	failed = init_locks(spool);
	if (failed) {
		code = stage_error_set(error, STAGE_E_SYSTEM, failed, "cannot make a lock");
		goto failed;
	}
	spool->owner = getpid();
	*ret_spool = spool;
	return 0;

failed:
	free(spool->path);
	free(spool->root);
	free(spool);
	return code;
}

static void
free_list(struct stage_spool_file *file)
{
	struct stage_spool_file *next;

	for (; file; file = next) {
		next = file->next;
		stage_spool_item_free(file);
	}
}

static void
free_files(struct stage_spool *spool)
{
	free_list(spool->files);
	free_list(spool->unlisted);
}

void
stage_spool_free(struct stage_spool *spool)
{
	if (getpid() == spool->owner) {
		free_files(spool);
		stage_reserve_others_release(&spool->others);
		pthread_mutex_destroy(&spool->lock);
		pthread_mutex_destroy(&spool->recording);
	} else if (pthread_mutex_trylock(&spool->lock) == 0) {
		/* otherwise a thread that does not exist here was changing them */
		free_files(spool);
	}
	stage_journal_close(&spool->journal);
	stage_lockdir_release(&spool->held);
	free(spool->confirmed_name);
	free(spool->confirmed_note);
	free(spool->path);
	free(spool->root);
	free(spool);
}

/* Begins the journal, in which no secret of the URL is written. */
static int
create_journal(struct stage_spool *spool, int dirfd, const struct stage_spool_about *about,
	bool durable, struct stage_error *error)
{
	struct stage_journal_about texts = {.home = about->home};
	char *target;
	int code;

	code = stage_url_target(about->target, &target, error);
	if (code < 0)
		return code;
	texts.target = target;
	code = stage_journal_create(dirfd, spool->path, &texts, durable, &spool->journal, error);
	free(target);
	return code;
}

/* Makes the spool of a directory that was just made; takes over held. */
static int
begin(const char *root, const struct stage_lockdir *held, const struct stage_spool_about *about,
	bool durable, const struct stage_log *log, struct stage_spool **ret_spool,
	struct stage_error *error)
{
	struct stage_spool *spool;
	int code;

	code = stage_spool_new(root, held->name, durable, log, &spool, error);
	if (code < 0)
		return code;
	if (durable && stage_durable_folder_path(held->root_fd, held->fd) < 0)
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot sync the temp root %s", root);
	if (code == 0)
		code = create_journal(spool, held->fd, about, durable, error);
	if (code < 0) {
		stage_spool_free(spool);
		return code;
	}
	spool->held = *held;
	*ret_spool = spool;
	return 0;
}

int
stage_spool_open(struct stage_dir *dir, const struct stage_spool_about *about, bool durable,
	const struct stage_log *log, struct stage_spool **ret_spool, struct stage_error *error)
{
	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
	int code, root_fd;
	char *root;

	code = stage_dir_root(dir, &root_fd, &root, error);
	if (code < 0)
		return code;
	code = stage_lockdir_create(&held, root_fd, root, error);
	if (code == 0) {
		code = begin(root, &held, about, durable, log, ret_spool, error);
		if (code < 0) {
			stage_lockdir_remove(&held);
			stage_lockdir_release(&held);
		}
	}
	close(root_fd);
	free(root);
	return code;
}

const char *
stage_spool_confirmed(const struct stage_spool *spool, const char **ret_note)
{
	*ret_note = spool->confirmed_note;
	return spool->confirmed_name;
}

const char *
stage_spool_path(const struct stage_spool *spool)
{
	return spool->path;
}

struct stage_spool_file *
stage_spool_files(const struct stage_spool *spool)
{
	return spool->files;
}

struct stage_spool_file *
stage_spool_unlisted(const struct stage_spool *spool)
{
	return spool->unlisted;
}

int
stage_spool_check_ours(const struct stage_spool *spool, struct stage_error *error)
{
	if (!spool->looking)
		return 0;
	return stage_error_set(error, STAGE_E_ARGUMENT, 0,
		"the spool %s was opened to be looked at, and cannot be changed", spool->path);
}

int
stage_spool_reserve(struct stage_spool *spool, const char *path, uint64_t bytes, uint64_t limit,
	struct stage_reserved *ret_room, struct stage_error *error)
{
	int code = stage_spool_check_ours(spool, error);

	if (code < 0)
		return code;
	return stage_reserve_take(
		&spool->held, &spool->others, spool->root, path, bytes, limit, ret_room, error);
}

void
stage_spool_unreserve(struct stage_spool *spool)
{
	if (stage_spool_check_ours(spool, NULL) == 0)
		stage_reserve_release(&spool->held);
}

/* A file that is whole does not need what was allocated for it beyond its end. */
static void
give_back(struct stage_spool *spool, const char *base)
{
	int fd;

	if (stage_regular_open(spool->held.fd, base, O_WRONLY, &fd, NULL) < 0)
		return;
	stage_allocate_end(fd);
	close(fd);
}

static void
append(struct stage_spool *spool, struct stage_spool_file *file)
{
	struct stage_spool_file **end = &spool->files;

	while (*end)
		end = &(*end)->next;
	*end = file;
}

int
stage_spool_accept(struct stage_spool *spool, struct stage_dir *dir, const char *path,
	const char *name, const char *note, struct stage_spool_file **ret_file,
	struct stage_error *error)
{
	char base[STAGE_FILE_NAME_MAX];
	struct stage_spool_item *item = NULL;
	struct stat stat;
	int code;

	code = stage_spool_check_ours(spool, error);
	if (code < 0)
		return code;
	pthread_mutex_lock(&spool->lock);
	code = stage_naming_file(STAGE_STAGED, &spool->random, spool->given + 1, base, error);
	if (code == 0) {
		spool->given++;
		item = stage_spool_item_new(spool->path, base, name, note);
		if (!item)
			code = stage_spool_fail_memory(error);
	}
	if (code == 0)
		code = stage_dir_move(dir, path, spool->held.fd, base, error);
	if (code == 0) {
		/* it is moved: what cannot be told now is told when it is sealed */
		give_back(spool, base);
		if (fstatat(spool->held.fd, base, &stat, AT_SYMLINK_NOFOLLOW) == 0) {
			item->file.size = (uint64_t)stat.st_size;
			item->measured = true;
		}
		(void)stage_regular_open(spool->held.fd, base, O_RDONLY, &item->fd, NULL);
		stage_reserve_release(&spool->held);
		append(spool, &item->file);
		*ret_file = &item->file;
	} else if (item) {
		stage_spool_item_free(&item->file);
	}
	pthread_mutex_unlock(&spool->lock);
	return code;
}

void
stage_spool_set_digest(struct stage_spool_file *file, uint64_t size, const unsigned char sha256[32])
{
	struct stage_spool_item *item = stage_spool_item_of(file);

	if (file->sealed)
		return;
	item->told = true;
	item->digest.size = size;
	memcpy(item->digest.sha256, sha256, sizeof(item->digest.sha256));
}

void
stage_spool_hold(struct stage_spool_file *file, int fd)
{
	struct stage_spool_item *item = stage_spool_item_of(file);

	stage_spool_item_drop_fd(item);
	item->fd = fd;
}

void
stage_spool_close(struct stage_spool **spool)
{
	int saved_errno = errno;

	if (!*spool)
		return;
	if (!(*spool)->looking && getpid() == (*spool)->owner) {
		stage_spool_rest_remove(*spool);
		/* a child that has not closed its copy of the descriptor keeps nobody waiting */
		flock((*spool)->held.fd, LOCK_UN);
	}
	stage_spool_free(*spool);
	*spool = NULL;
	errno = saved_errno;
}
