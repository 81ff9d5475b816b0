/*
 * A root is vetted by walking its path from "/" one component at a time, by descriptors: each step starts
 * at the very directory that was just looked at. A link on the way is read, and its path walked in its
 * place, so that each directory on that path is looked at too.
 */
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filesystem.h"
#include "owner.h"
#include "path.h"
#include "settings_internal.h"
#include "text.h"

/* Links on one path; the kernel's own limit, path_resolution(7) */
#define LINKS_MAX 40

/* Where a walk stands. */
struct walk {
	int fd; /* O_PATH of the directory reached so far */
	mode_t mode; /* its mode; before it was looked at, that of the directory it was found in, if any */
	char *done;  /* its path, for messages: "" for the root directory */
	char *rest;  /* what is still to be walked */
	int links;   /* followed so far */
	bool shared; /* may others write to a directory on it? (allow_shared_root) */
};

/*
 * Sets the reason why a root is not good; a reason that there is no memory for is still a reason.
 */
static void __attribute__((format(printf, 3, 4)))
give_reason(struct stage_root *root, enum stage_root_state state, const char *format, ...)
{
	char text[STAGE_ERROR_MESSAGE_MAX], line[STAGE_ERROR_MESSAGE_MAX];
	va_list arguments;

	va_start(arguments, format);
	stage_text_format(text, sizeof(text), format, arguments);
	va_end(arguments);
	free(root->reason);
	root->reason = strdup(stage_error_printable(line, sizeof(line), text));
	root->state = state;
}

static void
refuse_errno(struct stage_root *root, const char *what, const char *path)
{
	give_reason(
		root, STAGE_ROOT_REFUSED, "%s%s: %s", what, path, stage_error_errno_text(errno));
}

static const char *
shown(const struct walk *walk)
{
	return *walk->done ? walk->done : "/";
}

/* Can nobody but those who are relied upon replace what is in this directory? Then the walk goes on. */
static bool
is_trusted(struct walk *walk, struct stage_root *root)
{
	struct stat stat;

	if (fstat(walk->fd, &stat) < 0) {
		refuse_errno(root, "cannot examine ", shown(walk));
		return false;
	}
	if (!S_ISDIR(stat.st_mode)) {
		give_reason(root, STAGE_ROOT_REFUSED, "%s is not a directory", shown(walk));
		return false;
	}
	if (!stage_owner_is_trusted(stat.st_uid, walk->mode)) {
		give_reason(root, STAGE_ROOT_REFUSED,
			"%s belongs to user %ld, who could replace what is in it; it must belong to root or to user %ld",
			shown(walk), (long)stat.st_uid, (long)geteuid());
		return false;
	}
	if ((stat.st_mode & 022) && !(stat.st_mode & S_ISVTX) && !walk->shared) {
		give_reason(root, STAGE_ROOT_REFUSED,
			"%s is writable by %s (mode %04o), who could replace what is in it; it must not be (chmod go-w), or have the sticky bit (chmod +t), or allow_shared_root must be set",
			shown(walk), stat.st_mode & 002 ? "everybody" : "its group",
			(unsigned int)stat.st_mode & 07777);
		return false;
	}
	walk->mode = stat.st_mode;
	return true;
}

/* Cuts the next component off walk->rest; NULL at the end. */
static char *
next_component(struct walk *walk, char **ret_after)
{
	char *start = walk->rest + strspn(walk->rest, "/"), *end;

	if (!*start)
		return NULL;
	end = start + strcspn(start, "/");
	*ret_after = end + strspn(end, "/");
	if (*end)
		*end = '\0';
	return start;
}

