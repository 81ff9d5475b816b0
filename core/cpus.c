/*
 * A control group has no more than those that it lies in, so the least quota on the way up counts.
 * In a container the path of the group may be one that only the machine outside knows; what is
 * mounted there is then the container's own, and is found at the end of the way up.
 */
#include "cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of files that the kernel makes, which are shorter; what is longer is cut. */
#define TEXT_MAX 8192

/* Far more CPUs than any machine has. */
#define CPUS_MAX (1u << 20)

/* Reads a small file as text. False where there is none. */
static bool
read_text(const char *path, char text[TEXT_MAX])
{
	size_t used = 0;
	ssize_t got;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (used < TEXT_MAX - 1 && (got = read(fd, text + used, TEXT_MAX - 1 - used)) != 0) {
		if (got > 0)
			used += (size_t)got;
		else if (errno != EINTR)
			break;
	}
	text[used] = '\0';
	close(fd);
	return used > 0;
}

/* CPUs that are as much as quota of each period, 0 for no limit. */
static unsigned int
cpus_of(long long quota, long long period)
{
	if (quota <= 0 || period <= 0 || quota / period >= CPUS_MAX)
		return 0;
	return (unsigned int)(quota / period + (quota % period != 0));
}

/* "max PERIOD" or "QUOTA PERIOD" */
static unsigned int
quota_of(const char *directory)
{
	char path[PATH_MAX], text[TEXT_MAX], *period;
	long long quota;

	if (snprintf(path, sizeof(path), "%s/cpu.max", directory) >= (int)sizeof(path) ||
		!read_text(path, text))
		return 0;
	quota = strtoll(text, &period, 10);
	return period == text ? 0 : cpus_of(quota, strtoll(period, NULL, 10));
}

/* The least quota of the groups from the one at group up to the one that is mounted. */
static unsigned int
least_quota(const char *root, const char *group)
{
	static const char mount[] = "/sys/fs/cgroup";
	unsigned int least = 0, quota;
	char directory[PATH_MAX], *slash;
	size_t top = strlen(root) + strlen(mount);

	if (snprintf(directory, sizeof(directory), "%s%s%s", root, mount, group) >=
		(int)sizeof(directory))
		return 0;
	for (;;) {
		quota = quota_of(directory);
		if (quota && (!least || quota < least))
			least = quota;
		slash = strrchr(directory + top, '/');
		if (!slash)
			return least;
		*slash = '\0';
	}
}

unsigned int
stage_cpus_quota(const char *root)
{
	char path[PATH_MAX], text[TEXT_MAX], *line, *rest;

	if (snprintf(path, sizeof(path), "%s/proc/self/cgroup", root) >= (int)sizeof(path) ||
		!read_text(path, text))
		return 0;
	/* "0::GROUP"; other lines are of hierarchies of version 1 */
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (strncmp(line, "0::", strlen("0::")) == 0)
			return least_quota(root, line + strlen("0::"));
	return 0;
}

/* CPUs that this thread may be run on; 0 where that cannot be told. */
static unsigned int
affinity(void)
{
	size_t size;
	cpu_set_t *set;
	unsigned int count;
	int cpus = 0;

	/* the kernel refuses a set that is smaller than its own (EINVAL) */
	for (count = CPU_SETSIZE; cpus == 0 && count <= CPUS_MAX; count *= 2) {
		size = CPU_ALLOC_SIZE(count);
		set = CPU_ALLOC(count);
		if (!set)
			return 0;
		if (sched_getaffinity(0, size, set) == 0)
			cpus = CPU_COUNT_S(size, set);
		else if (errno != EINVAL)
			count = CPUS_MAX;
		CPU_FREE(set);
	}
	return (unsigned int)cpus;
}

unsigned int
stage_cpus(void)
{
	unsigned int cpus = affinity(), quota = stage_cpus_quota("");

	if (quota && (!cpus || quota < cpus))
		cpus = quota;
	return cpus ? cpus : 1;
}

unsigned int
stage_cpus_threads(void)
{
	unsigned int cpus = stage_cpus();

	return cpus < STAGE_CPUS_THREADS_MAX ? cpus : STAGE_CPUS_THREADS_MAX;
}
