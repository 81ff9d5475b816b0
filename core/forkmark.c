#include "forkmark.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

void
stage_forkmark_init(struct stage_forkmark *mark)
{
	void *page =
		mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mark->owner = getpid();
	mark->page = NULL;
	if (page == MAP_FAILED)
		return;
	if (madvise(page, page_size(), MADV_WIPEONFORK) < 0) {
		munmap(page, page_size());
		return;
	}
	mark->page = page;
	*mark->page = 1;
}

bool
stage_forkmark_is_own(const struct stage_forkmark *mark)
{
	return mark->page ? *mark->page == 1 : mark->owner == getpid();
}

void
stage_forkmark_release(struct stage_forkmark *mark)
{
	int saved_errno = errno;

	if (mark->page)
		munmap(mark->page, page_size());
	mark->page = NULL;
	errno = saved_errno;
}
