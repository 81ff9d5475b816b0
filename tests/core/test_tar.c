/*
 * libarchive writes volumes, so it is no judge of what is in them: a reader of ustar and pax that
 * knows just enough is. What the host's own reader makes of them, tests/plugin/equal.sh tells.
 */
#include "tests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tar.h"

#define ROOM ((size_t)1 << 20)

/* What was written. With limit, as much as that, and then an error. */
struct memory {
	unsigned char *bytes;
	size_t used, limit;
	bool odd; /* was anything given in less than whole blocks at its end? */
};

static int
take(void *context, const void *bytes, size_t size, struct stage_error *error)
{
	struct memory *memory = context;

	if (memory->used + size > (memory->limit ? memory->limit : ROOM))
		return stage_error_set(error, STAGE_E_SYSTEM, ENOSPC, "cannot write it");
	memcpy(memory->bytes + memory->used, bytes, size);
	memory->used += size;
	return 0;
}

/* A member as it is read. */
struct found {
	char name[16384], target[8192], user[300], group[300];
	char type;
	bool binary;
	unsigned long mode, dev_major, dev_minor;
	unsigned long long uid, gid, size;
	long long mtime;
	const unsigned char *data;
};

/* A number field of ustar, which libarchive may also write in base 256. */
static unsigned long long
number(const unsigned char *field, size_t size)
{
	unsigned long long value = 0;
	size_t i = 0;

	if (field[0] & 0x80) {
		for (i = 1; i < size; i++)
			value = value << 8 | field[i];
		return value;
	}
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		value = value * 8 + (unsigned long long)(field[i] - '0');
	return value;
}

static void
text(char *to, size_t room, const unsigned char *field, size_t size)
{
	size_t length = strnlen((const char *)field, size);

	REQUIRE(length < room);
	memcpy(to, field, length);
	to[length] = '\0';
}

