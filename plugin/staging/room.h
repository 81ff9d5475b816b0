/*
 * room - room for the next volume of a run, waited for where there is none
 *
 * Without room storage is waited for, which gives some back. Then another temp root is opened, then other
 * runs are waited for. Where nobody will give any back, the volume is made in what there is: how large it
 * becomes nobody knows before, and stock makes it as well.
 *
 * Called with the GIL held, which is given up meanwhile.
 */
#ifndef STAGEDIR_ROOM_H
#define STAGEDIR_ROOM_H

#include <stdint.h>

#include "staging/staging.h"

/*
 * Reserves room for a volume of up to so many bytes, or less, for one that may stay smaller. Waits before
 * while as many are staged as max_volumes allows. STAGE_E_NO_ROOM: there is next to none, and nobody will
 * give any back; *error tells the user what helps. Codes besides: of places_reserve(), of the queue that
 * has failed; 1 with an exception that a signal's handler raised.
 */
int room_reserve(struct staging *staging, uint64_t bytes, struct reserved *ret_reserved,
	struct stage_error *error);

#endif
