#include "tests.h"

#include <errno.h>
#include <stdlib.h>

static const char *
printable(const char *text)
{
	static char buffer[256];

	return stage_error_printable(buffer, sizeof(buffer), text);
}

static void
keeps_text(void)
{
	CHECK(strcmp(printable(""), "") == 0);
	CHECK(strcmp(printable("a b\\c ~"), "a b\\c ~") == 0);
	CHECK(strcmp(printable("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
		      "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") == 0);
	CHECK(strcmp(printable("\xc2\xa0"), "\xc2\xa0") == 0);
	CHECK(strcmp(printable("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf") == 0);
}

static void
escapes_control(void)
{
	CHECK(strcmp(printable("a\nb\tc\x1b[0m\x7f"), "a\\x0ab\\x09c\\x1b[0m\\x7f") == 0);
	/* CSI of Latin-1, as UTF-8 */
	CHECK(strcmp(printable("\xc2\x9b"), "\\xc2\\x9b") == 0);
	CHECK(strcmp(printable("\xc2\x80"), "\\xc2\\x80") == 0);
}

static void
escapes_other_encodings(void)
{
	CHECK(strcmp(printable("\xe4x"), "\\xe4x") == 0);
	CHECK(strcmp(printable("\x80"), "\\x80") == 0);
	CHECK(strcmp(printable("\xff\xfe"), "\\xff\\xfe") == 0);
	/* overlong, surrogate, beyond Unicode, cut at the end */
	CHECK(strcmp(printable("\xc0\xaf"), "\\xc0\\xaf") == 0);
	CHECK(strcmp(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf") == 0);
	CHECK(strcmp(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") == 0);
	CHECK(strcmp(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") == 0);
	CHECK(strcmp(printable("\xf5\x80\x80\x80"), "\\xf5\\x80\\x80\\x80") == 0);
	CHECK(strcmp(printable("\xe2\x82"), "\\xe2\\x82") == 0);
	CHECK(strcmp(printable("\xf0\x9f\x98"), "\\xf0\\x9f\\x98") == 0);
}

/* In a buffer of every size: what was cut ends in ..., whole characters only, nothing past the end.
 */
static void
cuts_at_every_size(void)
{
	static const char text[] = "ab\xc3\xa4\ncd\xe2\x82\xac.\xff"
				   "efgh";
	const char *full = printable(text);
	size_t size, length = strlen(full);
	char whole[256];

	strcpy(whole, full);
	for (size = 4; size <= length + 4; size++) {
		char *buffer = malloc(size);

		REQUIRE(buffer != NULL);
		CHECK(stage_error_printable(buffer, size, text) == buffer);
		CHECK(strlen(buffer) < size);
		if (size > length) {
			CHECK(strcmp(buffer, whole) == 0);
		} else {
			size_t short_length = strlen(buffer);
			size_t kept = short_length < 3 ? 0 : short_length - 3;

			CHECK(short_length >= 3 && strcmp(buffer + kept, "...") == 0);
			CHECK(strncmp(buffer, whole, kept) == 0);
			/* no half of a character or of an escape */
			CHECK((whole[kept] & 0xc0) != 0x80 || whole[kept] == '\\');
			CHECK(kept + 3 < size && kept + 3 + 4 + 1 > size - 4);
		}
		free(buffer);
	}
}

static void
set_fills(void)
{
	struct stage_error error;

	errno = EDOM;
	CHECK(stage_error_set(&error, STAGE_E_SYSTEM, ENOENT, "cannot open %s", "a\nb") ==
		STAGE_E_SYSTEM);
	CHECK(errno == EDOM);
	CHECK(error.code == STAGE_E_SYSTEM && error.sys_errno == ENOENT);
	CHECK(strcmp(error.message, "cannot open a\\x0ab: No such file or directory") == 0);

	CHECK(stage_error_set(&error, STAGE_E_SETTING, 0, "%d", 5) == STAGE_E_SETTING);
	CHECK(error.code == STAGE_E_SETTING && error.sys_errno == 0);
	CHECK(strcmp(error.message, "5") == 0);

	CHECK(stage_error_set(NULL, STAGE_E_MEMORY, ENOMEM, "x") == STAGE_E_MEMORY);
	CHECK(errno == EDOM);
}

/* Whatever does not fit - the text, the escapes, the errno's text - is seen to be cut. */
static void
set_cuts(void)
{
	char text[STAGE_ERROR_MESSAGE_MAX + 16];
	struct stage_error error;
	size_t length;

	for (length = STAGE_ERROR_MESSAGE_MAX - 40; length < sizeof(text); length++) {
		bool cut;

		memset(text, 'x', length);
		text[length] = '\0';
		stage_error_set(&error, STAGE_E_SYSTEM, EIO, "%s", text);
		cut = length + strlen(": Input/output error") >= STAGE_ERROR_MESSAGE_MAX;
		CHECK(strlen(error.message) < sizeof(error.message));
		CHECK((strcmp(error.message + strlen(error.message) - 3, "...") == 0) == cut);
		CHECK(cut || strstr(error.message, ": Input/output error"));

		stage_error_set(&error, STAGE_E_SETTING, 0, "%s", text);
		cut = length >= STAGE_ERROR_MESSAGE_MAX;
		CHECK((strcmp(error.message + strlen(error.message) - 3, "...") == 0) == cut);
	}
	memset(text, '\n', STAGE_ERROR_MESSAGE_MAX - 10);
	text[STAGE_ERROR_MESSAGE_MAX - 10] = '\0';
	stage_error_set(&error, STAGE_E_SETTING, 0, "%s", text);
	CHECK(strcmp(error.message + strlen(error.message) - 7, "\\x0a...") == 0);
}

static void
errno_text(void)
{
	CHECK(strcmp(stage_error_errno_text(ENOSPC), "No space left on device") == 0);
	CHECK(strcmp(stage_error_errno_text(123456), "unknown error") == 0);
	CHECK(strcmp(stage_error_errno_text(-1), "unknown error") == 0);
}

static void
code_name(void)
{
	int code;

	CHECK(strcmp(stage_error_code_name(0), "STAGE_OK") == 0);
	CHECK(strcmp(stage_error_code_name(STAGE_E_MEMORY), "STAGE_E_MEMORY") == 0);
	CHECK(strcmp(stage_error_code_name(STAGE_E_SYSTEM), "STAGE_E_SYSTEM") == 0);
	CHECK(strcmp(stage_error_code_name(STAGE_E_SETTING), "STAGE_E_SETTING") == 0);
	CHECK(strcmp(stage_error_code_name(STAGE_E_NO_ROOT), "STAGE_E_NO_ROOT") == 0);
	CHECK(strcmp(stage_error_code_name(STAGE_E_SWAPPED), "STAGE_E_SWAPPED") == 0);
	CHECK(strcmp(stage_error_code_name(STAGE_E_UNTRACKED), "STAGE_E_UNTRACKED") == 0);
	CHECK(strcmp(stage_error_code_name(STAGE_E_CLOSED), "STAGE_E_CLOSED") == 0);
	CHECK(strcmp(stage_error_code_name(STAGE_E_FORKED), "STAGE_E_FORKED") == 0);
	CHECK(strcmp(stage_error_code_name(STAGE_E_ARGUMENT), "STAGE_E_ARGUMENT") == 0);
	for (code = 1; code < 5; code++)
		CHECK(strcmp(stage_error_code_name(code), "unknown") == 0);
	CHECK(strcmp(stage_error_code_name(-1000), "unknown") == 0);
}

static void
log_lines(void)
{
	char text[STAGE_ERROR_MESSAGE_MAX * 2];
	struct captured *seen = capture();
	const struct stage_log nowhere = {0};

	errno = EDOM;
	stage_log_line(NULL, STAGE_WARNING, "%d", 1);
	stage_log_line(&nowhere, STAGE_WARNING, "%d", 1);
	stage_log_line(&seen->log, STAGE_NOTICE, "%s", "a\nb\xff");
	stage_log_line(&seen->log, STAGE_DEBUG, "%d", 7);
	CHECK(errno == EDOM);
	CHECK(strcmp(seen->text, "N:a\\x0ab\\xff\nD:7\n") == 0);

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	seen = capture();
	stage_log_line(&seen->log, STAGE_INFO, "%s", text);
	CHECK(seen->used == STAGE_ERROR_MESSAGE_MAX - 1 + strlen("I:\n"));
	CHECK(strcmp(seen->text + seen->used - 4, "...\n") == 0);
}

static const struct test tests[] = {
	{"keeps_text", keeps_text},
	{"escapes_control", escapes_control},
	{"escapes_other_encodings", escapes_other_encodings},
	{"cuts_at_every_size", cuts_at_every_size},
	{"set_fills", set_fills},
	{"set_cuts", set_cuts},
	{"errno_text", errno_text},
	{"code_name", code_name},
	{"log_lines", log_lines},
	{NULL, NULL},
};

const struct suite suite_error = {"error", tests};
