/*
 * listedpaths - the type ListedPaths: the lines of list-current-files, many at once
 *
 * The host makes an object of each path, two texts, and a record of its log, and writes each line by itself. Here a line is
 * made of the entry, and the host is given the lines of many paths at once:
 *
 *	for path in list_paths(reader, say, only_ascii, for_programs):
 *		...
 *
 * reader is a SignatureReader that has not begun. say(lines, control, last) is called before the path behind them is given, at
 * the end, and before an exception. All are str:
 *
 *	lines		what people are shown, "TIME PATH", with a newline between two of them
 *	control, last	for --log-fd, where for_programs; else both are None: control is the control line of the first one with all
 *			that the host writes behind it, up to the text of the last one, which is last
 *
 * Given is each path that is no such line, to be told of by the host: what was deleted, and what has a name that takes more than to
 * be copied. Such is one that is not in UTF-8, or longer than 4 KiB; not in ASCII, for only_ascii; one that a control line
 * quotes, for_programs; and a time before the year 1000 or behind 9999.
 *
 * Times are local ones, as of time.asctime(); in control lines of UTC.
 */
#ifndef STAGEDIR_LISTEDPATHS_H
#define STAGEDIR_LISTEDPATHS_H

#include <Python.h>

/* Adds ListedPaths to the module: 0, or -1 with an exception. */
int listedpaths_add_type(PyObject *module);

/* Python: list_paths(reader, say, only_ascii, for_programs), a ListedPaths; None: reader is another iterator. */
PyObject *listedpaths_new(PyObject *module, PyObject *arguments);

#endif
