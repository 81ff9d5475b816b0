/*
 * The host's own lines are made by list_current() of dup_main.py, and by MachineFormatter of log.py: "INFO 10 " and the control
 * line, the text behind "\n. ", and an empty line.
 */
#include "archive/listedpaths.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "archive/hostpath.h"
#include "archive/signaturereader.h"
#include "python/object.h"

/* Of a name; and of a line, with what is around the name. */
#define NAME_MAX_BYTES ((size_t)4096)
#define LINE_MAX_BYTES (NAME_MAX_BYTES + 128)

/* The host is given so much at once. */
#define LINES_BYTES ((size_t)64 * 1024)

struct lines {
	size_t length;
	char bytes[LINES_BYTES];
};

struct listedpaths {
	PyObject_HEAD
	PyObject *reader, *say;
	bool only_ascii, for_programs, ended, running;
	struct lines people, programs;
	size_t last; /* where the last line for people begins; for programs it is not written yet */
};

/* What is told of a path. */
struct told {
	const char *name;
	int length;
	const char *type;
	struct tm here, utc;
};

static PyTypeObject *type;

static void
append_time(struct lines *lines, const struct tm *time)
{
	static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char months[][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

	lines->length += (size_t)snprintf(lines->bytes + lines->length,
		sizeof(lines->bytes) - lines->length, "%s %s%3d %.2d:%.2d:%.2d %d ",
		days[time->tm_wday], months[time->tm_mon], time->tm_mday, time->tm_hour,
		time->tm_min, time->tm_sec, 1900 + time->tm_year);
}

static void
append(struct lines *lines, const char *bytes, size_t length)
{
	memcpy(lines->bytes + lines->length, bytes, length);
	lines->length += length;
}

/* What the host writes behind the control line of the last path. */
static void
append_last(struct listedpaths *self)
{
	static const char before[] = "\n. ", after[] = "\n\nINFO ";

	append(&self->programs, before, sizeof(before) - 1);
	append(&self->programs, self->people.bytes + self->last, self->people.length - self->last);
	append(&self->programs, after, sizeof(after) - 1);
}

static void
add_for_programs(struct listedpaths *self, const struct told *told)
{
	struct lines *lines = &self->programs;
	const struct tm *utc = &told->utc;

	if (lines->length)
		append_last(self);
	lines->length += (size_t)snprintf(lines->bytes + lines->length,
		sizeof(lines->bytes) - lines->length, "10 %d%02d%02dT%02d%02d%02dZ '%.*s' %s",
		1900 + utc->tm_year, utc->tm_mon + 1, utc->tm_mday, utc->tm_hour, utc->tm_min,
		utc->tm_sec, told->length, told->name, told->type);
}

static void
add(struct listedpaths *self, const struct told *told)
{
	struct lines *lines = &self->people;

	if (self->for_programs)
		add_for_programs(self, told);
	if (lines->length)
		lines->bytes[lines->length++] = '\n';
	self->last = lines->length;
	append_time(lines, &told->here);
	append(lines, told->name, (size_t)told->length);
}

static bool
is_full(const struct listedpaths *self)
{
	/* a control line has the line for people behind it */
	return self->people.length + LINE_MAX_BYTES > LINES_BYTES ||
	       self->programs.length + 2 * LINE_MAX_BYTES > LINES_BYTES;
}

static PyObject *
text_of(const char *bytes, size_t length)
{
	return PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)length, "strict");
}

/* The same for programs; None where there are none. */
static PyObject *
text_for_programs(const struct listedpaths *self, const char *bytes, size_t length)
{
	return self->for_programs ? text_of(bytes, length) : Py_NewRef(Py_None);
}

/* Has the host write what is there: 0, or -1 with an exception. */
static int
flush(struct listedpaths *self)
{
	struct lines *people = &self->people, *programs = &self->programs;
	PyObject *lines, *control, *last, *done = NULL;

	if (!people->length)
		return 0;
	lines = text_of(people->bytes, people->length);
	control = text_for_programs(self, programs->bytes, programs->length);
	last = text_for_programs(self, people->bytes + self->last, people->length - self->last);
	people->length = programs->length = 0;
	if (lines && control && last)
		done = PyObject_CallFunctionObjArgs(self->say, lines, control, last, NULL);
	Py_XDECREF(lines);
	Py_XDECREF(control);
	Py_XDECREF(last);
	return object_done(done);
}

/* Behind a failure, whose exception is kept. */
static void
flush_at_failure(struct listedpaths *self)
{
	PyObject *kind, *value, *traceback;

	PyErr_Fetch(&kind, &value, &traceback);
	if (flush(self) < 0)
		PyErr_Clear();
	PyErr_Restore(kind, value, traceback);
}

