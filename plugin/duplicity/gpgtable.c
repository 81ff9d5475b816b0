/*
 * What speaks against ready-made packets, and what does not though it may seem so:
 *
 *	against		compressions of messages; output that is no binary message, or goes elsewhere; what
 *			gpg writes into literal packets, which the ready-made ones have already; old formats.
 *			rfc4880, openpgp and compliance also undo a --compress-algo that stands before them.
 *			A length by set-filesize would be that of another packet. override-session-key is for
 *			decryption, and its form with -fd may read the message.
 *	harmless	compress-keys and compress-sigs are for exported keys and detached signatures;
 *			escape-from-lines, not-dash-escaped and rfc2440-text for signed text;
 *			default-preference-list for new keys; no-armor and use-embedded-filename for input;
 *			gnupg is the default; comment is only in armor.
 *
 * Where one gpg signs and another one encrypts, there is more:
 *
 *	signing		another signer, or several; what makes a signature larger; recipients who hang on the signing
 *			key, which is not told to the gpg that encrypts; passphrases and commands that only one gpg
 *			can read.
 *
 * tests/core/test_gpgoptions.c compares this with the gpg of the machine.
 */
#include "duplicity/gpgtable.h"

#include <stdbool.h>
#include <string.h>

static const char *const against[] = {"armor", "armour", "disable-mdc", "dry-run",
	"for-your-eyes-only", "mimemode", "multifile", "no-compress", "no-literal", "openpgp",
	"pgp2", "pgp6", "pgp7", "pgp8", "pipemode", "rfc1991", "rfc2440", "rfc4880", "rfc4880bis",
	"textmode", "unwrap", NULL};

static const char *const against_value[] = {"bzip2-compress-level", "chunk-size", "compliance",
	"compress-algo", "compress-level", "compression-algo", "debug-set-iobuf-size", "output",
	"override-session-key", "override-session-key-fd", "personal-compress-preferences",
	"personal-compress-prefs", "run-as-shm-coprocess", "set-filename", "set-filesize", NULL};

static const char *const commands[] = {"add-recipients", "card-edit", "card-status",
	"change-passphrase", "change-pin", "change-recipients", "check-sig", "check-signatures",
	"check-sigs", "check-trustdb", "clear-sign", "clearsign", "dearmor", "dearmour", "decrypt",
	"decrypt-files", "delete-keys", "delete-secret-and-public-keys", "delete-secret-keys",
	"desig-revoke", "detach-sign", "dump-option-table", "dump-options", "edit-card", "edit-key",
	"enarmor", "enarmour", "encrypt-files", "export", "export-ownertrust", "export-secret-keys",
	"export-secret-ssh-key", "export-secret-subkeys", "export-ssh-key", "fast-import",
	"fetch-keys", "fingerprint", "fix-trustdb", "full-gen-key", "full-generate-key", "gen-key",
	"gen-prime", "gen-random", "gen-revoke", "generate-designated-revocation", "generate-key",
	"generate-revocation", "gpgconf-list", "gpgconf-test", "help", "import",
	"import-ownertrust", "key-edit", "list-config", "list-gcrypt-config", "list-key",
	"list-keys", "list-ownertrust", "list-packets", "list-public-keys", "list-secret-keys",
	"list-sig", "list-signatures", "list-sigs", "list-trust-path", "list-trustdb",
	"locate-external-keys", "locate-keys", "lsign-key", "passwd", "print-md", "print-mds",
	"quick-add-adsk", "quick-add-key", "quick-add-uid", "quick-addkey", "quick-adduid",
	"quick-gen-key", "quick-generate-key", "quick-lsign-key", "quick-revoke-sig",
	"quick-revoke-uid", "quick-revuid", "quick-set-expire", "quick-set-ownertrust",
	"quick-set-primary-uid", "quick-sign-key", "quick-tsign-key", "quick-update-pref",
	"rebuild-keydb-caches", "receive-keys", "recv-keys", "refresh-keys", "search-keys",
	"send-keys", "server", "show-key", "show-keys", "sign", "sign-key", "store", "tofu-policy",
	"update-trustdb", "verify", "verify-files", "version", "warranty", NULL};

