/*
 * First it is decided for each backup whether its volumes are this run's to hand off: before the first one is,
 * as that may ask gpg. Then each volume is looked at.
 */
#include "staging/resume.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#include "duplicity/stored.h"
#include "python/errors.h"
#include "python/hostlog.h"

/* Bytes of the words for the volumes of a backup, one of which is named. */
#define WORDS_MAX 512

/* What becomes of all staged volumes of a backup. */
enum fate {
	BY_STORAGE, /* the host goes on with the backup: what storage has decides */
	DISCARD,    /* it is begun anew, as it has to be */
	LEAVE,      /* a later run may decide */
};

/* What has a part in it; of each volume the backup, and what becomes of it. */
struct resuming {
	struct adopted *adopted;
	struct queue *queue;
	PyObject *why_not; /* or None */
	const char **backups;
	enum fate *fates;
	struct stored stored;
	PyObject *names; /* of what is handed off */
};

/* "3 staged volumes, NAME and behind,": those of one backup, of which this is the first. */
static const char *
words(const struct resuming *self, size_t first, char text[WORDS_MAX])
{
	size_t count = 0, i;

	for (i = first; i < self->adopted->resumable_count; i++)
		count += strcmp(self->backups[i], self->backups[first]) == 0;
	snprintf(text, WORDS_MAX, "%zu staged volume%s, %s %s,", count, count > 1 ? "s" : "",
		self->adopted->resumables[first].file->name, count > 1 ? "and behind" : "alone");
	return text;
}

/* Python's answer, which is not None. 0, or 1 with an exception. */
static int
take_answer(PyObject *answer, const char *these, enum fate *ret_fate)
{
	PyObject *why = NULL;
	int is_certain;

	if (!PyTuple_Check(answer)) {
		PyErr_SetString(PyExc_TypeError, "why_not() is to return None or a tuple");
		return 1;
	}
	if (!PyArg_ParseTuple(answer, "pO&", &is_certain, PyUnicode_FSConverter, &why))
		return 1;
	if (is_certain)
		stage_log_line(&hostlog, STAGE_NOTICE,
			"discarding %s that a dead run left, and beginning the backup anew: %s",
			these, PyBytes_AsString(why));
	else
		stage_log_line(&hostlog, STAGE_NOTICE,
			"%s are left there, and the backup is begun anew, as nobody can tell whether this run could go on with it: %s",
			these, PyBytes_AsString(why));
	Py_DECREF(why);
	*ret_fate = is_certain ? DISCARD : LEAVE;
	return 0;
}

/* Asks Python whether this run can go on with a backup of which storage has too little. 1 with an exception. */
static int
ask(const struct resuming *self, size_t first, enum fate *ret_fate)
{
	const struct stage_spool_file *file = self->adopted->resumables[first].file;
	char text[WORDS_MAX];
	PyObject *answer;
	int code = 0;

	words(self, first, text);
	answer = PyObject_CallFunction(self->why_not, "yy", file->name, file->path);
	if (!answer)
		return 1;
	*ret_fate = BY_STORAGE;
	if (answer != Py_None)
		code = take_answer(answer, text, ret_fate);
	Py_DECREF(answer);
	return code;
}

/* Decides for all volumes of a backup, of which this is the first. 1 with an exception. */
static int
decide(const struct resuming *self, size_t first, enum fate *ret_fate)
{
	char text[WORDS_MAX];

	*ret_fate = LEAVE;
	if (!*self->backups[first]) {
		stage_log_line(&hostlog, STAGE_NOTICE,
			"the volume %s that a dead run staged is left there: with the options of this run (--file-prefix, --short-filenames) that is no name of a volume",
			self->adopted->resumables[first].file->name);
		return 0;
	}
	if (stored_goes_on(&self->stored, self->backups[first])) {
		*ret_fate = BY_STORAGE;
		return 0;
	}
	if (self->why_not != Py_None)
		return ask(self, first, ret_fate);
	stage_log_line(&hostlog, STAGE_NOTICE,
		"%s are left there: storage has fewer than %d volumes of their backup, so that the next backup decides, by its options and keys, whether it goes on with it",
		words(self, first, text), STORED_GOES_ON);
	return 0;
}

/* Decides for each backup, once. 1 with an exception. */
static int
decide_all(struct resuming *self)
{
	size_t i, j;
	int code = 0;

	for (i = 0; i < self->adopted->resumable_count && code == 0; i++) {
		for (j = 0; j < i && strcmp(self->backups[j], self->backups[i]) != 0; j++)
			;
		if (j < i)
			self->fates[i] = self->fates[j];
		else
			code = decide(self, i, &self->fates[i]);
	}
	return code;
}

