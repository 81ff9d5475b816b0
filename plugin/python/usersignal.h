/*
 * usersignal - SIGUSR1 asks a run how far it is
 *
 * The handler is one of Python's, which run in the main thread between two bytecodes. So it runs in the middle of
 * nothing: it may log, and take locks of the core. While the main thread waits in the extension, signals are looked
 * for ten times a second. A program that the host starts does not inherit the handler (execve(2)).
 *
 * Without it SIGUSR1 would end the run. A handler that is there, and a signal that is ignored, are left alone.
 */
#ifndef STAGEDIR_USERSIGNAL_H
#define STAGEDIR_USERSIGNAL_H

#include <Python.h>

/* From now on SIGUSR1 calls tell(), with the GIL held. Does nothing outside of the main thread. Never fails. */
void usersignal_watch(void (*tell)(void));

#endif
