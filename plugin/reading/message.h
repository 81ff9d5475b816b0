/*
 * message - the type Message: the data of a message, out of the pipe of a gpg --unwrap
 *
 * Python: Message(file, name) begins to read from the descriptor of a file object, which it keeps, ahead, in a thread of C's
 * (core/unwrapped.h). Nobody else reads from it, or closes it, before the close. name, bytes, is for messages.
 *
 *	read(length)	bytes, fewer than length at the end; None where gpg has to decrypt it: it is no message of data that are
 *			only encrypted, or it is damaged, and gpg has to say how, or to take it as it is.
 *	close()		Nobody will read on. It waits for no gpg. May be called again.
 *
 * The GIL is given up while gpg is waited for, and signals are looked for: gpg may never give anything. One at a time: a call while another one runs is an exception.
 */
#ifndef STAGEDIR_MESSAGE_H
#define STAGEDIR_MESSAGE_H

#include <Python.h>

/* Adds Message to the module: 0, or -1 with an exception. */
int message_add_type(PyObject *module);

#endif