/* Storage has it: that is told once more, and it is forgotten. */
static void
confirm(struct resumable *resumable)
{
	struct stage_error error;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_spool_confirm(resumable->spool, &resumable->file, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		stage_log_line(&hostlog, STAGE_WARNING, "%s", error.message);
}

/* Hands one file off, and tells so in stored and in names. Returns 1 with an exception. */
static int
hand_off(struct resuming *self, const struct resumable *resumable, const char *backup,
	struct stage_error *error)
{
	PyObject *name = PyBytes_FromString(resumable->file->name);
	int code = name ? PyList_Append(self->names, name) : -1;

	Py_XDECREF(name);
	if (code < 0)
		return 1;
	stage_log_line(&hostlog, STAGE_NOTICE, "handing off the volume %s that a dead run staged",
		resumable->file->name);
	code = stored_add(&self->stored, backup, resumable->volume, true, error);
	return code < 0 ? code : queue_put(self->queue, resumable->spool, resumable->file, error);
}

/* Does with one file what storage says. Returns 1 with an exception. */
static int
resume_one(struct resuming *self, struct resumable *resumable, const char *backup,
	struct stage_error *error)
{
	switch (stored_judge(&self->stored, backup, resumable->volume)) {
	case STORED_NEXT:
		return hand_off(self, resumable, backup, error);
	case STORED_THERE:
		confirm(resumable);
		break;
	case STORED_GAP:
		stage_log_line(&hostlog, STAGE_NOTICE,
			"discarding the volume %s that a dead run staged, to be made again: it is not certain that storage has the one before it",
			resumable->file->name);
		adopt_discard(resumable->spool, resumable->file);
		break;
	}
	return 0;
}

/* Does with all files what there is to be done. Returns 1 with an exception. */
static int
resume_all(struct resuming *self, struct stage_error *error)
{
	struct adopted *adopted = self->adopted;
	size_t i;
	int code;

	code = decide_all(self);
	if (code)
		return code;
	for (i = 0; i < adopted->resumable_count && code == 0; i++) {
		struct resumable *resumable = &adopted->resumables[i];

		if (self->fates[i] == DISCARD)
			adopt_discard(resumable->spool, resumable->file);
		else if (self->fates[i] == BY_STORAGE)
			code = resume_one(self, resumable, self->backups[i], error);
	}
	free(adopted->resumables);
	adopted->resumables = NULL;
	adopted->resumable_count = 0;
	return code;
}

/* Takes the tuple of what storage has. Returns 1 with an exception. */
static int
add_stored(struct resuming *self, PyObject *found, struct stage_error *error)
{
	unsigned long volume;
	const char *backup;
	int is_certain, code = 0;
	Py_ssize_t i;

	for (i = 0; i < PyTuple_Size(found) && code == 0; i++) {
		PyObject *item = PyTuple_GetItem(found, i);

		if (!PyTuple_Check(item)) {
			PyErr_SetString(PyExc_TypeError, "what is stored are tuples");
			return 1;
		}
		if (!PyArg_ParseTuple(item, "skp", &backup, &volume, &is_certain))
			return 1;
		code = stored_add(&self->stored, backup, volume, is_certain, error);
	}
	return code;
}

/* Takes the tuple of the backups; their text stays the tuple's. Returns 1 with an exception. */
static int
take_backups(struct resuming *self, PyObject *backups)
{
	size_t count = self->adopted->resumable_count, i;

	self->backups = calloc(count + 1, sizeof(*self->backups));
	self->fates = calloc(count + 1, sizeof(*self->fates));
	if (!self->backups || !self->fates) {
		PyErr_NoMemory();
		return 1;
	}
	for (i = 0; i < count; i++) {
		self->backups[i] =
			PyUnicode_AsUTF8AndSize(PyTuple_GetItem(backups, (Py_ssize_t)i), NULL);
		if (!self->backups[i])
			return 1;
	}
	return 0;
}

static int
resume(struct resuming *self, PyObject *backups, PyObject *found, struct stage_error *error)
{
	int code;

	code = take_backups(self, backups);
	if (code == 0)
		code = add_stored(self, found, error);
	if (code == 0)
		code = resume_all(self, error);
	stored_release(&self->stored);
	free(self->fates);
	free(self->backups);
	return code;
}

PyObject *
resume_adopted(struct adopted *adopted, struct queue *queue, PyObject *arguments)
{
	struct resuming self = {.adopted = adopted, .queue = queue};
	PyObject *backups, *found;
	struct stage_error error;
	int code = 1;

	if (!PyArg_ParseTuple(arguments, "OOO:resume", &backups, &found, &self.why_not))
		return NULL;
	if (!PyList_Check(backups) || !PyList_Check(found) ||
		(size_t)PyList_Size(backups) != adopted->resumable_count) {
		PyErr_SetString(PyExc_ValueError,
			"resume() takes two lists, the first one with an item a file");
		return NULL;
	}
	/* a list, and what is in it, may go while the log is written, which is Python */
	backups = PyList_AsTuple(backups);
	found = PyList_AsTuple(found);
	self.names = PyList_New(0);
	if (backups && found && self.names)
		code = resume(&self, backups, found, &error);
	Py_XDECREF(backups);
	Py_XDECREF(found);
	if (code == 0)
		return self.names;
	Py_XDECREF(self.names);
	return code < 0 ? errors_raise_final(&error) : NULL;
}
