/*
 * home - the host's archive directory, on disk
 *
 * The host keeps there what tells of a backup, and makes little of it durable: its partial manifest
 * from the second volume on, its name never. Without it a staged volume is of no use, and a backup that
 * is complete in storage may be without its signatures here.
 *
 * As well as can be, since the host would go on without: nothing here fails. Without the GIL.
 */
#ifndef STAGEDIR_HOME_H
#define STAGEDIR_HOME_H

#include <stdbool.h>

/* Has a partial manifest on disk, and its name. False where that did not succeed. */
bool home_sync_manifest(const char *home, const char *manifest);

/* Has all regular files of it on disk, and their names. What is there already costs next to nothing. */
void home_sync(const char *home);

#endif
