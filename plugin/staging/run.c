/*
 * The record is never closed before the process ends: a thread may still upload when a signal ends the run. Events
 * that come behind the end are of no interest.
 */
#include "staging/run.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "metrics.h"
#include "runline.h"
#include "runrecord.h"
#include "text.h"

#include "python/errors.h"
#include "python/exits.h"
#include "python/hostlog.h"
#include "python/object.h"
#include "python/usersignal.h"
#include "report/pagefile.h"
#include "staging/roots.h"
#include "staging/runhooks.h"
#include "staging/urlsecrets.h"

/* The exit statuses of the host that say what was wrong: its log.ErrorCode. */
enum {
	HOST_EXCEPTION = 30,
	HOST_GPG_FAILED = 31,
	HOST_NO_SPACE = 35,
	HOST_CONNECTION_FAILED = 38,
	HOST_WRONG_SIZE = 44,
	HOST_BACKEND = 50, /* and behind it */
	HOST_BACKEND_LAST = 59,
	HOST_INTERRUPTED = 4,
};

static struct {
	pid_t owner;
	const struct stage_settings *settings;
	struct stage_runrecord *record; /* NULL before the begin */
	uint64_t volumes;               /* that were begun */

	int waits; /* how many waits are inside of one another */
	int64_t waits_since;
	bool waited_long;      /* and on_waiting was run */
	_Atomic int64_t taken; /* when storage has taken a file last */

	bool ended;
	bool interrupted;
	bool exited; /* by SystemExit, with status */
	long status;
	long error_status; /* of the last error that was logged */
	char *message;     /* the last error that was logged, or the exception */
} run;

/* Has this process begun a run? A child of it has not. */
static bool
is_ours(void)
{
	return run.record && getpid() == run.owner;
}

void
run_tell(const struct stage_runevent *event)
{
	if (event->kind == STAGE_RUN_CONFIRMED)
		atomic_store(&run.taken, stage_runrecord_now());
	stage_runrecord_add(run.record, event);
}

static void
tell_without_gil(const struct stage_runevent *event)
{
	Py_BEGIN_ALLOW_THREADS
	run_tell(event);
	Py_END_ALLOW_THREADS
}

void
run_volume(void)
{
	tell_without_gil(
		&(struct stage_runevent){.kind = STAGE_RUN_VOLUME, .number = ++run.volumes});
}

void
run_put(const char *name, uint64_t size, bool is_adopted)
{
	tell_without_gil(
		&(struct stage_runevent){.kind = is_adopted ? STAGE_RUN_ADOPTED : STAGE_RUN_MADE,
			.number = run.volumes,
			.name = name,
			.size = size});
}

void
run_root(const char *path)
{
	struct stage_runevent event = {.kind = STAGE_RUN_ROOT, .name = path};

	if (!run.record)
		return;
	Py_BEGIN_ALLOW_THREADS(void)
	stage_runline_free(path, &event.size);
	run_tell(&event);
	Py_END_ALLOW_THREADS
}

void
run_waits(const char *what, int64_t since, const char *why)
{
	if (run.waits++ > 0)
		return;
	run.waits_since = since;
	tell_without_gil(&(struct stage_runevent){
		.kind = STAGE_RUN_WAITS, .time = since, .name = what, .text = why});
}

void
run_goes_on(const char *what)
{
	if (run.waits > 0 && --run.waits == 0)
		tell_without_gil(&(struct stage_runevent){.kind = STAGE_RUN_GOES_ON, .name = what});
}

static void
start_hook(enum runhook event)
{
	struct stage_runsummary summary;

	if (!stage_runrecord_summary(run.record, &summary))
		return;
	runhooks_start(run.settings, event, &summary, stage_runrecord_path(run.record));
	stage_runsummary_release(&summary);
}

void
run_look(void)
{
	int64_t since = atomic_load(&run.taken);

	if (!is_ours() || !run.waits || run.waited_long)
		return;
	if (since < run.waits_since)
		since = run.waits_since;
	if (stage_runrecord_now() - since < (int64_t)run.settings->waiting_time * 1000)
		return;
	run.waited_long = true;
	start_hook(RUNHOOK_WAITING);
}

/* SIGUSR1 */
static void
tell_line(void)
{
	struct stage_runsummary summary;
	char line[STAGE_RUNLINE_MAX];

	if (!stage_runrecord_summary(run.record, &summary))
		return;
	Py_BEGIN_ALLOW_THREADS
	stage_runline_write(line, sizeof(line), &summary, stage_runrecord_now());
	Py_END_ALLOW_THREADS
	stage_runsummary_release(&summary);
	stage_log_line(&hostlog, STAGE_NOTICE, "%s", line);
}

