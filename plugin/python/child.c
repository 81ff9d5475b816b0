#include "python/child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

PyObject *
child_die_with(PyObject *module, PyObject *pid)
{
	const long parent = PyLong_AsLong(pid);

	(void)module;
	if (parent == -1 && PyErr_Occurred())
		return NULL;
	/* a kernel that refuses has nothing better to offer */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* it was gone already, and nobody is told of that */
	if (getppid() != (pid_t)parent)
		raise(SIGKILL);
	Py_RETURN_NONE;
}
