/*
 * Waits give up the GIL, which the uploading thread needs, and look for signals ten times a second:
 * Ctrl-C raises out of them, and handlers of other signals run in them.
 *
 * Ends. The host's own cleanup finishes the queue, or after Ctrl-C stops it; signals that end the
 * process, and exec, leave it: what is in a spool survives that. All Stagings that have not ended
 * are in a list, which the GIL guards.
 */
#include "staging/staging.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "listing.h"
#include "log.h"
#include "regular.h"
#include "url.h"

#include "duplicity/manifest.h"
#include "python/errors.h"
#include "python/exits.h"
#include "python/gil.h"
#include "python/hostlog.h"
#include "staging/configuration.h"
#include "staging/directory.h"
#include "staging/space.h"
#include "staging/urlsecrets.h"

/*
 * How much larger than asked for a volume may become: the host looks at its size only between
 * blocks of 64 KiB, and a compressor gives out more at its end.
 */
#define VOLUME_SLACK (256 * 1024)

/* Seconds: between two looks for signals; between two looks for room that others may give back;
 * for uploads at an end that does not wait. */
#define SLICE 0.1
#define LOOK 0.2
#define GRACE 1.0

enum staging_end {
	STAGING_FINISH, /* hand off what is staged, unless that has failed already */
	STAGING_STOP,   /* keep it; wait for an upload that is under way */
	STAGING_LEAVE,  /* keep it, and do not wait: the process is about to end */
};

struct staging *staging_all;

/* Why storage has not taken a file, in words that may quote its URL. */
static void
set_failure(const char *text, struct stage_error *error)
{
	char *hidden;

	if (urlsecrets_hide(text, &hidden, error) < 0)
		return;
	stage_error_set(error, STAGE_E_HANDOFF, 0, "%s", hidden);
	free(hidden);
}

struct staging *
staging_opened(PyObject *object)
{
	struct staging *self = (struct staging *)object;

	if (self->settings)
		return self;
	PyErr_SetString(PyExc_ValueError, "this Staging was never opened");
	return NULL;
}

static enum stage_upload
verdict_of(PyObject *result, struct stage_error *error)
{
	const char *text = NULL;
	PyObject *bytes = NULL;
	int verdict = STAGE_UPLOAD_GIVE_UP;

	if (!result || !PyArg_ParseTuple(result, "iO&", &verdict, PyUnicode_FSConverter, &bytes)) {
		PyErr_Clear();
		text = "the host's own code failed";
	} else {
		text = PyBytes_AsString(bytes);
	}
	if (verdict != STAGE_UPLOAD_DONE)
		set_failure(text, error);
	Py_XDECREF(bytes);
	return (enum stage_upload)verdict;
}

/* In the queue's thread. */
static enum stage_upload
upload(void *context, const struct stage_spool_file *file, unsigned int attempt,
	struct stage_error *error)
{
	struct staging *self = context;
	enum stage_upload verdict;
	PyGILState_STATE state;
	PyObject *result;

	state = gil_enter();
	result = PyObject_CallFunction(self->upload, "yyKI", file->path, file->name,
		(unsigned long long)file->size, attempt);
	verdict = verdict_of(result, error);
	Py_XDECREF(result);
	PyGILState_Release(state);
	return verdict;
}

int
staging_open_queue(struct staging *self, struct stage_error *error)
{
	if (self->handoff)
		return 0;
	if (!self->upload)
		return stage_error_set(
			error, STAGE_E_CLOSED, 0, "the staging for %s has ended", self->target);
	return stage_handoff_open(&self->how, &hostlog, &self->handoff, error);
}

int
staging_wait(struct staging *self, size_t count, double seconds, struct stage_error *error)
{
	int code;

	if (!self->handoff)
		return 0;
	do {
		Py_BEGIN_ALLOW_THREADS
		code = stage_handoff_wait(self->handoff, count, SLICE, error);
		Py_END_ALLOW_THREADS
		if (PyErr_CheckSignals() < 0)
			return 1;
		seconds -= seconds < 0 ? 0 : SLICE;
	} while (code == STAGE_E_AGAIN && (seconds < 0 || seconds > SLICE / 2));
	return code;
}

