/*
 * A file of a spool is one of
 *
 *	accepted	moved in; nothing on disk tells what it is, and close removes it
 *	sealed		in the journal; close leaves it
 *	unlisted	of an adopted spool: a damaged record may have told of it; close leaves it
 *
 * and gone when it is forgotten. The record that it is forgotten is written before it is removed:
 * a crash between the two leaves a file that nothing tells of, which is removed like any that was
 * never sealed.
 *
 * What the disk could not take, the kernel tells each descriptor once, at fsync(2), and takes it for
 * written from then on: its pages are clean, and what is read once they are gone is what the disk
 * has. A descriptor that was opened late is told only what no other has been told before, and
 * nothing at all once the kernel has forgotten the inode. So each file has one that was opened when
 * it was accepted, or before it was written, until it is on disk.
 *
 * lock guards the list of files and the names, recording the journal. Neither is taken while the
 * other is held. Files are read and made durable without a lock, and records with recording alone,
 * so that accept never waits for the disk.
 */
#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "allocate.h"
#include "claim.h"
#include "digest.h"
#include "durable.h"
#include "lockdir.h"
#include "journal.h"
#include "naming.h"
#include "reserve.h"
#include "unlisted.h"
#include "url.h"

struct entry {
	struct stage_spool_file file; /* first: the two are converted */
	struct stage_digest digest;   /* of a sealed file, or as the caller has told */
	bool told;
	bool measured; /* its size is known */
	bool written;  /* the disk has taken what is in it */
	int lost;      /* errno: the disk has failed to take it; 0 where it has not */
	int fd;        /* tells of all that was written back; -1 where it could not be had */
};

struct stage_spool {
	pid_t owner;
	struct stage_lockdir held;
	char *path, *root;
	bool durable;
	bool looking; /* it is not ours, and nothing in it is changed */
	struct stage_log log;

	pthread_mutex_t lock;
	struct stage_spool_file *files;
	struct stage_spool_file *unlisted; /* that a damaged record may have told of */
	struct stage_random random;
	uint64_t given; /* names so far */

	pthread_mutex_t recording;
	struct stage_journal *journal;

	/* of the dead run that it was adopted from, NULL where that has told of none */
	char *confirmed_name, *confirmed_note;
};

static int
no_memory(struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a spool of staged files");
}

static void
drop_fd(struct entry *entry)
{
	int fd = entry->fd;

	/* first: a child that is forked here must not close what gets the number next */
	entry->fd = -1;
	if (fd >= 0)
		close(fd);
}

static void
free_file(struct stage_spool_file *file)
{
	if (!file)
		return;
	drop_fd((struct entry *)file);
	free(file->path);
	free(file->name);
	free(file->note);
	free(file);
}

/* A file of the spool that is in no list yet. NULL for want of memory. */
static struct entry *
new_entry(const struct stage_spool *spool, const char *base, const char *name, const char *note)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->fd = -1;
	entry->file.name = strdup(name);
	entry->file.note = strdup(note);
	if (asprintf(&entry->file.path, "%s/%s", spool->path, base) < 0)
		entry->file.path = NULL;
	if (entry->file.name && entry->file.note && entry->file.path)
		return entry;
	free_file(&entry->file);
	return NULL;
}

static const char *
base_of(const struct stage_spool_file *file)
{
	return strrchr(file->path, '/') + 1;
}