/* The version of the host, which the caller frees. */
static char *
host_version(void)
{
	PyObject *version = object_attribute("duplicity", "__version__");
	PyObject *bytes = version ? object_path_bytes(version) : NULL;
	char *text = strdup(bytes ? PyBytes_AsString(bytes) : "");

	PyErr_Clear();
	Py_XDECREF(bytes);
	Py_XDECREF(version);
	return text;
}

void
run_begin(const char *action, const char *target, const struct stage_settings *settings)
{
	char *version = host_version();
	const struct stage_runevent begun = {.name = action,
		.target = target,
		.text = version,
		.count = (uint64_t)settings->max_volumes,
		.size = settings->max_staged};
	struct stage_error error;
	int code = 0;

	if (!run.record) {
		run.settings = settings;
		run.owner = getpid();
		Py_BEGIN_ALLOW_THREADS
		code = stage_runrecord_begin(
			&begun, (unsigned int)settings->keep_runs, &hostlog, &run.record, &error);
		Py_END_ALLOW_THREADS
	}
	free(version);
	if (code < 0 || !run.record)
		return;
	usersignal_watch(tell_line);
	start_hook(RUNHOOK_START);
}

/* Bytes of a message at the most. The host's may quote all that another program has said. */
#define MESSAGE_MAX 2000

/* Keeps a text of others, without secrets, as why the run ends. */
static void
keep_message(const char *text)
{
	struct stage_error error;
	char *hidden;

	if (urlsecrets_hide(text, &hidden, &error) < 0)
		return;
	stage_text_cut(hidden, MESSAGE_MAX); /* not before: a secret that is cut is not known */
	free(run.message);
	run.message = hidden;
}

PyObject *
run_note_error(PyObject *module, PyObject *arguments)
{
	PyObject *text;
	long code;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "O&l:note_error", PyUnicode_FSConverter, &text, &code))
		return NULL;
	if (run.record) {
		keep_message(PyBytes_AsString(text));
		run.error_status = code;
	}
	Py_DECREF(text);
	Py_RETURN_NONE;
}

/* The exit status that a SystemExit means. */
static long
status_of(PyObject *exception)
{
	PyObject *code = PyObject_GetAttrString(exception, "code");
	long status = 1;

	if (code == Py_None)
		status = 0;
	else if (code && PyLong_Check(code))
		status = PyLong_AsLong(code) & 0xff;
	PyErr_Clear();
	Py_XDECREF(code);
	return status;
}

void
run_interrupted(void)
{
	run.interrupted = true;
}

void
run_cleans_up(PyObject *exception)
{
	PyObject *text, *bytes;

	if (!exception || !is_ours() || run.ended)
		return;
	if (PyErr_GivenExceptionMatches(exception, PyExc_KeyboardInterrupt)) {
		run_interrupted();
	} else if (PyErr_GivenExceptionMatches(exception, PyExc_SystemExit)) {
		run.exited = true;
		run.status = status_of(exception);
	} else {
		/* the host tells of it, and says its status, when it has cleaned up */
		run.status = HOST_EXCEPTION;
		run.error_status = 0;
		text = PyObject_Str(exception);
		bytes = text ? PyUnicode_AsEncodedString(text, "utf-8", "replace") : NULL;
		if (bytes)
			keep_message(PyBytes_AsString(bytes));
		PyErr_Clear();
		Py_XDECREF(bytes);
		Py_XDECREF(text);
	}
}

static enum stage_runresult
result_of(long status)
{
	if (status == 0)
		return STAGE_RUN_DONE;
	if (status == HOST_GPG_FAILED)
		return STAGE_RUN_NO_GPG;
	if (status == HOST_NO_SPACE)
		return STAGE_RUN_NO_ROOM;
	if (status == HOST_CONNECTION_FAILED || status == HOST_WRONG_SIZE ||
		(status >= HOST_BACKEND && status <= HOST_BACKEND_LAST))
		return STAGE_RUN_NO_STORAGE;
	return STAGE_RUN_ERROR;
}

