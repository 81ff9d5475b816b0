/*
 * verdict - how a run ended, in words
 *
 * Any thread.
 */
#ifndef STAGEDIR_VERDICT_H
#define STAGEDIR_VERDICT_H

#include "runreader.h"
#include "runsummary.h"

/* A class of the page's style: "good", "bad", or "open" where nobody can call it either. */
const char *verdict_class(enum stage_runstate state, const struct stage_runsummary *summary);

/* In two or three words, for a table: "done", "storage failed". */
const char *verdict_word(enum stage_runstate state, const struct stage_runsummary *summary);

/* As a sentence. */
const char *verdict_sentence(enum stage_runstate state, const struct stage_runsummary *summary);

/* "Full backup", "Incremental backup"; the action itself if it is none that is known. */
const char *verdict_action(const char *action);

#endif
