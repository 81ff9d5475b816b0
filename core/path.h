/*
 * path - joining of paths
 *
 * Not installed. Any thread, as long as nobody changes the working directory.
 */
#ifndef STAGEDIR_PATH_H
#define STAGEDIR_PATH_H

/*
 * The path of name in directory: one slash between them, however many directory ends in. The caller
 * frees it. NULL, ENOMEM, for want of memory.
 */
char *stage_path_join(const char *directory, const char *name);

/*
 * path, if it is relative below the working directory, without slashes at its end. Links and ".."
 * stay as they are. The caller frees it. NULL with errno: ENOMEM, or as of getcwd(3).
 */
char *stage_path_absolute(const char *path);

#endif