static bool
sum_is_right(const unsigned char *header)
{
	unsigned long sum = 0;
	size_t i;

	for (i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : header[i];
	return sum == number(header + 148, 8);
}

static void
read_ustar(const unsigned char *header, struct found *found)
{
	char prefix[156], name[101];

	CHECK(memcmp(header + 257, "ustar\00000", 8) == 0 && sum_is_right(header));
	text(name, sizeof(name), header, 100);
	text(prefix, sizeof(prefix), header + 345, 155);
	snprintf(found->name, sizeof(found->name), "%s%s%s", prefix, *prefix ? "/" : "", name);
	found->mode = (unsigned long)number(header + 100, 8);
	found->uid = number(header + 108, 8);
	found->gid = number(header + 116, 8);
	found->size = number(header + 124, 12);
	found->mtime = (long long)number(header + 136, 12);
	found->type = (char)header[156];
	text(found->target, sizeof(found->target), header + 157, 100);
	text(found->user, sizeof(found->user), header + 265, 32);
	text(found->group, sizeof(found->group), header + 297, 32);
	found->dev_major = (unsigned long)number(header + 329, 8);
	found->dev_minor = (unsigned long)number(header + 337, 8);
}

static void
take_record(struct found *found, const char *key, const unsigned char *value, size_t size)
{
	if (strcmp(key, "path") == 0)
		text(found->name, sizeof(found->name), value, size);
	else if (strcmp(key, "linkpath") == 0)
		text(found->target, sizeof(found->target), value, size);
	else if (strcmp(key, "uname") == 0)
		text(found->user, sizeof(found->user), value, size);
	else if (strcmp(key, "gname") == 0)
		text(found->group, sizeof(found->group), value, size);
	else if (strcmp(key, "uid") == 0)
		found->uid = strtoull((const char *)value, NULL, 10);
	else if (strcmp(key, "gid") == 0)
		found->gid = strtoull((const char *)value, NULL, 10);
	else if (strcmp(key, "mtime") == 0)
		found->mtime = strtoll((const char *)value, NULL, 10);
	else if (strcmp(key, "hdrcharset") == 0)
		found->binary = size == 6 && memcmp(value, "BINARY", 6) == 0;
	else
		CHECK(strncmp(key, "SCHILY.dev", 10) == 0);
}

/* The records of a pax header: "LENGTH KEY=VALUE\n" each. */
static void
read_pax(const unsigned char *records, size_t size, struct found *found)
{
	const unsigned char *at, *equals, *end;
	char key[64];
	size_t length;

	for (at = records; at < records + size; at += length) {
		length = strtoul((const char *)at, NULL, 10);
		end = at + length - 1;
		REQUIRE(length > 4 && end < records + size && *end == '\n');
		at = memchr(at, ' ', 20);
		equals = at ? memchr(at, '=', 60) : NULL;
		REQUIRE(at && equals && equals < end);
		snprintf(key, sizeof(key), "%.*s", (int)(equals - at - 1), at + 1);
		take_record(found, key, equals + 1, (size_t)(end - equals - 1));
		at = end + 1 - length;
	}
}

/* Reads the member at *offset and moves on behind it; false at the end of what was written. */
static bool
read_member(const struct memory *memory, size_t *offset, struct found *found)
{
	const unsigned char *header = memory->bytes + *offset;
	const unsigned char *records = NULL;
	size_t size = 0;

	memset(found, 0, sizeof(*found));
	if (*offset == memory->used)
		return false;
	REQUIRE(*offset + 512 <= memory->used);
	if (header[156] == 'x') {
		size = (size_t)number(header + 124, 12);
		records = header + 512;
		CHECK(sum_is_right(header));
		*offset += 512 + (size + 511) / 512 * 512;
		header = memory->bytes + *offset;
	}
	read_ustar(header, found);
	if (records)
		read_pax(records, size, found);
	found->data = header + 512;
	*offset += 512 + (size_t)(found->size + 511) / 512 * 512;
	REQUIRE(*offset <= memory->used);
	return true;
}

static struct memory memory;
static struct stage_tar *volume;

static void
begin(void)
{
	memory = (struct memory){.bytes = calloc(1, ROOM)};
	REQUIRE(memory.bytes != NULL);
	WORKS(stage_tar_open(take, &memory, &volume, &failure));
	CHECK(memory.used == 0);
}

static void
end(void)
{
	size_t before = memory.used;

	stage_tar_close(&volume);
	CHECK(volume == NULL && memory.used == before);
	free(memory.bytes);
}

/* Writes a member, and reads it: it is the only one. */
static struct found *
round_trip(const struct stage_member *member, const void *data, size_t size)
{
	static struct found found;
	size_t offset = 0;

	memory.used = 0;
	WORKS(stage_tar_add(volume, member, data, size, &failure));
	CHECK(memory.used % 512 == 0);
	REQUIRE(read_member(&memory, &offset, &found));
	CHECK(offset == memory.used);
	CHECK(found.size == size && (size == 0 || memcmp(found.data, data, size) == 0));
	if (member->type == STAGE_MEMBER_FILE)
		CHECK(memory.used - (size + 511) / 512 * 512 <= STAGE_TAR_HEADER_MAX);
	return &found;
}

static const struct stage_member plain = {.name = "a/b",
	.mode = 0644,
	.uid = 1000,
	.gid = 100,
	.user = "jo",
	.group = "users",
	.mtime = 1600000000};

/* Byte for byte. */
static void
golden(void)
{
	static const unsigned char data[] = {'a', 'b', 'c'};
	unsigned char expected[1024] = "snapshot/a/b";

	memcpy(expected + 100,
		"000644 \0"
		"001750 \0"
		"000144 \0",
		24);
	memcpy(expected + 124, "00000000003 13727410000 ", 24);
	memcpy(expected + 148, "013002\0 0", 9);
	memcpy(expected + 257,
		"ustar\0"
		"00jo",
		10);
	memcpy(expected + 297, "users", 5);
	memcpy(expected + 329,
		"000000 \0"
		"000000 \0",
		16);
	memcpy(expected + 512, data, 3);
	begin();
	round_trip(&plain, data, 3);
	/* the sum is read_ustar()'s to check */
	memcpy(expected + 148, memory.bytes + 148, 8);
	CHECK(memory.used == 1024 && memcmp(memory.bytes, expected, 1024) == 0);
	end();
}

static void
names(void)
{
	static const struct {
		struct stage_member member;
		const char *name;
	} cases[] = {
		{{.kind = STAGE_MEMBER_SNAPSHOT, .name = "a"}, "snapshot/a"},
		{{.kind = STAGE_MEMBER_DIFF, .name = "a/b"}, "diff/a/b"},
		{{.kind = STAGE_MEMBER_DELETED, .name = "a"}, "deleted/a"},
		{{.kind = STAGE_MEMBER_DELETED, .name = ""}, "deleted/"},
		{{.kind = STAGE_MEMBER_DELETED, .name = NULL}, "deleted/"},
		{{.kind = STAGE_MEMBER_SIGNATURE, .name = "a"}, "signature/a"},
		{{.kind = STAGE_MEMBER_SNAPSHOT, .piece = 1, .name = "a"}, "multivol_snapshot/a/1"},
		{{.kind = STAGE_MEMBER_DIFF, .piece = UINT64_MAX, .name = "a"},
			"multivol_diff/a/18446744073709551615"},
		{{.type = STAGE_MEMBER_DIRECTORY, .name = "a/"}, "snapshot/a/"},
		{{.type = STAGE_MEMBER_DIRECTORY, .name = "a"}, "snapshot/a/"},
		{{.type = STAGE_MEMBER_DIRECTORY, .name = "./"}, "snapshot/./"},
		{{.type = STAGE_MEMBER_DIRECTORY, .name = ""}, "snapshot/"},
		{{.name = "\xff\xfe/\x80"}, "snapshot/\xff\xfe/\x80"},
		{{.name = "\xc3\xa4"}, "snapshot/\xc3\xa4"},
		{{.name = "a\nb\\\t=%s"}, "snapshot/a\nb\\\t=%s"},
		{{.name = " a "}, "snapshot/ a "},
	};
	const struct found *found;
	size_t i;

	begin();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		found = round_trip(&cases[i].member, NULL, 0);
		CHECK(strcmp(found->name, cases[i].name) == 0);
	}
	end();
}

