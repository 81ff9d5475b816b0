/*
 * A table says which members of the struct are the fields of a line, in their order, a letter each:
 *	n name, t target, x text, i number, s size, c count
 */
#include "runevent.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal_format.h"
#include "text.h"

#define FIELDS_MAX 8
#define NUMBER_MAX 21 /* bytes of a number of 64 bits with its NUL */

static const struct form {
	const char *word, *members;
} forms[] = {
	[STAGE_RUN_VERSION] = {"stagedir-run", ""},
	[STAGE_RUN_BEGUN] = {"begun", "intxcs"},
	[STAGE_RUN_ROOT] = {"root", "ns"},
	[STAGE_RUN_VOLUME] = {"volume", "i"},
	[STAGE_RUN_MADE] = {"made", "ins"},
	[STAGE_RUN_ADOPTED] = {"adopted", "ns"},
	[STAGE_RUN_SEALED] = {"sealed", "ns"},
	[STAGE_RUN_UPLOAD] = {"upload", "ni"},
	[STAGE_RUN_FAILED] = {"failed", "nix"},
	[STAGE_RUN_CONFIRMED] = {"confirmed", "ns"},
	[STAGE_RUN_WAITS] = {"waits", "nx"},
	[STAGE_RUN_GOES_ON] = {"goes-on", "n"},
	[STAGE_RUN_ENDED] = {"ended", "nix"},
};
#define FORMS ((int)(sizeof(forms) / sizeof(forms[0])))

static const char *const results[STAGE_RUN_RESULTS] = {
	[STAGE_RUN_NONE] = "none",
	[STAGE_RUN_DONE] = "done",
	[STAGE_RUN_NO_STORAGE] = "storage",
	[STAGE_RUN_NO_ROOM] = "room",
	[STAGE_RUN_NO_GPG] = "gpg",
	[STAGE_RUN_INTERRUPTED] = "interrupted",
	[STAGE_RUN_SIGNALLED] = "signal",
	[STAGE_RUN_RESTARTED] = "restarted",
	[STAGE_RUN_ERROR] = "error",
};

const char *
stage_runresult_name(enum stage_runresult result)
{
	return results[result];
}

enum stage_runresult
stage_runresult_of(const char *name)
{
	int i;

	for (i = 0; i < STAGE_RUN_RESULTS; i++)
		if (strcmp(results[i], name) == 0)
			return (enum stage_runresult)i;
	return STAGE_RUN_ERROR;
}

static const char **
text_member(struct stage_runevent *event, char member)
{
	switch (member) {
	case 'n':
		return &event->name;
	case 't':
		return &event->target;
	case 'x':
		return &event->text;
	}
	return NULL;
}

static uint64_t *
number_member(struct stage_runevent *event, char member)
{
	switch (member) {
	case 'i':
		return &event->number;
	case 's':
		return &event->size;
	}
	return &event->count;
}

/* The fields of a line, and what is made for them. */
struct line {
	const char *fields[FIELDS_MAX + 3];
	char numbers[FIELDS_MAX][NUMBER_MAX];
	char *cut[FIELDS_MAX]; /* texts that were too long */
	size_t cut_count;
};

/* A text as a field; NULL without memory. */
static const char *
cut_text(struct line *line, const char *text)
{
	char *copy;

	if (!text || strnlen(text, STAGE_RUNEVENT_TEXT_MAX + 1) <= STAGE_RUNEVENT_TEXT_MAX)
		return text ? text : "";
	copy = strndup(text, STAGE_RUNEVENT_TEXT_MAX + 1);
	if (copy) {
		stage_text_cut(copy, STAGE_RUNEVENT_TEXT_MAX);
		line->cut[line->cut_count++] = copy;
	}
	return copy;
}

static const char *
spell(char out[NUMBER_MAX], uint64_t number)
{
	snprintf(out, NUMBER_MAX, "%" PRIu64, number);
	return out;
}

/* False: there is no memory. */
static bool
fill(struct line *line, const struct stage_runevent *event)
{
	struct stage_runevent copy = *event; /* whose members are looked at by address */
	const struct form *form = &forms[event->kind];
	const char **text;
	size_t i;

	line->fields[0] = form->word;
	line->fields[1] = event->kind == STAGE_RUN_VERSION
				  ? "1"
				  : spell(line->numbers[FIELDS_MAX - 1],
					    event->time < 0 ? 0 : (uint64_t)event->time);
	for (i = 0; form->members[i]; i++) {
		text = text_member(&copy, form->members[i]);
		line->fields[i + 2] =
			text ? cut_text(line, *text)
			     : spell(line->numbers[i], *number_member(&copy, form->members[i]));
		if (!line->fields[i + 2])
			return false;
	}
	return true;
}

size_t
stage_runevent_format(const struct stage_runevent *event, bool torn, char **ret_text)
{
	struct line line = {.cut_count = 0};
	char *text = NULL, *end;
	size_t length = 0;

	if (fill(&line, event))
		text = malloc(stage_journal_format_room(line.fields));
	if (text) {
		end = torn ? stpcpy(text, STAGE_JOURNAL_TORN_MARK "\n") : text;
		length = (size_t)(stage_journal_format_record(end, line.fields) - text);
		*ret_text = text;
	}
	while (line.cut_count)
		free(line.cut[--line.cut_count]);
	return length;
}

/* Reads the fields behind the word. */
static int
parse_fields(const char *members, char *next, char *end, struct stage_runevent *event)
{
	const char **text;
	uint64_t time;
	char *field;

	field = stage_journal_format_field(&next, end);
	if (!field || !stage_journal_format_number(field, INT64_MAX, &time))
		return -1;
	event->time = (int64_t)time;
	for (; *members; members++) {
		field = stage_journal_format_field(&next, end);
		if (!field)
			return -1;
		text = text_member(event, *members);
		if (text)
			*text = field;
		else if (!stage_journal_format_number(
				 field, UINT64_MAX, number_member(event, *members)))
			return -1;
	}
	return 1;
}

int
stage_runevent_parse(char *line, char *end, struct stage_runevent *ret_event)
{
	struct stage_runevent event = {0};
	char *next, *word;
	int i;

	switch (stage_journal_format_check(line, end, &next)) {
	case STAGE_JOURNAL_LINE_NOTHING:
		return 0;
	case STAGE_JOURNAL_LINE_DAMAGED:
		return -1;
	case STAGE_JOURNAL_LINE_RECORD:
		break;
	}
	word = stage_journal_format_field(&next, end);
	if (!word)
		return -1;
	for (i = 0; i < FORMS && strcmp(forms[i].word, word) != 0; i++)
		;
	if (i == FORMS)
		return 0; /* of a later version */
	event.kind = (enum stage_runevent_kind)i;
	if (parse_fields(forms[i].members, next, end, &event) < 0)
		return -1;
	*ret_event = event;
	return 1;
}
