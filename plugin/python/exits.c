/*
 * The ways in which a run ends, or leaves its program, past the host's own cleanup:
 *
 * SIGTERM and SIGHUP, by default, end a Python program at once: no finally clause runs, and what
 * was staged stays behind. Here they clean up first and then do what they did before - a handler
 * that was there is called, the default ends the process by that very signal, so that its parent
 * sees the status that it would have seen. Ignored signals (nohup) stay ignored. The handlers are
 * Python's, which run in the main thread between two bytecodes: never inside of the core. SIGINT is
 * the host's.
 *
 * exec: the host starts itself anew when it cannot go on with a partial backup (dup_main.Restart).
 * The interpreter's audit event os.exec comes just before.
 *
 * The end of the interpreter, for what an exception on its way out still refers to.
 */
#include "python/exits.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "regular.h"

#include "python/errors.h"
#include "python/hostlog.h"
#include "python/object.h"

static const int signals[] = {SIGTERM, SIGHUP};
#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

static PyObject *previous[SIGNAL_COUNT]; /* NULL where we are not installed */
static pid_t owner; /* whose directories the handlers clean up; 0 until they are installed */

static void (*registered[EXITS_MAX])(enum exits_how how);
static size_t registered_count;

static int held;     /* how many holds there are, of all threads */
static int ended_by; /* the signal that ends the process, or 0 */
static int deferred; /* the first signal that came meanwhile, or 0 */

void
exits_register(void (*clean_up)(enum exits_how how))
{
	size_t i;

	for (i = 0; i < registered_count; i++)
		if (registered[i] == clean_up)
			return;
	assert(registered_count < EXITS_MAX);
	registered[registered_count++] = clean_up;
}

void
exits_run(enum exits_how how)
{
	size_t i;

	for (i = registered_count; i > 0; i--)
		registered[i - 1](how);
}

int
exits_signal(void)
{
	return ended_by;
}

/* Removes a file if nobody has locked it, and if it is what fd is: it may be another one by now. */
static void
remove_unlocked(int fd, const char *name)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat ours, there;

	if (fcntl(fd, F_SETLK, &lock) == 0 && fstat(fd, &ours) == 0 && lstat(name, &there) == 0 &&
		ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		unlink(name);
}

/* The host's lock of the archive directory, where it is between making it and having it, or between
 * letting go of it and removing it: its release_lockfile() then does nothing. */
static void
remove_lockfile(void)
{
	PyObject *path = object_attribute("duplicity.config", "lockpath");
	PyObject *bytes = path ? object_path_bytes(path) : NULL;
	const char *name = bytes ? PyBytes_AsString(bytes) : "";
	int fd = -1;

	if (name && *name)
		(void)stage_regular_open(AT_FDCWD, name, O_WRONLY, &fd, NULL);
	if (fd >= 0) {
		remove_unlocked(fd, name);
		close(fd);
	}
	errors_swallow();
	Py_XDECREF(bytes);
	Py_XDECREF(path);
}

/* A child of fork() has the handlers, and nothing to clean up unless it has made a directory. */
static void
clean_up(int number)
{
	PyObject *function, *result;

	if (getpid() != owner)
		return;
	stage_log_line(&hostlog, STAGE_INFO, "ended by signal %d: cleaning up", number);
	ended_by = number;
	exits_run(EXITS_LEAVE);
	function = object_attribute("duplicity.util", "release_lockfile");
	result = function ? PyObject_CallNoArgs(function) : NULL;
	errors_swallow();
	Py_XDECREF(result);
	Py_XDECREF(function);
	remove_lockfile();
}

static PyObject *
on_signal(PyObject *self, PyObject *arguments)
{
	PyObject *frame, *handler, *result;
	size_t i;
	int number;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "iO:on_signal", &number, &frame))
		return NULL;
	if (held && getpid() == owner) {
		if (!deferred)
			deferred = number;
		Py_RETURN_NONE;
	}
	clean_up(number);
	for (i = 0; i < SIGNAL_COUNT && signals[i] != number; i++)
		;
	handler = i < SIGNAL_COUNT ? previous[i] : NULL;
	if (!handler || !PyCallable_Check(handler)) {
		signal(number, SIG_DFL);
		kill(getpid(), number);
		Py_RETURN_NONE; /* not reached unless the signal is blocked */
	}
	result = PyObject_CallFunction(handler, "iO", number, frame);
	if (!result)
		return NULL;
	Py_DECREF(result);
	/* the directory is gone, so the run cannot go on even where that handler would have it */
	result = PyLong_FromLong(128 + number);
	if (result)
		PyErr_SetObject(PyExc_SystemExit, result);
	Py_XDECREF(result);
	return NULL;
}

