/* How many CPUs may be used. */
#include "tests.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "cpus.h"

/* What the kernel shows of control groups, in a folder of our own. */
static void
group_file(const char *path, const char *content)
{
	char part[256];
	const char *slash;

	for (slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		if (!is_there(in_dir(part)))
			make_dir(in_dir(part), 0700);
	}
	make_file(in_dir(path), content, 0600);
}

static void
quotas(void)
{
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("proc/self/cgroup", "0::/a/b\n");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
	CHECK(stage_cpus_quota(test_dir) == 4);
	/* half a CPU more is one more; what lies above has the say, too */
	group_file("sys/fs/cgroup/a/cpu.max", "250000 100000\n");
	CHECK(stage_cpus_quota(test_dir) == 3);
	group_file("sys/fs/cgroup/cpu.max", "1000 100000\n");
	CHECK(stage_cpus_quota(test_dir) == 1);
	unlink(in_dir("sys/fs/cgroup/cpu.max"));
	/* a path as only the machine outside of a container knows it */
	group_file("proc/self/cgroup", "0::/outside/a\n");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/cpu.max", "200000 100000\n");
	CHECK(stage_cpus_quota(test_dir) == 2);
	group_file("proc/self/cgroup", "0::/\n");
	CHECK(stage_cpus_quota(test_dir) == 2);

	/* the hierarchies of version 1 beside it are not asked */
	group_file("proc/self/cgroup", "4:cpu:/c\n1:name=systemd:/d\n0::/\n");
	CHECK(stage_cpus_quota(test_dir) == 2);
	group_file("proc/self/cgroup", "4:cpu:/c\n1:name=systemd:/d\n");
	CHECK(stage_cpus_quota(test_dir) == 0);

	/* nonsense is no limit */
	group_file("proc/self/cgroup", "0::/\n");
	group_file("sys/fs/cgroup/cpu.max", "many");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/cpu.max", "-5 100000");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/cpu.max", "5 0");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("sys/fs/cgroup/cpu.max", "9223372036854775807 1");
	CHECK(stage_cpus_quota(test_dir) == 0);
	group_file("proc/self/cgroup", "no colon\none: colon\n:\n::\n");
	CHECK(stage_cpus_quota(test_dir) == 0);
	remove_tree(in_dir("proc"));
	remove_tree(in_dir("sys"));
}

static void
cpus(void)
{
	cpu_set_t before, one;
	size_t i;

	REQUIRE(sched_getaffinity(0, sizeof(before), &before) == 0);
	CHECK(stage_cpus() >= 1 && stage_cpus() <= (unsigned int)CPU_COUNT(&before));
	CHECK(stage_cpus_threads() == (stage_cpus() < 8 ? stage_cpus() : 8));
	for (i = 0; !CPU_ISSET(i, &before); i++)
		;
	CPU_ZERO(&one);
	CPU_SET(i, &one);
	REQUIRE(sched_setaffinity(0, sizeof(one), &one) == 0);
	CHECK(stage_cpus() == 1 && stage_cpus_threads() == 1);
	REQUIRE(sched_setaffinity(0, sizeof(before), &before) == 0);
}

static const struct test tests[] = {
	{"quotas", quotas},
	{"cpus", cpus},
	{NULL, NULL},
};

const struct suite suite_cpus = {"cpus", tests};
