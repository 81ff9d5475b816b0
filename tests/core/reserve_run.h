/*
 * reserve_run - a run that reserves room in a temp root, for the tests of that
 *
 * Also for children and threads: no CUnit.
 */
#ifndef STAGEDIR_TESTS_RESERVE_RUN_H
#define STAGEDIR_TESTS_RESERVE_RUN_H

#include "dir.h"
#include "spool.h"

struct run {
	struct stage_dir *dir;
	struct stage_spool *spool;
	char *path; /* what it has reserved for */
};

/* 0, or -1. */
int reserve_run_begin(struct run *run, const char *root);

void reserve_run_end(struct run *run);

#endif
