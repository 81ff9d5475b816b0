/*
 * cpus - how many CPUs this process may use, and so how many threads compress
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_CPUS_H
#define STAGEDIR_CPUS_H

/* By the affinity of the process and the quotas of its control groups; at least 1. */
unsigned int stage_cpus(void);

/*
 * How many threads compress unless somebody says otherwise (the setting gzip_threads): one for each CPU,
 * at most STAGE_CPUS_THREADS_MAX, since more compress faster than anything reads.
 */
#define STAGE_CPUS_THREADS_MAX 8
unsigned int stage_cpus_threads(void);

/*
 * By the quotas of the control groups alone, rounded up; 0 if there is none. Of version 2 only
 * (cgroups(7)). root is the folder that holds proc and sys, "" for the system's own.
 */
unsigned int stage_cpus_quota(const char *root);

#endif
