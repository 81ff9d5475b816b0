/*
 * module - the extension module _stagedir: what its parts share
 *
 * The module is loaded by _stagehost.py and offers the host the tracked staging directory
 * (directory.c), the staging ahead of volumes (staging.c, places.c, space.c, volume.c, adopt.c,
 * passed.c), the removal of what dead runs left (roots.c), a faster writer of its files (writefile.c) and of
 * what is in them (archive.h), and the question which URLs are to be staged (targets.c). It is
 * built with the limited API of Python 3.11, so that one file serves every later Python 3, and it is
 * not unloaded.
 *
 * All functions here are called with the GIL held. What may wait for a lock of the core, or for
 * long, gives it up meanwhile: the core's own threads need it.
 */
#ifndef STAGEDIR_MODULE_H
#define STAGEDIR_MODULE_H

#include <Python.h>

#include <stdbool.h>

#include "dir.h"
#include "error.h"
#include "log.h"
#include "root.h"
#include "settings.h"

/* Lines of the core go to duplicity.log, at the host's levels. log.c */
extern const struct stage_log host_log;

/*
 * PyGILState_Ensure(), in whose place it is to be used: that is not safe while another thread
 * forks. PyGILState_Release() ends it. gil.c
 */
PyGILState_STATE interpreter_enter(void);

/* close(2), for which the GIL is given up: a network may be waited for. With errno. gil.c */
int close_released(int fd);

/* To be called once, before the first thread enters: 0, or -1 with an exception. */
int interpreter_watch_forks(void);

/*
 * Raises what a host's user should see for *error, returns NULL: of duplicity.errors UserError for
 * what the user can mend, FatalBackendException for a directory that was swapped, both of which end
 * a run with one line and code 23; OSError, MemoryError, ValueError, RuntimeError otherwise.
 * module.c
 */
PyObject *raise_error(const struct stage_error *error);

/*
 * An attribute of one of the host's modules, such as ("duplicity.config", "temproot"); a new
 * reference, NULL without an exception where the module is not loaded or has no such attribute (at
 * interpreter exit it may be gone). module.c
 */
PyObject *host_attribute(const char *module, const char *name);

/*
 * Forgets a pending exception that cannot be passed on. One that is to end the run - Ctrl-C met
 * Python code that was called from here - is not lost: the host sees it as another Ctrl-C. module.c
 */
void swallow_exception(void);

/*
 * The bytes of a path given as str or bytes, as os.fsencode() does it; a new bytes object, NULL
 * with an exception otherwise. module.c
 */
PyObject *path_bytes(PyObject *path);

/* config.temproot as bytes, which the option --tempdir sets; NULL without an exception if unset. */
PyObject *host_tempdir(void);

/* Adds TemporaryDirectory to the module: 0, or -1 with an exception. directory.c */
int directory_add_type(PyObject *module);

/* The directory of a TemporaryDirectory, valid as long as that; NULL for any other object. */
struct stage_dir *directory_dir_of(PyObject *object);

/*
 * Vets the temp roots as for the host's directory: with its --tempdir and source. The caller frees,
 * without the GIL.
 */
int directory_rank_roots(struct stage_roots **ret_roots, struct stage_error *error);

/*
 * A TemporaryDirectory in a root that was vetted, by its descriptor, as stage_dir_open_root(): a new
 * reference, NULL with *error and without an exception.
 */
PyObject *directory_open_root(const struct stage_root *root, struct stage_error *error);

/*
 * Opens a file that a TemporaryDirectory of this process tracks, as stage_dir_create(); the caller
 * closes it. STAGE_E_UNTRACKED where none does. directory.c
 */
int directory_create_tracked(const char *path, int *ret_fd, struct stage_error *error);

/* _stagedir.remove(fname). directory.c */
PyObject *remove_tracked(PyObject *module, PyObject *name);

/* Cleans up every TemporaryDirectory of this process that is still open. directory.c */
void directory_cleanup_all(void);

