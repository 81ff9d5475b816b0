#include "tests.h"

#include <stdio.h>
#include <stdlib.h>

#include "sigarchive_run.h"
#include "sigchain.h"

static struct tarfile tar;

/* An archive of names with blanks between; the content of each is which. A '-' before one: deleted. */
static void
add(struct stage_sigchain *chain, const char *names, const char *which)
{
	char list[256], name[300], *word, *rest = NULL;

	tar.size = 0;
	snprintf(list, sizeof(list), "%s", names);
	for (word = strtok_r(list, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		snprintf(name, sizeof(name), "%s/%s", *word == '-' ? "deleted" : "signature",
			*word == '-' ? word + 1 : word);
		tarfile_add(&tar,
			&(struct tarmember){.name = name, .content = *word == '-' ? NULL : which});
	}
	tarfile_end(&tar);
	WORKS(stage_sigchain_add(chain, open_tarfile(&tar, which[0] == '1'), &failure));
}

/* What the chain gives, as "NAME=CONTENT "; of names that begin with 'u' nothing is read. */
static const char *
read_all(struct stage_sigchain *chain)
{
	static char text[1024];
	const struct stage_sigarchive_entry *entry;
	size_t used = 0, count;
	char content[8];
	int code;

	text[0] = '\0';
	while ((code = stage_sigchain_next(chain, &entry, &failure)) > 0) {
		count = 0;
		if (entry->entry.index[0] != 'u')
			WORKS(stage_sigchain_read(
				chain, content, sizeof(content), &count, &failure));
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%.*s%s%.*s ",
			(int)entry->entry.index_length, entry->entry.index,
			entry->kind == STAGE_MEMBER_DELETED ? "-" : "=", (int)count, content);
	}
	CHECK(code == 0);
	CHECK(stage_sigchain_next(chain, &entry, &failure) == 0);
	return text;
}

static void
combines(void)
{
	struct stage_sigchain *chain;

	WORKS(stage_sigchain_new(&chain, &failure));
	add(chain, "a a/b a.b c d u v", "1");
	add(chain, "a/b -c e u", "2");
	add(chain, "a c u z", "3");
	CHECK(strcmp(read_all(chain), "a=3 a/b=2 a.b=1 c=3 d=1 e=2 u= v=1 z=3 ") == 0);
	stage_sigchain_close(&chain);
	stage_sigchain_close(&chain);
	WORKS(stage_sigchain_new(&chain, &failure));
	CHECK(strcmp(read_all(chain), "") == 0);
	stage_sigchain_close(&chain);
}

/* As the host has it where an archive knows a path twice. */
static void
twice(void)
{
	struct stage_sigchain *chain;

	WORKS(stage_sigchain_new(&chain, &failure));
	add(chain, "a a b", "1");
	add(chain, "a -b", "2");
	CHECK(strcmp(read_all(chain), "a=2 a=1 b- ") == 0);
	stage_sigchain_close(&chain);
}

static void
many(void)
{
	struct stage_sigchain *chain;
	char names[64], which[8], expected[1024] = "";
	size_t i, used = 0;

	WORKS(stage_sigchain_new(&chain, &failure));
	for (i = 0; i < 30; i++) {
		snprintf(names, sizeof(names), "a b%02zu c%02zu", i / 2, 29 - i);
		snprintf(which, sizeof(which), "%zu", i);
		add(chain, names, which);
	}
	used += (size_t)snprintf(expected, sizeof(expected), "a=29 ");
	for (i = 0; i < 15; i++)
		used += (size_t)snprintf(
			expected + used, sizeof(expected) - used, "b%02zu=%zu ", i, 2 * i + 1);
	for (i = 0; i < 30; i++)
		used += (size_t)snprintf(
			expected + used, sizeof(expected) - used, "c%02zu=%zu ", i, 29 - i);
	CHECK(strcmp(read_all(chain), expected) == 0);
	stage_sigchain_close(&chain);
}

static void
fails(void)
{
	const struct stage_sigarchive_entry *entry;
	struct stage_sigchain *chain;
	char byte;
	size_t count;

	WORKS(stage_sigchain_new(&chain, &failure));
	FAILS(stage_sigchain_read(chain, &byte, 1, &count, &failure), STAGE_E_ARGUMENT);
	add(chain, "a b c", "1");
	WORKS(stage_sigchain_add(chain, open_bytes("junk", 4, true), &failure));
	FAILS(stage_sigchain_next(chain, &entry, &failure), STAGE_E_DAMAGED);
	FAILS(stage_sigchain_next(chain, &entry, &failure), STAGE_E_DAMAGED);
	FAILS(stage_sigchain_read(chain, &byte, 1, &count, &failure), STAGE_E_ARGUMENT);
	FAILS(stage_sigchain_add(chain, NULL, &failure), STAGE_E_ARGUMENT);
	stage_sigchain_close(&chain);
}

static const struct test tests[] = {
	{"combines", combines},
	{"twice", twice},
	{"many", many},
	{"fails", fails},
	{NULL, NULL},
};

const struct suite suite_sigchain = {"sigchain", tests};