static const char *const keys[] = {"symmetric", NULL};

static const char *const keys_value[] = {"default-recipient", "encrypt-to", "hidden-encrypt-to",
	"hidden-recipient", "hidden-recipient-file", "recipient", "recipient-file", "remote-user",
	"user", NULL};

static const char *const harmless[] = {"allow-freeform-uid", "allow-multiple-messages",
	"allow-multisig-verification", "allow-non-selfsigned-uid", "allow-old-cipher-algos",
	"allow-secret-key-import", "allow-weak-digest-algos", "allow-weak-key-signatures",
	"always-trust", "ask-cert-expire", "ask-cert-level", "ask-sig-expire", "auto-check-trustdb",
	"auto-key-import", "auto-key-retrieve", "auto-key-upload", "batch",
	"bzip2-decompress-lowmem", "compress-keys", "compress-sigs", "debug-all",
	"debug-ccid-driver", "debug-ignore-expiration", "debug-iolbf", "debug-quick-random",
	"default-comment", "disable-ccid", "disable-dirmngr", "disable-dsa2",
	"disable-fd-translation", "disable-large-rsa", "disable-pqc-encryption",
	"disable-signer-uid", "emit-version", "enable-dsa2", "enable-large-rsa",
	"enable-progress-filter", "enable-special-filenames", "encrypt", "escape-from-lines",
	"exit-on-status-write-error", "expert", "fast-list-mode", "fixed-list-mode",
	"forbid-gen-key", "force-aead", "force-mdc", "force-ocb", "force-sign-key", "force-v3-sigs",
	"force-v4-certs", "full-timestrings", "gnupg", "honor-http-proxy", "ignore-crc-error",
	"ignore-mdc-error", "ignore-time-conflict", "ignore-valid-from", "interactive",
	"legacy-list-mode", "list-only", "lock-multiple", "lock-never", "lock-once", "log-time",
	"mangle-dos-filenames", "merge-only", "no", "no-allow-freeform-uid",
	"no-allow-multiple-messages", "no-allow-non-selfsigned-uid", "no-armor", "no-armour",
	"no-ask-cert-expire", "no-ask-cert-level", "no-ask-sig-expire", "no-auto-check-trustdb",
	"no-auto-key-import", "no-auto-key-locate", "no-auto-key-retrieve", "no-auto-key-upload",
	"no-auto-trust-new-key", "no-autostart", "no-batch", "no-comments", "no-default-keyring",
	"no-default-recipient", "no-disable-mdc", "no-emit-version", "no-encrypt-to",
	"no-escape-from-lines", "no-expensive-trust-checks", "no-expert", "no-for-your-eyes-only",
	"no-force-mdc", "no-force-v3-sigs", "no-force-v4-certs", "no-greeting", "no-groups",
	"no-include-key-block", "no-keyring", "no-mangle-dos-filenames", "no-mdc-warning",
	"no-permission-warning", "no-pgp2", "no-pgp6", "no-pgp7", "no-pgp8", "no-random-seed-file",
	"no-require-backsigs", "no-require-cross-certification", "no-require-secmem",
	"no-rfc2440-text", "no-secmem-warning", "no-show-notation", "no-show-photos",
	"no-show-policy-url", "no-sig-cache", "no-sig-create-check", "no-sk-comments",
	"no-skip-hidden-recipients", "no-strict", "no-symkey-cache", "no-textmode",
	"no-throw-keyid", "no-throw-keyids", "no-tty", "no-use-agent", "no-use-embedded-filename",
	"no-utf8-strings", "no-verbose", "no-version", "not-dash-escaped", "only-sign-text-ids",
	"override-compliance-check", "preserve-permissions", "print-dane-records",
	"print-pka-records", "proc-all-sigs", "quick-random", "quiet", "require-backsigs",
	"require-compliance", "require-cross-certification", "require-pqc-encryption",
	"require-secmem", "rfc2440-text", "show-keyring", "show-notation", "show-only-session-key",
	"show-photos", "show-policy-url", "show-session-key", "simple-sk-checksum", "sk-comments",
	"skip-hidden-recipients", "skip-verify", "strict", "throw-keyid", "throw-keyids",
	"try-all-secrets", "use-agent", "use-embedded-filename", "use-keyboxd",
	"use-only-openpgp-card", "utf8-strings", "verbose", "with-colons", "with-fingerprint",
	"with-icao-spelling", "with-key-data", "with-key-origin", "with-key-screening",
	"with-keygrip", "with-secret", "with-sig-check", "with-sig-list", "with-subkey-fingerprint",
	"with-subkey-fingerprints", "with-tofu-info", "with-v5-fingerprint", "with-wkd-hash",
	"without-subkey-fingerprint", "yes", NULL};

