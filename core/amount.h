/*
 * amount - sizes and times, as people read them
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_AMOUNT_H
#define STAGEDIR_AMOUNT_H

#include <stdint.h>

/* Large enough for any of these texts, with the NUL. */
#define STAGE_AMOUNT_MAX 32

/* "12.3M": bytes in powers of 1024, as stagedir.conf takes them. Returns buffer. */
const char *stage_amount_size(char buffer[STAGE_AMOUNT_MAX], uint64_t bytes);

/* "3d 4h": the two largest units. Returns buffer. */
const char *stage_amount_age(char buffer[STAGE_AMOUNT_MAX], uint64_t seconds);

#endif