/* Puts the text of a link in the place of the component that it was found at. */
static bool
follow(struct walk *walk, int link_fd, const char *name, const char *after, struct stage_root *root)
{
	char target[PATH_MAX];
	struct stat stat;
	ssize_t length;
	char *rest;

	if (fstat(link_fd, &stat) < 0 ||
		(length = readlinkat(link_fd, "", target, sizeof(target) - 1)) < 0) {
		refuse_errno(root, "cannot read the link ", name);
		return false;
	}
	target[length] = '\0';
	/* the directory that it is in was looked at: only its owner could replace it there, if it is sticky */
	if (!stage_owner_is_trusted(stat.st_uid, walk->mode)) {
		give_reason(root, STAGE_ROOT_REFUSED,
			"%s/%s is a symbolic link of user %ld, who could change it", walk->done,
			name, (long)stat.st_uid);
		return false;
	}
	if (++walk->links > LINKS_MAX) {
		errno = ELOOP;
		refuse_errno(root, "cannot follow ", name);
		return false;
	}
	if (asprintf(&rest, "%s/%s", target, after) < 0) {
		errno = ENOMEM;
		refuse_errno(root, "cannot follow ", name);
		return false;
	}
	free(walk->rest);
	walk->rest = rest;
	if (*target == '/') {
		int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0) {
			refuse_errno(root, "cannot open ", "/");
			return false;
		}
		close(walk->fd);
		walk->fd = fd;
		walk->mode = 0;
		*walk->done = '\0';
		return is_trusted(walk, root);
	}
	return true;
}

/*
 * The path of name in done, without "." and "..", which the caller frees; NULL with ENOMEM. done has no links,
 * so what is above it is what its text says.
 */
static char *
path_in(const char *done, const char *name)
{
	const char *end = strrchr(done, '/');
	char *path;

	if (strcmp(name, ".") == 0)
		return strdup(done);
	if (strcmp(name, "..") == 0)
		return end ? strndup(done, (size_t)(end - done)) : strdup("");
	return asprintf(&path, "%s/%s", done, name) < 0 ? NULL : path;
}

/* Goes down into the directory fd, which is name; takes over fd. */
static bool
enter(struct walk *walk, int fd, const char *name, const char *after, struct stage_root *root)
{
	char *done = path_in(walk->done, name), *rest = strdup(after);

	if (!done || !rest) {
		free(done);
		free(rest);
		close(fd);
		errno = ENOMEM;
		refuse_errno(root, "cannot enter ", name);
		return false;
	}
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		walk->mode = 0; /* it was looked at where it was found */
	close(walk->fd);
	free(walk->done);
	free(walk->rest);
	walk->fd = fd;
	walk->done = done;
	walk->rest = rest;
	return is_trusted(walk, root);
}