static PyMethodDef on_signal_method = {"on_signal", on_signal, METH_VARARGS,
	"on_signal(number, frame)\n--\n\nCleans up, then does what the signal did before."};

/*
 * Installs ours for one signal; leaves it where it is ignored or a handler not of Python is there.
 */
static int
install(PyObject *module, PyObject *function, size_t i)
{
	PyObject *before, *ignored, *result;
	int is_ignored;

	if (previous[i])
		return 0;
	before = PyObject_CallMethod(module, "getsignal", "i", signals[i]);
	ignored = PyObject_GetAttrString(module, "SIG_IGN");
	if (!before || !ignored) {
		Py_XDECREF(before);
		Py_XDECREF(ignored);
		return -1;
	}
	is_ignored = PyObject_RichCompareBool(before, ignored, Py_EQ);
	Py_DECREF(ignored);
	if (is_ignored || before == Py_None) {
		Py_DECREF(before);
		return is_ignored < 0 ? -1 : 0;
	}
	result = PyObject_CallMethod(module, "signal", "iO", signals[i], function);
	if (!result) {
		Py_DECREF(before);
		return -1;
	}
	Py_DECREF(result);
	previous[i] = before;
	return 0;
}

static void
install_signals(void)
{
	PyObject *module, *function;
	size_t i;

	if (owner == getpid())
		return;
	held = deferred = 0; /* what a parent left in them */
	module = PyImport_ImportModule("signal");
	function = PyCFunction_New(&on_signal_method, NULL);
	if (module && function) {
		for (i = 0; i < SIGNAL_COUNT; i++)
			if (install(module, function, i) < 0)
				break;
		/* ValueError: this is not the main thread; the next directory will try again */
		if (i == SIGNAL_COUNT)
			owner = getpid();
	}
	PyErr_Clear();
	Py_XDECREF(module);
	Py_XDECREF(function);
}

static PyObject *
on_audit(PyObject *self, PyObject *arguments)
{
	PyObject *details;
	const char *event;

	(void)self;
	/*
	 * the child of a fork that is about to exec has nothing to clean up, and cleanup knows that
	 */
	if (PyArg_ParseTuple(arguments, "sO:on_audit", &event, &details)) {
		if (strcmp(event, "os.exec") == 0)
			exits_run(EXITS_LEAVE);
	} else {
		PyErr_Clear(); /* an exception here would forbid what the event is about */
	}
	Py_RETURN_NONE;
}

static PyObject *
at_exit(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	exits_run(EXITS_STOP);
	Py_RETURN_NONE;
}

static PyMethodDef on_audit_method = {"on_audit", on_audit, METH_VARARGS,
	"on_audit(event, arguments)\n--\n\nCleans up before exec."};

static PyMethodDef at_exit_method = {
	"at_exit", at_exit, METH_NOARGS, "at_exit()\n--\n\nCleans up what is still open."};

/* Has MODULE.REGISTRAR(ours) called. */
static void
register_function(const char *module_name, const char *registrar, PyMethodDef *method)
{
	PyObject *module, *function, *result = NULL;

	module = PyImport_ImportModule(module_name);
	function = PyCFunction_New(method, NULL);
	if (module && function)
		result = PyObject_CallMethod(module, registrar, "O", function);
	if (!result)
		errors_swallow();
	Py_XDECREF(module);
	Py_XDECREF(function);
	Py_XDECREF(result);
}

/* Once a process, and its children by fork() have it too. */
static void
register_once(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	register_function("atexit", "register", &at_exit_method);
	register_function("sys", "addaudithook", &on_audit_method);
}

void
exits_watch(void)
{
	register_once();
	install_signals();
}

void
exits_hold(void)
{
	held++;
}

void
exits_release(void)
{
	int number = deferred;

	if (--held || !number)
		return;
	deferred = 0;
	kill(getpid(), number); /* the handler runs as soon as Python does */
}

int
exits_held(void)
{
	return deferred;
}

void
exits_forget(void)
{
	deferred = 0;
}

PyObject *
exits_watch_endings(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	exits_watch();
	Py_RETURN_NONE;
}
