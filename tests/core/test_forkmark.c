/* Whose an object is, with the page and without it. */
#include "tests.h"

#include <sys/wait.h>
#include <unistd.h>

#include "forkmark.h"

static int
is_foreign(void *context)
{
	struct stage_forkmark *mark = context;
	int is = !stage_forkmark_is_own(mark);

	stage_forkmark_release(mark);
	return is;
}

static void
fork_of(void)
{
	struct stage_forkmark mark;

	stage_forkmark_init(&mark);
	CHECK(mark.page && stage_forkmark_is_own(&mark));
	CHECK(in_child(is_foreign, &mark, -1) == 1);
	CHECK(stage_forkmark_is_own(&mark));
	stage_forkmark_release(&mark);
	stage_forkmark_release(&mark);
	CHECK(!mark.page);
}

/* As with a kernel that has no such page. */
static void
without_page(void)
{
	struct stage_forkmark mark = {.owner = getpid()};

	CHECK(stage_forkmark_is_own(&mark));
	CHECK(in_child(is_foreign, &mark, -1) == 1);
	stage_forkmark_release(&mark);
}

static const struct test tests[] = {
	{"fork_of", fork_of},
	{"without_page", without_page},
	{NULL, NULL},
};

const struct suite suite_forkmark = {"forkmark", tests};
