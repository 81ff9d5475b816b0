/*
 * child - programs that backends start do not outlive the run
 *
 * A run that is killed cannot end them any more. So each asks the kernel, between fork and exec, for SIGTERM
 * when its parent is gone (PR_SET_PDEATHSIG, prctl(2)). The kernel means the thread that has forked, not the
 * process: that fits where a thread waits for what it has started, as the host's backends do. It holds for
 * the program itself, until it execs something privileged, and not for what it starts in turn: gpg-agent,
 * or the master of an ssh, which are to stay, do.
 */
#ifndef STAGEDIR_CHILD_H
#define STAGEDIR_CHILD_H

#include <Python.h>

/* die_with(pid): as preexec_fn of subprocess.Popen, in the child of the process pid. */
PyObject *child_die_with(PyObject *module, PyObject *pid);

#endif
