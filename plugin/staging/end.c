/*
 * Nothing is fetched ahead any more. What is in a spool survives any end, and the user is told what stays. An end may run while another
 * one does: a signal came.
 */
#include "staging/end.h"

#include <unistd.h>

#include "log.h"

#include "python/exits.h"
#include "python/hostlog.h"
#include "staging/directory.h"
#include "staging/fetchahead.h"
#include "staging/run.h"
#include "staging/staging.h"
#include "staging/volumeobject.h"

enum end_how {
	FINISH, /* hand off what is staged, unless that has failed already */
	STOP,   /* keep it; wait for an upload that is under way */
	LEAVE,  /* keep it, and do not wait: the process is about to end */
};

/* Adds the sealed files of a spool, or NULL, that no thread uses any more; not those that somebody has removed. */
static void
count_sealed(struct stage_spool *spool, size_t *count, uint64_t *bytes)
{
	const struct stage_spool_file *file;

	for (file = spool ? stage_spool_files(spool) : NULL; file; file = file->next) {
		if (!file->sealed || stage_spool_check_there(spool, file, NULL) < 0)
			continue;
		(*count)++;
		*bytes += file->size;
	}
}

/* Says what stays. While its threads still run the queue alone is asked. */
static void
tell_what_stays(struct staging *self, bool threads_ended)
{
	uint64_t bytes = 0;
	size_t count = 0, i;

	if (!threads_ended)
		count = queue_waiting(&self->queue, &bytes);
	Py_BEGIN_ALLOW_THREADS
	for (i = 0; threads_ended && i < self->places.count; i++)
		count_sealed(self->places.list[i].spool, &count, &bytes);
	for (i = 0; threads_ended && i < self->adopted.count; i++)
		count_sealed(self->adopted.spools[i], &count, &bytes);
	Py_END_ALLOW_THREADS
	if (count)
		stage_log_line(&hostlog, STAGE_NOTICE,
			"%zu volume%s, %llu bytes, stay%s staged for %s: the next backup to it, or stagedir flush, hands %s off; stagedir status shows %s",
			count, count == 1 ? "" : "s", (unsigned long long)bytes,
			count == 1 ? "s" : "", self->queue.target, count == 1 ? "it" : "them",
			count == 1 ? "it" : "them");
}

/* A signal's handler may have raised when this returns; that is then for the caller. */
static void
end(struct staging *self, enum end_how how)
{
	PyObject *type, *value, *traceback;
	struct stage_error error;
	bool ended;

	if (!queue_is_open(&self->queue) || getpid() != self->owner)
		return;
	if (self->ending) { /* a signal came meanwhile */
		tell_what_stays(self, false);
		return;
	}
	self->ending = true;
	/* a library that its thread uses may clean up at exit; what ends without that does not wait */
	if (how != LEAVE && self->volume)
		volumeobject_end(self->volume);
	if (how == FINISH)
		queue_wait(&self->queue, 1, -1, STAGE_RUN_FOR_DRAIN, &error);
	/* what was raised is told when all is done, but signals are looked for meanwhile */
	PyErr_Fetch(&type, &value, &traceback);
	ended = queue_stop(&self->queue, how == LEAVE);
	tell_what_stays(self, ended);
	if (ended)
		staging_close(self);
	PyErr_Restore(type, value, traceback);
	self->ending = false;
}

static void
end_all(enum end_how how)
{
	struct staging *self = staging_all, *next;

	/* waits give up the GIL, and logging runs Python: the one at hand and the next are held */
	Py_XINCREF((PyObject *)self);
	while (self) {
		end(self, how);
		next = self->next;
		Py_XINCREF((PyObject *)next);
		Py_DECREF((PyObject *)self);
		self = next;
	}
}

static void
at_exit(enum exits_how how)
{
	fetchahead_end(NULL);
	end_all(how == EXITS_LEAVE ? LEAVE : STOP);
}

static bool
stages_in(PyObject *directory)
{
	const struct staging *self;

	for (self = staging_all; self; self = self->next)
		if (self->places.count && self->places.list[0].directory == directory)
			return true;
	return false;
}

/*
 * The host cleans its default directory up in a finally clause, whatever has ended the run: after
 * Ctrl-C nothing more is handed off, otherwise what was accepted still is.
 */
static void
before_cleanup(PyObject *directory)
{
	PyObject *reason;

	fetchahead_end(directory);
	reason = PyErr_GetHandledException();
	run_cleans_up(reason);
	if (stages_in(directory))
		end_all(reason && PyErr_GivenExceptionMatches(reason, PyExc_KeyboardInterrupt)
				? STOP
				: FINISH);
	Py_XDECREF(reason);
}

void
end_register(void)
{
	directory_before_cleanup(before_cleanup);
	exits_register(at_exit);
}