/* Sleeps until another run may have given room back. 1 with an exception. */
static int
wait_for_others(void)
{
	const struct timespec look = {.tv_nsec = (long)(LOOK * 1e9)};

	Py_BEGIN_ALLOW_THREADS
	nanosleep(&look, NULL);
	Py_END_ALLOW_THREADS
	return PyErr_CheckSignals() < 0 ? 1 : 0;
}

static void
say_once(bool *said, enum stage_level level, const struct stage_error *error)
{
	if (!*said)
		stage_log_line(&hostlog, level, "waiting for room to stage: %s", error->message);
	*said = true;
}

/*
 * What to do when no place has room: wait for the queue to give some back, open another place, or
 * wait for other runs. *error says why there is no room, and is completed where there never will be.
 */
static int
find_room(struct staging *self, bool others, bool *said, struct stage_error *error)
{
	struct stage_error failure;
	uint64_t bytes;
	size_t waiting = 0;
	int code;

	if (self->handoff)
		stage_handoff_waiting(self->handoff, &waiting, &bytes);
	if (waiting) {
		say_once(said, STAGE_INFO, error);
		code = staging_wait(self, waiting, LOOK, error);
		return code == STAGE_E_AGAIN ? 0 : code;
	}
	code = places_open_next(&self->places, &failure);
	if (code == 0)
		return 0;
	if (others) {
		say_once(said, STAGE_NOTICE, error);
		return wait_for_others();
	}
	stage_error_set(&failure, STAGE_E_NO_ROOM, 0,
		"no room for the next volume: %s. Make room there, name another temp_root in stagedir.conf, or have smaller volumes (--volsize); stagedir status tells what lies there, stagedir flush and stagedir gc may free some",
		error->message);
	*error = failure;
	return STAGE_E_NO_ROOM;
}

/*
 * What dead runs left was handed off before a volume is made. What is still in their spools then
 * waits for other runs: it is theirs again, and no reason to wait for room.
 */
static void
let_adopted_go(struct staging *self)
{
	uint64_t bytes;
	size_t waiting = 0;

	if (self->handoff)
		stage_handoff_waiting(self->handoff, &waiting, &bytes);
	if (waiting == 0)
		adopt_release(self);
}

static PyObject *
staging_volume(PyObject *object, PyObject *size)
{
	struct staging *self = staging_opened(object);
	bool others = false, said = false;
	unsigned long long bytes;
	struct stage_error error;
	char *path;
	int code;

	if (!self)
		return NULL;
	bytes = PyLong_AsUnsignedLongLong(size);
	if (PyErr_Occurred())
		return NULL;
	let_adopted_go(self);
	do {
		code = staging_wait(self, (size_t)self->settings->max_volumes, -1, &error);
		if (code)
			break;
		code = places_reserve(&self->places, bytes + VOLUME_SLACK, &path, &others, &error);
		if (code == 0)
			break;
		if (code == STAGE_E_NO_ROOM)
			code = find_room(self, others, &said, &error);
		if (code == 0)
			code = STAGE_E_AGAIN;
	} while (code == STAGE_E_AGAIN);
	if (code)
		return code > 0 ? NULL : errors_raise_final(&error);
	volume_unfollow(self);
	free(self->reserved);
	self->reserved = path;
	self->reserved_bytes = bytes + VOLUME_SLACK;
	return PyBytes_FromString(path);
}

/*
 * The host syncs its partial manifest from the second volume on, and its name never; a staged
 * volume is of no use without. Without the GIL.
 */
