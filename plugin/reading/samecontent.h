/*
 * samecontent - is the content of a member that of a file of the source?
 *
 *	switch (samecontent_compare(&source, &current)) {
 *	case SAMECONTENT_YES:
 *	...
 *	}
 *
 * Both are read side by side, up to the first block that differs, as the host's ROPath.compare_data() does it. A small file
 * may have been read ahead by the Selection that has found it. Any other is opened and looked at once more.
 *
 * All functions are called with the GIL held; it is given up while the file is read and compared.
 */
#ifndef STAGEDIR_SAMECONTENT_H
#define STAGEDIR_SAMECONTENT_H

#include <Python.h>

#include "archive/currentpath.h"
#include "reading/membersource.h"

enum samecontent {
	SAMECONTENT_FAILED =
		-1, /* with an exception: the member, or the file, could not be read to its end */
	SAMECONTENT_NO,
	SAMECONTENT_YES,

	/* The file cannot be opened, or is no longer what it was. Nothing was read of the member. */
	SAMECONTENT_UNKNOWN,
};

/*
 * Compares the content of the member that source is at, a file, with that of the current path, which no object was made of.
 * Nothing is to be read of the member any more, but where the answer is SAMECONTENT_UNKNOWN.
 */
enum samecontent samecontent_compare(
	const struct membersource *source, const struct currentpath *current);

#endif
