/*
 * A volume's way: room for it is found, the host makes it, put() gives it to the queue. If there is no
 * room, storage is waited for. Then another temp root is opened, then other runs are waited for.
 */
#include "staging/staging.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "url.h"

#include "duplicity/manifest.h"
#include "python/errors.h"
#include "python/hostlog.h"
#include "staging/configuration.h"
#include "staging/home.h"
#include "staging/volumeobject.h"

/* Seconds between two looks for room that others may give back. */
#define LOOK 0.2

struct staging *staging_all;

/*
 * The Staging that an object is; NULL with an exception where it never went through __init__, as
 * Python allows it. To be asked first by every method.
 */
static struct staging *
opened(PyObject *object)
{
	struct staging *self = (struct staging *)object;

	if (self->settings)
		return self;
	PyErr_SetString(PyExc_ValueError, "this Staging was never opened");
	return NULL;
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
	size_t waiting = queue_waiting(&self->queue, &bytes);
	int code;

	if (waiting) {
		say_once(said, STAGE_INFO, error);
		code = queue_wait(&self->queue, waiting, LOOK, error);
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

	if (queue_waiting(&self->queue, &bytes) == 0)
		adopt_release(&self->adopted);
}

/* Waits until there is room for a file of so many bytes. Returns as places_reserve(), or 1 with an exception. */
static int
reserve(struct staging *self, uint64_t bytes, char **ret_path, PyObject **ret_directory,
	struct stage_error *error)
{
	bool others = false, said = false;
	int code;

	do {
		code = queue_wait(&self->queue, (size_t)self->settings->max_volumes, -1, error);
		if (code)
			return code;
		code = places_reserve(
			&self->places, bytes, ret_path, ret_directory, &others, error);
		if (code == 0)
			return 0;
		if (code == STAGE_E_NO_ROOM)
			code = find_room(self, others, &said, error);
		if (code == 0)
			code = STAGE_E_AGAIN;
	} while (code == STAGE_E_AGAIN);
	return code;
}

static PyObject *
staging_volume(PyObject *object, PyObject *size)
{
	struct staging *self = opened(object);
	PyObject *directory, *volume, *before;
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
	bytes += VOLUMEOBJECT_SLACK;
	code = reserve(self, bytes, &path, &directory, &error);
	if (code)
		return code > 0 ? NULL : errors_raise_final(&error);
	volume = volumeobject_new(path, directory, bytes, self->settings->durable);
	free(path);
	if (!volume)
		return NULL;
	before = self->volume;
	self->volume = Py_NewRef(volume);
	if (before)
		volumeobject_end(before);
	Py_XDECREF(before);
	return volume;
}

/*
 * The note by which a later run finds a volume in the partial manifest (duplicity/manifest.h), which the
 * caller frees; NULL where it cannot be made.
 */
static char *
make_note(struct stage_volume *volume, const char *name, const char *manifest, unsigned long number)
{
	unsigned char sha1[STAGE_SHA1_BYTES];
	struct stage_error error;
	char *note;
	int code;

	code = stage_volume_sha1(volume, sha1, &error);
	if (code == STAGE_E_AGAIN)
		stage_error_set(&error, code, 0, "nobody has told its SHA-1");
	if (code == 0)
		code = manifest_note_make(number, sha1, manifest, &note, &error);
	if (code == 0)
		return note;
	stage_log_line(&hostlog, STAGE_INFO, "%s could not be handed off by a later run: %s", name,
		error.message);
	return NULL;
}

/* What the host has put, and as what. */
struct put {
	PyObject *volume;
	const char *name, *manifest;
	unsigned long number;
};

/* Completes the volume, makes its note, and has the host's record of it on disk. */
static int
prepare(struct staging *self, const struct put *put, char **ret_note, struct stage_error *error)
{
	struct stage_volume *volume = volumeobject_of(put->volume);
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_volume_complete(volume, error);
	if (code == 0) {
		*ret_note = make_note(volume, put->name, put->manifest, put->number);
		/* the host syncs its partial manifest from the second volume on only */
		if (!self->synced && self->settings->durable)
			self->synced = home_sync_manifest(self->home, put->manifest);
	}
	Py_END_ALLOW_THREADS
	return code;
}

/* Stages a volume; returns as places_accept(), stage_volume_staged() and queue_put() do. */
static int
stage(struct staging *self, const struct put *put, const char *note, uint64_t *ret_size,
	struct stage_error *error)
{
	struct stage_volume *volume = volumeobject_of(put->volume);
	struct stage_spool_file *file;
	struct stage_spool *spool;
	int code;

	code = queue_prepare(&self->queue, error);
	if (code == 0)
		code = places_accept(&self->places, volumeobject_directory(put->volume),
			stage_volume_path(volume), put->name, note, &spool, &file, error);
	if (code < 0)
		return code;
	Py_BEGIN_ALLOW_THREADS
	code = stage_volume_staged(volume, file, error); /* closes a descriptor */
	Py_END_ALLOW_THREADS
	if (code < 0)
		return code;
	volumeobject_end(put->volume);
	*ret_size = file->size; /* the file is the queue's from the next line on */
	return queue_put(&self->queue, spool, file, error);
}

/* The size of what was staged; None where it lies where it cannot be staged; NULL with an exception. */
static PyObject *
put_volume(struct staging *self, const struct put *put)
{
	struct stage_error error;
	uint64_t size = 0;
	char *note = NULL;
	int code;

	code = prepare(self, put, &note, &error);
	if (code == 0)
		code = stage(self, put, note ? note : "", &size, &error);
	free(note);
	if (code == STAGE_E_UNTRACKED)
		return Py_NewRef(Py_None);
	if (code == 0)
		code = queue_wait(&self->queue, SIZE_MAX, 0, &error); /* has it failed? */
	if (code < 0)
		return errors_raise_final(&error);
	return code ? NULL : PyLong_FromUnsignedLongLong(size);
}

static PyObject *
staging_put(PyObject *object, PyObject *arguments)
{
	struct staging *self = opened(object);
	PyObject *name = NULL, *manifest = NULL, *result = NULL;
	struct put put;

	if (!self || !PyArg_ParseTuple(arguments, "OO&O&k:put", &put.volume, PyUnicode_FSConverter,
			     &name, PyUnicode_FSConverter, &manifest, &put.number))
		return NULL;
	put.name = PyBytes_AsString(name);
	put.manifest = PyBytes_AsString(manifest);
	if (volumeobject_of(put.volume))
		result = put_volume(self, &put);
	Py_DECREF(name);
	Py_DECREF(manifest);
	return result;
}

static PyObject *
staging_sync(PyObject *object, PyObject *unused)
{
	struct staging *self = opened(object);

	(void)unused;
	if (!self)
		return NULL;
	if (!self->settings->durable)
		Py_RETURN_NONE;
	Py_BEGIN_ALLOW_THREADS
	home_sync(self->home);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static PyObject *
staging_check(PyObject *object, PyObject *unused)
{
	struct staging *self = opened(object);
	struct stage_error error;
	int code;

	(void)unused;
	if (!self)
		return NULL;
	code = queue_wait(&self->queue, SIZE_MAX, 0, &error);
	if (code < 0)
		return errors_raise_final(&error);
	return code ? NULL : Py_NewRef(Py_None);
}

static PyObject *
staging_drain(PyObject *object, PyObject *unused)
{
	struct staging *self = opened(object);
	struct stage_error error;
	int code;

	(void)unused;
	if (!self)
		return NULL;
	code = queue_wait(&self->queue, 1, -1, &error);
	if (code < 0)
		return errors_raise_final(&error);
	return code ? NULL : Py_NewRef(Py_None);
}

static PyObject *
staging_adopt(PyObject *object, PyObject *unused)
{
	struct staging *self = opened(object);

	(void)unused;
	return self ? adopt_spools(&self->adopted) : NULL;
}

static PyObject *
staging_confirmed(PyObject *object, PyObject *unused)
{
	struct staging *self = opened(object);

	(void)unused;
	return self ? adopt_confirmed(&self->adopted) : NULL;
}

static PyObject *
staging_resume(PyObject *object, PyObject *arguments)
{
	struct staging *self = opened(object);

	return self ? adopt_resume(&self->adopted, &self->queue, arguments) : NULL;
}

void
staging_close(struct staging *self)
{
	queue_close(&self->queue); /* whose threads use the spools */
	adopt_release(&self->adopted);
	places_release(&self->places);
}

/* What the settings, or the host, say about where and how to stage. */
static void
open_parts(struct staging *self, char *target, PyObject *upload, int attempts, double delay)
{
	const struct stage_settings *settings = self->settings;

	queue_open(&self->queue, (PyObject *)self, target, upload, settings, attempts, delay);
	self->places.about.target = self->adopted.target = target;
	self->places.about.home = self->adopted.home = self->home;
	self->places.durable = self->adopted.durable = settings->durable;
	self->places.max_staged = settings->max_staged;
}

static int
staging_init(PyObject *object, PyObject *arguments, PyObject *unused)
{
	struct staging *self = (struct staging *)object;
	PyObject *url, *home, *upload;
	const struct stage_settings *settings;
	struct stage_error error;
	char *target = NULL;
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
		    PyUnicode_FSConverter, &home, &upload, &attempts, &delay))
		return -1;
	free(self->home); /* of an __init__ that had no memory for the other */
	code = stage_url_target(PyBytes_AsString(url), &target, &error);
	self->home = strdup(PyBytes_AsString(home));
	Py_DECREF(url);
	Py_DECREF(home);
	if (code < 0 || !self->home) {
		free(target);
		PyErr_NoMemory();
		return -1;
	}
	self->owner = getpid();
	self->settings = settings;
	open_parts(self, target, upload, attempts, delay);
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
	staging_close(self);
	if (self->volume)
		volumeobject_end(self->volume);
	Py_CLEAR(self->volume);
	queue_release(&self->queue);
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
		"A Volume of up to size bytes for which there is room; its file is not made. Waits while\n"
		"too many volumes, or too many bytes, are staged. One at a time: the one before it is\n"
		"not wanted any more, unless it was put."},
	{"put", staging_put, METH_VARARGS,
		"put(volume, name, manifest, number)\n--\n\n"
		"Stages a volume, whose file is then no longer at its path, to be stored as name.\n"
		"Returns its size; None if it lies where it cannot be staged. manifest names the\n"
		"partial manifest in which the archive directory has it, by its number."},
	{"sync", staging_sync, METH_NOARGS,
		"sync()\n--\n\nHas all that the host has made in the archive directory on disk."},
	{"check", staging_check, METH_NOARGS,
		"check()\n--\n\nRaises StagingError if something that was put cannot be handed off."},
	{"drain", staging_drain, METH_NOARGS,
		"drain()\n--\n\nWaits until everything that was put is in storage."},
	{"adopt", staging_adopt, METH_NOARGS,
		"adopt()\n--\n\n"
		"Takes over what dead runs staged for this target and what can be handed off, as far as\n"
		"archive directory and digests tell. Returns (NAME, PATH) (bytes) of each, by number of\n"
		"volume: its name in storage, and where it is."},
	{"confirmed", staging_confirmed, METH_NOARGS,
		"confirmed()\n--\n\n"
		"The names (bytes) of the newest volumes that storage has confirmed to dead runs which\n"
		"were taken over."},
	{"resume", staging_resume, METH_VARARGS,
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
	{Py_tp_new, (void *)PyType_GenericNew},
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
	{"RESUME_JUDGE", ADOPT_JUDGE},
	{"RESUME_DISCARD", ADOPT_DISCARD},
	{"RESUME_LEAVE", ADOPT_LEAVE},
	{0},
};

int
staging_add_type(PyObject *module)
{
	const struct constant *constant;
	PyObject *type;
	int result;

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