static void
append(struct stage_spool *spool, struct stage_spool_file *file)
{
	struct stage_spool_file **end = &spool->files;

	while (*end)
		end = &(*end)->next;
	*end = file;
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

/* A spool without directory or journal, that release() takes back. */
static int
new_spool(const char *root, const char *name, bool durable, const struct stage_log *log,
	struct stage_spool **ret_spool, struct stage_error *error)
{
	struct stage_spool *spool = calloc(1, sizeof(*spool));
	int code, failed;

	if (!spool)
		return no_memory(error);
	spool->held = (struct stage_lockdir)STAGE_LOCKDIR_NONE;
	spool->durable = durable;
	if (log)
		spool->log = *log;
	spool->root = strdup(root);
	if (asprintf(&spool->path, "%s/%s", strcmp(root, "/") ? root : "", name) < 0)
		spool->path = NULL;
	if (!spool->root || !spool->path) {
		code = no_memory(error);
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
		free_file(file);
	}
}

static void
free_files(struct stage_spool *spool)
{
	free_list(spool->files);
	free_list(spool->unlisted);
}

/* Frees memory and descriptors, touches no file. */
static void
release(struct stage_spool *spool)
{
	if (getpid() == spool->owner) {
		free_files(spool);
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

	code = new_spool(root, held->name, durable, log, &spool, error);
	if (code < 0)
		return code;
	if (durable && stage_durable_folder_path(held->root_fd, held->fd) < 0)
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot sync the temp root %s", root);
	if (code == 0)
		code = create_journal(spool, held->fd, about, durable, error);
	if (code < 0) {
		release(spool);
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

/* Refuses what would change a spool that is only looked at. */
static int
check_ours(const struct stage_spool *spool, struct stage_error *error)
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
	int code = check_ours(spool, error);

	if (code < 0)
		return code;
	return stage_reserve_take(&spool->held, spool->root, path, bytes, limit, ret_room, error);
}

/* A file that is whole does not need what was allocated for it beyond its end. */
static void
give_back(struct stage_spool *spool, const char *base)
{
	int fd;

	fd = openat(
		spool->held.fd, base, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	stage_allocate_end(fd);
	close(fd);
}

int
stage_spool_accept(struct stage_spool *spool, struct stage_dir *dir, const char *path,
	const char *name, const char *note, struct stage_spool_file **ret_file,
	struct stage_error *error)
{
	char base[STAGE_FILE_NAME_MAX];
	struct entry *entry = NULL;
	struct stat stat;
	int code;

	code = check_ours(spool, error);
	if (code < 0)
		return code;
	pthread_mutex_lock(&spool->lock);
	code = stage_naming_file(STAGE_STAGED, &spool->random, spool->given + 1, base, error);
	if (code == 0) {
		spool->given++;
		entry = new_entry(spool, base, name, note);
		if (!entry)
			code = no_memory(error);
	}
	if (code == 0)
		code = stage_dir_move(dir, path, spool->held.fd, base, error);
	if (code == 0) {
		/* it is moved: what cannot be told now is told when it is sealed */
		give_back(spool, base);
		if (fstatat(spool->held.fd, base, &stat, AT_SYMLINK_NOFOLLOW) == 0) {
			entry->file.size = (uint64_t)stat.st_size;
			entry->measured = true;
		}
		entry->fd = openat(spool->held.fd, base,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		stage_reserve_release(&spool->held);
		append(spool, &entry->file);
		*ret_file = &entry->file;
	} else if (entry) {
		free_file(&entry->file);
	}
	pthread_mutex_unlock(&spool->lock);
	return code;
}

static int
fail_damaged(const struct stage_spool_file *file, const char *what, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_DAMAGED, 0, "the staged file %s (%s) %s", file->path,
		file->name, what);
}

/* Opens what is there now; whatever has taken its place is neither waited for nor followed. */
static int
open_file(struct stage_spool *spool, const struct stage_spool_file *file, int *ret_fd,
	uint64_t *ret_size, struct stage_error *error)
{
	struct stat stat;
	int code, fd;

	fd = openat(spool->held.fd, base_of(file),
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && spool->looking)
		return stage_error_set(error, STAGE_E_SYSTEM, ENOENT,
			"the staged file %s (%s) was handed off, or removed, while it was looked at",
			file->path, file->name);
	if (fd < 0 && errno == ENOENT && file->sealed)
		return fail_damaged(file, "is gone", error);
	if (fd < 0 && (errno == ELOOP || errno == ENXIO))
		return fail_damaged(file, "is not a regular file any more", error);
	if (fd < 0 || fstat(fd, &stat) < 0)
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot open the staged file %s", file->path);
	else if (!S_ISREG(stat.st_mode))
		code = fail_damaged(file, "is not a regular file any more", error);
	else
		code = 0;
	if (code == 0) {
		*ret_fd = fd;
		*ret_size = (uint64_t)stat.st_size;
	} else if (fd >= 0) {
		close(fd);
	}
	return code;
}

static int
fail_durable(const struct entry *entry, int sys_errno, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_SYSTEM, sys_errno,
		"cannot make the staged file %s durable", entry->file.path);
}

void
stage_spool_set_digest(struct stage_spool_file *file, uint64_t size, const unsigned char sha256[32])
{
	struct entry *entry = (struct entry *)file;

	if (file->sealed)
		return;
	entry->told = true;
	entry->digest.size = size;
	memcpy(entry->digest.sha256, sha256, sizeof(entry->digest.sha256));
}

void
stage_spool_hold(struct stage_spool_file *file, int fd)
{
	struct entry *entry = (struct entry *)file;

	drop_fd(entry);
	entry->fd = fd;
}

/* Has the name still the file that was accepted? */
static int
check_same(const struct stage_spool *spool, const struct entry *entry, struct stage_error *error)
{
	struct stat ours, there;

	if (entry->fd < 0)
		return 0;
	if (fstat(entry->fd, &ours) < 0 ||
		fstatat(spool->held.fd, base_of(&entry->file), &there, AT_SYMLINK_NOFOLLOW) < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot look at the staged file %s", entry->file.path);
	if (ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		return 0;
	return fail_damaged(&entry->file, "is another file than the one that was accepted", error);
}

/* Has the disk take what is in the file: 0, or -1 with errno. */
static int
write_out(struct entry *entry, int fd)
{
	if (stage_durable_file(entry->fd >= 0 ? entry->fd : fd) < 0) {
		entry->lost = errno;
		return -1;
	}
	entry->written = true;
	return 0;
}

/*
 * Reads the file, of size bytes, while the disk is writing it, unless it is known what is in it; and
 * has both done when it returns.
 */
static int
make_durable(struct stage_spool *spool, struct entry *entry, int fd, uint64_t size,
	struct stage_digest *ret_digest, struct stage_error *error)
{
	const bool known = entry->told && entry->digest.size == size;
	const struct stage_spool_file *file = &entry->file;
	int code;

	/* whoever made it may have had another umask in mind */
	if (fchmod(fd, 0600) < 0)
		return fail_durable(entry, errno, error);
	if (spool->durable && !known)
		stage_durable_begin(fd);
	*ret_digest = entry->digest;
	code = known ? 0 : stage_digest_read(fd, file->path, ret_digest, error);
	if (code < 0)
		return code;
	if (entry->measured && ret_digest->size != file->size)
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"the staged file %s (%s) had %llu bytes when it was accepted, and has %llu now",
			file->path, file->name, (unsigned long long)file->size,
			(unsigned long long)ret_digest->size);
	if (spool->durable && write_out(entry, fd) < 0)
		return fail_durable(entry, errno, error);
	if (spool->durable && stage_durable_folder(spool->held.fd) < 0)
		return fail_durable(entry, errno, error);
	return 0;
}

/* Has a file for storage still a path by which storage can have it? */
static int
check_in_place(const struct stage_spool *spool, struct stage_error *error)
{
	return stage_lockdir_check_at(&spool->held, "spool", spool->path, error);
}

int
stage_spool_seal(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error)
{
	struct entry *entry = (struct entry *)file;
	struct stage_journal_record record = {
		.file = strrchr(file->path, '/') + 1, .name = file->name, .note = file->note};
	uint64_t size;
	int code, fd;

	if (file->sealed)
		return 0;
	if (entry->lost)
		return fail_durable(entry, entry->lost, error);
	code = check_in_place(spool, error);
	if (code == 0)
		code = open_file(spool, file, &fd, &size, error);
	if (code < 0)
		return code;
	code = check_same(spool, entry, error);
	if (code == 0)
		code = make_durable(spool, entry, fd, size, &record.digest, error);
	close(fd);
	if (code < 0)
		return code;
	record.sealed = (int64_t)time(NULL);
	pthread_mutex_lock(&spool->recording);
	code = stage_journal_staged(spool->journal, &record, error);
	pthread_mutex_unlock(&spool->recording);
	if (code < 0)
		return code;
	entry->digest = record.digest;
	file->size = record.digest.size;
	file->sealed = true;
	if (spool->durable)
		drop_fd(entry);
	return 0;
}

static int
fail_lost(const struct entry *entry, const char *found, struct stage_error *error)
{
	const struct stage_spool_file *file = &entry->file;
	const bool full = stage_durable_is_full(entry->lost);

	return stage_error_set(error, full ? STAGE_E_NO_ROOM : STAGE_E_SYSTEM, entry->lost,
		"%s is lost: the disk did not take the staged file %s, and %s. The next run makes it again%s. What the disk said",
		file->name, file->path, found, full ? "; make room there first" : "");
}

/*
 * Is on disk what was written? That it can be read from the page cache proves nothing, as it may be
 * dropped before storage has it: so it is dropped first, but for what waits to be written out.
 */
static int
compare(const struct entry *entry, int fd, struct stage_error *error)
{
	struct stage_digest digest;
	struct stage_error failure;
	int code;

	if (!entry->told)
		return fail_lost(entry, "what was written to it is not known", error);
	(void)stage_durable_file(fd);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	code = stage_digest_read(fd, entry->file.path, &digest, &failure);
	if (code == STAGE_E_MEMORY) {
		if (error)
			*error = failure;
		return code;
	}
	if (code < 0)
		return fail_lost(entry, "it cannot be read", error);
	if (digest.size != entry->digest.size ||
		memcmp(digest.sha256, entry->digest.sha256, sizeof(digest.sha256)) != 0)
		return fail_lost(entry, "what it has there is something else", error);
	return 0;
}

int
stage_spool_check_written(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error)
{
	struct entry *entry = (struct entry *)file;
	uint64_t size;
	int code;

	if (file->sealed || entry->written)
		return 0;
	code = check_same(spool, entry, error);
	if (code == 0 && entry->fd < 0)
		code = open_file(spool, file, &entry->fd, &size, error);
	if (code == 0 && (entry->lost || write_out(entry, entry->fd) < 0))
		code = compare(entry, entry->fd, error);
	return code;
}

static int
fail_size(const struct entry *entry, uint64_t size, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_DAMAGED, 0,
		"the staged file %s (%s) has %llu bytes, and had %llu when it was sealed",
		entry->file.path, entry->file.name, (unsigned long long)size,
		(unsigned long long)entry->digest.size);
}

int
stage_spool_check(
	struct stage_spool *spool, const struct stage_spool_file *file, struct stage_error *error)
{
	const struct entry *entry = (const struct entry *)file;
	struct stage_digest digest;
	uint64_t size;
	int code, fd;

	if (!file->sealed)
		return stage_error_set(
			error, STAGE_E_ARGUMENT, 0, "%s was never sealed", file->path);
	code = open_file(spool, file, &fd, &size, error);
	if (code < 0)
		return code;
	/* what is only in the page cache would not survive either */
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	/* one that has grown for ever need not be read for ever */
	if (size != entry->digest.size)
		code = fail_size(entry, size, error);
	else
		code = stage_digest_read(fd, file->path, &digest, error);
	close(fd);
	if (code < 0)
		return code;
	if (digest.size != entry->digest.size)
		return fail_size(entry, digest.size, error);
	if (memcmp(digest.sha256, entry->digest.sha256, sizeof(digest.sha256)) != 0)
		return fail_damaged(
			file, "has changed since it was sealed: its SHA-256 is another", error);
	return 0;
}

void
stage_spool_note_failure(struct stage_spool *spool, const struct stage_spool_file *file,
	unsigned int attempt, const char *message)
{
	char *shown;

	if (!file->sealed || stage_url_display_all(message, &shown, NULL) < 0)
		return;
	pthread_mutex_lock(&spool->recording);
	stage_journal_failed(spool->journal, base_of(file), attempt, shown, NULL);
	pthread_mutex_unlock(&spool->recording);
	free(shown);
}

typedef int (*recorder)(struct stage_journal *journal, const struct stage_spool_file *file,
	struct stage_error *error);

static int
record_confirmed(struct stage_journal *journal, const struct stage_spool_file *file,
	struct stage_error *error)
{
	return file->sealed ? stage_journal_confirmed(journal, base_of(file), error)
			    : stage_journal_stored(
				      journal, base_of(file), file->name, file->note, error);
}

/* Of one that was never sealed nothing is told. */
static int
record_forgotten(struct stage_journal *journal, const struct stage_spool_file *file,
	struct stage_error *error)
{
	return file->sealed ? stage_journal_forgotten(journal, base_of(file), error) : 0;
}

/* Records that a file does not wait any more. */
static int
record_end(struct stage_spool *spool, struct stage_spool_file *file, recorder record,
	struct stage_error *error)
{
	int code;

	pthread_mutex_lock(&spool->recording);
	code = record(spool->journal, file, error);
	pthread_mutex_unlock(&spool->recording);
	if (code == 0)
		file->sealed = false;
	return code;
}

/* The same once the file is gone: a disk that was full before may have room for the record now. */
static void
record_after(struct stage_spool *spool, struct stage_spool_file *file, recorder record)
{
	struct stage_error error;

	/* a later run that reads no such record finds no file either: only that storage has it is news */
	if (record_end(spool, file, record, &error) < 0 && record == record_confirmed)
		stage_log_line(&spool->log, STAGE_WARNING,
			"storage has %s, but a run after a crash would not know it, and make again what is staged behind it: %s",
			file->name, error.message);
}

int
stage_spool_check_read(
	struct stage_spool *spool, struct stage_spool_file *file, struct stage_error *error)
{
	struct entry *entry = (struct entry *)file;

	if (entry->fd < 0 || stage_durable_has_taken(entry->fd))
		return 0;
	entry->lost = errno;
	entry->written = false;
	record_end(spool, file, record_forgotten, NULL);
	file->sealed = false; /* even where that cannot be recorded: close removes it */
	return fail_lost(entry, "storage may have something else under that name", error);
}

static bool
unlink_from(struct stage_spool_file **link, const struct stage_spool_file *file)
{
	for (; *link && *link != file; link = &(*link)->next)
		;
	if (!*link)
		return false;
	*link = file->next;
	return true;
}

static void
take_out(struct stage_spool *spool, const struct stage_spool_file *file)
{
	pthread_mutex_lock(&spool->lock);
	if (!unlink_from(&spool->files, file))
		unlink_from(&spool->unlisted, file);
	pthread_mutex_unlock(&spool->lock);
}

static int
remove_file(struct stage_spool *spool, struct stage_spool_file **file, recorder record,
	struct stage_error *error)
{
	const bool sealed = (*file)->sealed;
	bool recorded;
	int failed = 0, code = check_ours(spool, error);

	if (code < 0)
		return code;
	recorded = sealed && record_end(spool, *file, record, NULL) == 0;
	drop_fd((struct entry *)*file); /* FUSE and NFS keep what is open under another name */
	if (unlinkat(spool->held.fd, base_of(*file), 0) < 0 && errno != ENOENT)
		failed = errno;
	if (!recorded)
		record_after(spool, *file, record);
	if (failed)
		return stage_error_set(error, STAGE_E_SYSTEM, failed,
			"cannot remove the staged file %s", (*file)->path);
	take_out(spool, *file);
	free_file(*file);
	*file = NULL;
	return 0;
}

int
stage_spool_confirm(
	struct stage_spool *spool, struct stage_spool_file **file, struct stage_error *error)
{
	return remove_file(spool, file, record_confirmed, error);
}

int
stage_spool_forget(
	struct stage_spool *spool, struct stage_spool_file **file, struct stage_error *error)
{
	return remove_file(spool, file, record_forgotten, error);
}

/* Does anything stay for a later run, or for whoever can tell what it is? */
static bool
keeps(const struct stage_spool *spool)
{
	const struct stage_spool_file *file;

	for (file = spool->files; file; file = file->next)
		if (file->sealed)
			return true;
	return spool->unlisted != NULL;
}

/* Is this the name of a file that is to stay? */
static bool
is_name_kept(const struct stage_spool *spool, const char *base)
{
	const struct stage_spool_file *file;

	for (file = spool->unlisted; file; file = file->next)
		if (strcmp(base_of(file), base) == 0)
			return true;
	for (file = spool->files; file; file = file->next)
		if (strcmp(base_of(file), base) == 0)
			return file->sealed;
	return false;
}

/* Does it say that the directory is ours, or that its run is gone? That is so as long as it stays. */
static bool
is_release(const char *name)
{
	bool machine, boot;

	return stage_naming_is_released(name, &machine, &boot);
}

/* A regular file of this user with a name that is given to what need not stay. */
static bool
is_rest(const struct stage_spool *spool, const char *name, struct stat *ret_stat)
{
	return (stage_naming_is_file(name) || strcmp(name, STAGE_RESERVE_NAME) == 0 ||
		       is_release(name)) &&
	       fstatat(spool->held.fd, name, ret_stat, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(ret_stat->st_mode) && ret_stat->st_uid == geteuid();
}

static void
remove_name(struct stage_spool *spool, const char *name)
{
	if (unlinkat(spool->held.fd, name, 0) < 0 && errno != ENOENT)
		stage_log_line(&spool->log, STAGE_WARNING, "cannot remove %s/%s: %s", spool->path,
			name, stage_error_errno_text(errno));
}

/* Does it stay whatever else is removed, or go with the directory? */
static bool
is_apart(const struct stage_spool *spool, const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
	       strcmp(name, STAGE_JOURNAL_NAME) == 0 || is_name_kept(spool, name) ||
	       (is_release(name) && keeps(spool));
}

/* Removes one thing, unless it is to stay; names what is not ours. */
static void
clear_entry(struct stage_spool *spool, const char *name)
{
	struct stat stat;

	if (is_apart(spool, name))
		return;
	if (is_rest(spool, name, &stat))
		remove_name(spool, name);
	else
		stage_log_line(&spool->log, STAGE_WARNING,
			"%s/%s was not made by stagedir and is left there", spool->path, name);
}

/* Removes from the directory what is not sealed. */
static void
clear(struct stage_spool *spool)
{
	struct stage_spool_file *file;
	struct dirent *entry;
	DIR *stream;
	int fd;

	for (file = spool->files; file; file = file->next)
		drop_fd((struct entry *)
				file); /* FUSE and NFS keep what is open under another name */
	fd = openat(spool->held.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		stage_log_line(&spool->log, STAGE_WARNING, "cannot read the spool %s: %s",
			spool->path, stage_error_errno_text(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	errno = 0;
	while ((entry = readdir(stream))) {
		clear_entry(spool, entry->d_name);
		errno = 0;
	}
	if (errno)
		stage_log_line(&spool->log, STAGE_WARNING, "cannot read the spool %s: %s",
			spool->path, stage_error_errno_text(errno));
	closedir(stream);
}

void
stage_spool_rest(const struct stage_spool *spool, size_t *ret_files, uint64_t *ret_bytes)
{
	struct dirent *entry;
	struct stat stat;
	DIR *stream;
	int fd;

	*ret_files = 0;
	*ret_bytes = 0;
	fd = openat(spool->held.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(stream))) {
		if (is_apart(spool, entry->d_name) || !is_rest(spool, entry->d_name, &stat))
			continue;
		++*ret_files;
		*ret_bytes += (uint64_t)stat.st_size;
	}
	closedir(stream);
}

/*
 * The journal goes last: a spool in which something waits always has one. It is closed before: where
 * FUSE or NFS removes an open file it stays, by another name (.fuse_hidden, .nfs), and the directory is
 * not empty.
 */
static void
remove_directory(struct stage_spool *spool)
{
	int failed;

	stage_journal_close(&spool->journal);
	remove_name(spool, STAGE_JOURNAL_NAME);
	failed = stage_lockdir_remove(&spool->held);
	if (failed == ESTALE)
		stage_log_line(&spool->log, STAGE_WARNING,
			"the spool %s was removed, moved or replaced by somebody else; what stands in its place was left alone",
			spool->path);
	else if (failed)
		stage_log_line(&spool->log, STAGE_WARNING, "cannot remove the empty spool %s: %s",
			spool->path, stage_error_errno_text(failed));
	if (failed && failed != ESTALE)
		stage_claim_leave(&spool->held, spool->path);
}

void
stage_spool_close(struct stage_spool **spool)
{
	int saved_errno = errno;

	if (!*spool)
		return;
	if (!(*spool)->looking && getpid() == (*spool)->owner) {
		clear(*spool);
		if (keeps(*spool))
			stage_claim_leave(&(*spool)->held, (*spool)->path);
		else
			remove_directory(*spool);
		/* a child that has not closed its copy of the descriptor keeps nobody waiting */
		flock((*spool)->held.fd, LOCK_UN);
	}
	release(*spool);
	*spool = NULL;
	errno = saved_errno;
}

/* Puts the files that the journal tells of, and that are there, into the list. */
static int
take_files(struct stage_spool *spool, const struct stage_journal_content *content,
	struct stage_error *error)
{
	struct stage_spool_file **end = &spool->files;
	struct entry *entry;
	struct stat stat;
	size_t i;

	for (i = 0; i < content->count; i++) {
		const struct stage_journal_record *record = &content->list[i];

		if (fstatat(spool->held.fd, record->file, &stat, AT_SYMLINK_NOFOLLOW) < 0) {
			/* what is not in the list is removed at the end: only if it is known */
			if (errno != ENOENT)
				return stage_error_set(error, STAGE_E_SYSTEM, errno,
					"cannot look at the staged file %s/%s", spool->path,
					record->file);
			if (!spool->looking)
				stage_log_line(&spool->log, STAGE_WARNING,
					"the staged file %s/%s (%s) is gone", spool->path,
					record->file, record->name);
			continue;
		}
		entry = new_entry(spool, record->file, record->name, record->note);
		if (!entry)
			return no_memory(error);
		entry->file.size = record->digest.size;
		entry->file.sealed = true;
		entry->digest = record->digest;
		*end = &entry->file;
		end = &entry->file.next;
	}
	if (content->confirmed_name) {
		spool->confirmed_name = strdup(content->confirmed_name);
		spool->confirmed_note = strdup(content->confirmed_note);
		if (!spool->confirmed_name || !spool->confirmed_note)
			return no_memory(error);
	}
	return 0;
}

/* Keeps the files that a damaged record may have told of, and tells of them. */
static int
take_unlisted(struct stage_spool *spool, const struct stage_journal_content *content,
	struct stage_error *error)
{
	struct stage_spool_file **end = &spool->unlisted;
	struct stage_unlisted unlisted;
	struct entry *entry;
	size_t i;
	int code;

	code = stage_unlisted_find(spool->held.fd, content, &unlisted);
	if (code == STAGE_E_SYSTEM)
		return stage_error_set(error, code, errno, "cannot read the spool %s", spool->path);
	for (i = 0; i < unlisted.count; i++) {
		entry = new_entry(spool, unlisted.list[i].name, "", "");
		if (!entry) {
			code = STAGE_E_MEMORY;
			break;
		}
		entry->file.size = unlisted.list[i].size;
		*end = &entry->file;
		end = &entry->file.next;
	}
	free(unlisted.list);
	if (code < 0)
		return no_memory(error);
	if (content->damaged)
		stage_log_line(&spool->log, STAGE_WARNING,
			"%s/" STAGE_JOURNAL_NAME
			": %zu damaged records; %zu staged files, %llu bytes, that they may have told of cannot be handed off, and stay until \"stagedir gc\" removes them",
			spool->path, content->damaged, unlisted.count,
			(unsigned long long)unlisted.bytes);
	return 0;
}

/* Makes the spool of a directory that was found, and reads it; takes over held and frees root. */
static int
read_found(struct stage_lockdir *held, char *root, const char *path, bool looking, bool durable,
	const struct stage_log *log, struct stage_spool **ret_spool, struct stage_error *error)
{
	struct stage_journal_content *content = NULL;
	struct stage_spool *spool;
	int code;

	code = new_spool(root, held->name, durable, log, &spool, error);
	free(root);
	if (code < 0) {
		if (!looking)
			stage_claim_leave(held, path);
		return code;
	}
	spool->held = *held;
	*held = (struct stage_lockdir)STAGE_LOCKDIR_NONE;
	spool->looking = looking;
	code = stage_journal_read(spool->held.fd, path, &content, error);
	if (code == 0)
		code = take_files(spool, content, error);
	if (code == 0)
		code = take_unlisted(spool, content, error);
	if (code == 0 && !looking)
		code = stage_journal_append(
			spool->held.fd, path, content, durable, &spool->journal, error);
	stage_journal_content_free(&content);
	if (code == 0) {
		*ret_spool = spool;
	} else {
		if (!looking)
			stage_claim_leave(&spool->held, path);
		release(spool);
	}
	return code;
}

int
stage_spool_adopt(const char *path, bool durable, const struct stage_log *log,
	struct stage_spool **ret_spool, struct stage_error *error)
{
	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
	char *root;
	int code;

	code = stage_claim_hold(path, &held, &root, error);
	if (code == 0)
		code = read_found(&held, root, path, false, durable, log, ret_spool, error);
	stage_lockdir_release(&held);
	return code;
}

int
stage_spool_look(const char *path, const struct stage_log *log, struct stage_spool **ret_spool,
	struct stage_error *error)
{
	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
	char *root;
	int code;

	code = stage_claim_look(path, &held, &root, error);
	if (code == 0)
		code = read_found(&held, root, path, true, false, log, ret_spool, error);
	stage_lockdir_release(&held);
	return code;
}
