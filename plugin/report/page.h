/*
 * page - one run as one HTML page, with all that it needs in it
 *
 *	stage_runreader_list(&folder, &error);
 *	page_make(&folder, folder.names[0], &text, &length, &error);
 *	...
 *	free(text);
 *
 * The page needs no script, and loads nothing. Its size is bounded however many files the run had. Nothing of the record is
 * taken for markup (html.h).
 *
 * One thread at a time.
 */
#ifndef STAGEDIR_PAGE_H
#define STAGEDIR_PAGE_H

#include <stddef.h>

#include "error.h"
#include "runreader.h"

/*
 * Makes the page of the record of this name, which the caller frees. STAGE_E_DAMAGED: it is no record, one of another version,
 * or one without its beginning; STAGE_E_SYSTEM; STAGE_E_MEMORY.
 */
int page_make(const struct stage_runfolder *folder, const char *name, char **ret_text,
	size_t *ret_length, struct stage_error *error);

#endif
