/*
 * runhooks - the commands that stagedir.conf has run when something happens to a run (core/hook.h)
 *
 *	on_start, on_waiting	are started, and not waited for before the run ends
 *	on_success, on_failure	are waited for, unless a signal ends the run
 *
 * What each finds in its environment: stagedir.conf(5), HOOKS. There is no hook for a run that only hands off
 * (stagedir flush): whoever watches backups by such commands must not take it for one.
 *
 * Called with the GIL held, which a wait gives up.
 */
#ifndef STAGEDIR_RUNHOOKS_H
#define STAGEDIR_RUNHOOKS_H

#include "runsummary.h"
#include "settings.h"

enum runhook { RUNHOOK_START, RUNHOOK_SUCCESS, RUNHOOK_FAILURE, RUNHOOK_WAITING };

/* Starts the command for an event, if there is one. record is the path of the run's record, or "". */
void runhooks_start(const struct stage_settings *settings, enum runhook event,
	const struct stage_runsummary *summary, const char *record);

/*
 * Waits for those that were started; the run has ended, and all but its process is done. One that has failed is a warning.
 * A signal ends them, and nothing else: the process ends as it would have.
 */
void runhooks_end(void);

/* Does not wait for them any more. */
void runhooks_leave(void);

#endif