static void
sync_home(struct staging *self, const char *manifest)
{
	int home, fd = -1;

	if (self->synced || !self->settings->durable)
		return;
	home = open(self->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (home < 0)
		return;
	self->synced = stage_regular_open(home, manifest, O_RDONLY, &fd, NULL) == 0 &&
		       fsync(fd) == 0 && fsync(home) == 0;
	if (fd >= 0)
		close(fd);
	close(home);
}

/* Stages the file at path; returns as places_accept() and stage_handoff_put() do. */
static int
stage(struct staging *self, const char *path, const char *name, const char *note,
	uint64_t *ret_size, struct stage_error *error)
{
	const struct stage_followed *followed = NULL;
	struct stage_spool_file *file;
	struct stage_spool *spool;
	const bool reserving = space_reserving(path) == self;
	int code;

	if (reserving)
		followed = volume_followed(self);
	code = staging_open_queue(self, error);
	if (code < 0)
		return code;
	code = places_accept(&self->places, path, name, note, &spool, &file, error);
	if (code < 0)
		return code;
	if (followed)
		stage_spool_set_digest(file, followed->digest.size, followed->digest.sha256);
	if (reserving)
		volume_hold(self, file);
	*ret_size = file->size; /* the file is the queue's from the next line on */
	return stage_handoff_put(self->handoff, spool, file, error);
}

static PyObject *
staging_put(PyObject *object, PyObject *arguments)
{
	struct staging *self = staging_opened(object);
	PyObject *path = NULL, *name = NULL, *manifest = NULL, *result = NULL;
	struct stage_error error;
	const char *manifest_name;
	unsigned long volume;
	char *note = NULL;
	uint64_t size;
	int code, noted;

	if (!self ||
		!PyArg_ParseTuple(arguments, "O&O&O&k:put", PyUnicode_FSConverter, &path,
			PyUnicode_FSConverter, &name, PyUnicode_FSConverter, &manifest, &volume))
		return NULL;
	manifest_name = PyBytes_AsString(manifest);
	Py_BEGIN_ALLOW_THREADS
	sync_home(self, manifest_name);
	noted = manifest_note_make(self->home, manifest_name, volume, &note, &error);
	Py_END_ALLOW_THREADS
	if (noted < 0)
		stage_log_line(&hostlog, STAGE_INFO,
			"%s could not be handed off by a later run: %s", PyBytes_AsString(name),
			error.message);
	code = stage(self, PyBytes_AsString(path), PyBytes_AsString(name), note ? note : "", &size,
		&error);
	if (code == STAGE_E_UNTRACKED)
		result = Py_NewRef(Py_None);
	else if (code == 0)
		code = staging_wait(self, SIZE_MAX, 0, &error); /* has it failed? */
	if (code == 0)
		result = PyLong_FromUnsignedLongLong(size);
	else if (code < 0 && !result)
		errors_raise_final(&error);
	free(note);
	Py_DECREF(path);
	Py_DECREF(name);
	Py_DECREF(manifest);
	return result;
}

static void
sync_file(int dirfd, const char *name)
{
	int fd;

	if (stage_regular_open(dirfd, name, O_RDONLY, &fd, NULL) < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

/*
 * Syncs the regular files in a directory, and it, and closes dirfd: as well as can be, since the
 * host would go on without. What is on disk already costs next to nothing.
 */
static void
sync_files(int dirfd)
{
	struct stage_listing listing;
	const struct dirent *entry;

	stage_listing_open(&listing, dirfd);
	while ((entry = stage_listing_next(&listing)))
		if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN)
			sync_file(dirfd, entry->d_name);
	(void)stage_listing_close(&listing);
	(void)fsync(dirfd);
	close(dirfd);
}

static PyObject *
staging_sync(PyObject *object, PyObject *unused)
{
	struct staging *self = staging_opened(object);
	int home;

	(void)unused;
	if (!self)
		return NULL;
	if (!self->settings->durable)
		Py_RETURN_NONE;
	Py_BEGIN_ALLOW_THREADS
	home = open(self->home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (home >= 0)
		sync_files(home);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static PyObject *
staging_check(PyObject *object, PyObject *unused)
{
	struct staging *self = staging_opened(object);
	struct stage_error error;
	int code;

	(void)unused;
	if (!self)
		return NULL;
	code = staging_wait(self, SIZE_MAX, 0, &error);
	if (code < 0)
		return errors_raise_final(&error);
	return code ? NULL : Py_NewRef(Py_None);
}

static PyObject *
staging_drain(PyObject *object, PyObject *unused)
{
	struct staging *self = staging_opened(object);
	struct stage_error error;
	int code;

	(void)unused;
	if (!self)
		return NULL;
	code = staging_wait(self, 1, -1, &error);
	if (code < 0)
		return errors_raise_final(&error);
	return code ? NULL : Py_NewRef(Py_None);
}

/* Adds the sealed files of a spool, or NULL, that no thread uses any more. */
static void
count_sealed(const struct stage_spool *spool, size_t *count, uint64_t *bytes)
{
	const struct stage_spool_file *file;

	for (file = spool ? stage_spool_files(spool) : NULL; file; file = file->next) {
		if (!file->sealed)
			continue;
		(*count)++;
		*bytes += file->size;
	}
}

/* Says what stays. While its threads still run the queue alone is asked. */
static void
tell_what_stays(struct staging *self, bool threads_ended)
{
	uint64_t bytes = 0;
	size_t count = 0, i;

	if (!threads_ended)
		stage_handoff_waiting(self->handoff, &count, &bytes);
	for (i = 0; threads_ended && i < self->places.count; i++)
		count_sealed(self->places.list[i].spool, &count, &bytes);
	for (i = 0; threads_ended && i < self->adopted_count; i++)
		count_sealed(self->adopted[i], &count, &bytes);
	if (count)
		stage_log_line(&hostlog, STAGE_NOTICE,
			"%zu volume%s, %llu bytes, stay%s staged for %s: the next backup to it, or stagedir flush, hands %s off; stagedir status shows %s",
			count, count == 1 ? "" : "s", (unsigned long long)bytes,
			count == 1 ? "s" : "", self->target, count == 1 ? "it" : "them",
			count == 1 ? "it" : "them");
}

static void
tell_statistics(struct staging *self)
{
	struct stage_handoff_statistics statistics;

	stage_handoff_statistics(self->handoff, &statistics);
	stage_log_line(&hostlog, STAGE_INFO,
		"staged ahead: %llu volumes, %llu bytes, handed off in %.1f s with %llu retries; duplicity waited %.1f s for storage, storage %.1f s for duplicity",
		(unsigned long long)statistics.files, (unsigned long long)statistics.bytes,
		statistics.upload_seconds, (unsigned long long)statistics.retries,
		statistics.producer_seconds, statistics.idle_seconds);
}

/* Whoever presses Ctrl-C a second time does not want to wait for an upload either. */
static void
end_at_once(void)
{
	PyErr_Clear();
	exits_run(
		EXITS_LEAVE); /* which tells what stays of those that are being ended, as this one is */
	signal(SIGINT, SIG_DFL);
	kill(getpid(), SIGINT);
}

/* Stops the queue. False if an upload is still under way that is not waited for. */
static bool
stop(struct staging *self, enum staging_end how)
{
	bool said = false;
	int code;

	for (;;) {
		Py_BEGIN_ALLOW_THREADS
		code = stage_handoff_stop(self->handoff, how == STAGING_LEAVE ? GRACE : SLICE);
		Py_END_ALLOW_THREADS
		if (code == 0 || how == STAGING_LEAVE)
			return code == 0;
		if (!said)
			stage_log_line(&hostlog, STAGE_NOTICE,
				"waiting for the upload that is under way; Ctrl-C ends it");
		said = true;
		if (PyErr_CheckSignals() < 0)
			end_at_once();
	}
}

static void
close_queue(struct staging *self)
{
	if (self->handoff) {
		tell_statistics(self);
		Py_BEGIN_ALLOW_THREADS
		stage_handoff_close(&self->handoff);
		Py_END_ALLOW_THREADS
	}
	adopt_release(self);
	places_release(&self->places);
	Py_CLEAR(self->upload);
}

/* A signal's handler may have raised when this returns; that is then for the caller. */
static void
end(struct staging *self, enum staging_end how)
{
	PyObject *type, *value, *traceback;
	struct stage_error error;
	bool ended;

	if (!self->upload || getpid() != self->owner)
		return;
	if (self->ending) { /* a signal came meanwhile */
		if (self->handoff)
			tell_what_stays(self, false);
		return;
	}
	self->ending = true;
	/* a library that its thread uses may clean up at exit; what ends without that does not wait */
	if (how != STAGING_LEAVE)
		volume_unfollow(self);
	if (self->handoff && how == STAGING_FINISH)
		staging_wait(self, 1, -1, &error);
	/* what was raised is told when all is done, but signals are looked for meanwhile */
	PyErr_Fetch(&type, &value, &traceback);
	ended = !self->handoff || stop(self, how);
	tell_what_stays(self, ended);
	if (ended)
		close_queue(self);
	PyErr_Restore(type, value, traceback);
	self->ending = false;
}

static void
end_all(enum staging_end how)
{
	struct staging *self = staging_all, *next;

	/* waits give up the GIL, and logging runs Python: the one at hand and the next are held */
	Py_XINCREF((PyObject *)self);
	while (self) {
		end(self, how);
		next = self->next;
		Py_XINCREF((PyObject *)next);
		Py_DECREF((PyObject *)self);
		self = next;
	}
}

static void
on_exit_of_run(enum exits_how how)
{
	end_all(how == EXITS_LEAVE ? STAGING_LEAVE : STAGING_STOP);
}

static bool
stages_in(PyObject *directory)
{
	const struct staging *self;

	for (self = staging_all; self; self = self->next)
		if (self->places.count && self->places.list[0].directory == directory)
			return true;
	return false;
}

/*
 * The host cleans its default directory up in a finally clause, whatever has ended the run: after
 * Ctrl-C nothing more is handed off, otherwise what was accepted still is.
 */
static void
before_cleanup(PyObject *directory)
{
	PyObject *reason;

	if (!stages_in(directory))
		return;
	reason = PyErr_GetHandledException();
	end_all(reason && PyErr_GivenExceptionMatches(reason, PyExc_KeyboardInterrupt)
			? STAGING_STOP
			: STAGING_FINISH);
	Py_XDECREF(reason);
}

static PyObject *
staging_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
	PyObject *object = PyType_GenericNew(type, arguments, keywords);

	if (object)
		((struct staging *)object)->written_fd = -1;
	return object;
}

/* What the settings say, and where they say nothing the host, about how to hand off. */
static void
set_policy(struct staging *self, const struct stage_settings *settings, int attempts, double delay)
{
	self->how.upload = upload;
	self->how.context = self;
	if (settings->retries > 0)
		attempts = settings->retries;
	self->how.attempts = attempts > 0 ? (unsigned int)attempts : 1;
	self->how.delay = settings->backoff >= 0 ? (double)settings->backoff : delay;
	self->places.about.target = self->target;
	self->places.about.home = self->home;
	self->places.durable = settings->durable;
	self->places.max_staged = settings->max_staged;
}

static int
staging_init(PyObject *object, PyObject *arguments, PyObject *unused)
{
	struct staging *self = (struct staging *)object;
	PyObject *url, *home, *upload_function;
	const struct stage_settings *settings;
	struct stage_error error;
	double delay;
	int attempts, code;

	(void)unused;
	if (self->settings) {
		PyErr_SetString(PyExc_RuntimeError, "this Staging was opened already");
		return -1;
	}
	settings = configuration_settings(&error);
	if (!settings) {
		errors_raise(&error);
		return -1;
	}
	if (!PyArg_ParseTuple(arguments, "O&O&Oid:Staging", PyUnicode_FSConverter, &url,
		    PyUnicode_FSConverter, &home, &upload_function, &attempts, &delay))
		return -1;
	free(self->target); /* of an __init__ that had no memory for the other */
	free(self->home);
	self->target = NULL;
	code = stage_url_target(PyBytes_AsString(url), &self->target, &error);
	self->home = strdup(PyBytes_AsString(home));
	Py_DECREF(url);
	Py_DECREF(home);
	if (code < 0 || !self->home) {
		PyErr_NoMemory();
		return -1;
	}
	set_policy(self, settings, attempts, delay);
	self->owner = getpid();
	self->upload = Py_NewRef(upload_function);
	self->settings = settings;
	self->next = staging_all;
	staging_all = self;
	return 0;
}

static void
staging_dealloc(PyObject *object)
{
	struct staging *self = (struct staging *)object, **link;
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	for (link = &staging_all; *link && *link != self; link = &(*link)->next)
		;
	if (*link)
		*link = self->next;
	if (self->upload)
		close_queue(self);
	volume_unfollow(self);
	free(self->reserved);
	free(self->target);
	free(self->home);
	release(object);
	Py_DECREF(type);
}

/* pickle skips what raises TypeError, and the host pickles all that its configuration refers to */
static PyObject *
staging_reduce(PyObject *object, PyObject *unused)
{
	(void)object;
	(void)unused;
	PyErr_SetString(PyExc_TypeError, "a Staging belongs to one process");
	return NULL;
}

static PyMethodDef methods[] = {
	{"volume", staging_volume, METH_O,
		"volume(size)\n--\n\n"
		"A path (bytes) for the next volume, of up to size bytes, for which there is room; not\n"
		"made. Waits while too many volumes, or too many bytes, are staged."},
	{"put", staging_put, METH_VARARGS,
		"put(path, name, manifest, number)\n--\n\n"
		"Stages the volume at path, which is then no longer there, to be stored as name.\n"
		"Returns its size; None if it lies where it cannot be staged. manifest names the\n"
		"partial manifest in which the archive directory has it, by its number."},
	{"sync", staging_sync, METH_NOARGS,
		"sync()\n--\n\nHas all that the host has made in the archive directory on disk."},
	{"check", staging_check, METH_NOARGS,
		"check()\n--\n\nRaises StagingError if something that was put cannot be handed off."},
	{"drain", staging_drain, METH_NOARGS,
		"drain()\n--\n\nWaits until everything that was put is in storage."},
	{"adopt", adopt_spools, METH_NOARGS,
		"adopt()\n--\n\n"
		"Takes over what dead runs staged for this target and what can be handed off, as far as\n"
		"archive directory and digests tell. Returns (NAME, PATH) (bytes) of each, by number of\n"
		"volume: its name in storage, and where it is."},
	{"confirmed", adopt_confirmed, METH_NOARGS,
		"confirmed()\n--\n\n"
		"The names (bytes) of volumes of which a dead run that was taken over has told that\n"
		"storage has confirmed them, just before its end."},
	{"resume", adopt_resume, METH_VARARGS,
		"resume(staged, stored)\n--\n\n"
		"Hands off what adopt() has named, in its order, unless storage has it, or may lack one before\n"
		"it: that is discarded. staged is a list of (BACKUP, RESUME_...), one each: RESUME_JUDGE;\n"
		"RESUME_DISCARD, it is of no use; RESUME_LEAVE, it is not this run's to judge. Of the last two\n"
		"the caller tells why. stored is a list of (BACKUP, VOLUME, IS_CERTAIN), what storage has,\n"
		"and whether it has confirmed it. A BACKUP is any str that is the same for all its volumes.\n"
		"Returns the names (bytes) of what is handed off."},
	{"__reduce__", staging_reduce, METH_NOARGS, "Raises TypeError."},
	{0},
};

static char documentation[] =
	"Staging(url, home, upload, attempts, delay)\n--\n\n"
	"Stages volumes ahead for url; home is the archive directory. No secret of the URL is\n"
	"kept.\n\n"
	"upload(path, name, size, attempt) is called in a thread of its own, for one volume at a\n"
	"time, in the order of put(), and returns (UPLOAD_..., text). attempts and delay (seconds before\n"
	"the second one) hold unless stagedir.conf says otherwise. The methods are for one thread, and\n"
	"raise StagingError(code, text) once something could not be staged or handed off.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_new, (void *)staging_new},
	{Py_tp_init, (void *)staging_init},
	{Py_tp_dealloc, (void *)staging_dealloc},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.Staging",
	.basicsize = sizeof(struct staging),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

static const struct constant {
	const char *name;
	long value;
} constants[] = {
	{"UPLOAD_DONE", STAGE_UPLOAD_DONE},
	{"UPLOAD_RETRY", STAGE_UPLOAD_RETRY},
	{"UPLOAD_RETRY_LATER", STAGE_UPLOAD_RETRY_LATER},
	{"UPLOAD_GIVE_UP", STAGE_UPLOAD_GIVE_UP},
	{"RESUME_JUDGE", RESUME_JUDGE},
	{"RESUME_DISCARD", RESUME_DISCARD},
	{"RESUME_LEAVE", RESUME_LEAVE},
	{0},
};

int
staging_add_type(PyObject *module)
{
	const struct constant *constant;
	PyObject *type;
	int result;

	directory_before_cleanup(before_cleanup);
	exits_register(on_exit_of_run);
	for (constant = constants; constant->name; constant++)
		if (PyModule_AddIntConstant(module, constant->name, constant->value) < 0)
			return -1;
	type = PyType_FromSpec(&specification);
	if (!type)
		return -1;
	result = PyModule_AddType(module, (PyTypeObject *)type);
	Py_DECREF(type);
	return result;
}
