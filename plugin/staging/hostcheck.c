/*
 * A file that is the same is not looked at any closer. Where one differs, _stageguard.py, which is
 * imported for that alone, tells which units of it do.
 */
#include "staging/hostcheck.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "duplicity/proved.h"
#include "python/errors.h"
#include "python/object.h"

/* So many names are in a notice. */
#define NAMED 6

/* A function may wrap another one, and that one another one; a circle ends here. */
#define WRAPPED_MAX 100

#define UNITS_MAX 10

/* What may have been replaced in memory as well: of these modules these units, or all where none is named. */
static const struct {
	const char *module;
	const char *units[UNITS_MAX + 1];
} in_memory[] = {
	{"diffdir", {NULL}},
	{"dup_collections", {"BackupSet.get_manifest", NULL}},
	{"dup_main", {"Restart", "check_resources", "do_backup", "list_current", "verify",
			     "write_multivol", NULL}},
	{"dup_temp", {NULL}},
	{"dup_time", {"timetopretty", "timetostring", NULL}},
	{"gpg", {NULL}},
	{"log", {"Log", "MachineFormatter.format", "PrettyProgressFormatter.format", NULL}},
	{"patchdir", {"difftar2path_iter", "get_index_from_tarinfo", "TarFile_FromFileobjs",
			     "Multivol_Filelike", "ROPath_IterWriter", "Write_ROPaths",
			     "tarfiles2rop_iter", "integrate_patch_iters", "normalize_ps",
			     "patch_seq2ropath", NULL}},
	{"path", {"ROPath", "Path", "DupPath", NULL}},
	{"tempdir", {NULL}},
	{"util", {"escape", NULL}},
};
#define MODULES (sizeof(in_memory) / sizeof(in_memory[0]))

/* A part of the text of a path: what is behind its last slash. */
static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A new reference; NULL without an exception where there is none. */
static PyObject *
attribute_of(PyObject *object, const char *name)
{
	PyObject *attribute = PyObject_GetAttrString(object, name);

	if (!attribute)
		PyErr_Clear();
	return attribute;
}

/* What an object has itself under this name, as vars() tells: a new reference, NULL without an exception. */
static PyObject *
own_attribute(PyObject *object, const char *name)
{
	PyObject *dict = attribute_of(object, "__dict__");
	PyObject *value = dict ? PyMapping_GetItemString(dict, name) : NULL;

	if (!value)
		PyErr_Clear();
	Py_XDECREF(dict);
	return value;
}

/* The code of a function, of the innermost one where it wraps others: a new reference, or NULL. */
static PyObject *
code_of(PyObject *function)
{
	PyObject *inner = Py_NewRef(function), *next, *code;
	int i;

	for (i = 0; i < WRAPPED_MAX && (next = attribute_of(inner, "__wrapped__")); i++) {
		Py_DECREF(inner);
		inner = next;
	}
	code = attribute_of(inner, "__code__");
	Py_DECREF(inner);
	return code;
}

/* A path that an object has, in bytes: a new reference, NULL without an exception where that is none. */
static PyObject *
path_of(PyObject *object, const char *name)
{
	PyObject *path = attribute_of(object, name), *bytes = path ? object_path_bytes(path) : NULL;

	PyErr_Clear();
	Py_XDECREF(path);
	return bytes;
}

/* Have two objects, by these attributes, paths of files of one name? True where nobody can tell. */
static bool
same_file(PyObject *one, const char *one_path, PyObject *other, const char *other_path)
{
	PyObject *ours = path_of(one, one_path), *theirs = path_of(other, other_path);
	bool is_same =
		!ours || !theirs ||
		strcmp(base_name(PyBytes_AsString(ours)), base_name(PyBytes_AsString(theirs))) == 0;

	Py_XDECREF(ours);
	Py_XDECREF(theirs);
	return is_same;
}

static bool
is_function(PyObject *value)
{
	PyObject *type = object_attribute("types", "FunctionType");
	int is = type ? PyObject_IsInstance(value, type) : 0;

	PyErr_Clear();
	Py_XDECREF(type);
	return is > 0;
}

/*
 * Is a unit of a module, "f" or "Class.f", in memory not the one of its file? Of what is no function
 * nothing can be told, but that it is there.
 */
static bool
is_replaced(PyObject *module, const char *owner_name, const char *name)
{
	PyObject *owner = *owner_name ? attribute_of(module, owner_name) : Py_NewRef(module);
	PyObject *value = owner ? own_attribute(owner, name) : NULL, *code = NULL;
	bool is = !value || value == Py_None;

	if (value && is_function(value))
		code = code_of(value);
	if (code)
		is = !same_file(code, "co_filename", module, "__file__");
	Py_XDECREF(code);
	Py_XDECREF(value);
	Py_XDECREF(owner);
	return is;
}

/* Adds a name to the list unless it is there: 0, or -1 with an exception. */
static int
add_name(PyObject *names, PyObject *name)
{
	int is_there = name ? PySequence_Contains(names, name) : -1;
	int code = is_there == 0 ? PyList_Append(names, name) : is_there;

	Py_XDECREF(name);
	return code < 0 ? -1 : 0;
}

static bool
is_wanted(size_t i, const char *unit)
{
	size_t length = strcspn(unit, "."), j;

	if (!in_memory[i].units[0])
		return true;
	for (j = 0; in_memory[i].units[j]; j++)
		if (strlen(in_memory[i].units[j]) == length &&
			strncmp(in_memory[i].units[j], unit, length) == 0)
			return true;
	return false;
}

