/*
 * object - the host's objects: attributes, functions, texts and paths
 *
 * The names of attributes are strings that are made once, since a full backup reads some forty attributes
 * for each file. Everything here is called with the GIL held.
 */
#ifndef STAGEDIR_OBJECT_H
#define STAGEDIR_OBJECT_H

#include <Python.h>

#include <stdbool.h>

#define OBJECT_NAMES(X)                                                                            \
	X(DeltaEntries)                                                                            \
	X(Errors)                                                                                  \
	X(NewFileSize)                                                                             \
	X(NewFiles)                                                                                \
	X(RawDeltaSize)                                                                            \
	X(SourceFileSize)                                                                          \
	X(SourceFiles)                                                                             \
	X(add_changed_file)                                                                        \
	X(add_deleted_file)                                                                        \
	X(add_new_file)                                                                            \
	X(add_unchanged_file)                                                                      \
	X(base)                                                                                    \
	X(blk)                                                                                     \
	X(chr)                                                                                     \
	X(close)                                                                                   \
	X(data)                                                                                    \
	X(devnums)                                                                                 \
	X(difftype)                                                                                \
	X(dir)                                                                                     \
	X(exists)                                                                                  \
	X(fifo)                                                                                    \
	X(fileobj)                                                                                 \
	X(get_block_size)                                                                          \
	X(get_relative_path)                                                                       \
	X(get_tarinfo)                                                                             \
	X(index)                                                                                   \
	X(isreg)                                                                                   \
	X(mode)                                                                                    \
	X(name)                                                                                    \
	X(open)                                                                                    \
	X(opened)                                                                                  \
	X(read)                                                                                    \
	X(reg)                                                                                     \
	X(setdata)                                                                                 \
	X(st_gid)                                                                                  \
	X(st_mtime)                                                                                \
	X(st_size)                                                                                 \
	X(st_uid)                                                                                  \
	X(stat)                                                                                    \
	X(stats)                                                                                   \
	X(sym)                                                                                     \
	X(symtext)                                                                                 \
	X(type)                                                                                    \
	X(uc_name)                                                                                 \
	X(write)

#define OBJECT_NAME(name) extern PyObject *object_name_##name;
OBJECT_NAMES(OBJECT_NAME)
#undef OBJECT_NAME

/* To be called once, before all else: 0, or -1 with an exception. */
int object_intern_names(void);

/* Adds count to a number of the host's statistics, diffdir.stats, if it keeps any. 0, or -1 with an
 * exception. */
int object_count(PyObject *diffdir, PyObject *name, Py_ssize_t count);

/*
 * Calls a function of one of the host's modules, such as ("duplicity.log", "Warn"), with arguments
 * as Py_BuildValue() takes them, in parentheses. A new reference, NULL with an exception.
 */
PyObject *object_call(const char *module, const char *function, const char *format, ...);

/* The host's translation of a text, with arguments put in, which this consumes; NULL with an
 * exception, also where arguments is NULL. */
PyObject *object_text(const char *text, PyObject *arguments);

/*
 * An attribute of one of the host's modules, such as ("duplicity.config", "temproot"). A new reference;
 * NULL, without an exception, if the module is not loaded or has no such attribute. At interpreter exit
 * either may be gone.
 */
PyObject *object_attribute(const char *module, const char *name);

/*
 * A path, given as str or bytes, as os.fsencode() makes it: a new bytes object, NULL with an exception.
 */
PyObject *object_path_bytes(PyObject *path);

/* Is string a str with this value? */
bool object_is(PyObject *string, const char *value);

/* Releases a new reference that is of no use: 0, or -1 with an exception where it is NULL. */
int object_done(PyObject *result);

#endif
