/*
 * metrics - how the last runs went and how much waits, as figures for Prometheus
 *
 *	const struct stage_metrics_places places = {.roots = roots, .folders = folders};
 *
 *	stage_metrics_make(&places, &text, &error);
 *	stage_metrics_write("/var/lib/prometheus/node-exporter/stagedir.prom", text, &error);
 *	free(text);
 *
 * The figures of runs are of the records that are kept (runreader.h), and of the caller's own run, which need not have a
 * record. What waits is read from the spools (spool_find.h). Nothing is changed. doc/MONITORING.md lists the figures.
 *
 * Not installed. One thread at a time, see statedir.h.
 */
#ifndef STAGEDIR_METRICS_H
#define STAGEDIR_METRICS_H

#include "error.h"
#include "runsummary.h"

/* Lists of paths, which end with NULL; and the run of the caller, if it has one. */
struct stage_metrics_places {
	char *const *roots;   /* temp roots, of which the free space is told */
	char *const *folders; /* folders besides in which there may be spools */

	const struct stage_runsummary *run; /* which has ended; NULL: none */
	const char *record; /* the path of its record, which is not read; NULL or "": it has none */
};

/*
 * Makes the text, in the exposition format of Prometheus, which the caller frees. What cannot be read is left out.
 * STAGE_E_MEMORY.
 */
int stage_metrics_make(
	const struct stage_metrics_places *places, char **ret_text, struct stage_error *error);

/*
 * Writes text to the file at path, 0644, as the collector is another user. It is written beside it, with a name that
 * the collector does not read, and renamed: whoever reads sees one or the other. STAGE_E_SYSTEM: the file is as it was. STAGE_E_SETTING: there is something
 * other than a regular file, which is left alone: a device, a link, a folder.
 */
int stage_metrics_write(const char *path, const char *text, struct stage_error *error);

#endif
