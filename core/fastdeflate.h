/*
 * fastdeflate - DEFLATE by ISA-L, which libdeflate reads again before it is trusted
 *
 *	fast = stage_fastdeflate_new(STAGE_FASTDEFLATE_SMALLER, most);
 *	used = stage_fastdeflate_run(fast, data, size, STAGE_DEFLATE_PART, to, room);
 *	stage_fastdeflate_free(fast);
 *
 * On files of /usr ISA-L's level 3 takes 0.35 of the CPU time of libdeflate's level 3, and makes them 1.07 as large; its
 * level 2 takes 0.25, for 1.09. On data that cannot be compressed 3 takes 0.25, for the same size.
 *
 * ISA-L runs another code on each kind of processor. So each stream is inflated by libdeflate and compared with
 * the data. The figures above are without that. A fault of one library costs time, and no backup.
 *
 * The output depends on the data, the library, and the processor.
 *
 * Memory: 1 MiB, and what is asked for by most. One thread at a time. Not installed; there only with HAVE_ISAL.
 */
#ifndef STAGEDIR_FASTDEFLATE_H
#define STAGEDIR_FASTDEFLATE_H

#include <stddef.h>

#include "deflater.h"

struct stage_fastdeflate;

/* ISA-L's levels 2 and 3. */
enum stage_fastdeflate_level { STAGE_FASTDEFLATE_FASTER = 2, STAGE_FASTDEFLATE_SMALLER = 3 };

/* For data of up to most bytes. NULL: there is no memory. */
struct stage_fastdeflate *stage_fastdeflate_new(enum stage_fastdeflate_level level, size_t most);

/*
 * Compresses size bytes, as stage_deflater_run(). Returns the bytes that it made. 0: there are no data, there are more
 * than most, room is too small, or what was made is not the data.
 */
size_t stage_fastdeflate_run(struct stage_fastdeflate *fast, const unsigned char *data, size_t size,
	enum stage_deflate_end end, unsigned char *to, size_t room);

/* NULL is no error. */
void stage_fastdeflate_free(struct stage_fastdeflate *fast);

#endif
