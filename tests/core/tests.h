/*
 * tests - what every suite of core-tests has at hand
 *
 * A suite is a file test_NAME.c with a table of tests and one struct suite, named in SUITES. Each
 * test runs in a directory of its own, test_dir, which is made before it and must be empty again
 * when it ends; the environment, the umask and the working directory are put back after it.
 *
 * Checks count and go on; a REQUIRE ends the test. Both are for the thread that runs the test
 * alone: other threads and children count what goes wrong and let it check the number.
 */
#ifndef STAGEDIR_TESTS_H
#define STAGEDIR_TESTS_H

#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "clock.h"
#include "dir.h"
#include "error.h"
#include "log.h"

struct test {
	const char *name;
	void (*run)(void);
};

struct suite {
	const char *name;
	const struct test *tests; /* ends with a NULL name */
};

/* All suites, in the order in which they run: what others stand on comes first. */
#define SUITES(X)                                                                                  \
	X(error)                                                                                   \
	X(naming)                                                                                  \
	X(nameset)                                                                                 \
	X(expand)                                                                                  \
	X(owner)                                                                                   \
	X(settings)                                                                                \
	X(settings_list)                                                                           \
	X(root)                                                                                    \
	X(root_trust)                                                                              \
	X(dir)                                                                                     \
	X(dir_swap)                                                                                \
	X(dir_threads)                                                                             \
	X(durable)                                                                                 \
	X(fork)                                                                                    \
	X(listing)                                                                                 \
	X(walk)                                                                                    \
	X(unpack)                                                                                  \
	X(unpack_failures)                                                                         \
	X(forkmark)                                                                                \
	X(path)                                                                                    \
	X(prefetch)                                                                                \
	X(regular)                                                                                 \
	X(leftover)                                                                                \
	X(removable)                                                                               \
	X(orphan)                                                                                  \
	X(digest)                                                                                  \
	X(follow)                                                                                  \
	X(digestfollow)                                                                            \
	X(journal)                                                                                 \
	X(journal_read)                                                                            \
	X(journal_compact)                                                                         \
	X(spool)                                                                                   \
	X(spool_adopt)                                                                             \
	X(spool_check)                                                                             \
	X(spool_end)                                                                               \
	X(spool_find)                                                                              \
	X(claim)                                                                                   \
	X(allocate)                                                                                \
	X(reserve)                                                                                 \
	X(reserve_others)                                                                          \
	X(many)                                                                                    \
	X(cpus)                                                                                    \
	X(lastblock)                                                                               \
	X(deflater)                                                                                \
	X(gzip)                                                                                    \
	X(gzip_failures)                                                                           \
	X(gzip_threads)                                                                            \
	X(openpgp)                                                                                 \
	X(openpgp_failures)                                                                        \
	X(signature)                                                                               \
	X(tar)                                                                                     \
	X(entry)                                                                                   \
	X(gunzip)                                                                                  \
	X(unwrapped)                                                                               \
	X(partinflate)                                                                             \
	X(sigarchive)                                                                              \
	X(sigchain)                                                                                \
	X(difftar)                                                                                 \
	X(handoff)                                                                                 \
	X(handoff_seal)                                                                            \
	X(handoff_upload)                                                                          \
	X(url)                                                                                     \
	X(runrecord)                                                                               \
	X(hook)                                                                                    \
	X(metrics)                                                                                 \
	X(manifest)                                                                                \
	X(mending)                                                                                 \
	X(volume)                                                                                  \
	X(archive)                                                                                 \
	X(gpgoptions)                                                                              \
	X(proved)                                                                                  \
	X(stored)                                                                                  \
	X(sweep_dir)                                                                               \
	X(sweep_settings)                                                                          \
	X(sweep_write)                                                                             \
	X(sweep_read)                                                                              \
	X(sweep_spool)                                                                             \
	X(sweep_run)

#define DECLARE_SUITE(name) extern const struct suite suite_##name;
SUITES(DECLARE_SUITE)

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		CU_assertImplementation((condition) ? CU_TRUE : CU_FALSE, __LINE__, #condition,    \
			__FILE__, "", CU_FALSE);                                                   \
	} while (0)

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		CU_assertImplementation((condition) ? CU_TRUE : CU_FALSE, __LINE__, #condition,    \
			__FILE__, "", CU_TRUE);                                                    \
	} while (0)

/* The call succeeded, with its message where it did not. */
#define WORKS(call) check_code((call), 0, #call, __FILE__, __LINE__)

/* The call failed with this code and left a message in failure. */
#define FAILS(call, code) check_code((call), (code), #call, __FILE__, __LINE__)

/* text holds part; shows text where it does not. */
#define HAS(text, part) check_has((text), (part), true, __FILE__, __LINE__)
#define HAS_NOT(text, part) check_has((text), (part), false, __FILE__, __LINE__)

/* For the calls under test; WORKS and FAILS empty it. */
extern struct stage_error failure;

void check_code(int code, int expected, const char *call, const char *file, unsigned int line);
void check_has(
	const char *text, const char *part, bool expected, const char *file, unsigned int line);

/* The private directory of the running test, absolute and without links. */
extern const char *test_dir;

/* test_dir/NAME; several results are valid at a time. */
const char *in_dir(const char *name);
const char *join(const char *directory, const char *name);

void set_up(void);
void tear_down(void);

/* Each of these must work, or the test ends. */
void make_dir(const char *path, mode_t mode);
void make_file(const char *path, const char *content, mode_t mode);
void make_file_bytes(const char *path, const void *content, size_t size, mode_t mode);

/* Things in a directory besides . and .., or -1. */
int count_entries(const char *path);
bool is_there(const char *path);
int count_fds(void);

/* Without a call with it: valgrind from 3.24 on takes such a call with a closed one for an error. */
bool is_open_fd(int fd);

/* Names on stderr what is in a tree. */
void show_tree(const char *path);

/* Removes a tree that a test has made. */
void remove_tree(const char *path);

/* True when the test runs as root; otherwise says on stderr what is not tested. */
bool can_be_others(const char *what);

/* A user that is not this one. */
#define NOBODY 65534

/*
 * Runs function(context) in a child, as user uid (or -1: the same), and returns its result; -1
 * where the child died or was still there after half a minute. The child ends by SIGKILL, so that
 * no tool which watches the tests takes what a fork left behind for a leak.
 */
int in_child(int (*function)(void *), void *context, int uid);

/* The same in two halves, for a parent that does something meanwhile. */
struct child {
	pid_t pid;
	int answer;
};
struct child start_child(int (*function)(void *), void *context, int uid);
int end_child(struct child child);

/*
 * The same for a child that allocates or frees, of a process of which other threads do: with a
 * sanitizer's allocator, which is not made for that, a child that hangs is told of and is no failure.
 */
int in_child_beside_threads(int (*function)(void *), void *context);

/*
 * The same with a tmpfs of 1 MiB mounted at test_dir/small, which is the context, in a namespace of
 * its own. Where that is not possible it says what is not tested, and returns 0.
 */
int in_child_on_tmpfs(int (*function)(void *), const char *what);

/* Counts of heavy tests, scaled down where a tool makes them slow (STAGEDIR_TEST_SCALE). */
size_t scaled(size_t count);

/* What was logged: "W:", "N:", "I:", "D:" before each line. Any thread may log. */
struct captured {
	struct stage_log log;
	size_t lines[STAGE_DEBUG + 1];
	size_t used;
	char text[32768];
};
extern struct captured captured;
struct captured *capture(void); /* it, emptied */

#endif
