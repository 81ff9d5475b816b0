/*
 * roots - the temp roots: which is the best for this run, and in which dead runs may have left something
 */
#ifndef STAGEDIR_ROOTS_H
#define STAGEDIR_ROOTS_H

#include <Python.h>

#include "error.h"
#include "root.h"

/*
 * Vets the temp roots as for the host's directory: with its --tempdir and source. The caller frees,
 * without the GIL.
 */
int roots_rank(struct stage_roots **ret_roots, struct stage_error *error);

/*
 * Calls visit(context, root, error) for every temp root in which a dead run may have left
 * something: those of this run's options, and those of none, as it may have had others. A root may
 * be visited twice. Ends with the first code of visit() that is not 0.
 */
typedef int (*roots_visitor)(void *context, const char *root, struct stage_error *error);
int roots_visit(roots_visitor visit, void *context, struct stage_error *error);

/* _stagedir.reclaim(archive_dir=None) */
PyObject *roots_reclaim(PyObject *module, PyObject *arguments);

#endif
