/*
 * packet - an independent reader of what openpgp.h writes
 *
 * The stream is unpacked by zlib, and the packets in it are read by the rules of RFC 9580. It is stricter
 * than gpg: of what is allowed only the form that openpgp.h promises is taken. No CUnit in it, so that the
 * fuzz target has it, too.
 */
#ifndef STAGEDIR_PACKET_H
#define STAGEDIR_PACKET_H

#include <stddef.h>

/*
 * The data in a packet, which the caller frees; at least one byte is allocated. NULL: it is no such packet, and
 * *ret_why says in English why not.
 */
unsigned char *packet_read(
	const unsigned char *packet, size_t size, size_t *ret_size, const char **ret_why);

/* Unpacks raw DEFLATE that fills all of stream. As packet_read(). */
unsigned char *packet_inflate(
	const unsigned char *stream, size_t size, size_t *ret_size, const char **ret_why);

#endif
