/*
 * packet - makes an OpenPGP compressed packet
 *
 * packet LEVEL THREADS: standard input becomes a packet on standard output.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "openpgp.h"

static struct stage_error failure;

static void
must(int code)
{
	if (code < 0) {
		fprintf(stderr, "packet: %s\n", failure.message);
		exit(EXIT_FAILURE);
	}
}

int
main(int argc, char **argv)
{
	static char data[64 * 1024];
	struct stage_openpgp_options options = {0};
	struct stage_openpgp *openpgp = NULL;
	ssize_t got;

	if (argc != 3)
		return EXIT_FAILURE;
	options.level = (int)strtol(argv[1], NULL, 10);
	options.threads = (unsigned int)strtoul(argv[2], NULL, 10);
	must(stage_openpgp_open(STDOUT_FILENO, "standard output", &options, &openpgp, &failure));
	while ((got = read(STDIN_FILENO, data, sizeof(data))) > 0)
		must(stage_openpgp_write(openpgp, data, (size_t)got, &failure));
	must(stage_openpgp_close(&openpgp, got < 0, NULL, &failure));
	return got < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