static const char *const harmless_value[] = {"add-desig-revoker", "aead-algo", "agent-program",
	"assert-pubkey-algo", "assert-signer", "attribute-fd", "attribute-file", "auto-key-locate",
	"cert-digest-algo", "cert-notation", "cert-policy-url", "charset", "chuid", "cipher-algo",
	"comment", "compatibility-flags", "completes-needed", "ctapi-driver", "debug",
	"debug-allow-large-chunks", "debug-level", "default-cert-check-level",
	"default-cert-expire", "default-cert-level", "default-key", "default-keyserver-url",
	"default-new-key-adsk", "default-new-key-algo", "default-preference-list",
	"default-sig-expire", "digest-algo", "dirmngr-program", "disable-cipher-algo",
	"disable-pubkey-algo", "display", "display-charset", "exec-path", "export-filter",
	"export-options", "faked-system-time", "force-ownertrust", "gpg-agent-info",
	"import-filter", "import-options", "input-size-hint", "kbx-buffer-size", "key-origin",
	"keyboxd-program", "keyid-format", "keyring", "keyserver", "keyserver-options",
	"known-notation", "lc-ctype", "lc-messages", "limit-card-insert-tries", "list-filter",
	"list-options", "log-file", "logger-fd", "logger-file", "marginals-needed",
	"max-cert-depth", "max-output", "min-cert-level", "min-rsa-length", "passphrase-repeat",
	"pcsc-driver", "personal-aead-preferences", "personal-cipher-preferences",
	"personal-cipher-prefs", "personal-digest-preferences", "personal-digest-prefs",
	"photo-viewer", "pinentry-mode", "primary-keyring", "reader-port", "request-origin",
	"s2k-cipher-algo", "s2k-count", "s2k-digest-algo", "s2k-mode", "secret-keyring", "sender",
	"status-fd", "status-file", "temp-directory", "tofu-db-format", "tofu-default-policy",
	"trust-model", "trustdb-name", "trusted-key", "try-secret-key", "ttyname", "ttytype",
	"ungroup", "verify-options", "weak-digest", "xauthority", NULL};

static const char *const signing[] = {"include-key-block", NULL};

static const char *const signing_keys[] = {
	"default-recipient-self", "encrypt-to-default-key", NULL};

static const char *const signing_value[] = {"command-fd", "command-file", "local-user",
	"notation-data", "passphrase-fd", "passphrase-file", "set-notation", "set-policy-url",
	"sig-keyserver-url", "sig-notation", "sig-policy-url", "sign-with", NULL};

static const char *const signing_perhaps[] = {"passphrase", NULL};

static const char *const perhaps[] = {"load-extension", NULL};

static const char *const group[] = {"group", NULL};
static const char *const homedir[] = {"homedir", NULL};
static const char *const file[] = {"options", NULL};
static const char *const no_file[] = {"no-options", NULL};

