/*
 * path - joins paths and makes them absolute
 *
 * Not installed. Any thread, as long as nobody changes the working directory.
 */
#ifndef STAGEDIR_PATH_H
#define STAGEDIR_PATH_H

/*
 * The path of name in directory, with one slash between them, however many directory ends in. The caller
 * frees it. NULL with ENOMEM.
 */
char *stage_path_join(const char *directory, const char *name);

/*
 * The absolute form of path, without slashes at its end. A relative path is below the working directory.
 * Links and ".." stay as they are. The caller frees it. NULL with errno: ENOMEM, or as of getcwd(3).
 */
char *stage_path_absolute(const char *path);

#endif
