/*
 * openpgp_run - packets that are made of the data of gzip_run.h, and read by packet.h
 */
#ifndef STAGEDIR_OPENPGP_RUN_H
#define STAGEDIR_OPENPGP_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gzip_run.h"
#include "openpgp.h"

/* What the packet's data have in front of them in their packet: 'b', no name, no date. */
#define LITERAL_HEADER 6

/* The most bytes that a packet of size bytes has: all stored, in blocks of 512 KiB. */
uint64_t openpgp_most(uint64_t size);

/* The file is a packet of these bytes. */
bool openpgp_reads_back(const char *name, const unsigned char *data, size_t size);

/* Writes data to a new file, so many bytes at a time. */
void openpgp_compress(const char *name, const unsigned char *data, size_t size, size_t piece,
	const struct stage_openpgp_options *options);

#endif
