/*
 * gil - how threads of the core enter the interpreter, and calls that give up its lock
 */
#ifndef STAGEDIR_GIL_H
#define STAGEDIR_GIL_H

#include <Python.h>

/* To be called once, before the first thread enters: 0, or -1 with an exception. */
int gil_watch_forks(void);

/*
 * To be used in the place of PyGILState_Ensure(), which is not safe while another thread forks.
 * PyGILState_Release() ends it.
 */
PyGILState_STATE gil_enter(void);

/* close(2), with errno, without the GIL: it may wait for a network. */
int gil_close(int fd);

#endif
