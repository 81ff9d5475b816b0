/*
 * resume - which volumes of dead runs a run hands off
 *
 * They were adopted (adopt.h), so that archive directory and digest have nothing against them. How it is
 * decided: duplicity/stored.h.
 *
 * Called with the GIL held, which is given up for files.
 */
#ifndef STAGEDIR_RESUME_H
#define STAGEDIR_RESUME_H

#include <Python.h>

#include "staging/adopt.h"
#include "staging/queue.h"

/*
 * Hands off, through queue, the files of adopt_spools() that may follow those in storage, and logs what
 * becomes of the others. arguments are those of Staging.resume(). Returns a list of the names that are
 * handed off; NULL with an exception.
 */
PyObject *resume_adopted(struct adopted *adopted, struct queue *queue, PyObject *arguments);

#endif
