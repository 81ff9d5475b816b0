/* Settings, temp roots and URLs while each call is failed. */
#include "tests.h"

#include <stdlib.h>

#include "root.h"
#include "redact.h"
#include "settings.h"
#include "sweep.h"
#include "url.h"

static void
settings_scenario(void)
{
	struct stage_settings *settings;

	if (TRY(stage_settings_load(&settings, &sweep_said)) == 0)
		stage_settings_free(&settings);
	if (TRY(stage_settings_load_file(in_dir("conf"), &settings, &sweep_said)) == 0)
		stage_settings_free(&settings);
	TRY(stage_settings_load_file(in_dir("bad"), &settings, &sweep_said));
}

static void
ranked_scenario(void)
{
	struct stage_root_request request = {.source = "/proc"};
	struct stage_settings *settings;
	struct stage_roots *roots = NULL;
	struct stage_dir *dir;

	if (TRY(stage_settings_load_file(in_dir("conf"), &settings, &sweep_said)) < 0)
		return;
	if (TRY(stage_roots_rank(settings, &request, &roots, &sweep_said)) == 0) {
		if (TRY(stage_dir_open_ranked(roots, &sweep_log, &dir, &sweep_said)) == 0)
			stage_dir_close(&dir);
		if (!roots->chosen)
			TRY(stage_roots_none(roots, &sweep_said));
	}
	stage_roots_free(&roots);
	/* relative, through links, last resort for lying in the source */
	request = (struct stage_root_request){.tempdir = "link/../root", .source = test_dir};
	if (TRY(stage_roots_rank(settings, &request, &roots, &sweep_said)) == 0 &&
		TRY(stage_dir_open_ranked(roots, &sweep_log, &dir, &sweep_said)) == 0)
		stage_dir_close(&dir);
	stage_roots_free(&roots);
	stage_settings_free(&settings);
}

static void
url_scenario(void)
{
	static const char url[] =
		"sftp://me@corp.com:s%65cret@host/dir?token=x&mode=y#long-fragment";
	int (*const forms[])(const char *, char **, struct stage_error *) = {
		stage_url_target, stage_url_display, stage_url_display_all};
	struct stage_redact *secrets = NULL;
	char *text;
	bool same;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (TRY(forms[i](url, &text, &sweep_said)) == 0)
			free(text);
	TRY(stage_url_same(url, "sftp://me@h", &same, &sweep_said));
	TRY(stage_url_names(url, "sftp://host/dir?mode=y", &same, &sweep_said));
	for (i = 0; i < 2; i++)
		TRY(stage_redact_add(&secrets, i ? "x://u:other@h" : url, &sweep_said));
	if (TRY(stage_redact_hide(secrets, "secret sftp://u:p@h", &text, &sweep_said)) == 0)
		free(text);
	stage_redact_free(&secrets);
}

SWEEP(settings, settings_scenario, NULL, NULL, NULL)
SWEEP(ranked, ranked_scenario, NULL, NULL, NULL)
SWEEP(url, url_scenario, NULL, NULL, NULL)

static const struct test tests[] = {
	{"settings", settings},
	{"ranked", ranked},
	{"url", url},
	{NULL, NULL},
};

const struct suite suite_sweep_settings = {"sweep_settings", tests};
