/*
 * owner - whose files and directories may be relied upon
 *
 * Who can change a directory on the path of a temp root decides where that path leads. Who can change a
 * configuration file decides where backups are staged. So both must belong to somebody who could do any harm
 * anyhow, and must be writable by nobody else. These owners are relied upon:
 *	- root, and the user of this process;
 *	- in a user namespace (user_namespaces(7)) the overflow uid, if the namespace maps no user to it. The
 *	  kernel shows it as the owner of whatever belongs to a user from outside. So "/" and /etc look there,
 *	  which are the outer root's. Nobody inside is that user, so nobody inside can change what is his
 *	  unless its mode lets him. Whoever set the namespace up answers for the users outside, but not for
 *	  what one of them has made where anybody may, as in /tmp: in a directory that others may write, what
 *	  belongs to the overflow uid is not relied upon. /tmp itself, which is in "/", is.
 * Where the namespace maps a user to the overflow uid, as many that map 65536 users do, files of that user
 * and files from outside look alike, and neither is relied upon.
 *
 * What else must hold of a directory is said in root.h, of a configuration file in settings.h.
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_OWNER_H
#define STAGEDIR_OWNER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Is a file, directory or link of this user relied upon, as far as its owner goes? folder is the mode of the
 * directory that it is in.
 */
bool stage_owner_is_trusted(uid_t uid, mode_t folder);

/*
 * The same of the file that a path leads to. If it belongs to somebody from outside, this must also hold of
 * each directory and link on the path, as it was named and without links, and no such directory may be one in
 * which others may replace something. False where that cannot be told.
 */
bool stage_owner_is_trusted_at(uid_t uid, const char *path);

#endif
