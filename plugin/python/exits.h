/*
 * exits - the ways in which a run ends, past the host's own cleanup
 *
 * Whoever holds something that must not outlive the run registers a function. SIGTERM, SIGHUP, exec and
 * the end of the interpreter call these functions, the last registered first. All functions here are
 * called with the GIL held.
 */
#ifndef STAGEDIR_EXITS_H
#define STAGEDIR_EXITS_H

#include <Python.h>

enum exits_how {
	EXITS_STOP,  /* the interpreter ends: an upload that is under way may be waited for */
	EXITS_LEAVE, /* a signal, or exec: the process is about to end, nothing is waited for */
};

/*
 * Registers a function for all exits of this process, at most EXITS_MAX. It must never fail. It is called
 * only in the process that registered it.
 */
#define EXITS_MAX 4
void exits_register(void (*clean_up)(enum exits_how how));

/* Calls the registered functions, as an exit does. */
void exits_run(enum exits_how how);

/* The signal that ends the process, while its functions are called; 0: none does. */
int exits_signal(void);

/* From now on signals, exec and the end of the interpreter call them. May be called again. Never fails. */
void exits_watch(void);

/*
 * SIGTERM and SIGHUP wait between hold and release, which nest. That is for moments when a directory is
 * being made, and is not yet in the list of those to clean up, or when it is half cleaned up. Handlers
 * could run even then, since the core's log runs Python.
 */
void exits_hold(void);
void exits_release(void);

/* Between them: the first signal that came, or 0; and forgets it, as the process ends by itself. */
int exits_held(void);
void exits_forget(void);

/* _stagedir.watch_endings() */
PyObject *exits_watch_endings(PyObject *module, PyObject *unused);

#endif