/* Every length of a name, flat and in folders, ASCII and not. */
static void
long_names(void)
{
	static char name[4200], expected[4300];
	struct stage_member member = plain;
	const struct found *found;
	size_t length;
	int kind;

	begin();
	member.name = name;
	for (kind = 0; kind < 4; kind++) {
		for (length = 1; length < sizeof(name); length += length < 600 ? 1 : 97) {
			memset(name, kind & 1 ? '\xe4' : 'n', length);
			name[length] = '\0';
			if (kind & 2)
				for (size_t i = 50; i < length - 1; i += 51)
					name[i] = '/';
			snprintf(expected, sizeof(expected), "snapshot/%s", name);
			found = round_trip(&member, NULL, 0);
			CHECK(strcmp(found->name, expected) == 0);
			CHECK(found->binary == (kind & 1));
		}
	}
	end();
}

static void
types(void)
{
	static const char letters[] = "052634";
	static const unsigned int minors[] = {0, 255, 262143, 262144, 1048575};
	struct stage_member member = plain;
	const struct found *found;
	size_t i;

	begin();
	member.target = "to";
	member.dev_major = 8;
	for (i = 0; i < 6; i++) {
		member.type = (enum stage_member_type)i;
		found = round_trip(&member, NULL, 0);
		CHECK(found->type == letters[i]);
		CHECK(strcmp(found->target, i == STAGE_MEMBER_LINK ? "to" : "") == 0);
		CHECK(found->dev_major == (i >= STAGE_MEMBER_CHARACTER ? 8 : 0));
		CHECK(found->mode == 0644 && found->uid == 1000 && found->gid == 100);
		CHECK(strcmp(found->user, "jo") == 0 && strcmp(found->group, "users") == 0);
	}
	for (i = 0; i < sizeof(minors) / sizeof(minors[0]); i++) {
		member.dev_minor = minors[i];
		CHECK(round_trip(&member, NULL, 0)->dev_minor == minors[i]);
	}
	end();
}

static void
targets(void)
{
	static const char *const tails[] = {"", "/", "\xff", "\n"};
	static char target[4200];
	struct stage_member member = plain;
	size_t length, i;

	begin();
	member.type = STAGE_MEMBER_LINK;
	member.target = target;
	for (length = 1; length < 4096; length += length < 300 ? 1 : 101) {
		for (i = 0; i < 4; i++) {
			memset(target, 't', length);
			strcpy(target + length, tails[i]);
			CHECK(strcmp(round_trip(&member, NULL, 0)->target, target) == 0);
		}
	}
	end();
}

static void
numbers(void)
{
	static const int64_t values[] = {0, 1, 2097151, 2097152, 2147483647, 2147483648, 4294967294,
		8589934591, 8589934592, INT64_C(1) << 40};
	static const unsigned int modes[] = {0, 0400, 07777, 0100644};
	struct stage_member member = plain;
	const struct found *found;
	size_t i;

	begin();
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		member.uid = member.gid = (uint64_t)values[i];
		member.mtime = values[i];
		found = round_trip(&member, NULL, 0);
		CHECK(found->uid == member.uid && found->gid == member.gid);
		CHECK(found->mtime == member.mtime);
	}
	for (i = 1; i < 4; i++) {
		member.mtime = -values[i];
		CHECK(round_trip(&member, NULL, 0)->mtime == member.mtime);
	}
	for (i = 0; i < 4; i++) {
		member.mode = modes[i];
		CHECK(round_trip(&member, NULL, 0)->mode == (modes[i] & 07777));
	}
	end();
}

static void
owners(void)
{
	static char longer[200];
	const char *const owner[] = {"", "root", "\xc3\xa4", "exactly-thirty-two-characters-oh",
		"name with spaces", longer};
	struct stage_member member = plain;
	const struct found *found;
	size_t i;

	memset(longer, 'u', sizeof(longer) - 1);
	begin();
	for (i = 0; i < 6; i++) {
		member.user = member.group = owner[i];
		found = round_trip(&member, NULL, 0);
		CHECK(strcmp(found->user, owner[i]) == 0 && strcmp(found->group, owner[i]) == 0);
	}
	end();
}

