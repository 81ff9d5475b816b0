/*
 * spool_run - a run that stages files, for the tests of the spool
 *
 *	open_both();			(a staging directory, and a spool in which files are staged)
 *	file = stage("name", "content");
 *	close_both();			(what was staged stays in spool_path)
 *	adopt();
 *	finish();			(nothing is left)
 *
 * A run that is killed is a child, which in_child() ends by SIGKILL whenever its function is done.
 */
#ifndef STAGEDIR_TESTS_SPOOL_RUN_H
#define STAGEDIR_TESTS_SPOOL_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "dir.h"
#include "spool.h"
#include "spool_find.h"

/* Of all spools that are opened here. */
extern const struct stage_spool_about about;

/* The run's, or NULL. */
extern struct stage_dir *dir;
extern struct stage_spool *spool;

/* Of the spool that was opened last, also when it is closed. */
extern char spool_path[1024];

/* Directory and spool, which is durable, of a new run; what is logged is captured. */
void open_both(void);
void close_both(void);

/* A tracked file; the path is the caller's. NULL where it could not be made: a child asks, too. */
char *new_file(struct stage_dir *in, const char *content);

/* A file that was accepted, and with seal is sealed; NULL where that failed. */
struct stage_spool_file *add_file(const char *name, const char *content, bool seal);

/* A file that is sealed. */
struct stage_spool_file *stage(const char *name, const char *content);

/* How many files the spool has. */
size_t count_files(void);

/* The spools in test_dir, from find_all() until found_done(). */
extern struct stage_spool_found *found;
extern size_t found_count;
void find_all(void);
void found_done(void);

/* Takes over the spool at spool_path; what is logged is captured. */
void adopt(void);

/* Checks, and forgets, all that the spool has, and closes it; then nothing is left of it. */
void finish(void);

/* Removes the staging directory beside the spool of a run that is gone, and all else that nobody needs. */
void reclaim_rest(void);

/* Reads the journal at spool_path; the caller frees. */
char *read_journal(size_t *size);

#endif
