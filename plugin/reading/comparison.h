/*
 * comparison - the type Comparison: what a chain of backups has beside what is there, for a verify
 *
 * It has the place of the host's generator collate2iters() in a verify. To Python it is an iterator of pairs: the ROPath of
 * the backup and the Path of the source, one of them may be None. The host takes each pair for one file, and asks
 *
 *	backup_ropath.compare_verbose(current_path, config.compare_data)
 *
 * which tells of a difference. What has none is given as a pair that stands for two paths that are the same: it says
 * so, and no path of the host's is made. Without --compare-data the host compares nothing (path.ROPath.compare_verbose), and
 * counts. So does this. With it the attributes are compared as entries (entry.h), the contents of files by samecontent.h. Where
 * these differ, the host's function is told so by the ROPath, and has the words.
 *
 * The source is a Selection, which looks ahead: a path that the host is to compare is looked at again first.
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_COMPARISON_H
#define STAGEDIR_COMPARISON_H

#include <Python.h>

/* Adds Comparison to the module: 0, or -1 with an exception. */
int comparison_add_type(PyObject *module);

/*
 * Python: compare_paths(backup_paths, current_paths, compare_data): a Comparison; None, where the first is no PatchedPaths,
 * or the second no Select of the host's that has a Selection. compare_data is that of compare_verbose().
 */
PyObject *comparison_new(PyObject *module, PyObject *arguments);

#endif