/* Every size of data around what blocks are; ASCII and other members one after the other. */
static void
contents(void)
{
	static const size_t sizes[] = {0, 1, 511, 512, 513, 1023, 65535, 65536, 65537, 200000};
	static unsigned char data[200000];
	struct stage_member member = plain;
	struct found found;
	size_t i, offset = 0;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7 + 1);
	begin();
	for (i = 0; i < 10; i++)
		round_trip(&plain, data, sizes[i]);
	memory.used = 0;
	for (i = 0; i < 10; i++) {
		member.name = i % 3 ? "ascii" : "\xe4";
		WORKS(stage_tar_add(volume, &member, data, sizes[i], &failure));
	}
	for (i = 0; i < 10; i++) {
		REQUIRE(read_member(&memory, &offset, &found));
		CHECK(strcmp(found.name, i % 3 ? "snapshot/ascii" : "snapshot/\xe4") == 0);
		CHECK(found.size == sizes[i] && memcmp(found.data, data, sizes[i]) == 0);
	}
	CHECK(!read_member(&memory, &offset, &found));
	member.type = STAGE_MEMBER_FIFO;
	FAILS(stage_tar_add(volume, &member, data, 1, &failure), STAGE_E_ARGUMENT);
	end();
}

/* A tar's end: at least two empty blocks, and a multiple of 10240 in all. */
static void
footer(void)
{
	size_t members, used, i;

	for (members = 0; members < 45; members++) {
		begin();
		for (i = 0; i < members; i++)
			WORKS(stage_tar_add(volume, &plain, NULL, 0, &failure));
		used = memory.used;
		WORKS(stage_tar_end(volume, &failure));
		CHECK(memory.used % 10240 == 0 && memory.used >= used + 1024 &&
			memory.used < used + 1024 + 10240);
		for (i = used; i < memory.used && !memory.bytes[i]; i++)
			;
		CHECK(i == memory.used);
		end();
	}
}

/* Behind an archive's end no reader looks, and what is closed is not there: nothing is written. */
static void
wrong_order(void)
{
	size_t used;
	int i;

	begin();
	WORKS(stage_tar_add(volume, &plain, NULL, 0, &failure));
	WORKS(stage_tar_end(volume, &failure));
	used = memory.used;
	for (i = 0; i < 2; i++) {
		FAILS(stage_tar_add(volume, &plain, NULL, 0, &failure), STAGE_E_ARGUMENT);
		HAS(failure.message, plain.name);
		HAS(failure.message, "ended already");
		FAILS(stage_tar_end(volume, &failure), STAGE_E_ARGUMENT);
		HAS(failure.message, "ended already");
		CHECK(stage_tar_add(volume, &plain, NULL, 0, NULL) == STAGE_E_ARGUMENT);
	}
	CHECK(memory.used == used);
	end();
	FAILS(stage_tar_add(volume, &plain, NULL, 0, &failure), STAGE_E_ARGUMENT);
	HAS(failure.message, "not open");
	FAILS(stage_tar_end(volume, &failure), STAGE_E_ARGUMENT);
	/* one that was not ended takes more after a member that was refused */
	begin();
	FAILS(stage_tar_add(volume, NULL, NULL, 0, &failure), STAGE_E_ARGUMENT);
	WORKS(stage_tar_add(volume, &plain, NULL, 0, &failure));
	end();
}

/* Wherever writing fails, that is the error, at once and from then on. */
static void
errors(void)
{
	struct stage_member member = plain;
	size_t limit;
	int code;

	for (limit = 1; limit < 6000; limit += 100) {
		begin();
		memory.limit = limit;
		do {
			code = stage_tar_add(volume, &member, "data", 4, &failure);
			member.name = member.name == plain.name ? "\xe4" : plain.name;
		} while (code == 0);
		CHECK(code == STAGE_E_SYSTEM && failure.sys_errno == ENOSPC);
		HAS(failure.message, "cannot write it");
		memory.limit = 0;
		FAILS(stage_tar_add(volume, &plain, NULL, 0, &failure), STAGE_E_SYSTEM);
		FAILS(stage_tar_end(volume, &failure), STAGE_E_SYSTEM);
		end();
	}
	stage_tar_close(&volume);
}

static const struct test tests[] = {
	{"golden", golden},
	{"names", names},
	{"long_names", long_names},
	{"types", types},
	{"targets", targets},
	{"numbers", numbers},
	{"owners", owners},
	{"contents", contents},
	{"footer", footer},
	{"wrong_order", wrong_order},
	{"errors", errors},
	{NULL, NULL},
};

const struct suite suite_tar = {"tar", tests};
