/*
 * elsewhere - where files go that the host makes itself, when the temp root of its directory has little room
 *
 * A restore, a verify or a backup without its cache downloads files of up to a volume, and needs files as
 * large as those that it restores. The host makes them in its default directory. If the root of that has
 * little free, they go to the next good root (core/root.h) that has enough; if none has, to the one with most.
 * What --tempdir names has no next root. Little is less than the host's config.volsize when it backs up;
 * otherwise less than 4 GiB, as nobody knows how large volumes and files are then.
 *
 * Called with the GIL held, by any thread. None of these asks the host for its default directory, which has a
 * lock that the caller may have.
 */
#ifndef STAGEDIR_ELSEWHERE_H
#define STAGEDIR_ELSEWHERE_H

#include <Python.h>

#include "dir.h"

/*
 * The directory in which the next file is to be made: dir, that of the host's default TemporaryDirectory, or
 * one in another root, which is opened for that. It lives until the process ends. One that is closed, or of
 * the parent process, stays itself.
 */
struct stage_dir *elsewhere_choose(PyObject *directory, struct stage_dir *dir);

/* The same of what is open already. */
struct stage_dir *elsewhere_find(PyObject *directory, struct stage_dir *dir);

#endif