static bool
is_quoted(unsigned char byte)
{
	return byte < ' ' || byte > '~' || byte == '\'' || byte == '\\';
}

/* 1 if the name is to be copied as it is; 0: no; -1 with an exception. */
static int
is_plain_name(const struct listedpaths *self, const char *name, size_t length)
{
	bool is_ascii = true;
	PyObject *decoded;
	size_t i;

	for (i = 0; i < length; i++) {
		if (self->for_programs && is_quoted((unsigned char)name[i]))
			return 0;
		is_ascii = is_ascii && (unsigned char)name[i] < 0x80;
	}
	if (is_ascii || self->only_ascii)
		return is_ascii;
	decoded = text_of(name, length);
	if (!decoded && !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
		return -1;
	PyErr_Clear();
	Py_XDECREF(decoded);
	return decoded != NULL;
}

static bool
is_plain_time(const struct tm *time)
{
	return time->tm_year >= 1000 - 1900 && time->tm_year <= 9999 - 1900;
}

/* 1, 0 if it is to be told of by the host, -1 with an exception. */
static int
tell(const struct listedpaths *self, const struct stage_entry *entry, struct told *ret_told)
{
	const time_t seconds = (time_t)entry->mtime;
	struct told told = {.name = entry->index, .length = (int)entry->index_length};
	int code;

	if (entry->type == STAGE_ENTRY_NONE || entry->index_length > NAME_MAX_BYTES)
		return 0;
	if (entry->index_length == 0) {
		told.name = ".";
		told.length = 1;
	}
	told.type = hostpath_type(entry->type);
	if (!localtime_r(&seconds, &told.here) || !gmtime_r(&seconds, &told.utc) ||
		!is_plain_time(&told.here) || !is_plain_time(&told.utc))
		return 0;
	code = is_plain_name(self, entry->index, entry->index_length);
	if (code > 0)
		*ret_told = told;
	return code;
}

/* The next path that the host tells of; NULL at the end, or with an exception. */
static PyObject *
next_path(struct listedpaths *self)
{
	const struct stage_entry *entry;
	struct told told;
	int code;

	while ((code = signaturereader_next(self->reader, &entry)) > 0) {
		code = tell(self, entry, &told);
		if (code < 0)
			break;
		if (code == 0)
			return flush(self) < 0 ? NULL : signaturereader_make_path(self->reader);
		add(self, &told);
		if (is_full(self) && flush(self) < 0)
			return NULL;
	}
	if (code < 0)
		flush_at_failure(self);
	else
		flush(self);
	return NULL;
}

static PyObject *
listedpaths_iternext(PyObject *object)
{
	struct listedpaths *self = (struct listedpaths *)object;
	PyObject *path;

	if (self->running) {
		PyErr_SetString(PyExc_ValueError, "generator already executing");
		return NULL;
	}
	if (self->ended)
		return NULL;
	self->running = true;
	path = next_path(self);
	self->running = false;
	self->ended = !path;
	return path;
}

static void
listedpaths_dealloc(PyObject *object)
{
	struct listedpaths *self = (struct listedpaths *)object;
	PyTypeObject *own = Py_TYPE(object);

	Py_CLEAR(self->reader);
	Py_CLEAR(self->say);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(object);
	Py_DECREF(own);
}

PyObject *
listedpaths_new(PyObject *module, PyObject *arguments)
{
	PyObject *reader, *say;
	struct listedpaths *self;
	int only_ascii, for_programs;

	(void)module;
	if (!PyArg_ParseTuple(
		    arguments, "OOpp:list_paths", &reader, &say, &only_ascii, &for_programs))
		return NULL;
	if (!signaturereader_check(reader))
		Py_RETURN_NONE;
	self = PyObject_New(struct listedpaths, type);
	if (!self)
		return NULL;
	self->reader = Py_NewRef(reader);
	self->say = Py_NewRef(say);
	self->only_ascii = only_ascii;
	self->for_programs = for_programs;
	self->ended = self->running = false;
	self->people.length = self->programs.length = self->last = 0;
	return (PyObject *)self;
}

static char documentation[] =
	"The paths of list-current-files that the host tells of itself: an iterator. It is made by list_paths().";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_dealloc, (void *)listedpaths_dealloc},
	{Py_tp_iter, (void *)PyObject_SelfIter},
	{Py_tp_iternext, (void *)listedpaths_iternext},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.ListedPaths",
	.basicsize = sizeof(struct listedpaths),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int
listedpaths_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
