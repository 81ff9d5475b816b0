/*
 * wrap - stands between libstagedir and the C library (ld's --wrap), to count and to fail calls
 *
 * Off, as it is at the start, it passes everything through. The list of what is wrapped is kept in
 * wrap_internal.h and, for the linker, in Makemodule.am. Calls of all threads are counted; that a number
 * always means the same call, whoever has several must see to.
 */
#ifndef STAGEDIR_WRAP_H
#define STAGEDIR_WRAP_H

#include <stdbool.h>
#include <stddef.h>

#define WRAP_CALLS_MAX 4096

/* From now on numbers calls from 1 and, if fail is not 0, fails that one with sys_errno; with
 * lasting, also the later ones of the same function - of any that allocates, where it is one. */
void wrap_begin(size_t fail, int sys_errno, bool lasting);

/* The same, but before the call of that number the process kills itself (SIGKILL); never where it is
 * 0. */
void wrap_begin_kill(size_t at);

/* Ends that. Returns the number of calls. */
size_t wrap_end(void);

/* From now on these two functions fail, always. */
void wrap_begin_two(const char *first, int first_errno, const char *second, int second_errno);

/* Calls of the test itself, in the middle: they are neither numbered nor failed. */
void wrap_pause(bool pause);

/* The errnos, a 0 at the end, with which the call of this number in the last run without failures
 * can fail; and its name. */
const int *wrap_errnos(size_t number);
const char *wrap_name(size_t number);

/*
 * Was this function failed so since wrap_begin? Where runs differ, such as by the order of a
 * directory, it may be another one than is numbered so, and then fails as it can.
 */
bool wrap_failed_with(const char *function, int sys_errno);

/* Since wrap_begin or wrap_begin_two: was a call failed, allocations that were not freed, closes of
 * what was not open. */
bool wrap_failed(void);
size_t wrap_leaked(void);
size_t wrap_bad_closes(void);

/*
 * Counts, from 0 on, how often each function is called, by all threads. Independent of the rest. Bytes are
 * those that read, pread or write have moved.
 */
void wrap_tally_begin(void);
size_t wrap_tally(const char *function);
unsigned long long wrap_tally_bytes(const char *function);
void wrap_tally_end(void);

/* Has fstatfs tell this f_type of every file system; 0: what it is. */
void wrap_file_system(unsigned long kind);

/* Has flock succeed also where somebody else has the lock, as if he had come by another mount. */
void wrap_hide_locks(bool hidden);

/* Has the next so many calls of flock succeed that would be refused, as before somebody had taken the lock. */
void wrap_hide_refusals(size_t count);

/* Has statx not know of the roots of mounts, as before Linux 5.8. */
void wrap_hide_mount_roots(bool hidden);

/* Has renameat do what it is told before it fails, as where the answer of a file server is lost. */
void wrap_fail_late(bool late);

/*
 * Has isal_deflate spoil what it makes: a bit of it changed, its end cut off, a byte too many behind it, or made of other
 * data.
 */
enum wrap_spoils { WRAP_AS_IT_IS, WRAP_BIT, WRAP_CUT, WRAP_MORE, WRAP_OTHER };
void wrap_spoil_isal(enum wrap_spoils how);

/* Counts the bytes that malloc, calloc and realloc have handed out and free has not had back, with
 * the allocator's own cost. Independent of the rest; begin sets the count to 0. */
void wrap_count_bytes(bool on);
long long wrap_live_bytes(void);

#endif