static bool
step(struct walk *walk, const char *name, const char *after, struct stage_root *root)
{
	struct stat stat;
	bool stepped;
	int fd;

	fd = openat(walk->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat) < 0) {
		give_reason(root, STAGE_ROOT_REFUSED, "%s/%s: %s", walk->done, name,
			errno == ENOENT ? "does not exist" : stage_error_errno_text(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (!S_ISLNK(stat.st_mode))
		return enter(walk, fd, name, after, root);
	stepped = follow(walk, fd, name, after, root);
	close(fd);
	return stepped;
}

/* Walks root->path; root->fd is then the directory at its end, root->real its path. False: refused. */
static bool
walk_path(struct stage_root *root, bool shared)
{
	struct walk walk = {.fd = -1, .shared = shared};
	bool trusted = false;
	char *name, *after;

	walk.done = strdup("");
	walk.rest = strdup(root->path);
	walk.fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!walk.done || !walk.rest || walk.fd < 0) {
		refuse_errno(root, "cannot open ", "/");
		goto done;
	}
	trusted = is_trusted(&walk, root);
	while (trusted && (name = next_component(&walk, &after)))
		trusted = step(&walk, name, after, root);
	if (trusted) {
		root->real = strdup(shown(&walk));
		root->fd = walk.fd;
		walk.fd = -1;
	}
done:
	if (walk.fd >= 0)
		close(walk.fd);
	free(walk.done);
	free(walk.rest);
	return trusted;
}

/* Is the directory fd the one at path, or somewhere below it? */
static bool
lies_in(int fd, const char *path)
{
	struct stat source, here, above;
	int at, up;

	if (stat(path, &source) < 0 || fstat(fd, &here) < 0)
		return false;
	at = openat(fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (at >= 0) {
		if (here.st_dev == source.st_dev && here.st_ino == source.st_ino)
			break;
		up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = up;
		if (at < 0 || fstat(at, &above) < 0)
			break;
		if (above.st_dev == here.st_dev && above.st_ino == here.st_ino) {
			close(at); /* "/" is above itself */
			return false;
		}
		here = above;
	}
	if (at < 0)
		return false;
	close(at);
	return true;
}

/*
 * The path by which a backup comes to the root: it follows no link below its source. The caller frees it;
 * NULL where it could not be told.
 */
static char *
path_from_source(const char *source, const struct stage_root *root)
{
	char *real = realpath(source, NULL), *path = NULL;
	size_t length = real ? strlen(real) : 0;

	if (length && real[length - 1] == '/')
		length--; /* the root directory */
	if (real && root->real && strncmp(root->real, real, length) == 0 &&
		(root->real[length] == '/' || !root->real[length]))
		path = stage_path_join(source, root->real + length + (root->real[length] == '/'));
	free(real);
	return path;
}

/* Does the backup of request->source leave this root out? */
static bool
is_excluded(const struct stage_root_request *request, const struct stage_root *root)
{
	char *path;
	bool excluded;

	if (!request->excluded)
		return false;
	path = path_from_source(request->source, root);
	/* bound there by a mount, say: then the name that it was given is as good as any */
	excluded = request->excluded(request->context, path ? path : root->path);
	free(path);
	return excluded;
}

/* Would a backup hold what is staged in this root? */
static bool
backs_up(const struct stage_root_request *request, const struct stage_root *root)
{
	return request->source && lies_in(root->fd, request->source) && !is_excluded(request, root);
}

/* Room and rights of the directory that the walk came to. */
static void
vet_directory(struct stage_root *root, const struct stage_settings *settings,
	const struct stage_root_request *request)
{
	if (faccessat(root->fd, ".", W_OK | X_OK, AT_EACCESS) < 0) {
		refuse_errno(root, "not writable", "");
		return;
	}
	if (stage_filesystem_free(root->fd, &root->free_bytes) < 0) {
		refuse_errno(root, "cannot tell its free space", "");
		return;
	}
	if (root->free_bytes < settings->min_free)
		give_reason(root, STAGE_ROOT_REFUSED,
			"%llu bytes are free, fewer than the %llu of min_free",
			(unsigned long long)root->free_bytes,
			(unsigned long long)settings->min_free);
	else if (backs_up(request, root))
		give_reason(root, STAGE_ROOT_IN_SOURCE,
			"it lies inside of %s, which is being backed up: unless it is excluded, the backup holds its own volumes",
			request->source);
	else if (settings->avoid_tmpfs && stage_filesystem_is_memory(root->fd))
		give_reason(root, STAGE_ROOT_TMPFS, "it is memory (tmpfs), and avoid_tmpfs is set");
}

static void
release_root(struct stage_root *root)
{
	free(root->path);
	free(root->real);
	free(root->reason);
	if (root->fd >= 0)
		close(root->fd);
}

/* Was this directory ranked before, by this name or, where real is set, by another one? */
static bool
is_ranked(const struct stage_roots *roots, const char *path, const char *real)
{
	size_t i;

	for (i = 0; i < roots->count; i++) {
		const struct stage_root *root = &roots->list[i];

		if (strcmp(root->path, path) == 0 ||
			(real && root->real && strcmp(root->real, real) == 0))
			return true;
	}
	return false;
}

static void
vet(struct stage_root *root, const struct stage_settings *settings,
	const struct stage_root_request *request)
{
	if (root->path[0] != '/')
		give_reason(root, STAGE_ROOT_REFUSED, "is not an absolute path");
	else if (walk_path(root, settings->allow_shared_root))
		vet_directory(root, settings, request);
	if (root->state == STAGE_ROOT_REFUSED && root->fd >= 0) {
		close(root->fd);
		root->fd = -1;
	}
}

/* Vets path, ranks it last, takes it over. */
static int
add_root(struct stage_roots *roots, char *path, const char *origin,
	const struct stage_settings *settings, const struct stage_root_request *request)
{
	struct stage_root *longer, root = {.path = path, .origin = origin, .fd = -1};

	if (!path)
		return STAGE_E_MEMORY;
	if (is_ranked(roots, path, NULL)) {
		free(path);
		return 0;
	}
	longer = realloc(roots->list, (roots->count + 1) * sizeof(*longer));
	if (!longer) {
		free(path);
		return STAGE_E_MEMORY;
	}
	roots->list = longer;
	vet(&root, settings, request);
	if (is_ranked(roots, path, root.real))
		release_root(&root);
	else
		roots->list[roots->count++] = root;
	return 0;
}

static int
add_all(struct stage_roots *roots, const struct stage_settings *settings,
	const struct stage_root_request *request)
{
	char *const *named;
	int code = 0;
	size_t i;

	for (named = settings->temp_root; code == 0 && *named; named++)
		code = add_root(roots, strdup(*named), "temp_root", settings, request);
	for (i = 0; code == 0 && i < STAGE_SETTINGS_VARIABLES; i++)
		if (settings->variables[i])
			code = add_root(roots, strdup(settings->variables[i]),
				stage_settings_variables[i], settings, request);
	if (code == 0)
		code = add_root(roots, strdup("/var/tmp"), "default", settings, request);
	if (code == 0)
		code = add_root(roots, strdup("/tmp"), "default", settings, request);
	return code;
}

static int
add_tempdir(struct stage_roots *roots, const struct stage_settings *settings,
	const struct stage_root_request *request, struct stage_error *error)
{
	char *path = stage_path_absolute(request->tempdir);

	if (!path && errno != ENOMEM)
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot tell the working directory, to which --tempdir %s is relative",
			request->tempdir);
	return add_root(roots, path, "--tempdir", settings, request);
}

const struct stage_root *
stage_roots_next(const struct stage_roots *roots, const struct stage_root *before)
{
	int state = before ? (int)before->state : STAGE_ROOT_GOOD;
	size_t i = before ? (size_t)(before - roots->list) + 1 : 0;

	for (; state < STAGE_ROOT_REFUSED; state++, i = 0)
		for (; i < roots->count; i++)
			if ((int)roots->list[i].state == state)
				return &roots->list[i];
	return NULL;
}

int
stage_roots_rank(const struct stage_settings *settings, const struct stage_root_request *request,
	struct stage_roots **ret_roots, struct stage_error *error)
{
	static const struct stage_root_request nothing = {0};
	struct stage_roots *roots;
	int code;

	if (!request)
		request = &nothing;
	roots = calloc(1, sizeof(*roots));
	if (!roots)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to rank temp roots");
	if (request->tempdir)
		code = add_tempdir(roots, settings, request, error);
	else
		code = add_all(roots, settings, request);
	if (code < 0) {
		if (code == STAGE_E_MEMORY)
			stage_error_set(error, code, 0, "no memory to rank temp roots");
		stage_roots_free(&roots);
		return code;
	}
	roots->chosen = stage_roots_next(roots, NULL);
	*ret_roots = roots;
	return 0;
}

const char *
stage_root_state_name(enum stage_root_state state)
{
	switch (state) {
	case STAGE_ROOT_GOOD:
		return "good";
	case STAGE_ROOT_TMPFS:
		return "tmpfs";
	case STAGE_ROOT_IN_SOURCE:
		return "in source";
	case STAGE_ROOT_REFUSED:
		break;
	}
	return "refused";
}

int
stage_roots_none(const struct stage_roots *roots, struct stage_error *error)
{
	char text[STAGE_ERROR_MESSAGE_MAX] = "";
	size_t i;

	for (i = 0; i < roots->count; i++) {
		const struct stage_root *root = &roots->list[i];

		stage_text_append(text, sizeof(text), "%s%s (%s): %s", i ? "; " : "", root->path,
			root->origin, root->reason ? root->reason : "refused");
	}
	return stage_error_set(error, STAGE_E_NO_ROOT, 0, "no temp root can be used: %s", text);
}

void
stage_roots_free(struct stage_roots **roots)
{
	int saved_errno = errno;
	size_t i;

	if (!*roots)
		return;
	for (i = 0; i < (*roots)->count; i++)
		release_root(&(*roots)->list[i]);
	free((*roots)->list);
	free(*roots);
	*roots = NULL;
	errno = saved_errno;
}
