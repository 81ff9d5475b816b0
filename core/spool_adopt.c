/*
 * A spool that was found is read in this order: its journal, the files that it tells of, and, where one of
 * its records is damaged, the files that it may have told of (unlisted.h). Then the journal is opened to
 * be gone on with. Whoever only looks does the same, without the claim and without the last step.
 */
#include "spool_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "claim.h"
#include "spool_item.h"
#include "unlisted.h"

/* Puts the files that the journal tells of, and that are there, into the list. */
static int
take_files(struct stage_spool *spool, const struct stage_journal_content *content,
	struct stage_error *error)
{
	struct stage_spool_file **end = &spool->files;
	struct stage_spool_item *item;
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
		item = stage_spool_item_new(spool->path, record->file, record->name, record->note);
		if (!item)
			return stage_spool_fail_memory(error);
		item->file.size = record->digest.size;
		item->file.sealed = true;
		item->digest = record->digest;
		*end = &item->file;
		end = &item->file.next;
	}
	if (content->confirmed_name) {
		spool->confirmed_name = strdup(content->confirmed_name);
		spool->confirmed_note = strdup(content->confirmed_note);
		if (!spool->confirmed_name || !spool->confirmed_note)
			return stage_spool_fail_memory(error);
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
	struct stage_spool_item *item;
	size_t i;
	int code;

	code = stage_unlisted_find(spool->held.fd, content, &unlisted);
	if (code == STAGE_E_SYSTEM)
		return stage_error_set(error, code, errno, "cannot read the spool %s", spool->path);
	for (i = 0; i < unlisted.count; i++) {
		item = stage_spool_item_new(spool->path, unlisted.list[i].name, "", "");
		if (!item) {
			code = STAGE_E_MEMORY;
			break;
		}
		item->file.size = unlisted.list[i].size;
		*end = &item->file;
		end = &item->file.next;
	}
	free(unlisted.list);
	if (code < 0)
		return stage_spool_fail_memory(error);
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

	code = stage_spool_new(root, held->name, durable, log, &spool, error);
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
		stage_spool_free(spool);
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
