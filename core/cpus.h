/*
 * cpus - how many CPUs this process may use
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_CPUS_H
#define STAGEDIR_CPUS_H

/* As affinity and the quotas of the control groups say; at least 1. */
unsigned int stage_cpus(void);

/*
 * As the quotas of the control groups alone say, rounded up; 0 where there is none. Version 2 alone
 * (cgroups(7)). root, "" for the system's own, is the folder in which proc and sys are.
 */
unsigned int stage_cpus_quota(const char *root);

#endif
