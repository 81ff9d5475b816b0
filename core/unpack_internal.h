/*
 * unpack_internal - what unpack.c, unpack_folder.c, unpack_member.c and unpack_pool.c share
 *
 * The folders that the caller is in are a stack: each has a parent, the last one is the caller's current one. He
 * leaves a folder when a member comes that is not below it. It is complete when it was left, and nothing below it
 * is on its way; whoever sees that sets its attributes: the caller or a thread.
 *
 *	made -> current -> (on the stack) -> left -> complete: attributes, closed, freed
 *
 * Descriptors: those of the STAGE_UNPACK_NEAR innermost folders of the stack are open, and that of a folder in
 * which something is on its way. One that was closed is opened again by ".." of the folder below it, and must be
 * the same by device and inode. Folders that were left are open until they are complete; when there are
 * STAGE_UNPACK_FOLDERS the caller waits. Deep down he waits for each that he leaves: so a chain of them needs no
 * descriptors.
 */
#ifndef STAGEDIR_UNPACK_INTERNAL_H
#define STAGEDIR_UNPACK_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>

#include "unpack.h"

#define STAGE_UNPACK_NEAR 16u
#define STAGE_UNPACK_FOLDERS 64u
#define STAGE_UNPACK_MEMBERS 256u
#define STAGE_UNPACK_THREADS_MAX 4u

/* Of one member: a folder is made, then has at most each of its three attributes fail. */
#define FAILURES_MAX 4

/* What a member is, and what of it failed; the first of what it is in, with which it is freed. */
struct told {
	struct told *next; /* of those that have failures, or that wait for a thread */
	struct stage_entry entry;
	unsigned int count, given;
	struct {
		enum stage_unpack_call call;
		int sys_errno;
	} failures[FAILURES_MAX];
};

struct unpack_folder {
	struct told told;
	struct unpack_folder *parent; /* of the base NULL */
	const char *name;
	size_t length; /* of its path, which is the entry's index */
	unsigned int depth;
	int fd; /* -1: it is closed */
	dev_t device;
	ino_t inode;
	int failed;         /* errno: nothing can be made in it any more */
	bool is_made;       /* it was not there before */
	bool is_member;     /* has attributes to be set */
	bool is_unfinished; /* gets none, as the unpack was closed */

	/* Under the lock. */
	unsigned int members, folders; /* on their way */
	bool left;

	char text[]; /* of the entry */
};

/* One that is no folder. */
struct unpack_member {
	struct told told;
	struct unpack_folder *folder;
	const char *name;
	int fd; /* of a file that the caller writes; -1: there is none */
	bool is_partial;
	unsigned char *content;
	size_t size, room;
	size_t charged; /* to what waits */
	char text[];
};

struct stage_unpack {
	struct stage_unpack_options options;
	pid_t owner;
	pthread_t threads[STAGE_UNPACK_THREADS_MAX];
	unsigned int thread_count;

	/* The caller's. */
	struct unpack_folder *current;
	struct unpack_member *open; /* the file whose content comes in */
	struct told *given;         /* whose failures are told */
	char *lost; /* the path of the folder that could not be made last; NULL: none */
	size_t lost_length;
	bool has_begun, is_finished;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct told *first, **last;               /* members that wait */
	struct told *first_failed, **last_failed; /* those with failures */
	size_t bytes;
	unsigned int members;      /* on their way */
	unsigned int open_folders; /* with a descriptor */
	bool ended;
	/* What the caller waits for; NULL: nothing. */
	bool (*awaited)(const struct stage_unpack *unpack);
	const struct unpack_folder *awaited_folder;
};

/* unpack.c: notes a failure of a member. */
void stage_unpack_note(struct told *told, enum stage_unpack_call call, int sys_errno);

/* Copies an entry with its strings to text, which has room for them and two NULs. */
void stage_unpack_copy(const struct stage_entry *entry, struct stage_entry *ret_copy, char *text);

/* unpack_folder.c: without the lock. */

/* A folder for this path, which is not made yet. NULL without memory. */
struct unpack_folder *stage_unpack_folder_new(
	struct unpack_folder *parent, const struct stage_entry *entry, const char *name);

/* Makes a folder, where none is, and opens it; or opens one that is there. 0, or an errno. */
int stage_unpack_folder_make(struct unpack_folder *folder);
int stage_unpack_folder_open(struct unpack_folder *folder);

/* Closes one; it can be opened again from below. */
void stage_unpack_folder_rest(struct unpack_folder *folder);

/* Opens the parent again, if it is closed; sets its failed where that cannot be. True: it was opened. */
bool stage_unpack_folder_reopen(struct unpack_folder *folder);

/* Sets the attributes of a complete one, and closes it. True: it had a descriptor. */
bool stage_unpack_folder_complete(const struct stage_unpack *unpack, struct unpack_folder *folder);

/* unpack_member.c: without the lock. */

/* Makes the file, for the caller to write to. */
void stage_unpack_member_create(struct unpack_member *member);

/* Writes to it. False: it has failed. */
bool stage_unpack_member_write(struct unpack_member *member, const void *data, size_t size);

/* Makes the member, if it is not made yet, sets its attributes, and closes it. */
void stage_unpack_member_complete(const struct stage_unpack *unpack, struct unpack_member *member);

/*
 * Sets owner, mode and times by a descriptor; by_path: it is one of O_PATH. Notes what fails; then it has this mode, less
 * the umask, in the place of its own.
 */
void stage_unpack_set_attributes(
	const struct stage_unpack *unpack, int fd, bool by_path, mode_t unset, struct told *told);

/* Sets a mode, less the umask. */
void stage_unpack_set_mode(const struct stage_unpack *unpack, int fd, bool by_path, mode_t mode);

/* unpack_pool.c: these take the lock. */

/* Starts as many threads as are of use and can be. */
void stage_unpack_start(struct stage_unpack *unpack);

/* Has them do what waits, ends and joins them. */
void stage_unpack_stop(struct stage_unpack *unpack);

/* A folder was made or is opened again: it counts from now on. */
void stage_unpack_count(struct stage_unpack *unpack, const struct unpack_folder *folder);
void stage_unpack_count_open(struct stage_unpack *unpack);

/* A member of a folder is on its way. */
void stage_unpack_begin(struct stage_unpack *unpack, struct unpack_member *member);

/* Gives it to a thread, and waits for room before; without threads does it. */
void stage_unpack_queue(struct stage_unpack *unpack, struct unpack_member *member);

/* It is complete, by the caller. */
void stage_unpack_done(struct stage_unpack *unpack, struct unpack_member *member);

/* The caller leaves a folder. */
void stage_unpack_leave(struct stage_unpack *unpack, struct unpack_folder *folder);

/* Waits until nothing in a folder of the stack is on its way. True: it is open, and counts no more. */
bool stage_unpack_may_rest(struct stage_unpack *unpack, const struct unpack_folder *folder);

/* Waits until there may be one folder more. */
void stage_unpack_await_room(struct stage_unpack *unpack);

/* Waits until nothing is on its way. */
void stage_unpack_await_members(struct stage_unpack *unpack);

/* Gives what has failures to the caller, and frees what has none. */
void stage_unpack_tell(struct stage_unpack *unpack, struct told *told);

#endif
