/*
 * settings_internal - what the settings and the ranking of temp roots share
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_SETTINGS_INTERNAL_H
#define STAGEDIR_SETTINGS_INTERNAL_H

#include "settings.h"

/* The names of the environment variables whose values are in the field variables, in the same order. */
extern const char *const stage_settings_variables[STAGE_SETTINGS_VARIABLES];

#endif