/* Adds Staging and StagingError to the module: 0, or -1 with an exception. staging.c */
int staging_add_types(PyObject *module);

/* Does a Staging make its volumes in this TemporaryDirectory? staging.c */
bool staging_stages_in(PyObject *directory);

/* Raises StagingError for *error, returns NULL. staging.c */
PyObject *staging_raise(const struct stage_error *error);

/*
 * Waits until storage has taken a staged file of this process, which gives room back on the file
 * system of what fd is. False where none is staged there or none is handed off any more, in any
 * other thread than the main one, or with an exception, raised by a signal's handler. space.c
 */
bool staging_wait_for_room(int fd);

/*
 * Begins the volume at path, which fd has open for writing and which is only appended to: has the
 * disk space allocated that Staging.volume() reserved for it, so that no other process can take it
 * any more, and follows it, so that its digests are known when it is complete. Nothing for any other
 * path. Waits while staged files may give room back: 0, or -1 with errno, or with an exception as
 * above. space.c
 */
int staging_begin_volume(int fd, const char *path);

/* _stagedir.volume_sha1(path). volume.c */
PyObject *volume_sha1(PyObject *module, PyObject *path);

/* _stagedir.begin_volume(path). space.c */
PyObject *begin_volume(PyObject *module, PyObject *path);

enum staging_end {
	STAGING_FINISH, /* hand off what is staged, unless that has failed already */
	STAGING_STOP,   /* keep it; wait for an upload that is under way */
	STAGING_LEAVE,  /* keep it, and do not wait: the process is about to end */
};

/* Ends every Staging of this process, and tells what stays staged. Never fails. staging.c */
void staging_end_all(enum staging_end how);

/* _stagedir.gzip_write_file(...). writefile.c */
PyObject *gzip_write_file(PyObject *module, PyObject *arguments, PyObject *keywords);

/*
 * Has signals, exec and the end of the interpreter clean up. May be called again. Never fails.
 * exits.c
 */
void endings_watch(void);

/*
 * Between the two, which nest, SIGTERM and SIGHUP wait: a directory that is being made is not yet
 * in the list of those to clean up, one that is being cleaned up is half gone, and the core's log
 * runs Python, which is where handlers are called. exits.c
 */
void endings_hold(void);
void endings_release(void);

/* _stagedir.watch_endings(). exits.c */
PyObject *watch_endings(PyObject *module, PyObject *unused);

/*
 * Calls visit(context, root, error) for every temp root in which a dead run may have left
 * something: those of this run's options, and those of none, as it may have had others. A root may
 * be visited twice. Ends with the first code of visit() that is not 0. roots.c
 */
typedef int (*reclaim_visitor)(void *context, const char *root, struct stage_error *error);
int reclaim_visit(reclaim_visitor visit, void *context, struct stage_error *error);

/* _stagedir.reclaim(archive_dir=None). roots.c */
PyObject *reclaim(PyObject *module, PyObject *arguments);

/* _stagedir.check_settings(), _stagedir.take_over(url). targets.c */
PyObject *check_settings(PyObject *module, PyObject *unused);
PyObject *take_over(PyObject *module, PyObject *url);

/*
 * A copy of text, of which the caller does not know who wrote it, without the secrets of the URLs
 * that this process has opened. 0 or a code; the GIL must be held. secrets.c
 */
int secrets_hide(const char *text, char **ret_text, struct stage_error *error);

/* _stagedir.keep_secrets(url), _stagedir.without_secrets(text), _stagedir.shown_url(url). secrets.c */
PyObject *keep_secrets(PyObject *module, PyObject *url);
PyObject *without_secrets(PyObject *module, PyObject *text);
PyObject *shown_url(PyObject *module, PyObject *url);

/* _stagedir.stages_ahead(). targets.c */
PyObject *stages_ahead(PyObject *module, PyObject *unused);

#endif
