/*
 * signing - plain data pass through a gpg that signs them, and what it makes is the content of a compressed packet
 *
 *	the loop --in--> gpg --sign --out--> a thread --> openpgp (has_packets) --> gpg --encrypt
 *
 * gpg --sign writes the packets that gpg --sign --encrypt has inside of its compressed packet: a one-pass
 * signature, a literal packet, a signature. So a message is the same, and all that is signed is signed by gpg.
 *
 *	signing_open(in, out, openpgp, &signing, &error);
 *	while (signing_fits(signing, sizeof(data), &fits, &error) == 0 && fits &&
 *		(size = read(source, data, sizeof(data))) > 0)
 *		signing_write(signing, data, size, &error);
 *	close(in);
 *	while (signing_wait(signing, &ended, &error) == 0 && !ended)
 *		...	// look at signals
 *	signing_close(&signing);
 *	stage_openpgp_close(&openpgp, false, &size, &error);
 *
 * Limit: bytes that gpg has and has not given back count as incompressible, with room for all packets around
 * them. So a packet may be below its limit by what gpg and two pipes hold, some 256 KiB, beside what openpgp.h
 * tells; and its end depends on how fast gpg is.
 *
 * No deadlock: each waits only for what is further down. The loop waits for gpg to read, that for the thread, and
 * the thread for the lock and for the other gpg. Who has the lock waits for the other gpg and for threads that
 * compress, never for the loop or the gpg that signs. After an error of the stream the thread reads on and throws
 * away, so that gpg ends, and the loop fails at its next call.
 *
 * Errors: STAGE_E_SYSTEM. EPIPE: a gpg has ended, which of them its exit status tells. What the openpgp stream
 * fails with is passed on. The stream must not have a function before: it would be called in the thread.
 *
 * Descriptors stay the caller's. For one thread at a time. No GIL is needed, and none is taken.
 */
#ifndef STAGEDIR_SIGNING_H
#define STAGEDIR_SIGNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "openpgp.h"

struct signing;

/*
 * Until signing_close() the stream is used by nobody else. before (may be NULL) is called before each write to in, as
 * that of openpgp.h, with NULL for its context. STAGE_E_MEMORY, STAGE_E_SYSTEM.
 */
int signing_open(int in, int out, int (*before)(void *context, struct stage_error *error),
	struct stage_openpgp *openpgp, struct signing **ret_signing, struct stage_error *error);

/* As stage_openpgp_fits(), with all that gpg has not given back. */
int signing_fits(struct signing *signing, uint64_t size, bool *ret_fits, struct stage_error *error);

int signing_write(
	struct signing *signing, const void *data, size_t size, struct stage_error *error);

/*
 * To be called when in is closed. Has gpg ended its output, and is that in the stream? Waits for it, but not
 * longer than a tenth of a second. EPIPE where gpg has given back less than it was given.
 */
int signing_wait(struct signing *signing, bool *ret_ended, struct stage_error *error);

/* Ends the thread, also in the middle; frees *signing and sets it to NULL, which is no error. Keeps errno. */
void signing_close(struct signing **signing);

#endif
