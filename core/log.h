/*
 * log - lines that the library gives its caller besides errors
 *
 * The library itself never prints. A caller that wants to know what happens passes a struct
 * stage_log; NULL is silence. Its function is called in the thread that does the work. No lock of the
 * library is held then, but the function must not call back into the object that logs. Lines have the
 * form of messages (error.h) and are valid during the call only.
 */
#ifndef STAGEDIR_LOG_H
#define STAGEDIR_LOG_H

#pragma GCC visibility push(default)

enum stage_level {
	STAGE_WARNING, /* something is wrong; the work goes on */
	STAGE_NOTICE,  /* an operator wants to see it of every run */
	STAGE_INFO,    /* decisions and their reasons */
	STAGE_DEBUG,   /* every file */
};

struct stage_log {
	void (*write)(void *context, enum stage_level level, const char *line);
	void *context;
};

/* Formats a line and hands it to log, which may be NULL. Keeps errno. */
void stage_log_line(const struct stage_log *log, enum stage_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#pragma GCC visibility pop

#endif
