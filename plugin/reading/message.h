/*
 * message - the type Message: the data of a message, out of the pipe of a gpg --unwrap
 *
 * Python: Message(fd, name) begins to read, ahead, in a thread of C's (core/unwrapped.h). It has a descriptor of its
 * own. name, bytes, is for messages.
 *
 *	read(length)	bytes, fewer than length at the end; None where gpg has to decrypt it, as it is no message of
 *			data that are only encrypted. An exception where it is damaged.
 *	close()		Nobody will read on. It does not wait for gpg. May be called again.
 *
 * The GIL is given up while gpg is waited for. One at a time: a call while another one runs is an exception.
 */
#ifndef STAGEDIR_MESSAGE_H
#define STAGEDIR_MESSAGE_H

#include <Python.h>

/* Adds Message to the module: 0, or -1 with an exception. */
int message_add_type(PyObject *module);

#endif
