/*
 * settings_file - one configuration file, read over the settings of those before it
 *
 * What a file may hold, who may be able to write it, and what an error says is in settings.h.
 *
 * Not installed. Any thread may call it; one at a time for one struct.
 */
#ifndef STAGEDIR_SETTINGS_FILE_H
#define STAGEDIR_SETTINGS_FILE_H

#include "error.h"
#include "settings.h"

/*
 * Sets what the file says, and leaves the rest as it is. Returns 0; STAGE_E_SETTING, with the errno
 * where the file cannot be read; STAGE_E_MEMORY. After an error some of the file may have been set.
 */
int stage_settings_file_read(
	struct stage_settings *settings, const char *path, struct stage_error *error);

#endif
