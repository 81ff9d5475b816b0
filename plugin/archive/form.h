/*
 * form - the type Form: another form of a file of the archive directory, such as a compressed or an encrypted one
 *
 *	form = Form(folder, name, write, followed, 1)
 *	...the host appends to the file at followed, and gives it its name...
 *	config.backend.put(path.Path(form.made()), remote_name)
 *	form.sync()
 *	form.replace(final_name)
 *
 * The form is made in a staging directory of its own in the archive directory (folder), by write(BLOCKS, MADE, BESIDE).
 * That is called by made(), with BESIDE false, or, if followed is given, by a thread, with BESIDE true, while the host
 * still writes the file (follower.h). made() waits for the thread. If the thread has failed, made() calls write itself.
 * The form has the permissions of the file, if the file system has any: some backends store a file with them.
 *
 * Where space is short, abandon() ends the thread and gives back what the form has taken.
 *
 * The staging directory and what is in it go with the Form. rename() and replace() put the form itself into the archive
 * directory, where it stays.
 *
 * For one thread at a time. Everything is called with the GIL held, which is given up for files and threads.
 *
 * Errors: OSError with errno and the path; what write raises, and TemporaryDirectory, passes through; ValueError
 * from a Form that was never made. After a failure of rename() or replace() the form may have its new name.
 */
#ifndef STAGEDIR_FORM_H
#define STAGEDIR_FORM_H

#include <Python.h>

/* Adds Form to the module: 0, or -1 with an exception. */
int form_add_type(PyObject *module);

#endif
