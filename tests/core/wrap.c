#include "wrap.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wrap_internal.h"

/* More calls than this in one run: it does not end. */
#define ENDLESS 100000

static const struct {
	const char *name;
	bool allocates;
	int errnos[9];
} functions[] = {
#define ENTRY(function, allocates, ...) {#function, allocates, {__VA_ARGS__, 0}},
	WRAP_FUNCTIONS(ENTRY)
#undef ENTRY
};

static atomic_bool on, counting_bytes, tallying;
static atomic_size_t tally[sizeof(functions) / sizeof(functions[0])];
static atomic_ullong tally_bytes[sizeof(functions) / sizeof(functions[0])];
static atomic_llong live_bytes;

/* Of the run, and of all its threads. */
static pthread_mutex_t run_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t calls, fail_at, bad_closes, alive, was_full;
static enum wrap_function fail_function;
static bool fails_on, failed, paused, kills;
static int always[sizeof(functions) / sizeof(functions[0])]; /* errnos, 0: not failed */
static int fail_errno;
static enum wrap_function made[WRAP_CALLS_MAX];
static void *blocks[WRAP_CALLS_MAX];

/* The errno if the function can have it, or another one that it can have. */
static int
possible_errno(enum wrap_function function, int sys_errno)
{
	size_t i;

	for (i = 0; functions[function].errnos[i]; i++)
		if (functions[function].errnos[i] == sys_errno)
			return sys_errno;
	return functions[function].errnos[0];
}

/* With the lock: is this call to fail? Then errno is set. */
static bool
decide(enum wrap_function function)
{
	bool same;

	if (paused)
		return false;
	if (always[function]) {
		failed = true;
		errno = always[function];
		return true;
	}
	if (++calls > ENDLESS) {
		fprintf(stderr, "\n%s was called for ever\n", functions[function].name);
		abort();
	}
	if (kills && calls == fail_at)
		kill(getpid(), SIGKILL);
	if (calls < WRAP_CALLS_MAX && !fail_at)
		made[calls] = function;
	if (calls == fail_at) {
		fail_function = function;
		fail_errno = possible_errno(function, fail_errno);
	}
	same = function == fail_function ||
	       (functions[function].allocates && functions[fail_function].allocates);
	if (!fail_at || calls < fail_at || (calls > fail_at && (!fails_on || !same)))
		return false;
	failed = true;
	errno = fail_errno;
	return true;
}

bool
wrap_is_to_fail(enum wrap_function function)
{
	bool to_fail;

	if (atomic_load_explicit(&tallying, memory_order_relaxed))
		atomic_fetch_add(&tally[function], 1);
	if (!atomic_load_explicit(&on, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&run_lock);
	to_fail = decide(function);
	pthread_mutex_unlock(&run_lock);
	return to_fail;
}

ssize_t
wrap_count_moved(enum wrap_function function, ssize_t moved)
{
	if (moved > 0 && atomic_load_explicit(&tallying, memory_order_relaxed))
		atomic_fetch_add(&tally_bytes[function], (unsigned long long)moved);
	return moved;
}

static enum wrap_function
number_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (strcmp(functions[i].name, name) == 0)
			return (enum wrap_function)i;
	fprintf(stderr, "\n%s is not wrapped\n", name);
	abort();
}

void
wrap_tally_begin(void)
{
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		atomic_store(&tally[i], 0);
		atomic_store(&tally_bytes[i], 0);
	}
	atomic_store(&tallying, true);
}

size_t
wrap_tally(const char *function)
{
	return atomic_load(&tally[number_of(function)]);
}

unsigned long long
wrap_tally_bytes(const char *function)
{
	return atomic_load(&tally_bytes[number_of(function)]);
}

void
wrap_tally_end(void)
{
	atomic_store(&tallying, false);
}

void *
wrap_keep(void *block)
{
	size_t i;

	if (!atomic_load_explicit(&on, memory_order_relaxed) || !block)
		return block;
	pthread_mutex_lock(&run_lock);
	for (i = 0; i < WRAP_CALLS_MAX && blocks[i]; i++)
		;
	if (i < WRAP_CALLS_MAX) {
		blocks[i] = block;
		alive++;
	}
	pthread_mutex_unlock(&run_lock);
	return block;
}

