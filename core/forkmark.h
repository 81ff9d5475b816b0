/*
 * forkmark - tells a process from its children by fork(2), without a system call
 *
 * getpid(2) is a system call on every Linux, and a directory asks at every file. A page that the
 * kernel empties in a child (MADV_WIPEONFORK, since Linux 4.14, madvise(2)) is read instead; where
 * it cannot be had, getpid(2) is asked after all.
 *
 * Not installed. is_owner may be called by any thread, and by any child.
 */
#ifndef STAGEDIR_FORKMARK_H
#define STAGEDIR_FORKMARK_H

#include <stdbool.h>
#include <sys/types.h>

struct stage_forkmark {
	int *page; /* 1 in the owner, 0 in its children; NULL where it could not be had */
	pid_t owner;
};

/* Marks this process as the owner. Never fails. Release it. */
void stage_forkmark_init(struct stage_forkmark *mark);

bool stage_forkmark_is_owner(const struct stage_forkmark *mark);

/* In the owner or in a child. Keeps errno. */
void stage_forkmark_release(struct stage_forkmark *mark);

#endif
