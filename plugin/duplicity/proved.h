/*
 * proved - the table of the versions of duplicity that stagedir was proved with
 *
 * Its file, _stageproved.txt, has a line for each module of a version:
 *
 *	VERSION MODULE CHECKSUM UNIT:CHECKSUM UNIT:CHECKSUM ...
 *
 * The first checksum is of the module's file, the beginning of its SHA-256; _stageguard.py says what
 * a unit is. A line that begins with # is a comment. tests/prove.py writes it.
 *
 *	proved_read(path, "3.1.0", &proved, &error);
 *	for (i = 0; i < proved->count; i++)
 *		proved_is_same(&proved->modules[i], folder, &is_same, &error);
 *	proved_free(&proved);
 *
 * Nothing here knows Python; any thread may call it.
 */
#ifndef STAGEDIR_PROVED_H
#define STAGEDIR_PROVED_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct proved_module {
	const char *name, *checksum;
	const char *units; /* as in the table; "" if there is none */
};

struct proved {
	char *text;                    /* the file; the modules point into it */
	char *versions;                /* all in the table: "0.8.22, 2.1.4" */
	struct proved_module *modules; /* of the version that was asked for */
	size_t count;                  /* 0: that version is not in the table */
};

/*
 * Reads the table. The caller frees *ret_proved. STAGE_E_SYSTEM; STAGE_E_DAMAGED: a line has another
 * form; STAGE_E_MEMORY.
 */
int proved_read(const char *path, const char *version, struct proved **ret_proved,
	struct stage_error *error);

/* Is the file of a module in this folder the one that was proved? STAGE_E_SYSTEM; STAGE_E_MEMORY. */
int proved_is_same(const struct proved_module *module, const char *folder, bool *ret_is_same,
	struct stage_error *error);

/* NULL in *proved is no error. */
void proved_free(struct proved **proved);

#endif
