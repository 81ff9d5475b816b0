#include "root_run.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests.h"

struct stage_settings *settings;
struct stage_roots *roots;

void
root_set(const char *text)
{
	stage_settings_free(&settings);
	make_file(in_dir("conf"), text, 0600);
	REQUIRE(stage_settings_load_file(in_dir("conf"), &settings, &failure) == 0);
	unlink(in_dir("conf"));
}

const struct stage_root *
root_vet(const struct stage_root_request *request)
{
	if (!settings)
		root_set("avoid_tmpfs = no\n");
	stage_roots_free(&roots);
	WORKS(stage_roots_rank(settings, request, &roots, &failure));
	REQUIRE(roots != NULL && roots->count == 1);
	CHECK(strcmp(roots->list[0].origin, "--tempdir") == 0);
	if (roots->list[0].state == STAGE_ROOT_REFUSED)
		CHECK(roots->chosen == NULL && roots->list[0].fd == -1);
	else
		CHECK(roots->chosen == &roots->list[0] && roots->list[0].fd >= 0);
	CHECK((roots->list[0].state == STAGE_ROOT_GOOD) == (roots->list[0].reason == NULL));
	return &roots->list[0];
}

void
root_good(const char *path)
{
	const struct stage_root *root = root_vet(&(struct stage_root_request){.tempdir = path});
	struct stat by_fd, by_path;

	CHECK(root->state == STAGE_ROOT_GOOD);
	if (root->reason)
		HAS(root->reason, "no reason");
	CHECK(root->free_bytes > 0);
	REQUIRE(root->fd >= 0);
	CHECK(fstat(root->fd, &by_fd) == 0 && stat(path, &by_path) == 0);
	CHECK(by_fd.st_dev == by_path.st_dev && by_fd.st_ino == by_path.st_ino);
}

void
root_refused(const char *path, const char *why)
{
	const struct stage_root *root = root_vet(&(struct stage_root_request){.tempdir = path});

	CHECK(root->state == STAGE_ROOT_REFUSED);
	HAS(root->reason ? root->reason : "(no reason)", why);
}

void
root_done(void)
{
	stage_roots_free(&roots);
	stage_settings_free(&settings);
}
