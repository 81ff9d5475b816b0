#include "naming.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define DIR_PREFIX "stagedir-"
#define SHARED_MARK "s" /* no digit */
#define RELEASED_PREFIX "released-"

/* Of a machine without an id; what version 0.1.0 gave a directory that it could not lock. */
#define MACHINE_NONE UINT64_MAX
#define MACHINE_UNLOCKED 0
#define BOOT_UNKNOWN 0

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

static int
fill_random(void *buffer, size_t size, struct stage_error *error)
{
	ssize_t got;

	/* up to 256 bytes come whole once the kernel's pool is initialised, getrandom(2) */
	do
		got = getrandom(buffer, size, 0);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)size)
		return stage_error_set(error, STAGE_E_SYSTEM, got < 0 ? errno : EIO,
			"cannot get randomness for a name from the kernel");
	return 0;
}

static char *
spell(char *out, const unsigned char *bytes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		*out++ = alphabet[bytes[i] & 31];
	return out;
}

/* A decimal number; snprintf(3) would be the larger part of what a name costs. */
static char *
spell_number(char *out, uint64_t number)
{
	char digits[20], *digit = digits + sizeof(digits);

	do {
		*--digit = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	memcpy(out, digit, (size_t)(digits + sizeof(digits) - digit));
	return out + (digits + sizeof(digits) - digit);
}

/* FNV-1a, 64 bits: one way enough, since the id has 128 */
static uint64_t
hash_text(const char *text, size_t length)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	size_t i;

	for (i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* Reads the beginning of a file: its length, or -1 with errno. */
static ssize_t
read_text(const char *path, char *text, size_t size)
{
	int fd, sys_errno;
	ssize_t got;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -1;
	do
		got = read(fd, text, size);
	while (got < 0 && errno == EINTR);
	sys_errno = errno;
	close(fd);
	errno = sys_errno;
	return got;
}

/* Reads the machine's id. Returns 0 with 32 digits; -1 with errno 0 where the machine has none. */
static int
read_machine_id(char id[32 + 1])
{
	ssize_t got = read_text("/etc/machine-id", id, 32);

	if (got < 0) {
		if (errno == ENOENT || errno == EACCES)
			errno = 0;
		return -1;
	}
	errno = 0;
	id[got] = '\0';
	/* empty or "uninitialized" in images that were never booted */
	return strspn(id, "0123456789abcdef") == 32 ? 0 : -1;
}

/*
 * A failure must not pass for a machine without an id. MACHINE_NONE where there is none; one whose
 * id makes that, or 0, has to do with it: one in 2^63.
 */
static int
machine_hash(uint64_t *ret_hash, struct stage_error *error)
{
	char id[32 + 1];

	if (read_machine_id(id) == 0) {
		*ret_hash = hash_text(id, strlen(id));
		return 0;
	}
	if (errno)
		return stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot read /etc/machine-id");
	*ret_hash = MACHINE_NONE;
	return 0;
}

/* What version 0.1.0 took for the id of a machine that has none. False where it is not known. */
static bool
host_name_hash(uint64_t *ret_hash)
{
	char name[HOST_NAME_MAX + 1];

	if (gethostname(name, sizeof(name)) < 0)
		return false;
	name[sizeof(name) - 1] = '\0';
	*ret_hash = hash_text(name, strlen(name));
	return true;
}

/* BOOT_UNKNOWN where the kernel does not tell, which is never taken for the same. */
static uint32_t
boot_hash(void)
{
	char id[36];
	ssize_t got = read_text("/proc/sys/kernel/random/boot_id", id, sizeof(id));
	uint64_t hash;

	if (got != (ssize_t)sizeof(id))
		return BOOT_UNKNOWN;
	hash = hash_text(id, sizeof(id));
	return (uint32_t)(hash ^ hash >> 32);
}

int
stage_naming_dir(bool proven, char ret_name[STAGE_DIR_NAME_MAX], struct stage_error *error)
{
	unsigned char bytes[STAGE_DIR_RANDOM];
	uint64_t machine;
	int length, code;

	code = machine_hash(&machine, error);
	if (code < 0)
		return code;
	code = fill_random(bytes, sizeof(bytes), error);
	if (code < 0)
		return code;
	length = snprintf(ret_name, STAGE_DIR_NAME_MAX - STAGE_DIR_RANDOM,
		DIR_PREFIX "%016" PRIx64 "-%s%08" PRIx32 "-%ld-", machine,
		proven ? "" : SHARED_MARK, boot_hash(), (long)getpid());
	*spell(ret_name + length, bytes, sizeof(bytes)) = '\0';
	return 0;
}

static const char *const prefixes[] = {
	[STAGE_MKTEMP] = "mktemp-",
	[STAGE_MKSTEMP] = "mkstemp-",
	[STAGE_STAGED] = "staged-",
};

int
stage_naming_file(enum stage_file_kind kind, struct stage_random *random, uint64_t count,
	char ret_name[STAGE_FILE_NAME_MAX], struct stage_error *error)
{
	const char *prefix = prefixes[kind];
	size_t length = strlen(prefix);
	char *end;
	int code;

	if (!random->left) {
		code = fill_random(random->bytes, sizeof(random->bytes), error);
		if (code < 0)
			return code;
		random->left = sizeof(random->bytes);
	}
	random->left -= STAGE_FILE_RANDOM;
	memcpy(ret_name, prefix, length);
	end = spell(ret_name + length, random->bytes + random->left, STAGE_FILE_RANDOM);
	*end++ = '-';
	*spell_number(end, count) = '\0';
	return 0;
}

/* Takes exactly count characters of the alphabet: what follows them, or NULL. */
static const char *
take_random(const char *text, size_t count)
{
	return strspn(text, alphabet) == count ? text + count : NULL;
}

/* Takes a decimal number without leading zeros: what follows it, or NULL. */
static const char *
take_number(const char *text, unsigned long long *ret_number)
{
	char *end;

	if (*text < '1' || *text > '9')
		return NULL;
	errno = 0;
	*ret_number = strtoull(text, &end, 10);
	return errno ? NULL : end;
}

/* Takes a number of exactly so many hexadecimal digits: what follows it, or NULL. */
static const char *
take_digits(const char *text, size_t digits, uint64_t *ret_number)
{
	char copy[STAGE_MACHINE_DIGITS + 1];

	if (strspn(text, "0123456789abcdef") != digits)
		return NULL;
	memcpy(copy, text, digits);
	copy[digits] = '\0';
	*ret_number = strtoull(copy, NULL, 16);
	return text + digits;
}

/* PID-RANDOM */
static bool
take_run(const char *text, unsigned long long *ret_pid)
{
	const char *rest = take_number(text, ret_pid);

	if (!rest || *ret_pid > INT_MAX || *rest++ != '-')
		return false;
	rest = take_random(rest, STAGE_DIR_RANDOM);
	return rest && !*rest;
}

/* A machine that cannot tell its own id has no directory that it may touch. */
static bool
is_this_machine(uint64_t machine, bool old)
{
	uint64_t hash, old_hash;

	if (machine_hash(&hash, NULL) < 0)
		return false;
	if (machine == hash || machine == MACHINE_NONE)
		return true;
	return old && hash == MACHINE_NONE && host_name_hash(&old_hash) && machine == old_hash;
}

/* What the name of a staging directory says. */
struct parts {
	uint64_t machine;
	unsigned long long pid;
	bool old; /* of version 0.1.0 */
	bool shared;
};

static bool
take_dir(const char *name, struct parts *parts)
{
	const char *rest, *run;
	uint64_t boot;

	*parts = (struct parts){0};
	if (strncmp(name, DIR_PREFIX, strlen(DIR_PREFIX)) != 0)
		return false;
	rest = take_digits(name + strlen(DIR_PREFIX), STAGE_MACHINE_DIGITS, &parts->machine);
	if (!rest || *rest++ != '-')
		return false;
	parts->shared = strncmp(rest, SHARED_MARK, strlen(SHARED_MARK)) == 0;
	run = take_digits(
		rest + (parts->shared ? strlen(SHARED_MARK) : 0), STAGE_BOOT_DIGITS, &boot);
	if (run && *run == '-' && take_run(run + 1, &parts->pid))
		return true;
	parts->old = true;
	parts->shared = parts->machine == MACHINE_UNLOCKED;
	return take_run(rest, &parts->pid);
}

bool
stage_naming_is_dir(const char *name, pid_t *ret_pid, bool *ret_this_machine)
{
	struct parts parts;

	if (!take_dir(name, &parts))
		return false;
	*ret_pid = (pid_t)parts.pid;
	*ret_this_machine = is_this_machine(parts.machine, parts.old);
	return true;
}

bool
stage_naming_is_shared(const char *name)
{
	struct parts parts;

	return take_dir(name, &parts) && parts.shared;
}

int
stage_naming_released(char ret_name[STAGE_RELEASED_NAME_MAX], struct stage_error *error)
{
	uint64_t machine;
	int code = machine_hash(&machine, error);

	if (code == 0)
		snprintf(ret_name, STAGE_RELEASED_NAME_MAX,
			RELEASED_PREFIX "%016" PRIx64 "-%08" PRIx32, machine, boot_hash());
	return code;
}

bool
stage_naming_is_released(const char *name, bool *ret_this_machine, bool *ret_this_boot)
{
	uint64_t machine, boot, hash;
	const char *rest;

	if (strncmp(name, RELEASED_PREFIX, strlen(RELEASED_PREFIX)) != 0)
		return false;
	rest = take_digits(name + strlen(RELEASED_PREFIX), STAGE_MACHINE_DIGITS, &machine);
	if (!rest || *rest++ != '-')
		return false;
	rest = take_digits(rest, STAGE_BOOT_DIGITS, &boot);
	if (!rest || *rest)
		return false;
	*ret_this_machine = machine_hash(&hash, NULL) == 0 && machine == hash;
	*ret_this_boot = boot != BOOT_UNKNOWN && boot == boot_hash();
	return true;
}

static bool
is_of_kind(const char *name, enum stage_file_kind kind)
{
	size_t length = strlen(prefixes[kind]);
	unsigned long long count;
	const char *rest = NULL;

	if (strncmp(name, prefixes[kind], length) == 0)
		rest = take_random(name + length, STAGE_FILE_RANDOM);
	return rest && *rest == '-' && (rest = take_number(rest + 1, &count)) && !*rest;
}

bool
stage_naming_is_file(const char *name)
{
	return is_of_kind(name, STAGE_MKTEMP) || is_of_kind(name, STAGE_MKSTEMP) ||
	       is_of_kind(name, STAGE_STAGED);
}

bool
stage_naming_is_staged(const char *name)
{
	return is_of_kind(name, STAGE_STAGED);
}
