#include "module.h"

/* The host's numbers: duplicity/log.py */
static int
host_level(enum stage_level level)
{
	switch (level) {
	case STAGE_WARNING:
		return 2;
	case STAGE_NOTICE:
		return 3;
	case STAGE_INFO:
		return 5;
	case STAGE_DEBUG:
		break;
	}
	return 9;
}

/*
 * May be called with an exception pending, without the GIL, and when the host is half gone. The
 * core may be in the middle of something: signals wait until it is done.
 */
static void
write_line(void *context, enum stage_level level, const char *line)
{
	PyObject *type, *value, *traceback, *function, *result = NULL;
	PyGILState_STATE state;

	(void)context;
	state = interpreter_enter();
	endings_hold();
	PyErr_Fetch(&type, &value, &traceback);
	function = host_attribute("duplicity.log", "Log");
	if (function)
		result = PyObject_CallFunction(function, "si", line, host_level(level));
	if (!result)
		swallow_exception(); /* a host that cannot log has nowhere to say so */
	Py_XDECREF(result);
	Py_XDECREF(function);
	PyErr_Restore(type, value, traceback);
	endings_release();
	PyGILState_Release(state);
}

const struct stage_log host_log = {.write = write_line};
