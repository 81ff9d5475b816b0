#include "python/hostfile.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "python/object.h"

int
hostfile_descriptor(PyObject *file)
{
	int fd = PyObject_AsFileDescriptor(file);

	if (fd < 0)
		PyErr_Clear();
	return fd;
}

/* Has the file object of class kind a file on disk, of which nothing was read? */
static bool
is_fresh(PyObject *file, PyObject *kind)
{
	struct stat stat;
	int fd;

	if (!Py_IS_TYPE(file, (PyTypeObject *)kind))
		return false;
	fd = hostfile_descriptor(file);
	return fd >= 0 && fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) &&
	       lseek(fd, 0, SEEK_CUR) == 0;
}

static int
is_readable(PyObject *file, const char *module, const char *name)
{
	PyObject *kind = object_attribute(module, name), *readable;
	bool fresh = kind && is_fresh(file, kind);
	int is;

	Py_XDECREF(kind);
	if (!fresh)
		return 0;
	readable = PyObject_CallMethod(file, "readable", NULL);
	is = readable ? PyObject_IsTrue(readable) : -1;
	Py_XDECREF(readable);
	return is;
}

int
hostfile_is_gzip(PyObject *file)
{
	return is_readable(file, "gzip", "GzipFile");
}

int
hostfile_is_plain(PyObject *file)
{
	return is_readable(file, "io", "BufferedReader");
}
