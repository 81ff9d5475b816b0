#include "report/html.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "report/spell.h"

/* Bytes of a text that are shown; a longer one is cut and ends in "...". */
#define TEXT_MAX 1024

/* behind is what follows each slash. */
static void
print_text(FILE *out, const char *text, const char *behind)
{
	char printable[TEXT_MAX];
	const char *next;

	for (next = stage_error_printable(printable, sizeof(printable), text ? text : ""); *next;
		next++)
		switch (*next) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			fputc(*next, out);
			if (*next == '/')
				fputs(behind, out);
		}
}

void
html_text(FILE *out, const char *text)
{
	print_text(out, text, "");
}

void
html_path(FILE *out, const char *text)
{
	print_text(out, text, "<wbr/>");
}

static void
open_data(FILE *out, const char *id, uint64_t value)
{
	fputs("<data", out);
	if (id)
		fprintf(out, " id=\"%s\"", id);
	fprintf(out, " value=\"%" PRIu64 "\">", value);
}

void
html_number(FILE *out, const char *id, uint64_t number)
{
	open_data(out, id, number);
	fprintf(out, "%" PRIu64 "</data>", number);
}

void
html_size(FILE *out, const char *id, uint64_t bytes)
{
	char text[SPELL_MAX];

	open_data(out, id, bytes);
	fprintf(out, "%s</data>", spell_size(text, bytes));
}

void
html_duration(FILE *out, const char *id, int64_t milliseconds)
{
	char text[SPELL_MAX];

	open_data(out, id, (uint64_t)milliseconds);
	fprintf(out, "%s</data>", spell_duration(text, milliseconds));
}

void
html_speed(FILE *out, const char *id, uint64_t bytes)
{
	char text[SPELL_MAX];

	open_data(out, id, bytes);
	if (bytes)
		fprintf(out, "%s/s</data>", spell_size(text, bytes));
	else
		fputs("-</data>", out);
}

static void
print_time(FILE *out, const char *id, int64_t time, const char *text)
{
	char utc[SPELL_MAX];

	fputs("<time", out);
	if (id)
		fprintf(out, " id=\"%s\"", id);
	fprintf(out, " datetime=\"%s\">", spell_utc(utc, time));
	html_text(out, text);
	fputs("</time>", out);
}

void
html_moment(FILE *out, const char *id, int64_t time)
{
	char text[SPELL_MAX];

	print_time(out, id, time, spell_moment(text, time));
}

void
html_clock(FILE *out, const char *id, int64_t time)
{
	char text[SPELL_MAX];

	print_time(out, id, time, spell_clock(text, time));
}
