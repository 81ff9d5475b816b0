/*
 * How threads of the core get into the interpreter.
 *
 * For a thread that it does not know, PyGILState_Ensure() makes a thread state: without the GIL, but
 * under a lock of the interpreter's. In the child of os.fork(), CPython 3.11 takes that lock before
 * it has renewed it (_PyEval_ReInitThreads); where a thread made its state at that moment, the child
 * never gets as far as exec, and the host, which waits for gpg, never goes on. So nothing forks
 * while a state is made. The end of one needs no such care: it holds the GIL, as does os.fork().
 *
 * Whoever forks keeps our lock while Python runs, which may hand the GIL to another thread that forks. So nobody waits for
 * the lock with the GIL.
 *
 * CPython 3.13 takes that lock itself before it calls fork(): ours must be taken before, and so by
 * os.register_at_fork(), never by pthread_atfork(). A fork() that Python knows nothing of runs no
 * Python in the child, and needs no lock.
 */
#include "python/gil.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static PyInterpreterState *interpreter;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static PyObject *
before_fork(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	if (pthread_mutex_trylock(&making) != 0) {
		Py_BEGIN_ALLOW_THREADS
		pthread_mutex_lock(&making);
		Py_END_ALLOW_THREADS
	}
	Py_RETURN_NONE;
}

/* In the child, too, it is the thread that forked, and has it. */
static PyObject *
after_fork(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	pthread_mutex_unlock(&making);
	Py_RETURN_NONE;
}

static PyMethodDef before_fork_method = {"before_fork", before_fork, METH_NOARGS,
	"before_fork()\n--\n\nNo thread enters the interpreter from here on."};

static PyMethodDef after_fork_method = {
	"after_fork", after_fork, METH_NOARGS, "after_fork()\n--\n\nThreads enter again."};

/* os.register_at_fork(before=before, after_in_child=after, after_in_parent=after) */
static int
register_at_fork(PyObject *before, PyObject *after)
{
	PyObject *os = PyImport_ImportModule("os");
	PyObject *function = os ? PyObject_GetAttrString(os, "register_at_fork") : NULL;
	PyObject *none = function ? PyTuple_New(0) : NULL;
	PyObject *named = none ? Py_BuildValue("{sOsOsO}", "before", before, "after_in_child",
					 after, "after_in_parent", after)
			       : NULL;
	PyObject *result = named ? PyObject_Call(function, none, named) : NULL;

	Py_XDECREF(os);
	Py_XDECREF(function);
	Py_XDECREF(none);
	Py_XDECREF(named);
	Py_XDECREF(result);
	return result ? 0 : -1;
}

int
gil_watch_forks(void)
{
	PyObject *before, *after;
	int code = -1;

	if (interpreter)
		return 0;
	before = PyCFunction_New(&before_fork_method, NULL);
	after = PyCFunction_New(&after_fork_method, NULL);
	if (before && after)
		code = register_at_fork(before, after);
	Py_XDECREF(before);
	Py_XDECREF(after);
	if (code == 0)
		interpreter = PyInterpreterState_Get();
	return code;
}

PyGILState_STATE
gil_enter(void)
{
	PyThreadState *state = PyGILState_GetThisThreadState();

	if (state)
		return PyGILState_Ensure();
	pthread_mutex_lock(&making);
	state = PyThreadState_New(interpreter);
	pthread_mutex_unlock(&making);
	if (!state)
		return PyGILState_Ensure(); /* which knows how to end for want of memory */
	/* never with the lock: a thread that forks has the GIL, and waits for the lock */
	PyEval_RestoreThread(state);
	return PyGILState_UNLOCKED;
}

int
gil_close(int fd)
{
	int result, sys_errno;

	Py_BEGIN_ALLOW_THREADS
	result = close(fd);
	sys_errno = errno;
	Py_END_ALLOW_THREADS
	errno = sys_errno;
	return result;
}
