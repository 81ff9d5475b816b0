#include "forkmark.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* The kernel maps, and wipes, whole pages. */
#define SIZE sizeof(int)

void
stage_forkmark_init(struct stage_forkmark *mark)
{
	int *page;

	mark->owner = getpid();
	mark->page = NULL;
	page = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return;
	if (madvise(page, SIZE, MADV_WIPEONFORK) < 0) {
		munmap(page, SIZE);
		return;
	}
	*page = 1;
	mark->page = page;
}

bool
stage_forkmark_is_owner(const struct stage_forkmark *mark)
{
	return mark->page ? *mark->page == 1 : getpid() == mark->owner;
}

void
stage_forkmark_release(struct stage_forkmark *mark)
{
	int saved_errno = errno;

	if (mark->page)
		munmap(mark->page, SIZE);
	mark->page = NULL;
	errno = saved_errno;
}