/* Looks at one unit of a module; length bytes are its name. */
static int
add_if_replaced(PyObject *names, size_t i, PyObject *module, const char *text, size_t length)
{
	char unit[256], *dot;

	if (length == 0 || length >= sizeof(unit))
		return 0;
	memcpy(unit, text, length);
	unit[length] = '\0';
	if (!is_wanted(i, unit))
		return 0;
	dot = strrchr(unit, '.');
	if (dot)
		*dot = '\0';
	if (!is_replaced(module, dot ? unit : "", dot ? dot + 1 : unit))
		return 0;
	if (dot)
		*dot = '.';
	return add_name(names, PyUnicode_FromFormat("%s.%s", in_memory[i].module, unit));
}

/* Adds what somebody else has replaced in memory, of one module. */
static int
add_replaced(PyObject *names, const struct proved *proved, size_t i)
{
	PyObject *name = PyUnicode_FromFormat("duplicity.%s", in_memory[i].module);
	PyObject *module = name ? PyImport_GetModule(name) : NULL;
	const char *units = "", *end;
	int code = name ? 0 : -1;
	size_t j;

	Py_XDECREF(name);
	if (!module)
		return PyErr_Occurred() ? -1 : code;
	for (j = 0; j < proved->count; j++)
		if (strcmp(proved->modules[j].name, in_memory[i].module) == 0)
			units = proved->modules[j].units;
	while (*units && code == 0) {
		end = units + strcspn(units, " ");
		code = add_if_replaced(names, i, module, units, strcspn(units, ":"));
		units = end + strspn(end, " ");
	}
	Py_DECREF(module);
	return code;
}

/* Adds the units of a module that differ. */
static int
add_differing(PyObject *names, const struct proved_module *module, const char *folder)
{
	PyObject *found;
	Py_ssize_t i;
	int code = 0;

	/* a path is any bytes */
	found = object_call("duplicity.backends._stageguard", "differing", "(Nss)",
		PyUnicode_DecodeFSDefault(folder), module->name, module->units);
	if (!found)
		return -1;
	if (!PyList_Check(found)) {
		PyErr_SetString(PyExc_TypeError, "differing() gives no list");
		code = -1;
	}
	for (i = 0; code == 0 && i < PyList_Size(found); i++)
		code = add_name(names, Py_NewRef(PyList_GetItem(found, i)));
	Py_DECREF(found);
	return code;
}

/* Adds what differs of a module whose file is not the one that was proved. */
static int
add_module(PyObject *names, const struct proved_module *module, const char *folder)
{
	struct stage_error error;
	bool is_same = false;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = proved_is_same(module, folder, &is_same, &error);
	Py_END_ALLOW_THREADS
	if (code == STAGE_E_MEMORY) {
		PyErr_NoMemory();
		return -1;
	}
	/* one that cannot be read is not the same */
	return is_same ? 0 : add_differing(names, module, folder);
}

/* The names of all that is not as it was proved: a new list, NULL with an exception. */
static PyObject *
list_names(const struct proved *proved, const char *folder)
{
	PyObject *names = PyList_New(0);
	int code = names ? 0 : -1;
	size_t i;

	for (i = 0; code == 0 && i < MODULES; i++)
		code = add_replaced(names, proved, i);
	for (i = 0; code == 0 && i < proved->count; i++)
		code = add_module(names, &proved->modules[i], folder);
	if (code < 0)
		Py_CLEAR(names);
	return names;
}

/* "gpg.GPGFile, log.Log and 3 more differ" */
static PyObject *
make_reason(const char *version, PyObject *names)
{
	PyObject *first = PyList_GetSlice(names, 0, NAMED), *text = NULL, *reason = NULL;
	PyObject *comma = PyUnicode_FromString(", ");
	Py_ssize_t count = PyList_Size(names);
	char more[64] = "";

	if (count > NAMED)
		snprintf(more, sizeof(more), " and %zd more", count - NAMED);
	if (first && comma)
		text = PyUnicode_Join(comma, first);
	if (text)
		reason = PyUnicode_FromFormat(
			"duplicity %s is not as it was proved with stagedir: %U%s differ%s",
			version, text, more, count > 1 ? "" : "s");
	Py_XDECREF(comma);
	Py_XDECREF(first);
	Py_XDECREF(text);
	return reason;
}

static PyObject *
compare(const struct proved *proved, const char *version, const char *folder)
{
	PyObject *names, *reason;

	if (proved->count == 0)
		return PyUnicode_FromFormat("duplicity %s was not proved with stagedir, as %s were",
			version, proved->versions);
	names = list_names(proved, folder);
	if (!names)
		return NULL;
	reason = PyList_Size(names) ? make_reason(version, names) : PyUnicode_FromString("");
	Py_DECREF(names);
	return reason;
}

PyObject *
hostcheck_why_unproved(PyObject *module, PyObject *arguments)
{
	PyObject *folder = NULL, *table = NULL, *reason;
	struct proved *proved = NULL;
	struct stage_error error;
	const char *version;
	int code;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "sO&O&:why_unproved", &version, PyUnicode_FSConverter,
		    &folder, PyUnicode_FSConverter, &table))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = proved_read(PyBytes_AsString(table), version, &proved, &error);
	Py_END_ALLOW_THREADS
	if (code == STAGE_E_MEMORY)
		reason = errors_raise(&error);
	else if (code < 0)
		reason = PyUnicode_FromFormat(
			"stagedir is not installed completely: %s", error.message);
	else
		reason = compare(proved, version, PyBytes_AsString(folder));
	proved_free(&proved);
	Py_DECREF(folder);
	Py_DECREF(table);
	return reason;
}
