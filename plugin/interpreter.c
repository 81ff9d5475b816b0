/*
 * How threads of the core get into the interpreter.
 *
 * For a thread that it does not know, PyGILState_Ensure() makes a thread state: without the GIL, but
 * under a lock of the interpreter's. In the child of os.fork(), CPython 3.11 takes that lock before
 * it has renewed it (_PyEval_ReInitThreads); where a thread made its state at that moment, the child
 * never gets as far as exec, and the host, which waits for gpg, never goes on. So nothing forks
 * while a state is made. The end of one needs no such care: it holds the GIL, as does os.fork().
 */
#include "module.h"

#include <pthread.h>

static PyInterpreterState *interpreter;
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static void
before_fork(void)
{
	pthread_mutex_lock(&making);
}

/* In the child, too, it is the thread that forked, and has it. */
static void
after_fork(void)
{
	pthread_mutex_unlock(&making);
}

int
interpreter_watch_forks(void)
{
	if (interpreter)
		return 0;
	if (pthread_atfork(before_fork, after_fork, after_fork) != 0) {
		PyErr_NoMemory();
		return -1;
	}
	interpreter = PyInterpreterState_Get();
	return 0;
}

PyGILState_STATE
interpreter_enter(void)
{
	PyThreadState *state = PyGILState_GetThisThreadState();

	if (state)
		return PyGILState_Ensure();
	pthread_mutex_lock(&making);
	state = PyThreadState_New(interpreter);
	pthread_mutex_unlock(&making);
	if (!state)
		return PyGILState_Ensure(); /* which knows how to end for want of memory */
	/* never with the lock: a thread that forks has the GIL, and waits for the lock */
	PyEval_RestoreThread(state);
	return PyGILState_UNLOCKED;
}
