/*
 * unwrapped - the data of an OpenPGP message, as gpg --unwrap gives it, inflated ahead of their reader
 *
 * gpg --decrypt inflates what it has decrypted, by the same thread. With --unwrap it takes the encryption off, checks its
 * integrity, and gives out the packets that were encrypted. What is in them is read here:
 *
 *	stage_unwrapped_open(pipe, &options, &readahead, &error);
 *	code = stage_readahead_read(readahead, buffer, sizeof(buffer), &count, &error);
 *	if (code == STAGE_E_UNSUPPORTED)
 *		... gpg --decrypt has to do it
 *	...
 *	stage_readahead_close(&readahead);
 *
 * It takes a literal packet of binary data (RFC 9580, 5.9), by itself or as the one packet in a compressed one (5.6) of ZIP or
 * ZLIB: whatever gpg makes of data that are only encrypted, and what openpgp.h makes. Lengths are of the old form or the new
 * one, also partial or indeterminate (4.2). An end before the first byte is that of no data: gpg has failed, and says why.
 *
 * Errors, beyond those of readahead.h: STAGE_E_UNSUPPORTED, before any data were given out: it is another message,
 * such as a signed one, whose signature only gpg can check, or text, whose ends of lines it has to convert.
 * STAGE_E_DAMAGED: it was cut, its compressed data are wrong, or something is behind its data; the message names path and
 * reason. STAGE_E_SYSTEM, STAGE_E_MEMORY.
 *
 * Of a compressed packet of ZIP and of indeterminate length, such as openpgp.h makes, libdeflate inflates the parts
 * (partinflate.h), and zlib what is in none. What is wrong with a stream zlib says.
 *
 * Memory: 240 KiB, and readahead's; of such a packet 1.6 MiB more.
 *
 * Not installed.
 */
#ifndef STAGEDIR_UNWRAPPED_H
#define STAGEDIR_UNWRAPPED_H

#include "error.h"
#include "readahead.h"

/*
 * Begins to read fd, a pipe or a file, by read(2). Takes over fd, which it closes also on failure, unless
 * it leaves_open. path, in the
 * options, is the message's. A reader that closes before the end does not wait for whoever writes to the
 * pipe.
 * STAGE_E_MEMORY, STAGE_E_SYSTEM.
 */
int stage_unwrapped_open(int fd, const struct stage_readahead_options *options,
	struct stage_readahead **ret_readahead, struct stage_error *error);

#endif
