/*
 * umask - the process's file mode creation mask, without changing it
 *
 * umask(2) tells the mask only by setting another one, and a file that a thread makes meanwhile gets that.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_UMASK_H
#define STAGEDIR_UMASK_H

#include <sys/types.h>

/* The mask (proc(5), /proc/PID/status, Linux 4.7); 0077 where the system does not tell. */
mode_t stage_umask(void);

#endif
