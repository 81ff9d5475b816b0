/*
 * home - makes the host's archive directory durable
 *
 * The host keeps its manifests and signatures there, and syncs few of them: the partial manifest from the
 * second volume on, its name never. If that manifest is lost, a staged volume is of no use. If the
 * signatures are lost, a backup that is complete in storage lacks them here.
 *
 * Nothing here fails, since the host would go on without a sync. Called without the GIL.
 */
#ifndef STAGEDIR_HOME_H
#define STAGEDIR_HOME_H

#include <stdbool.h>

/* Makes a partial manifest and its name durable. False if that did not succeed. */
bool home_sync_manifest(const char *home, const char *manifest);

/* Makes all its regular files and their names durable. Files that are on disk already cost little. */
void home_sync(const char *home);

#endif
