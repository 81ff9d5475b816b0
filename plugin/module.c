#include "module.h"

#include "archive/archive.h"
#include "python/object.h"

void
swallow_exception(void)
{
	bool ends_the_run = PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception);

	PyErr_Clear();
	if (ends_the_run)
		PyErr_SetInterrupt();
}

PyObject *
host_attribute(const char *module, const char *name)
{
	PyObject *module_name, *object = NULL, *attribute = NULL;

	module_name = PyUnicode_FromString(module);
	if (module_name)
		object = PyImport_GetModule(module_name);
	if (object)
		attribute = PyObject_GetAttrString(object, name);
	Py_XDECREF(module_name);
	Py_XDECREF(object);
	if (!attribute)
		PyErr_Clear();
	return attribute;
}

PyObject *
path_bytes(PyObject *path)
{
	PyObject *bytes;

	return PyUnicode_FSConverter(path, &bytes) ? bytes : NULL;
}

PyObject *
host_tempdir(void)
{
	PyObject *temproot, *bytes = NULL;

	temproot = host_attribute("duplicity.config", "temproot");
	if (temproot && PyObject_IsTrue(temproot) == 1)
		bytes = path_bytes(temproot);
	Py_XDECREF(temproot);
	if (!bytes)
		PyErr_Clear();
	return bytes;
}

static void
raise_os_error(const struct stage_error *error)
{
	PyObject *arguments;

	/* OSError chooses its subclass by errno */
	arguments = Py_BuildValue("(is)", error->sys_errno, error->message);
	if (arguments)
		PyErr_SetObject(PyExc_OSError, arguments);
	Py_XDECREF(arguments);
}

/* Raises one of the host's exceptions. */
static void
raise_host_error(const char *name, const struct stage_error *error)
{
	PyObject *type = host_attribute("duplicity.errors", name);

	PyErr_SetString(type ? type : PyExc_RuntimeError, error->message);
	Py_XDECREF(type);
}

PyObject *
raise_error(const struct stage_error *error)
{
	switch (error->code) {
	case STAGE_E_SETTING:
	case STAGE_E_NO_ROOT:
		raise_host_error("UserError", error);
		break;
	case STAGE_E_SWAPPED:
		/* any other the host would try again, while a path leads who knows where */
		raise_host_error("FatalBackendException", error);
		break;
	case STAGE_E_SYSTEM:
		raise_os_error(error);
		break;
	case STAGE_E_MEMORY:
		PyErr_SetString(PyExc_MemoryError, error->message);
		break;
	case STAGE_E_ARGUMENT:
	case STAGE_E_CLOSED:
	case STAGE_E_UNTRACKED:
		PyErr_SetString(PyExc_ValueError, error->message);
		break;
	case STAGE_E_NO_ROOM:
	case STAGE_E_HANDOFF:
	case STAGE_E_DAMAGED:
		return staging_raise(error);
	case STAGE_E_FORKED:
	case STAGE_E_AGAIN:
	case STAGE_E_BUSY:
	case STAGE_OK:
		PyErr_SetString(PyExc_RuntimeError, error->message);
		break;
	}
	return NULL;
}

static PyMethodDef functions[] = {
	{"reclaim", reclaim, METH_VARARGS,
		"reclaim(archive_dir=None)\n--\n\n"
		"Removes what dead runs left in every temp root and in archive_dir (str or "
		"bytes).\n"
		"Logs what it does; raises UserError for a wrong configuration file only. Returns "
		"how many\n"
		"directories were left for the sake of volumes that wait for storage."},
	{"watch_endings", watch_endings, METH_NOARGS,
		"watch_endings()\n--\n\n"
		"From now on SIGTERM and SIGHUP clean up before they do what they did until now,\n"
		"and so do exec and the end of the interpreter. A TemporaryDirectory sees to it "
		"too.\n"
		"Signals are left alone outside of the main thread."},
	{"remove", remove_tracked, METH_O,
		"remove(fname)\n--\n\n"
		"Removes a file (str or bytes) of a TemporaryDirectory of this process, by\n"
		"descriptor, and forgets it. One that is not tracked any more, as it was staged, "
		"is\n"
		"left alone: what its path leads to now may be another's. False: it is in none."},
	{"begin_volume", begin_volume, METH_O,
		"begin_volume(path)\n--\n\n"
		"Has the disk space allocated that is reserved for the volume of this path (str "
		"or\n"
		"bytes), once it was opened for writing, follows it while it is written, and\n"
		"returns True. False for any other. Without space waits while staged volumes are\n"
		"still handed off, and then raises OSError with errno and filename."},
	{"volume_sha1", volume_sha1, METH_O,
		"volume_sha1(path)\n--\n\n"
		"The SHA-1 (bytes) of the volume of this path (str or bytes), which is complete.\n"
		"None where that is not known, or it is no volume of a Staging."},
	{"gzip_write_file", (PyCFunction)(void (*)(void))gzip_write_file,
		METH_VARARGS | METH_KEYWORDS,
		"gzip_write_file(block_iter, filename, size=209715200, gzipped=True)\n--\n\n"
		"Does what the host's gpg.GzipWriteFile does: writes blocks to the file while it "
		"has\n"
		"room for block_iter.get_read_size() bytes more, and is never larger than size "
		"bytes.\n"
		"Returns 1 at the end of the blocks, else 0. Compresses in several threads, as\n"
		"stagedir.conf says; raises OSError with errno and filename. Without space waits\n"
		"while staged volumes are still handed off."},
	{"stages_ahead", stages_ahead, METH_NOARGS,
		"stages_ahead()\n--\n\n"
		"Does the configuration have volumes staged ahead? Raises UserError for a wrong "
		"one."},
	{"check_settings", check_settings, METH_NOARGS,
		"check_settings()\n--\n\n"
		"Raises UserError, with file, line and what is allowed, if a configuration file is "
		"wrong."},
	{"keep_secrets", keep_secrets, METH_O,
		"keep_secrets(url)\n--\n\n"
		"From now on without_secrets() knows the secrets of this URL."},
	{"without_secrets", without_secrets, METH_O,
		"without_secrets(text)\n--\n\n"
		"The text with *** in the place of secrets: of all URLs in it, and those kept."},
	{"shown_url", shown_url, METH_O,
		"shown_url(url)\n--\n\n"
		"The URL as it may be shown: with *** in the place of its secrets."},
	{"take_over", take_over, METH_O,
		"take_over(url)\n--\n\n"
		"Does the configuration say that this URL, which has no prefix, is to be staged?\n"
		"Raises UserError for a wrong configuration file."},
	{0},
};

static int
execute(PyObject *module)
{
	if (interpreter_watch_forks() < 0 || host_names_intern() < 0 ||
		directory_add_type(module) < 0)
		return -1;
	if (deltas_add_type(module) < 0 || deltatar_add_type(module) < 0 ||
		sourcefile_add_type(module) < 0)
		return -1;
	return staging_add_types(module);
}

static PyModuleDef_Slot slots[] = {
	{Py_mod_exec, (void *)execute},
	{0, NULL},
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "_stagedir",
	.m_doc = "The tracked, securely created staging directory of stagedir for duplicity.",
	.m_methods = functions,
	.m_slots = slots,
};

PyMODINIT_FUNC PyInit__stagedir(void) __attribute__((visibility("default")));

PyMODINIT_FUNC
PyInit__stagedir(void)
{
	return PyModuleDef_Init(&definition);
}
