/*
 * spell - sizes, durations and moments as a page for people spells them
 *
 * Each text fits into SPELL_MAX bytes with its NUL, and is UTF-8: between a number and its unit is a blank that does
 * not break. Nothing depends on the locale.
 *
 * Any thread.
 */
#ifndef STAGEDIR_SPELL_H
#define STAGEDIR_SPELL_H

#include <stdint.h>

#define SPELL_MAX 48

/* "850 B", "12.3 MiB". Returns buffer. */
const char *spell_size(char buffer[SPELL_MAX], uint64_t bytes);

/* "850 ms", "3.2 s", "1 min 5 s", "2 d 3 h": of milliseconds. Returns buffer. */
const char *spell_duration(char buffer[SPELL_MAX], int64_t milliseconds);

/* "2026-11-30 02:00:13", "02:00:13", "UTC": a moment in milliseconds since 1970, by this machine's time zone. */
const char *spell_moment(char buffer[SPELL_MAX], int64_t time);
const char *spell_clock(char buffer[SPELL_MAX], int64_t time);
const char *spell_zone(char buffer[SPELL_MAX], int64_t time);

/* "2026-11-30T02:00:13.250Z", for programs. */
const char *spell_utc(char buffer[SPELL_MAX], int64_t time);

#endif
