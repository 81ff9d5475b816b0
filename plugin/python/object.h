/*
 * hostobject - what the parts of this module that work file by file need of the host's objects
 *
 * Its names are strings that are made once: a full backup reads some forty attributes a file.
 * Everything here is called with the GIL held.
 */
#ifndef STAGEDIR_HOSTOBJECT_H
#define STAGEDIR_HOSTOBJECT_H

#include "module.h"

#include "tar.h"

#define HOST_NAMES(X)                                                                              \
	X(Errors)                                                                                  \
	X(RawDeltaSize)                                                                            \
	X(SourceFileSize)                                                                          \
	X(add_changed_file)                                                                        \
	X(add_deleted_file)                                                                        \
	X(add_new_file)                                                                            \
	X(add_unchanged_file)                                                                      \
	X(close)                                                                                   \
	X(data)                                                                                    \
	X(devnums)                                                                                 \
	X(difftype)                                                                                \
	X(exists)                                                                                  \
	X(fileobj)                                                                                 \
	X(get_block_size)                                                                          \
	X(get_relative_path)                                                                       \
	X(get_tarinfo)                                                                             \
	X(index)                                                                                   \
	X(isreg)                                                                                   \
	X(mode)                                                                                    \
	X(name)                                                                                    \
	X(opened)                                                                                  \
	X(open)                                                                                    \
	X(read)                                                                                    \
	X(st_gid)                                                                                  \
	X(st_mtime)                                                                                \
	X(st_size)                                                                                 \
	X(st_uid)                                                                                  \
	X(stat)                                                                                    \
	X(stats)                                                                                   \
	X(symtext)                                                                                 \
	X(type)                                                                                    \
	X(write)

#define HOST_NAME(name) extern PyObject *host_name_##name;
HOST_NAMES(HOST_NAME)
#undef HOST_NAME

/* To be called once, before all else: 0, or -1 with an exception. */
int host_names_intern(void);

/* Adds to a number of the host's statistics, diffdir.stats, if it keeps any: 0, or -1 with an
 * exception. */
int host_count(PyObject *diffdir, PyObject *name, Py_ssize_t count);

/*
 * Calls a function of one of the host's modules, such as ("duplicity.log", "Warn"), with arguments
 * as Py_BuildValue() takes them, in parentheses. A new reference, NULL with an exception.
 */
PyObject *host_call(const char *module, const char *function, const char *format, ...);

/* The host's translation of a text, with arguments put in, which this consumes; NULL with an
 * exception, also where arguments is NULL. */
PyObject *host_text(const char *text, PyObject *arguments);

/*
 * A member of a tar archive that is made of one of the host's ROPaths. Zeroed it is empty; what its
 * strings lie in is its own, until it is read again or released.
 */
struct hostpath {
	struct stage_member member;
	bool is_file; /* a regular one */
	bool is_deleted;
	char *name;
	size_t room;
	PyObject *target;
};

/* What the name and the time of a member are. */
enum hostpath_use {
	/* in a volume: names of directories end with a slash; a time below 0, once it is whole
	 * seconds, is warned of by the host, and made 0 */
	HOSTPATH_VOLUME,

	/* among signatures: without a slash, and whoever made the path known has warned */
	HOSTPATH_SIGNATURE,
};

/* Reads a ROPath. 0, or -1 with an exception. */
int hostpath_read(struct hostpath *path, PyObject *ropath, enum hostpath_use use);

void hostpath_release(struct hostpath *path);

/*
 * The host says so when it makes a tar header of a time before 1970: has it say so, if it is one.
 * 0, or -1 with an exception.
 */
int hostpath_warn_of_time(PyObject *ropath);

/* Is it a string of the host's with this value? */
bool host_is(PyObject *string, const char *value);

#endif
