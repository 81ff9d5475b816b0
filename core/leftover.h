/*
 * leftover - what the host's backends, and programs that they start, leave in a staging directory
 *
 *	duplicity_temp.N	a folder beside the file that is put or fetched: par2's files, with a link to it
 *	tmpXXXXXXXX		a file or folder of Python's tempfile, whose place the host makes this directory
 *				(8 of a-z, 0-9 and _): the folder by which rsync deletes, and others
 *	.NAME.XXXXXX		what rsync has fetched so far of the file NAME, which is ours (naming.h)
 *
 * A run that ends in the middle of an upload leaves them. Nobody needs them: what they were made of is a
 * file of ours, or in storage.
 *
 * They are known by these names, which nobody else gives in a directory that only this user can write to.
 * A folder is removed with all that is in it, as no name of ours is there. But only if that is all this
 * user's - files, links and folders - and nothing is mounted in it. Where it cannot be told whether anything
 * is, it stays. No link is followed.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_LEFTOVER_H
#define STAGEDIR_LEFTOVER_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Is name in the directory dirfd such a file or folder, with nothing but the like in it? Fills *ret_stat
 * if so; its st_size is the size of all files in a folder.
 */
bool stage_leftover_is(int dirfd, const char *name, struct stat *ret_stat);

/*
 * Is this the name of the first of them? In the archive directory, under its lock, that alone is a
 * leftover: other names may be anybody's there.
 */
bool stage_leftover_is_of_host(const char *name);

/* Removes it. Returns 0, also if it is gone, or the errno of what could not be removed. */
int stage_leftover_remove(int dirfd, const char *name);

#endif
