/*
 * spool - makes what a dead run leaves, or a live one has
 *
 * spool ROOT TARGET HOME [FILE...]: makes a spool in ROOT with a file of each FILE: NAME=SIZE=NOTE, sealed;
 * of NAME=SIZE=NOTE=MESSAGE an attempt to hand it off has failed too. Prints the path of the spool, then
 * that of each file, and ends. With STAGE_TEST_HOLD in the environment it stays until standard input ends.
 *
 * spool --told ROOT BYTES: see told.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dir.h"
#include "spool.h"
#include "told.h"

static struct stage_error failure;

static void
must(int code)
{
	if (code < 0) {
		fprintf(stderr, "spool: %s\n", failure.message);
		exit(EXIT_FAILURE);
	}
}

static void
fill(int fd, unsigned long size)
{
	FILE *file = fdopen(fd, "w");

	if (!file)
		exit(EXIT_FAILURE);
	while (size-- > 0)
		putc((int)(size % 251), file);
	if (fclose(file) != 0)
		exit(EXIT_FAILURE);
}

static void
add(struct stage_spool *spool, struct stage_dir *dir, char *text)
{
	const char *name = strsep(&text, "="), *size = strsep(&text, "="),
		   *note = strsep(&text, "=");
	struct stage_spool_file *staged;
	char *path;
	int fd;

	if (!size || !note)
		exit(EXIT_FAILURE);
	must(stage_dir_mkstemp(dir, &fd, &path, &failure));
	fill(fd, strtoul(size, NULL, 10));
	must(stage_spool_accept(spool, dir, path, name, note, &staged, &failure));
	must(stage_spool_seal(spool, staged, &failure));
	if (text)
		stage_spool_note_failure(spool, staged, 3, text);
	puts(staged->path);
	free(path);
}

int
main(int argc, char **argv)
{
	struct stage_spool_about about;
	struct stage_spool *spool;
	struct stage_dir *dir;
	int i;

	if (argc < 4)
		return EXIT_FAILURE;
	if (strcmp(argv[1], "--told") == 0)
		return told(argv[2], strtoul(argv[3], NULL, 10));
	about.target = argv[2];
	about.home = argv[3];
	must(stage_dir_open(argv[1], NULL, &dir, &failure));
	must(stage_spool_open(dir, &about, false, NULL, &spool, &failure));
	puts(stage_spool_path(spool));
	for (i = 4; i < argc; i++)
		add(spool, dir, argv[i]);
	fflush(stdout);
	while (getenv("STAGE_TEST_HOLD") && getchar() != EOF)
		;
	stage_spool_close(&spool);
	stage_dir_cleanup(dir);
	stage_dir_close(&dir);
	return EXIT_SUCCESS;
}
