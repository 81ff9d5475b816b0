/*
 * gpgtable - the options of gpg, and which of them speak against ready-made packets
 *
 * All options of gpg 1.4.23, 2.0.30, 2.1.18, 2.2.40, 2.4.7 and 2.5.12. An option may be abbreviated; gpg refuses
 * an abbreviation that could mean two of its own. This table has options of all versions. So an abbreviation
 * stands here for all options that begin with it: if one of them speaks against, it does.
 *
 *	gpgtable_long("compress-l", 10, &option);
 *	if (option.flags & GPGTABLE_AGAINST)
 *		printf("%s\n", option.name);	// compress-level
 *
 * Any thread.
 */
#ifndef STAGEDIR_GPGTABLE_H
#define STAGEDIR_GPGTABLE_H

#include <stddef.h>

enum gpgtable_flag {
	GPGTABLE_AGAINST = 1,   /* it is a command, or it changes the form of messages */
	GPGTABLE_VALUE = 2,     /* a value follows, always */
	GPGTABLE_PERHAPS = 4,   /* perhaps a value follows */
	GPGTABLE_KEY = 8,       /* messages get one packet more with their session key */
	GPGTABLE_GROUP = 16,    /* --group, whose value may stand for several keys */
	GPGTABLE_HOMEDIR = 32,  /* --homedir */
	GPGTABLE_FILE = 64,     /* --options, whose value is read instead of gpg.conf */
	GPGTABLE_NO_FILE = 128, /* --no-options: no gpg.conf is read */
	GPGTABLE_SIGNING = 256  /* it speaks against signing by one gpg and encrypting by another */
};

struct gpgtable_option {
	/* One that it may mean; NULL if the table has none, with GPGTABLE_PERHAPS. Static. */
	const char *name;
	unsigned int flags;
};

/* Finds an option by its name, of length bytes without dashes, or by an abbreviation of that. */
void gpgtable_long(const char *name, size_t length, struct gpgtable_option *ret_option);

/* The same for an option of one letter. */
void gpgtable_short(char letter, struct gpgtable_option *ret_option);

#endif