void
wrap_drop(const void *block)
{
	size_t i;

	if (!atomic_load_explicit(&on, memory_order_relaxed) || !block)
		return;
	pthread_mutex_lock(&run_lock);
	for (i = 0; i < WRAP_CALLS_MAX && blocks[i] != block; i++)
		;
	if (i < WRAP_CALLS_MAX) {
		blocks[i] = NULL;
		alive--;
	}
	pthread_mutex_unlock(&run_lock);
}

void
wrap_count_block(void *block, int sign)
{
	if (atomic_load_explicit(&counting_bytes, memory_order_relaxed) && block)
		atomic_fetch_add(&live_bytes,
			sign * (long long)(malloc_usable_size(block) + sizeof(size_t)));
}

void
wrap_begin(size_t fail, int sys_errno, bool lasting)
{
	pthread_mutex_lock(&run_lock);
	calls = bad_closes = alive = was_full = 0;
	memset(blocks, 0, sizeof(blocks));
	fail_at = fail;
	fail_errno = sys_errno;
	fails_on = lasting;
	failed = paused = kills = false;
	memset(always, 0, sizeof(always));
	pthread_mutex_unlock(&run_lock);
	atomic_store(&on, true);
}

void
wrap_begin_kill(size_t at)
{
	wrap_begin(at, 0, false);
	pthread_mutex_lock(&run_lock);
	kills = true;
	pthread_mutex_unlock(&run_lock);
}

void
wrap_begin_two(const char *first, int first_errno, const char *second, int second_errno)
{
	size_t i;

	wrap_begin(0, 0, false);
	pthread_mutex_lock(&run_lock);
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (strcmp(functions[i].name, first) == 0)
			always[i] = first_errno;
		if (strcmp(functions[i].name, second) == 0)
			always[i] = second_errno;
	}
	pthread_mutex_unlock(&run_lock);
}

void
wrap_pause(bool pause)
{
	pthread_mutex_lock(&run_lock);
	paused = pause;
	pthread_mutex_unlock(&run_lock);
}

/* A thread of the code under test may still be in the middle of a call. */
static size_t
read_count(const size_t *count)
{
	size_t value;

	pthread_mutex_lock(&run_lock);
	value = *count;
	pthread_mutex_unlock(&run_lock);
	return value;
}

size_t
wrap_end(void)
{
	atomic_store(&on, false);
	return read_count(&calls);
}

const int *
wrap_errnos(size_t number)
{
	return functions[made[number]].errnos;
}

const char *
wrap_name(size_t number)
{
	return functions[made[number]].name;
}

bool
wrap_failed_with(const char *function, int sys_errno)
{
	bool with;

	pthread_mutex_lock(&run_lock);
	with = failed && fail_errno == sys_errno &&
	       strcmp(functions[fail_function].name, function) == 0;
	pthread_mutex_unlock(&run_lock);
	return with;
}

bool
wrap_failed(void)
{
	bool value;

	pthread_mutex_lock(&run_lock);
	value = failed;
	pthread_mutex_unlock(&run_lock);
	return value;
}

size_t
wrap_leaked(void)
{
	return read_count(&alive);
}

size_t
wrap_bad_closes(void)
{
	return read_count(&bad_closes);
}

void
wrap_count_bytes(bool wanted)
{
	if (wanted)
		atomic_store(&live_bytes, 0);
	atomic_store(&counting_bytes, wanted);
}

long long
wrap_live_bytes(void)
{
	return atomic_load(&live_bytes);
}

bool
wrap_is_first_full(void)
{
	bool first;

	pthread_mutex_lock(&run_lock);
	first = was_full++ == 0;
	pthread_mutex_unlock(&run_lock);
	return first;
}

int
wrap_errno_of(enum wrap_function function)
{
	return always[function] ? always[function] : fail_errno;
}

void
wrap_count_bad_close(void)
{
	pthread_mutex_lock(&run_lock);
	bad_closes++;
	pthread_mutex_unlock(&run_lock);
}
