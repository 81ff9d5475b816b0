/*
 * gil - how threads of the core get into the interpreter, and what is done without its lock
 */
#ifndef STAGEDIR_GIL_H
#define STAGEDIR_GIL_H

#include <Python.h>

/* To be called once, before the first thread enters: 0, or -1 with an exception. */
int gil_watch_forks(void);

/*
 * PyGILState_Ensure(), in whose place it is to be used: that is not safe while another thread
 * forks. PyGILState_Release() ends it.
 */
PyGILState_STATE gil_enter(void);

/* close(2), for which the GIL is given up: a network may be waited for. With errno. */
int gil_close(int fd);

#endif
