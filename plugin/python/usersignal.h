/*
 * usersignal - SIGUSR1 asks a run how far it is
 *
 * The handler is one of Python's, which run in the main thread between two bytecodes. So it runs in the middle of
 * nothing: it may log, and take locks of the core. While the main thread waits in the extension, signals are looked
 * for ten times a second. A program that the host starts does not inherit the handler (execve(2)).
 *
 * Without it SIGUSR1 ends the process: so it does before a backup has begun. When the run has ended, it is ignored: Python
 * takes its handlers away before the process is gone. A handler that is there, and a signal that is ignored, are left alone.
 */
#ifndef STAGEDIR_USERSIGNAL_H
#define STAGEDIR_USERSIGNAL_H

#include <Python.h>

/* From now on SIGUSR1 calls tell(), with the GIL held. Does nothing outside of the main thread. Never fails. */
void usersignal_watch(void (*tell)(void));

/* The run has ended: from now on the signal is ignored, if usersignal_watch() has set the handler. Never fails. */
void usersignal_ignore(void);

#endif