/* How the run ends, as an event. Its text is valid until the next call. */
static struct stage_runevent
judge_end(enum exits_how how)
{
	static char text[64];
	struct stage_runevent event = {.kind = STAGE_RUN_ENDED, .text = ""};
	enum stage_runresult result;
	const int number = exits_signal();
	long status = run.status;

	if (run.interrupted) {
		result = STAGE_RUN_INTERRUPTED;
		status = HOST_INTERRUPTED;
		event.text = "Ctrl-C";
	} else if (how == EXITS_LEAVE && number) {
		result = STAGE_RUN_SIGNALLED;
		status = 128 + number;
		snprintf(text, sizeof(text), "ended by signal %d", number);
		event.text = text;
	} else if (how == EXITS_LEAVE) {
		result = STAGE_RUN_RESTARTED;
	} else {
		if (!run.exited && run.status && run.error_status)
			status = run.error_status;
		result = result_of(status);
		if (status && run.message)
			event.text = run.message;
	}
	event.number = (uint64_t)status;
	event.name = stage_runresult_name(result);
	return event;
}

/* Paths, up to a NULL. */
struct paths {
	char **list;
	size_t count;
};

static int
add_path(void *context, const char *path, struct stage_error *error)
{
	struct paths *paths = context;
	char **longer = reallocarray(paths->list, paths->count + 2, sizeof(*longer));

	if (!longer || !(longer[paths->count] = strdup(path))) {
		if (longer)
			paths->list = longer;
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for the metrics");
	}
	longer[++paths->count] = NULL;
	paths->list = longer;
	return 0;
}

static void
write_metrics(const struct stage_runsummary *summary)
{
	static char *const none[] = {NULL};
	struct stage_metrics_places places = {
		.folders = none, .run = summary, .record = stage_runrecord_path(run.record)};
	struct paths paths = {0};
	struct stage_error error;
	char *text = NULL;
	size_t i;
	int code;

	code = roots_visit(add_path, &paths, &error);
	places.roots = paths.list ? paths.list : none;
	Py_BEGIN_ALLOW_THREADS
	if (code == 0)
		code = stage_metrics_make(&places, &text, &error);
	if (code == 0)
		code = stage_metrics_write(run.settings->metrics, text, &error);
	free(text);
	Py_END_ALLOW_THREADS
	for (i = 0; i < paths.count; i++)
		free(paths.list[i]);
	free(paths.list);
	if (code < 0)
		stage_log_line(&hostlog, STAGE_WARNING, "there are no metrics of this run: %s",
			error.message);
}

/* It is made of the record, which has its end by now. */
static void
write_page(void)
{
	const char *record = strrchr(stage_runrecord_path(run.record), '/');
	const unsigned int keep = (unsigned int)run.settings->keep_runs;
	struct stage_error error;
	int code;

	if (!record && keep) /* why there is none was told */
		return;
	Py_BEGIN_ALLOW_THREADS
	code = record ? pagefile_add(run.settings->report, record + 1, keep, &error)
		      : stage_error_set(&error, STAGE_E_SETTING, 0,
				"it is made of the run's record, and with \"keep_runs = 0\" in stagedir.conf there is none");
	Py_END_ALLOW_THREADS
	if (code < 0)
		stage_log_line(
			&hostlog, STAGE_WARNING, "there is no page of this run: %s", error.message);
}

/* What is done for people when the run has ended, and does not go on with another record. */
static void
tell_end(bool done)
{
	struct stage_runsummary summary;

	if (!stage_runrecord_summary(run.record, &summary))
		return;
	if (run.settings->metrics)
		write_metrics(&summary);
	if (run.settings->report)
		write_page();
	runhooks_start(run.settings, done ? RUNHOOK_SUCCESS : RUNHOOK_FAILURE, &summary,
		stage_runrecord_path(run.record));
	stage_runsummary_release(&summary);
}

static void
end(enum exits_how how)
{
	struct stage_runevent event;
	bool restarts, done;

	if (!is_ours() || run.ended)
		return;
	run.ended = true;
	event = judge_end(how);
	restarts = strcmp(event.name, stage_runresult_name(STAGE_RUN_RESTARTED)) == 0;
	done = strcmp(event.name, stage_runresult_name(STAGE_RUN_DONE)) == 0;
	tell_without_gil(&event);
	if (!restarts)
		tell_end(done);
	if (how == EXITS_LEAVE)
		runhooks_leave();
	else
		runhooks_end();
	if (!restarts) /* what exec(2) starts would inherit it */
		usersignal_ignore();
}

void
run_register(void)
{
	exits_register(end);
}
