/*
 * member - a member of a volume, or of an archive of signatures, made of one of the host's paths
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_MEMBER_H
#define STAGEDIR_MEMBER_H

#include <Python.h>

#include <stdbool.h>

#include "tar.h"

/*
 * A member of a tar archive that is made of one of the host's ROPaths. Zeroed it is empty; what its
 * strings lie in is its own, until it is read again or released.
 */
struct member {
	struct stage_member member;
	bool is_file; /* a regular one */
	bool is_deleted;
	char *name;
	size_t room;
	PyObject *target;
};

/* What the name and the time of a member are. */
enum member_use {
	/* in a volume: names of directories end with a slash; a time below 0, once it is whole
	 * seconds, is warned of by the host, and made 0 */
	MEMBER_VOLUME,

	/* among signatures: without a slash, and whoever made the path known has warned */
	MEMBER_SIGNATURE,
};

/* Reads a ROPath. 0, or -1 with an exception. */
int member_read(struct member *path, PyObject *ropath, enum member_use use);

void member_release(struct member *path);

/*
 * The host says so when it makes a tar header of a time before 1970: has it say so, if it is one.
 * 0, or -1 with an exception.
 */
int member_warn_of_time(PyObject *ropath);

#endif
