/*
 * end - how all Stagings of this process end
 *
 *	the host cleans up	staged files are handed off; after Ctrl-C they stay
 *	the interpreter ends	they stay; an upload that is under way is waited for
 *	a signal, or exec	they stay, and nothing is waited for
 */
#ifndef STAGEDIR_END_H
#define STAGEDIR_END_H

/* Has all Stagings end in these three cases. To be called once, when the module is loaded. */
void end_register(void);

#endif
