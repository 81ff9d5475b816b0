/*
 * forkmark - is this the process that has made an object, or a child of it?
 *
 * As cheap as reading a byte, where getpid(2) is a system call: for what is asked several times a file. The
 * byte is in a page that the kernel empties in the child of a fork (MADV_WIPEONFORK, Linux 4.14).
 * Where there can be no such page, getpid(2) tells.
 *
 *	stage_forkmark_init(&mark);
 *	...
 *	if (!stage_forkmark_is_own(&mark))
 *		...a child...
 *	stage_forkmark_release(&mark);
 *
 * Not installed. Any thread. A child of vfork(2) has the memory of its parent, and counts as the parent.
 */
#ifndef STAGEDIR_FORKMARK_H
#define STAGEDIR_FORKMARK_H

#include <stdbool.h>
#include <sys/types.h>

struct stage_forkmark {
	unsigned char *page; /* NULL: owner tells */
	pid_t owner;
};

/* From now on this process is the owner. */
void stage_forkmark_init(struct stage_forkmark *mark);

bool stage_forkmark_is_own(const struct stage_forkmark *mark);

/* Gives the page back; in a child its own. Keeps errno. */
void stage_forkmark_release(struct stage_forkmark *mark);

#endif
