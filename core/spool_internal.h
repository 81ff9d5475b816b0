/*
 * spool_internal - what the files of the spool share
 *
 *	spool.c		a spool is made and left; files are taken in
 *	spool_item.c	a file of it (spool_item.h)
 *	spool_seal.c	a file becomes durable
 *	spool_check.c	is a file what was written, or what was recorded?
 *	spool_end.c	a file is confirmed or forgotten
 *	spool_rest.c	the rest is removed when the spool is closed
 *	spool_adopt.c	the spool of a dead run is taken over, or looked at
 *	spool_find.c	the spools in a temp root (spool_find.h)
 *
 * The mutex lock guards the list of files and the names, the mutex recording guards the journal. Neither
 * is taken while the other is held. Files are read and made durable without a lock, records are written
 * with recording alone. So accept never waits for the disk.
 *
 * Not installed.
 */
#ifndef STAGEDIR_SPOOL_INTERNAL_H
#define STAGEDIR_SPOOL_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "journal.h"
#include "lockdir.h"
#include "log.h"
#include "naming.h"
#include "reserve_others.h"
#include "spool.h"
#include "spool_item.h"

struct stage_spool {
	pid_t owner;
	struct stage_lockdir held;
	char *path, *root;
	bool durable;
	bool looking; /* it is not ours, and nothing in it is changed */
	struct stage_log log;

	pthread_mutex_t lock;
	struct stage_spool_file *files;
	struct stage_spool_file *unlisted; /* files of which a damaged record may have told */
	struct stage_random random;
	uint64_t given; /* names so far */
	size_t kept;    /* files that are kept (spool_item.h) */

	struct stage_reserve_others others; /* of the thread that reserves */

	pthread_mutex_t recording;
	struct stage_journal *journal;

	/* the last file that storage has confirmed to the dead run; NULL if it was not adopted, or there is none */
	char *confirmed_name, *confirmed_note;
};

/* Makes a spool without directory or journal. STAGE_E_MEMORY, STAGE_E_SYSTEM. */
int stage_spool_new(const char *root, const char *name, bool durable, const struct stage_log *log,
	struct stage_spool **ret_spool, struct stage_error *error);

/* Frees memory and descriptors, touches no file. Also in a child. */
void stage_spool_free(struct stage_spool *spool);

/* Sets *error: there is no memory. Returns STAGE_E_MEMORY. */
int stage_spool_fail_memory(struct stage_error *error);

/* Refuses to change a spool that is only looked at: STAGE_E_ARGUMENT. */
int stage_spool_check_ours(const struct stage_spool *spool, struct stage_error *error);

/* Closes the file's descriptor, so that another file may keep one. */
void stage_spool_seal_let_go(struct stage_spool *spool, struct stage_spool_item *item);

/* Records that the disk has lost a file. It does not wait any more, even if that cannot be recorded. */
void stage_spool_end_lost(struct stage_spool *spool, struct stage_spool_file *file);

/*
 * Removes the files that need not stay, and the directory if nothing stays. Otherwise it is left for
 * whoever takes it over (claim.h). Each failure to remove is a warning in the log.
 */
void stage_spool_rest_remove(struct stage_spool *spool);

#endif
