/*
 * Any data, in pieces of any size and with questions between them: what is read from the packet is the same,
 * and the limit is kept. The first bytes of the input say how; the rest is the data, several times.
 */
#include "openpgp.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../core/packet.h"

#define CHOICES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* Writes pieces, each as long as the choices say in turn; how much fits is returned. */
static size_t
write_pieces(struct stage_openpgp *openpgp, const uint8_t *choices, const unsigned char *data,
	size_t size)
{
	size_t done = 0, piece, turn = 0;
	bool fits = true;

	while (done < size) {
		piece = 1 + ((size_t)choices[3 + turn % 5] << choices[3 + (turn + 1) % 5] % 11);
		turn++;
		if (piece > size - done)
			piece = size - done;
		require(stage_openpgp_fits(openpgp, piece, &fits, NULL) == 0, "no answer");
		if (!fits)
			break;
		/* it holds for less, too */
		piece -= piece * choices[2] / 1024;
		require(stage_openpgp_write(openpgp, data + done, piece, NULL) == 0, "not written");
		done += piece;
	}
	return done;
}

static void
check_packet(int fd, const unsigned char *data, size_t size, size_t packet_size)
{
	unsigned char *packet = malloc(packet_size), *found;
	const char *why = "?";
	size_t found_size;

	require(packet && pread(fd, packet, packet_size, 0) == (ssize_t)packet_size, "not there");
	found = packet_read(packet, packet_size, &found_size, &why);
	require(found != NULL, why);
	require(found_size == size && memcmp(found, data, size) == 0, "other data");
	free(found);
	free(packet);
}

static void
check(const uint8_t *choices, const unsigned char *data, size_t size)
{
	const struct stage_openpgp_options options = {.level = 1 + choices[0] % 12,
		.threads = 1 + choices[0] / 128,
		.limit = choices[1] ? 50 + (uint64_t)choices[1] * choices[1] * 20 : 0};
	struct stage_openpgp *openpgp = NULL;
	uint64_t written = 0;
	int fd = memfd_create("packet", MFD_CLOEXEC);

	require(fd >= 0 && stage_openpgp_open(fd, "packet", &options, &openpgp, NULL) == 0,
		"not opened");
	size = write_pieces(openpgp, choices, data, size);
	require(stage_openpgp_close(&openpgp, false, &written, NULL) == 0, "not closed");
	require(!options.limit || written <= options.limit, "larger than the limit");
	check_packet(fd, data, size, (size_t)written);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t times, i;
	unsigned char *many;

	if (size < CHOICES)
		return 0;
	times = 1 + (size_t)data[7] * 4;
	size -= CHOICES;
	many = malloc(times * size + 1);
	require(many != NULL, "no memory");
	for (i = 0; i < times; i++)
		memcpy(many + i * size, data + CHOICES, size);
	check(data, many, times * size);
	free(many);
	return 0;
}
