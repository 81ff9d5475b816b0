/*
 * settings_value - the settings by name: the values that each takes, and its default
 *
 * The table is made from settings.def. A setting is a number here, its place in that list. A value is text
 * as it stands in a file. A sentence says what is wrong with a value; the caller knows file and line
 * (settings_file.h).
 *
 * Not installed. Any thread may call everything here; one at a time for one struct.
 */
#ifndef STAGEDIR_SETTINGS_VALUE_H
#define STAGEDIR_SETTINGS_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "settings.h"

/* No setting has a number as high as this. */
#define STAGE_SETTINGS_MAX 64

/* The setting of this name, or -1. */
int stage_settings_value_find(const char *name);

/* The names of all, as "temp_root, min_free". If they are too long for size bytes they end in "...". */
void stage_settings_value_names(char *buffer, size_t size);

/* May the setting be given several times, a value each? */
bool stage_settings_value_is_list(int setting);

/*
 * Sets the setting, or adds to it if it is a list. Returns 0; STAGE_E_MEMORY; STAGE_E_SETTING with
 * a sentence in why (size bytes) that says what is allowed.
 */
int stage_settings_value_set(
	struct stage_settings *settings, int setting, const char *value, char *why, size_t size);

/* Empties the setting if it is a list. */
void stage_settings_value_clear(struct stage_settings *settings, int setting);

/*
 * Gives all settings of a zeroed struct their defaults. Returns 0 or STAGE_E_MEMORY. In both cases the
 * caller calls stage_settings_value_release().
 */
int stage_settings_value_defaults(struct stage_settings *settings);

/* Frees all that the struct points to, not the struct. */
void stage_settings_value_release(struct stage_settings *settings);

#endif
