/*
 * clock - waiting for a condition by a clock that nobody sets
 *
 * That is CLOCK_MONOTONIC (clock_gettime(2)). The wall clock may be set while somebody waits.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_CLOCK_H
#define STAGEDIR_CLOCK_H

#include <pthread.h>
#include <time.h>

/* Seconds. More is as good as never, and would not fit into every timespec. */
#define STAGE_CLOCK_NEVER 1e9

/* Seconds since some moment of the past. */
double stage_clock_now(void);

/*
 * The time in so many seconds from now, for pthread_cond_timedwait() of a condition of
 * stage_clock_condition(). A negative number and NaN count as 0, more than STAGE_CLOCK_NEVER as that.
 */
struct timespec stage_clock_deadline(double seconds);

/* pthread_cond_init() with this clock: 0, or an errno. */
int stage_clock_condition(pthread_cond_t *condition);

#endif
