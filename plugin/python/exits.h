/*
 * exits - the ways in which a run ends, past the host's own cleanup
 *
 * Who holds something that must not outlive the run registers a function. SIGTERM, SIGHUP, exec and
 * the end of the interpreter call all of them, the last registered first. All functions are called
 * with the GIL held.
 */
#ifndef STAGEDIR_EXITS_H
#define STAGEDIR_EXITS_H

#include <Python.h>

enum exits_how {
	EXITS_STOP,  /* the interpreter ends: what is under way may be waited for */
	EXITS_LEAVE, /* a signal, or exec: the process is about to end, nothing is waited for */
};

/*
 * Registers a function for all exits of this process. It must never fail. It is called in the process
 * that registered it only. At most EXITS_MAX.
 */
#define EXITS_MAX 4
void exits_register(void (*clean_up)(enum exits_how how));

/* Calls them, as an exit does. */
void exits_run(enum exits_how how);

/* Has signals, exec and the end of the interpreter clean up. May be called again. Never fails. */
void exits_watch(void);

/*
 * Between the two, which nest, SIGTERM and SIGHUP wait: a directory that is being made is not yet
 * in the list of those to clean up, one that is being cleaned up is half gone, and the core's log
 * runs Python, which is where handlers are called.
 */
void exits_hold(void);
void exits_release(void);

/* _stagedir.watch_endings() */
PyObject *exits_watch_endings(PyObject *module, PyObject *unused);

#endif
