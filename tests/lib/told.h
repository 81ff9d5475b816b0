/*
 * told - does a spool hear of what the disk could not take, when somebody else was told before?
 *
 * spool --told ROOT BYTES: writes files of so much in ROOT, where there must be no room for them on
 * the disk; has a descriptor of somebody else be told so by fsync(2), as by sync(1); and then stages
 * them: one with a descriptor from before it was written, one without. Prints for each what the
 * other was told, and "sealed", or why not.
 */
#ifndef STAGEDIR_TEST_TOLD_H
#define STAGEDIR_TEST_TOLD_H

/* Returns an exit status. */
int told(const char *root, unsigned long bytes);

#endif
