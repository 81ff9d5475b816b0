/*
 * packet - the loop of the host's gpg.GPGWriteFile: blocks become a compressed packet that gpg only encrypts
 *
 * core/openpgp.h: what such a packet is. Whether gpg may be given one is asked before
 * (_stagegpg.py).
 */
#ifndef STAGEDIR_PACKET_H
#define STAGEDIR_PACKET_H

#include <Python.h>

/* _stagedir.gpg_against(options, major, minor, micro, signs) */
PyObject *packet_gpg_against(PyObject *module, PyObject *arguments);

/* _stagedir.write_packet(...) */
PyObject *packet_write(PyObject *module, PyObject *arguments, PyObject *keywords);

#endif
