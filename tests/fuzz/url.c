/*
 * What is made of bytes of any kind as a URL: no form is longer than it may be, the target form is one
 * that stays as it is, and is the same target; every byte is in a piece.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redact.h"
#include "url.h"
#include "urlparts.h"
#include "urlsecret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* Where in a URL the last piece ended. */
struct position {
	const char *at;
};

static void
follow(void *context, const struct stage_urlpiece *piece)
{
	struct position *position = context;

	/* a border may stand between: that of a query may be another than the one that is told */
	require(piece->text == position->at + (piece->before != 0), "a piece is missing");
	position->at = piece->text + piece->length;
}

static char *
make(int (*form)(const char *, char **, struct stage_error *), const char *url)
{
	char *text = NULL;

	require(form(url, &text, NULL) == 0 && text, "a form that fails");
	return text;
}

static void
check_target(const char *url)
{
	char *target = make(stage_url_target, url), *again = make(stage_url_target, target);
	bool same = false, names = false;

	require(strcmp(target, again) == 0, "a target form that changes");
	require(strlen(target) <= strlen(url), "a target form that is longer");
	require(stage_url_same(url, target, &same, NULL) == 0 && same, "another target");
	require(stage_url_names(url, target, &names, NULL) == 0 && names, "not its name");
	free(target);
	free(again);
}

/* What the URL hides is hidden in it. */
static void
check_secrets(const char *url)
{
	struct stage_redact *secrets = NULL;
	char *hidden = NULL;

	require(stage_redact_add(&secrets, url, NULL) == 0, "no secrets");
	require(stage_redact_hide(secrets, url, &hidden, NULL) == 0, "nothing hidden");
	stage_redact_free(&secrets);
	free(hidden);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *url = malloc(size + 1);
	struct position position = {.at = url};

	require(url != NULL, "no memory");
	memcpy(url, data, size);
	url[size] = '\0';
	stage_urlsecret_walk(url, strlen(url), follow, &position);
	require(position.at == url + strlen(url) || (strlen(url) && position.at[1] == '\0'),
		"the end is missing");
	check_target(url);
	check_secrets(url);
	free(make(stage_url_display, url));
	free(make(stage_url_display_all, url));
	free(url);
	return 0;
}
