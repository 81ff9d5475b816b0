/*
 * end - how all Stagings of this process end
 *
 *	the host cleans up	what is staged is handed off; after Ctrl-C it stays
 *	the interpreter ends	it stays; an upload that is under way is waited for
 *	a signal, or exec	it stays, and nothing is waited for
 */
#ifndef STAGEDIR_END_H
#define STAGEDIR_END_H

/* Has each of the three end them. To be called once, when the module is loaded. */
void end_register(void);

#endif
