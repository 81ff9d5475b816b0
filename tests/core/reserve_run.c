#include "reserve_run.h"

#include <stdlib.h>
#include <string.h>

int
reserve_run_begin(struct run *run, const char *root)
{
	static const struct stage_spool_about about = {"file:///x", ""};

	memset(run, 0, sizeof(*run));
	if (stage_dir_open(root, NULL, &run->dir, NULL) < 0 ||
		stage_spool_open(run->dir, &about, false, NULL, &run->spool, NULL) < 0)
		return -1;
	return stage_dir_mktemp(run->dir, &run->path, NULL);
}

void
reserve_run_end(struct run *run)
{
	free(run->path);
	stage_spool_close(&run->spool);
	stage_dir_close(&run->dir);
}
