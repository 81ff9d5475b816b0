#include "staging/runhooks.h"

#include <Python.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "hook.h"
#include "log.h"
#include "runrecord.h"
#include "text.h"

#include "python/exits.h"
#include "python/hostlog.h"

/* Seconds between two looks for signals. */
#define SLICE 0.1

#define HOOKS (RUNHOOK_WAITING + 1)
#define FACTS_MAX 20

/* Bytes of a fact at the most. The kernel takes no variable of more than 128 KiB, and runs nothing then. */
#define FACT_MAX 4096

static const char *const names[HOOKS] = {"start", "success", "failure", "waiting"};

static struct stage_hook *hooks[HOOKS]; /* that were started */

static const char *
command_for(const struct stage_settings *settings, enum runhook event)
{
	switch (event) {
	case RUNHOOK_START:
		return settings->on_start;
	case RUNHOOK_SUCCESS:
		return settings->on_success;
	case RUNHOOK_FAILURE:
		return settings->on_failure;
	case RUNHOOK_WAITING:
		break;
	}
	return settings->on_waiting;
}

/* NAME=VALUE, up to a NULL. What cannot be had for want of memory is left out. */
struct facts {
	char *list[FACTS_MAX + 1];
	size_t count;
};

static void __attribute__((format(printf, 2, 3))) add(struct facts *facts, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	if (facts->count < FACTS_MAX && vasprintf(&text, format, arguments) >= 0) {
		stage_text_cut(text, FACT_MAX);
		facts->list[facts->count++] = text;
	}
	va_end(arguments);
}

static const char *
text_of(const char *text)
{
	return text ? text : "";
}

static void
gather(struct facts *facts, enum runhook event, const struct stage_runsummary *summary,
	const char *record)
{
	const int64_t now = summary->ended ? summary->ended : stage_runrecord_now();
	const struct stage_runfiles waiting = stage_runsummary_waiting(summary);

	add(facts, "STAGEDIR_EVENT=%s", names[event]);
	add(facts, "STAGEDIR_TARGET=%s", text_of(summary->target));
	add(facts, "STAGEDIR_ACTION=%s", text_of(summary->action));
	add(facts, "STAGEDIR_PID=%" PRIu64, summary->pid);
	add(facts, "STAGEDIR_RECORD=%s", record);
	add(facts, "STAGEDIR_SECONDS=%" PRId64,
		now > summary->begun ? (now - summary->begun) / 1000 : 0);
	add(facts, "STAGEDIR_MADE_VOLUMES=%" PRIu64, summary->made.count);
	add(facts, "STAGEDIR_MADE_BYTES=%" PRIu64, summary->made.bytes);
	add(facts, "STAGEDIR_STORED_VOLUMES=%" PRIu64, summary->confirmed.count);
	add(facts, "STAGEDIR_STORED_BYTES=%" PRIu64, summary->confirmed.bytes);
	add(facts, "STAGEDIR_WAITING_VOLUMES=%" PRIu64, waiting.count);
	add(facts, "STAGEDIR_WAITING_BYTES=%" PRIu64, waiting.bytes);
	add(facts, "STAGEDIR_RETRIES=%" PRIu64, summary->retries);
	add(facts, "STAGEDIR_RESULT=%s", stage_runresult_name(summary->result));
	add(facts, "STAGEDIR_STATUS=%" PRIu64, summary->status);
	add(facts, "STAGEDIR_MESSAGE=%s",
		event == RUNHOOK_WAITING ? text_of(summary->failure) : text_of(summary->message));
	add(facts, "STAGEDIR_WAITS_FOR=%s",
		summary->waits_since ? stage_runwait_name(summary->waits_for) : "");
}

static void
tell_failure(enum runhook event, const struct stage_error *error)
{
	stage_log_line(&hostlog, STAGE_WARNING, "the command of on_%s in stagedir.conf failed: %s",
		names[event], error->message);
}

void
runhooks_start(const struct stage_settings *settings, enum runhook event,
	const struct stage_runsummary *summary, const char *record)
{
	const char *command = command_for(settings, event);
	struct facts facts = {0};
	struct stage_error error;
	char **environment;
	size_t i;
	int code;

	if (!command || hooks[event] || !stage_runrecord_is_backup(summary))
		return;
	gather(&facts, event, summary, record);
	environment = stage_hook_environment((const char *const *)facts.list);
	Py_BEGIN_ALLOW_THREADS
	code = stage_hook_start(
		command, environment, settings->hook_timeout, &hooks[event], &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		tell_failure(event, &error);
	stage_hook_environment_free(&environment);
	for (i = 0; i < facts.count; i++)
		free(facts.list[i]);
}

/* Waits for one, and looks for signals meanwhile. True: one came. */
static bool
wait_for(enum runhook event)
{
	struct stage_error error;
	bool came = false;
	int code;

	do {
		Py_BEGIN_ALLOW_THREADS
		code = stage_hook_wait(&hooks[event], SLICE, &error);
		Py_END_ALLOW_THREADS
		came = PyErr_CheckSignals() < 0 || exits_held();
		PyErr_Clear();
	} while (code == STAGE_E_AGAIN && !came);
	if (code < 0 && code != STAGE_E_AGAIN)
		tell_failure(event, &error);
	return came;
}

static void
end_one(enum runhook event)
{
	if (!hooks[event])
		return;
	stage_log_line(&hostlog, STAGE_WARNING,
		"the command of on_%s in stagedir.conf is ended: a signal came while it was waited for",
		names[event]);
	Py_BEGIN_ALLOW_THREADS
	stage_hook_end(&hooks[event]);
	Py_END_ALLOW_THREADS
}

void
runhooks_leave(void)
{
	size_t i;

	for (i = 0; i < HOOKS; i++)
		stage_hook_leave(&hooks[i]);
}

void
runhooks_end(void)
{
	static const enum runhook order[HOOKS] = {
		RUNHOOK_START, RUNHOOK_WAITING, RUNHOOK_SUCCESS, RUNHOOK_FAILURE};
	bool came = false;
	size_t i;

	exits_hold();
	for (i = 0; i < HOOKS && !came; i++)
		came = wait_for(order[i]);
	for (i = 0; i < HOOKS; i++)
		end_one(order[i]);
	if (came)
		exits_forget();
	exits_release();
}
