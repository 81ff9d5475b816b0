/*
 * disk - what the disk has told of what was written to a file
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_DISK_H
#define STAGEDIR_DISK_H

#include <stdbool.h>

/*
 * Has the disk taken what was written back of the file so far, as far as it has told (sync_file_range(2))?
 * Waits for the first page alone; the answer is of all, and is given once to each open file description.
 * False with errno: some of it may be lost. Where the system cannot be asked that is a yes.
 */
bool stage_disk_has_taken(int fd);

#endif
