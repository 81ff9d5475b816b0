/*
 * roots - the temp roots of this run, vetted (core/root.h), and all those in which dead runs may have left something
 */
#ifndef STAGEDIR_ROOTS_H
#define STAGEDIR_ROOTS_H

#include <Python.h>

#include "error.h"
#include "root.h"

/*
 * Vets the temp roots for this run, with the host's --tempdir and source. stage_roots_next() says which is
 * the best. The caller frees, without the GIL.
 */
int roots_rank(struct stage_roots **ret_roots, struct stage_error *error);

/*
 * Calls visit(context, root, error) for every temp root in which a dead run may have left something: the
 * roots with this run's options, and the roots without, since the dead run may have had other options.
 * A root may be visited twice. Ends with the first code of visit() that is not 0.
 */
typedef int (*roots_visitor)(void *context, const char *root, struct stage_error *error);
int roots_visit(roots_visitor visit, void *context, struct stage_error *error);

/* _stagedir.reclaim(archive_dir=None) */
PyObject *roots_reclaim(PyObject *module, PyObject *arguments);

#endif
