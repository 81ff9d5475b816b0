/*
 * dir_run - staging directories and files in them, as tests of them begin
 */
#ifndef STAGEDIR_DIR_RUN_H
#define STAGEDIR_DIR_RUN_H

#include <stddef.h>

#include "dir.h"

/* In test_dir; what it logs is captured. */
struct stage_dir *dir_open_logged(void);

/* Makes a file of so many bytes in it; its path is the caller's. */
char *dir_new_file(struct stage_dir *dir, size_t bytes);

#endif