static const struct class
{
	const char *const *names;
	unsigned int flags;
} classes[] = {
	{against, GPGTABLE_AGAINST},
	{against_value, GPGTABLE_AGAINST | GPGTABLE_VALUE},
	{commands, GPGTABLE_AGAINST},
	{keys, GPGTABLE_KEY},
	{keys_value, GPGTABLE_KEY | GPGTABLE_VALUE},
	{harmless, 0},
	{harmless_value, GPGTABLE_VALUE},
	{signing, GPGTABLE_SIGNING},
	{signing_keys, GPGTABLE_SIGNING | GPGTABLE_KEY},
	{signing_value, GPGTABLE_SIGNING | GPGTABLE_VALUE},
	{signing_perhaps, GPGTABLE_SIGNING | GPGTABLE_PERHAPS},
	{perhaps, GPGTABLE_PERHAPS},
	{group, GPGTABLE_GROUP | GPGTABLE_VALUE},
	{homedir, GPGTABLE_HOMEDIR | GPGTABLE_VALUE},
	{file, GPGTABLE_FILE | GPGTABLE_VALUE},
	{no_file, GPGTABLE_NO_FILE},
};

#define CLASSES (sizeof(classes) / sizeof(classes[0]))

/* Where two options that begin alike differ in one of these, it cannot be told which is meant. */
#define SPECIAL (GPGTABLE_GROUP | GPGTABLE_HOMEDIR | GPGTABLE_FILE | GPGTABLE_NO_FILE)

static const struct letter {
	char letter;
	const char *name;
} letters[] = {
	{'?', "help"},
	{'F', "hidden-recipient-file"},
	{'K', "list-secret-keys"},
	{'N', "set-notation"},
	{'R', "hidden-recipient"},
	{'a', "armor"},
	{'b', "detach-sign"},
	{'c', "symmetric"},
	{'d', "decrypt"},
	{'e', "encrypt"},
	{'f', "recipient-file"},
	{'h', "help"},
	{'i', "interactive"},
	{'k', "list-keys"},
	{'n', "dry-run"},
	{'o', "output"},
	{'q', "quiet"},
	{'r', "recipient"},
	{'s', "sign"},
	{'t', "textmode"},
	{'u', "local-user"},
	{'v', "verbose"},
	{'z', "compress-level"},
};

/* An abbreviation may also mean this one. */
static void
add(struct gpgtable_option *option, const char *name, unsigned int flags)
{
	unsigned int both = option->flags | flags, differing = option->flags ^ flags;

	if (!option->name) {
		*option = (struct gpgtable_option){.name = name, .flags = flags};
		return;
	}
	if (differing & flags & (GPGTABLE_AGAINST | GPGTABLE_SIGNING | SPECIAL) &&
		!(option->flags & GPGTABLE_AGAINST))
		option->name = name;
	if (differing & SPECIAL)
		both |= GPGTABLE_AGAINST;
	if ((differing | both) & GPGTABLE_PERHAPS || differing & GPGTABLE_VALUE)
		both = (both & ~(unsigned int)GPGTABLE_VALUE) | GPGTABLE_PERHAPS;
	option->flags = both;
}

/* Is there one of just this name? */
static bool
find_whole(const char *name, size_t length, struct gpgtable_option *option)
{
	const char *const *found;
	size_t i;

	for (i = 0; i < CLASSES; i++)
		for (found = classes[i].names; *found; found++)
			if (strncmp(*found, name, length) == 0 && !(*found)[length]) {
				add(option, *found, classes[i].flags);
				return true;
			}
	return false;
}

void
gpgtable_long(const char *name, size_t length, struct gpgtable_option *ret_option)
{
	struct gpgtable_option option = {.flags = GPGTABLE_PERHAPS};
	const char *const *found;
	size_t i;

	if (length && !find_whole(name, length, &option))
		for (i = 0; i < CLASSES; i++)
			for (found = classes[i].names; *found; found++)
				if (strncmp(*found, name, length) == 0)
					add(&option, *found, classes[i].flags);
	*ret_option = option;
}

void
gpgtable_short(char letter, struct gpgtable_option *ret_option)
{
	size_t i;

	for (i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (letters[i].letter == letter) {
			gpgtable_long(letters[i].name, strlen(letters[i].name), ret_option);
			return;
		}
	*ret_option = (struct gpgtable_option){.flags = GPGTABLE_PERHAPS};
}
