#include "report/lastruns.h"

#include <errno.h>
#include <string.h>

#include "report/html.h"
#include "report/tables.h"
#include "report/verdict.h"

#define RUNS_MOST 15

/* A record, as far as it can be read. */
struct run {
	enum stage_runstate state;
	struct stage_runsummary summary;
	struct stage_error error; /* code is not 0: it cannot be read */
};

/* Returns 0, also for one that cannot be read; STAGE_E_MEMORY. */
static int
read_run(const struct stage_runfolder *folder, const char *name, struct run *ret_run)
{
	struct stage_runreader *reader = NULL;
	struct run run = {0};
	int code;

	code = stage_runreader_open(folder->fd, name, &reader, &run.error);
	if (code == 0)
		code = stage_runreader_sum(reader, &run.summary, &run.error);
	if (code == 0)
		run.state = stage_runreader_state(reader);
	run.error.code = code;
	stage_runreader_close(&reader);
	if (code == STAGE_E_MEMORY) {
		stage_runsummary_release(&run.summary);
		return code;
	}
	*ret_run = run;
	return 0;
}

static void
write_unreadable(FILE *out, const struct run *run, const char *name)
{
	fputs("<tr><td colspan=\"7\">cannot be read: ", out);
	html_text(out, run->error.message);
	fputs("</td><td><code>", out);
	html_text(out, name);
	fputs("</code></td></tr>\n", out);
}

static int64_t
waited(const struct stage_runsummary *summary)
{
	int64_t sum = 0;
	int wait;

	for (wait = 0; wait < STAGE_RUNWAITS; wait++)
		sum += stage_runsummary_waited(summary, (enum stage_runwait)wait, summary->last);
	return sum;
}

static void
write_run(FILE *out, const struct run *run, const char *name, bool is_this)
{
	const struct stage_runsummary *summary = &run->summary;

	fprintf(out, "<tr%s><th scope=\"row\" class=\"when\">",
		is_this ? " class=\"this\" aria-current=\"true\"" : "");
	html_moment(out, NULL, summary->begun);
	fputs("</th><td class=\"word\">", out);
	html_text(out, verdict_action(summary->action));
	fprintf(out, "</td><td class=\"word\">%s</td><td class=\"number\">",
		verdict_word(run->state, summary));
	html_duration(
		out, NULL, summary->last > summary->begun ? summary->last - summary->begun : 0);
	fputs("</td><td class=\"number\">", out);
	html_size(out, NULL, summary->confirmed.bytes);
	fputs("</td><td class=\"number\">", out);
	html_duration(out, NULL, waited(summary));
	fputs("</td><td class=\"number\">", out);
	html_number(out, NULL, summary->retries);
	fputs("</td><td><code>", out);
	html_text(out, name);
	fputs("</code></td></tr>\n", out);
}

/* A record that cannot be read may be of any target, and is shown. One that has gone is not. */
static bool
is_shown(const struct run *run, const char *target)
{
	if (run->error.code)
		return run->error.sys_errno != ENOENT;
	return run->summary.target && strcmp(run->summary.target, target) == 0;
}

int
lastruns_write(FILE *out, const struct stage_runfolder *folder, const char *target,
	const char *name, struct stage_error *error)
{
	static const struct tables_column columns[] = {{"Begun", "when"}, {"Run", "word"},
		{"End", "word"}, {"Took", "number"}, {"Stored", "number"}, {"Waited", "number"},
		{"Failed attempts", "number"}, {"Record", "word"}};
	size_t i, shown = 0;
	struct run run;

	tables_open(out, "runs", "The last runs to this target", columns,
		sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < folder->count && shown < RUNS_MOST; i++) {
		if (read_run(folder, folder->names[i], &run) < 0)
			return stage_error_set(
				error, STAGE_E_MEMORY, 0, "no memory for the records of runs");
		if (is_shown(&run, target)) {
			shown++;
			if (run.error.code)
				write_unreadable(out, &run, folder->names[i]);
			else
				write_run(out, &run, folder->names[i],
					strcmp(folder->names[i], name) == 0);
		}
		stage_runsummary_release(&run.summary);
	}
	fputs("</tbody>\n", out);
	tables_close(out);
	return 0;
}
