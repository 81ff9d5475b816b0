/*
 * fetchahead - the type FetchAhead: volumes of a restore are fetched ahead into the staging directory
 *
 * It adds to core/prefetch.h: the settings max_volumes and max_staged, room in the temp roots (places.h), the tracked
 * files, and waits that look for signals. What fetches is Python's, in a thread of Python's: _stagefetch.py.
 *
 * Room. A volume is fetched where so many bytes are free, for it and for another one as large: the reader may have
 * to fetch one itself. Its size is not known before. So as much is reserved as the largest volume so far needed, and some
 * more; with max_staged storage is asked for the size, so that this is kept to the byte. Of max_staged the volumes that are
 * being read take their part, until they are removed. Where there is no room nothing is fetched ahead until the reader has
 * come further; if nothing is ahead then, a further temp root is opened.
 *
 * The end of the run: nothing is begun any more, a fetch that is under way has a second, and the reservations are given back;
 * then Python is called, to end what it has begun with the files. These go with the directories that track them.
 */
#ifndef STAGEDIR_FETCHAHEAD_H
#define STAGEDIR_FETCHAHEAD_H

#include <Python.h>

/* Adds FetchAhead to the module: 0, or -1 with an exception. */
int fetchahead_add_type(PyObject *module);

/* Ends those whose first directory is this TemporaryDirectory; NULL: all. With the GIL, which is given up. Never fails. */
void fetchahead_end(const PyObject *directory);

#endif
