#include "archive/filestat.h"

#include <stdint.h>

#include "entry.h"

struct filestat {
	PyObject_HEAD
	struct stat stat;
};

static PyTypeObject *type;

PyObject *
filestat_new(const struct stat *stat)
{
	struct filestat *self = PyObject_New(struct filestat, type);

	if (self)
		self->stat = *stat;
	return (PyObject *)self;
}

const struct stat *
filestat_get(PyObject *object)
{
	return type && Py_IS_TYPE(object, type) ? &((const struct filestat *)object)->stat : NULL;
}

static const struct stat *
stat_of(PyObject *self)
{
	return &((const struct filestat *)self)->stat;
}

#define NUMBER(field)                                                                              \
	static PyObject *get_##field(PyObject *self, void *unused)                                 \
	{                                                                                          \
		(void)unused;                                                                      \
		return PyLong_FromUnsignedLongLong((unsigned long long)stat_of(self)->field);      \
	}

#define TIME(name, field)                                                                          \
	static PyObject *get_##name(PyObject *self, void *unused)                                  \
	{                                                                                          \
		(void)unused;                                                                      \
		return PyFloat_FromDouble(stage_entry_seconds(&stat_of(self)->field));             \
	}                                                                                          \
	static PyObject *get_##name##_ns(PyObject *self, void *unused)                             \
	{                                                                                          \
		const struct timespec *time = &stat_of(self)->field;                               \
		(void)unused;                                                                      \
		return PyLong_FromLongLong(                                                        \
			(long long)time->tv_sec * 1000000000 + (long long)time->tv_nsec);          \
	}

NUMBER(st_mode)
NUMBER(st_ino)
NUMBER(st_dev)
NUMBER(st_nlink)
NUMBER(st_uid)
NUMBER(st_gid)
NUMBER(st_size)
NUMBER(st_blksize)
NUMBER(st_blocks)
NUMBER(st_rdev)
TIME(st_atime, st_atim)
TIME(st_mtime, st_mtim)
TIME(st_ctime, st_ctim)

#define GETTER(name)                                                                               \
	{                                                                                          \
#name, get_##name, NULL, NULL, NULL                                                \
	}

static PyGetSetDef attributes[] = {
	GETTER(st_mode),
	GETTER(st_ino),
	GETTER(st_dev),
	GETTER(st_nlink),
	GETTER(st_uid),
	GETTER(st_gid),
	GETTER(st_size),
	GETTER(st_blksize),
	GETTER(st_blocks),
	GETTER(st_rdev),
	GETTER(st_atime),
	GETTER(st_mtime),
	GETTER(st_ctime),
	GETTER(st_atime_ns),
	GETTER(st_mtime_ns),
	GETTER(st_ctime_ns),
	{0},
};

static void
filestat_dealloc(PyObject *self)
{
	PyTypeObject *own = Py_TYPE(self);

	PyObject_Free(self);
	Py_DECREF(own);
}

static char documentation[] =
	"What lstat(2) has told of a file, with the attributes of os.stat_result.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_dealloc, (void *)filestat_dealloc},
	{Py_tp_getset, attributes},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.FileStat",
	.basicsize = sizeof(struct filestat),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int
filestat_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
