/*
 * hostlog - lines of the core go to duplicity's log, at the host's levels
 */
#ifndef STAGEDIR_HOSTLOG_H
#define STAGEDIR_HOSTLOG_H

#include "log.h"

/* For stage_log_line(), from any thread, with or without the GIL. */
extern const struct stage_log hostlog;

#endif
