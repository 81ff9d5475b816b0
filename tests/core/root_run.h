/*
 * root_run - settings, and temp roots that are ranked by them, for the tests of core/root
 *
 *	root_set("avoid_tmpfs = no\n");
 *	root_good(in_dir("a"));
 *	root_done();
 */
#ifndef STAGEDIR_TESTS_ROOT_RUN_H
#define STAGEDIR_TESTS_ROOT_RUN_H

#include "root.h"

/* Of this test, until root_done(). */
extern struct stage_settings *settings;
extern struct stage_roots *roots;

/* Settings from the text of a file. Where a test is not about memory it must run in memory too. */
void root_set(const char *text);

/* Ranks --tempdir alone, which leaves one root. */
const struct stage_root *root_vet(const struct stage_root_request *request);

/* Is --tempdir PATH good, and what PATH leads to; or refused, for this reason? */
void root_good(const char *path);
void root_refused(const char *path, const char *why);

void root_done(void);

#endif
