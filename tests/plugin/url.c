/*
 * url - what the core makes of URLs
 *
 * Reads URLs, each with a NUL behind it, and prints a line of each: its parts (urlparts.h), then its
 * target form and its display form (url.h), in hexadecimal digits, with a comma between, and `-` for
 * a part that there is not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "url.h"
#include "urlparts.h"

static void
print(const char *text, size_t length, char behind)
{
	size_t i;

	if (!text)
		putchar('-');
	for (i = 0; text && i < length; i++)
		printf("%02x", (unsigned char)text[i]);
	putchar(behind);
}

static void
print_form(int (*make)(const char *, char **, struct stage_error *), const char *url, char behind)
{
	char *text;

	if (make(url, &text, NULL) < 0)
		exit(EXIT_FAILURE);
	print(text, strlen(text), behind);
	free(text);
}

static void
print_url(const char *url)
{
	struct stage_urlparts parts;
	const struct stage_urlpart *const list[] = {&parts.scheme, &parts.user, &parts.password,
		&parts.host, &parts.port, &parts.path, &parts.query, &parts.fragment};
	size_t i;

	stage_urlparts_split(url, strlen(url), NULL, &parts);
	for (i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		print(list[i]->text, list[i]->length, ',');
	print_form(stage_url_target, url, ',');
	print_form(stage_url_display, url, '\n');
}

int
main(void)
{
	char *line = NULL;
	size_t size = 0;

	while (getdelim(&line, &size, '\0', stdin) > 0)
		print_url(line);
	free(line);
	return ferror(stdin) || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
