#include "python/usersignal.h"

#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

static void (*told)(void);
static pid_t owner;

static PyObject *
on_signal(PyObject *self, PyObject *arguments)
{
	(void)self;
	(void)arguments;
	if (getpid() == owner)
		told();
	return PyErr_Occurred() ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef method = {"on_signal", on_signal, METH_VARARGS,
	"on_signal(number, frame)\n--\n\nTells how far the run is."};

/* The handler; NULL with an exception. */
static PyObject *
handler(void)
{
	static PyObject *function; /* for as long as the process lives */

	if (!function)
		function = PyCFunction_New(&method, NULL);
	return function;
}

/* Is this what Python does at the signal? */
static bool
is_now(PyObject *module, PyObject *value)
{
	PyObject *now = PyObject_CallMethod(module, "getsignal", "i", SIGUSR1);
	bool is = now && value && PyObject_RichCompareBool(now, value, Py_EQ) == 1;

	Py_XDECREF(now);
	return is;
}

void
usersignal_ignore(void)
{
	PyObject *module = PyImport_ImportModule("signal");
	PyObject *ignore = module ? PyObject_GetAttrString(module, "SIG_IGN") : NULL,
		 *result = NULL;

	if (ignore && getpid() == owner && is_now(module, handler()))
		result = PyObject_CallMethod(module, "signal", "iO", SIGUSR1, ignore);
	PyErr_Clear();
	Py_XDECREF(result);
	Py_XDECREF(ignore);
	Py_XDECREF(module);
}

void
usersignal_watch(void (*tell)(void))
{
	PyObject *module = PyImport_ImportModule("signal");
	PyObject *by_default = module ? PyObject_GetAttrString(module, "SIG_DFL") : NULL;
	PyObject *result = NULL;

	told = tell;
	owner = getpid();
	if (by_default && handler() && is_now(module, by_default))
		result = PyObject_CallMethod(module, "signal", "iO", SIGUSR1, handler());
	PyErr_Clear(); /* ValueError: this is not the main thread */
	Py_XDECREF(result);
	Py_XDECREF(by_default);
	Py_XDECREF(module);
}
