#include "openpgp_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "compressor.h"
#include "packet.h"
#include "tests.h"

/* With the tag, and the lengths of all pieces. */
static uint64_t
literal_size(uint64_t size)
{
	uint64_t body = LITERAL_HEADER + size, rest = body % PIECE;

	return 1 + body + body / PIECE + (rest < 192 ? 1 : rest < 8384 ? 2 : 5);
}

uint64_t
openpgp_most(uint64_t size)
{
	uint64_t literal = literal_size(size), most = 2 + STAGE_STREAM_END_SIZE, part;

	for (; literal > 0; literal -= part) {
		part = literal < BLOCK ? literal : BLOCK;
		most += STAGE_PART_MAX(part);
	}
	return most;
}

bool
openpgp_reads_back(const char *name, const unsigned char *data, size_t size)
{
	size_t packet_size, found_size = 0;
	unsigned char *packet = gzip_content(name, &packet_size), *found;
	const char *why = "other data";
	bool same;

	found = packet_read(packet, packet_size, &found_size, &why);
	same = found && found_size == size && (size == 0 || memcmp(found, data, size) == 0);
	if (!same)
		fprintf(stderr, "\n%s, of %zu bytes for %zu: %s\n", name, packet_size, size, why);
	free(found);
	free(packet);
	return same;
}

void
openpgp_compress(const char *name, const unsigned char *data, size_t size, size_t piece,
	const struct stage_openpgp_options *options)
{
	struct stage_openpgp *openpgp = NULL;
	uint64_t written = UINT64_MAX;
	int fd = gzip_output(name);
	size_t done, now;

	WORKS(stage_openpgp_open(fd, name, options, &openpgp, &failure));
	REQUIRE(openpgp != NULL);
	for (done = 0; done < size; done += now) {
		now = size - done < piece ? size - done : piece;
		if (stage_openpgp_write(openpgp, data + done, now, &failure) < 0)
			CU_FAIL("write");
		if (stage_openpgp_size(openpgp) != gzip_size(name))
			CU_FAIL("size");
	}
	WORKS(stage_openpgp_close(&openpgp, false, &written, &failure));
	CHECK(openpgp == NULL && written == gzip_size(name));
	close(fd);
}
