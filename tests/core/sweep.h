/*
 * sweep - every call into the C library that a scenario makes is failed, one by one
 *
 * A scenario runs once without failures, which counts its calls; then once for each call and each
 * errno that the call can have, transient (that call alone) and lasting (that function from then
 * on). After each run: as many descriptors as before, no memory kept, nothing in the temp root but
 * what was reported, and each function of the library has worked or said in words why not.
 *
 *	SWEEP(NAME, NAME_scenario, before, after, unsure)
 *
 * makes the test NAME of a scenario. In a scenario calls under test are in TRY(), with &sweep_said for
 * their error; calls of the scenario's own are between wrap_pause(true) and wrap_pause(false), and
 * CUnit is not used.
 */
#ifndef STAGEDIR_SWEEP_H
#define STAGEDIR_SWEEP_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "log.h"

struct scenario {
	void (*run)(void);
	void (*before)(void); /* each run, may be NULL */
	void (*after)(void);
	const char *unsure; /* functions whose failure makes an orphan look like somebody else's */
};

/* A temp root of the scenario's own. */
extern char sweep_root[512];

/* What a run has seen, from sweep_log or from results: things that stay behind. */
extern _Atomic size_t sweep_reported; /* threads log, too */

/* Counts warnings as reported. */
extern const struct stage_log sweep_log;

extern struct stage_error sweep_said;

/* The code of a call, which must have left a message in sweep_said if it is an error. */
#define TRY(call) sweep_judge((call), #call)
int sweep_judge(int code, const char *call);

/* Something is wrong in this run; the last such line is shown. */
void sweep_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The folders, files and variables that scenarios need. */
void sweep_prepare(void);
void sweep_clear(void);

/* Between the two. */
void sweep(const struct scenario *scenario);

#define SWEEP(name, ...)                                                                           \
	static void name(void)                                                                     \
	{                                                                                          \
		static const struct scenario scenario = {__VA_ARGS__};                             \
                                                                                                   \
		sweep_prepare();                                                                   \
		sweep(&scenario);                                                                  \
		sweep_clear();                                                                     \
	}

#endif
