#include "python/hostlog.h"

#include "log.h"

#include "python/errors.h"
#include "python/exits.h"
#include "python/gil.h"
#include "python/object.h"

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
	state = gil_enter();
	exits_hold();
	PyErr_Fetch(&type, &value, &traceback);
	function = object_attribute("duplicity.log", "Log");
	if (function)
		result = PyObject_CallFunction(function, "si", line, host_level(level));
	if (!result)
		errors_swallow(); /* a host that cannot log has nowhere to say so */
	Py_XDECREF(result);
	Py_XDECREF(function);
	PyErr_Restore(type, value, traceback);
	exits_release();
	PyGILState_Release(state);
}

const struct stage_log hostlog = {.write = write_line};
