/*
 * In this order: the spool is still at its path, where storage will look for it; the file is still the one
 * that was accepted; its content is read and on disk; its name is on disk; the journal has its record.
 *
 * What happens if the disk is full here (ENOSPC or EDQUOT at fsync) is decided elsewhere: handoff_seal.c
 * hands the file off at once, if stage_spool_check_written() in spool_check.c finds its content there.
 */
#include "spool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "digest.h"
#include "durable.h"
#include "regular.h"
#include "spool_item.h"

/* Few of the 1,024 that a process may have open by default, and more than volumes wait where storage keeps up. */
#define KEPT_MAX 128

static int
fail_durable(const struct stage_spool_item *item, int sys_errno, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_SYSTEM, sys_errno,
		"cannot make the staged file %s durable", item->file.path);
}

/*
 * May a file keep its descriptor once it is sealed? As long as the disk has not been waited for, that is
 * how its failures are learned of.
 */
static bool
may_keep(struct stage_spool *spool, struct stage_spool_item *item)
{
	bool kept;

	pthread_mutex_lock(&spool->lock);
	if (!item->kept && spool->kept < KEPT_MAX) {
		item->kept = true;
		spool->kept++;
	}
	kept = item->kept;
	pthread_mutex_unlock(&spool->lock);
	return kept;
}

void
stage_spool_seal_let_go(struct stage_spool *spool, struct stage_spool_item *item)
{
	stage_spool_item_drop_fd(item);
	pthread_mutex_lock(&spool->lock);
	if (item->kept)
		spool->kept--;
	item->kept = false;
	pthread_mutex_unlock(&spool->lock);
}

/*
 * Reads the file, of size bytes, while the disk is writing it, unless it is known what is in it; and
 * has both done when it returns.
 */
static int
make_durable(struct stage_spool *spool, struct stage_spool_item *item, bool waits, int fd,
	uint64_t size, struct stage_digest *ret_digest, struct stage_error *error)
{
	const bool known = item->told && item->digest.size == size;
	const struct stage_spool_file *file = &item->file;
	int code;

	/* whoever made it may have had another umask in mind */
	if (fchmod(fd, 0600) < 0)
		return fail_durable(item, errno, error);
	if (waits && !known)
		stage_durable_begin(fd);
	*ret_digest = item->digest;
	code = known ? 0 : stage_digest_read(fd, file->path, ret_digest, error);
	if (code < 0)
		return code;
	if (item->measured && ret_digest->size != file->size)
		return stage_error_set(error, STAGE_E_DAMAGED, 0,
			"the staged file %s (%s) had %llu bytes when it was accepted, and has %llu now",
			file->path, file->name, (unsigned long long)file->size,
			(unsigned long long)ret_digest->size);
	if (waits && stage_spool_item_write_out(item, fd) < 0)
		return fail_durable(item, errno, error);
	if (spool->durable && stage_durable_folder(spool->held.fd) < 0)
		return fail_durable(item, errno, error);
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
	struct stage_spool_item *item = stage_spool_item_of(file);
	struct stage_journal_record record = {
		.file = stage_spool_item_base(file), .name = file->name, .note = file->note};
	uint64_t size;
	int code, fd;
	bool waits;

	if (file->sealed)
		return 0;
	if (item->lost)
		return fail_durable(item, item->lost, error);
	code = check_in_place(spool, error);
	if (code == 0)
		code = stage_spool_item_open(
			item, spool->held.fd, spool->looking, &fd, &size, error);
	if (code < 0)
		return code;
	waits = spool->durable || (item->fd >= 0 && !may_keep(spool, item));
	code = stage_spool_item_check_same(item, spool->held.fd, error);
	if (code == 0)
		code = make_durable(spool, item, waits, fd, size, &record.digest, error);
	close(fd);
	if (code < 0)
		return code;
	record.sealed = (int64_t)time(NULL);
	pthread_mutex_lock(&spool->recording);
	code = stage_journal_staged(spool->journal, &record, error);
	pthread_mutex_unlock(&spool->recording);
	if (code < 0)
		return code;
	item->digest = record.digest;
	file->size = record.digest.size;
	file->sealed = true;
	if (waits)
		stage_spool_item_drop_fd(item);
	return 0;
}

void
stage_spool_publish(
	const struct stage_spool *spool, const struct stage_spool_file *file, mode_t mode)
{
	const char *base = stage_spool_item_base(file);
	int fd, failed = 0;

	if (stage_regular_open(spool->held.fd, base, O_RDONLY, &fd, NULL) < 0) {
		failed = errno;
	} else {
		if (fchmod(fd, mode) < 0)
			failed = errno;
		close(fd);
	}
	if (failed)
		stage_log_line(&spool->log, STAGE_DEBUG, "the mode of %s stays as it is: %s",
			file->path, stage_error_errno_text(failed));
}
