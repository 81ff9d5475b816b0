/*
 * settings_file - reads one configuration file over the settings of the files before it
 *
 * settings.h says what a file may hold, who may be able to write it, and what an error says.
 *
 * Not installed. Any thread may call it; one at a time for one struct.
 */
#ifndef STAGEDIR_SETTINGS_FILE_H
#define STAGEDIR_SETTINGS_FILE_H

#include "error.h"
#include "settings.h"

/*
 * Sets the settings that the file has, and leaves the rest. Returns 0; STAGE_E_SETTING, with the errno if
 * the file cannot be read; STAGE_E_MEMORY. After an error some of them may have been set.
 */
int stage_settings_file_read(
	struct stage_settings *settings, const char *path, struct stage_error *error);

#endif
