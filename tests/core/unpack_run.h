/*
 * unpack_run - unpacks by hand, for the tests of unpack
 */
#ifndef STAGEDIR_UNPACK_RUN_H
#define STAGEDIR_UNPACK_RUN_H

#include "tests.h"
#include "unpack.h"

/* Without owners, with the mask of the tests. */
extern const struct stage_unpack_options unpack_plain;

#define UNPACK_TARGET "../of a link"

/* An unpack into the new folder test_dir/NAME; one for a base that is open already, which it takes over. */
struct stage_unpack *unpack_begin(const char *name, const struct stage_unpack_options *options);
struct stage_unpack *unpack_begin_at(int base_fd, const struct stage_unpack_options *options);

/* Adds what has no content. The owner is 1234 and 4321. */
void unpack_add(struct stage_unpack *unpack, const char *index, enum stage_entry_type type,
	int mode, int mtime);

/* Adds a file, with this text, or these bytes in such pieces. */
void unpack_start_file(struct stage_unpack *unpack, const char *index, int mode, int mtime);
void unpack_file(
	struct stage_unpack *unpack, const char *index, const char *text, int mode, int mtime);
void unpack_bytes(struct stage_unpack *unpack, const char *index, const unsigned char *bytes,
	size_t size, size_t piece);

/* The next failure, which may be on its way, is this one. */
void unpack_fails(
	struct stage_unpack *unpack, enum stage_unpack_call call, int sys_errno, const char *index);

/* Finishes and closes it; descriptors are as before. Returns the number of failures that were not looked at. */
int unpack_end(struct stage_unpack *unpack);

/* For a test that closes one itself: the base is closed too, and no descriptor is open. */
void unpack_closed(void);

/* Is this in the file? */
bool unpack_has(const char *path, const char *text);
bool unpack_has_bytes(const char *path, const unsigned char *bytes, size_t size);

/* It has this mode. */
void unpack_mode(const char *path, mode_t mode);

#endif
