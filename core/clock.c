#include "clock.h"

double
stage_clock_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

struct timespec
stage_clock_deadline(double seconds)
{
	struct timespec time;
	long whole;

	if (!(seconds > 0)) /* not a number, too */
		seconds = 0;
	if (seconds > STAGE_CLOCK_NEVER)
		seconds = STAGE_CLOCK_NEVER;
	whole = (long)seconds;
	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += whole;
	time.tv_nsec += (long)((seconds - (double)whole) * 1e9);
	if (time.tv_nsec >= 1000000000L) {
		time.tv_nsec -= 1000000000L;
		time.tv_sec++;
	}
	return time;
}

int
stage_clock_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;
	int failed;

	failed = pthread_condattr_init(&attributes);
	if (failed)
		return failed;
	failed = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (!failed)
		failed = pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
	return failed;
}
