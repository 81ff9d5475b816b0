/*
 * run - what people can learn of this process's run: its record, its hooks, its metrics, and the answer to SIGUSR1
 *
 * There is one run in a process. It begins with Staging.begin(), and ends when the process does. What happens between
 * is told to run_tell() and goes into the record (core/runrecord.h). When the run ends, its result is what the host has
 * said and how it ends: the exception with which it cleans up, the last error that it has logged, or a signal. Then
 * the metrics are written (core/metrics.h), then the page of the run (report/pagefile.h), and a hook is run (runhooks.h).
 *
 * None of this can end a run. What fails is one warning.
 *
 * All functions are called with the GIL held unless they say otherwise, and in the thread that makes volumes. Before
 * the begin they do nothing.
 */
#ifndef STAGEDIR_RUN_H
#define STAGEDIR_RUN_H

#include <Python.h>

#include <stdint.h>

#include "runevent.h"
#include "settings.h"

/* Has the run end when the process does. To be called once, when the module is loaded, before others register. */
void run_register(void);

/* Begins the run. action is what the host does, target in its target form (url.h); both are copied. */
void run_begin(const char *action, const char *target, const struct stage_settings *settings);

/* Adds an event. Any thread, and without the GIL: this writes to a disk. */
void run_tell(const struct stage_runevent *event);

/* A volume is begun. */
void run_volume(void);

/* A file is put into the queue: the volume that was begun last, or one that a dead run has staged. */
void run_put(const char *name, uint64_t size, bool is_adopted);

/* The run has come to a temp root. */
void run_root(const char *path);

/*
 * It waits for something (STAGE_RUN_FOR_...) since then (milliseconds since 1970), and goes on. A wait inside of
 * another is a part of that one.
 */
void run_waits(const char *what, int64_t since, const char *why);
void run_goes_on(const char *what);

/* To be called several times a second in a wait: has it taken so long that somebody is to be told? */
void run_look(void);

/* The host cleans up, with this exception on its way, or NULL. */
void run_cleans_up(PyObject *exception);

/* A second Ctrl-C ends the process. */
void run_interrupted(void);

/* _stagedir.note_error(text, code) */
PyObject *run_note_error(PyObject *module, PyObject *arguments);

#endif
