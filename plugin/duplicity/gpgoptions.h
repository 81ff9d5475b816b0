/*
 * gpgoptions - may gpg be given ready-made packets?
 *
 * stagedir compresses a volume itself and gives gpg the finished OpenPGP packet, by --no-literal and
 * --compress-algo none. gpg's own options may speak against that: the user has named a compression, wants
 * another form of output, or an old format. This file looks at all that he has said to gpg: the options that
 * duplicity hands on (--gpg-options), and the files in which gpg looks for options.
 *
 *	struct gpgoptions_gpg gpg = {.version = {2, 2, 40}};
 *
 *	if (gpgoptions_look("--cipher-algo AES256", &gpg, &found, &error) < 0)
 *		... leave it to gpg, for error.message
 *	else if (*found.against)
 *		... leave it to gpg, for "HOME/.gnupg/gpg.conf, line 7, has compress-algo"
 *
 * In doubt something speaks against it: an abbreviation that could mean such an option, a condition in a file,
 * a word of which it cannot be told whether it is an option. But an option that nobody knows does not; so make
 * a message by this gpg and read it, before you rely upon the answer.
 *
 * No value of an option is told, as it may be a passphrase. One thread at a time: gpgconf.h.
 */
#ifndef STAGEDIR_GPGOPTIONS_H
#define STAGEDIR_GPGOPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct gpgoptions_gpg {
	unsigned int version[3]; /* 2.2.40 */

	/* One gpg signs, and another one encrypts. More speaks against that: gpgtable.h, GPGTABLE_SIGNING. */
	bool signs;

	/* The folder of the gpg.conf of all users, which gpg reads from 2.2.26 on; NULL: /etc/gnupg.
	 * `gpgconf --list-dirs sysconfdir` tells it. */
	const char *sysconfdir;
};

struct gpgoptions {
	/* The first that was found, for people; "" if nothing speaks against it. */
	char against[STAGE_ERROR_MESSAGE_MAX];

	/*
	 * How many packets with the session key these options may add to each message at most: --recipient,
	 * --encrypt-to and their kind, --symmetric, and all members of each --group. Only if nothing
	 * speaks against it.
	 */
	size_t recipients;
};

/*
 * Looks at options, which duplicity splits at white space as Python does, and at the files. options in UTF-8;
 * NULL is none. STAGE_E_SYSTEM: a file exists and cannot be read; STAGE_E_SETTING: nothing says where gpg's home
 * directory is; STAGE_E_MEMORY. After any of these it is not known what speaks against it.
 */
int gpgoptions_look(const char *options, const struct gpgoptions_gpg *gpg,
	struct gpgoptions *ret_found, struct stage_error *error);

#endif
