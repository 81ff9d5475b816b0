/*
 * A volume's way: room for it is found (room.h), the host makes it, put() gives it to the queue.
 */
#include "staging/staging.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "runevent.h"
#include "url.h"

#include "duplicity/manifest.h"
#include "python/errors.h"
#include "python/hostlog.h"
#include "python/object.h"
#include "staging/configuration.h"
#include "staging/home.h"
#include "staging/resume.h"
#include "staging/room.h"
#include "staging/run.h"
#include "staging/volumeobject.h"

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

static PyObject *
staging_begin(PyObject *object, PyObject *action)
{
	struct staging *self = opened(object);
	PyObject *bytes = self ? object_path_bytes(action) : NULL;

	if (!bytes)
		return NULL;
	run_begin(PyBytes_AsString(bytes), self->queue.target, self->settings);
	Py_DECREF(bytes);
	Py_RETURN_NONE;
}

static PyObject *
staging_volume(PyObject *object, PyObject *size)
{
	struct staging *self = opened(object);
	PyObject *volume, *before;
	unsigned long long bytes;
	struct reserved reserved;
	struct stage_error error;
	int code;

	if (!self)
		return NULL;
	bytes = PyLong_AsUnsignedLongLong(size);
	if (PyErr_Occurred())
		return NULL;
	let_adopted_go(self);
	bytes += VOLUMEOBJECT_SLACK;
	code = room_reserve(self, bytes, &reserved, &error);
	if (code)
		return code > 0 ? NULL : errors_raise_final(&error);
	volume =
		volumeobject_new(reserved.path, reserved.directory, bytes, self->settings->durable);
	free(reserved.path);
	if (!volume)
		return NULL;
	run_volume();
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
		code = queue_wait(&self->queue, SIZE_MAX, 0, NULL, &error); /* has it failed? */
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
	code = queue_wait(&self->queue, SIZE_MAX, 0, NULL, &error);
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
	code = queue_wait(&self->queue, 1, -1, STAGE_RUN_FOR_DRAIN, &error);
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

	return self ? resume_adopted(&self->adopted, &self->queue, arguments) : NULL;
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
open_parts(struct staging *self, char *target, PyObject *upload, PyObject *confirm, int attempts,
	double delay)
{
	const struct stage_settings *settings = self->settings;

	queue_open(
		&self->queue, (PyObject *)self, target, upload, confirm, settings, attempts, delay);
	self->places.about.target = self->adopted.target = target;
	self->places.about.home = self->adopted.home = self->home;
	self->places.durable = self->adopted.durable = settings->durable;
	self->places.max_staged = settings->max_staged;
}

static int
staging_init(PyObject *object, PyObject *arguments, PyObject *unused)
{
	struct staging *self = (struct staging *)object;
	PyObject *url, *home, *upload, *confirm;
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
	if (!PyArg_ParseTuple(arguments, "O&O&OOid:Staging", PyUnicode_FSConverter, &url,
		    PyUnicode_FSConverter, &home, &upload, &confirm, &attempts, &delay))
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
	open_parts(self, target, upload, confirm, attempts, delay);
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
	{"begin", staging_begin, METH_O,
		"begin(action)\n--\n\n"
		"Begins the record of this run, which does action (str) of the host, or 'flush'; on_start of\n"
		"stagedir.conf is run. Never raises for what cannot be written."},
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
		"resume(backups, stored, why_not)\n--\n\n"
		"Hands off what adopt() has named, in its order, unless storage has it, or may lack one before\n"
		"it: that is discarded. backups are the backups (str) that these are of, '' where that cannot be\n"
		"told; stored is a list of (BACKUP, VOLUME, IS_CERTAIN), what storage has, and whether it has\n"
		"confirmed it. why_not(NAME, PATH) is asked whether this run can go on with a backup, by one of\n"
		"its staged volumes, and answers None, it can, or (IS_CERTAIN, TEXT), why not, or why nobody can\n"
		"tell. It is None in a run that makes no backup.\n"
		"Returns the names (bytes) of what is handed off."},
	{"__reduce__", staging_reduce, METH_NOARGS, "Raises TypeError."},
	{0},
};

static char documentation[] =
	"Staging(url, home, upload, confirm, attempts, delay)\n--\n\n"
	"Stages volumes ahead for url; home is the archive directory. No secret of the URL is\n"
	"kept.\n\n"
	"upload(path, name, size, attempt) is called in a thread of its own, for one volume at a\n"
	"time, in the order of put(), and returns (UPLOAD_..., text). After UPLOAD_UNCONFIRMED confirm() is\n"
	"called in the same way, some seconds later. attempts and delay (seconds before the second one) hold unless stagedir.conf says otherwise. The methods are for one thread, and\n"
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
	{"UPLOAD_UNCONFIRMED", STAGE_UPLOAD_UNCONFIRMED},
	{"UPLOAD_RETRY", STAGE_UPLOAD_RETRY},
	{"UPLOAD_RETRY_LATER", STAGE_UPLOAD_RETRY_LATER},
	{"UPLOAD_GIVE_UP", STAGE_UPLOAD_GIVE_UP},
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
