/*
 * member - a member of a volume or of an archive of signatures, made of one of the host's paths
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_MEMBER_H
#define STAGEDIR_MEMBER_H

#include <Python.h>

#include <stdbool.h>

#include "archive/index.h"
#include "tar.h"

/*
 * Sets the names of the owners whose numbers a member has, as the host knows them. They live for ever. 0, or -1 with an
 * exception.
 */
int member_name_owner(struct stage_member *member);

/*
 * A member of a tar archive, made of one of the host's ROPaths. Zeroed it is empty. Its strings live until
 * it is read again or released.
 */
struct member {
	struct stage_member member;
	bool is_file; /* a regular one */
	bool is_deleted;
	struct index name;
	PyObject *target;
};

/* Two uses, which differ in names and times. */
enum member_use {
	/* in a volume: names of directories end with a slash. Of a time before 1970, in whole
	 * seconds, the host warns, and it becomes 0 */
	MEMBER_VOLUME,

	/* among signatures: without that slash, and nobody warns again */
	MEMBER_SIGNATURE,
};

/* Reads a ROPath. 0, or -1 with an exception. */
int member_read(struct member *path, PyObject *ropath, enum member_use use);

void member_release(struct member *path);

/*
 * If the time of the path is before 1970, has the host warn of it, as it does itself when it makes a tar
 * header. 0, or -1 with an exception.
 */
int member_warn_of_time(PyObject *ropath);

#endif
