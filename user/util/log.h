/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon's log: one line per event on standard error, lower-case text followed by key=value pairs, such
 * as `backend down pool=web backend=10.0.0.11 reason="connection refused"`. Only daemon, cli and check code
 * logs; the rest returns errors.
 *
 * If standard error is the journal's stream (JOURNAL_STREAM names its device and inode), a line begins
 * with the priority as sd-daemon(3) has it, "<4>"; otherwise with the UTC time and the level's name. Not
 * for threads. */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines less important than `level` are left out from now on. At first it is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* Writes one line with one write(2). Control characters become "?", so that nothing a peer sent makes a
 * second line or steers a terminal; what is beyond 1,000 bytes is cut off. Leaves errno as it was. */
void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_err(...) log_write(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Keeps what a peer can cause from filling the log: at most `lines` in each interval. Static storage:
 *	static struct log_limit limit = { .lines = 1, .interval_ms = 60000 }; */
struct log_limit {
	unsigned lines;
	unsigned interval_ms;
	uint64_t started_ms; /* the rest is the module's own, zero at first */
	unsigned passed;
	uint64_t suppressed;
};

/* True if an event at `now_ms`, of any clock that never goes back, may be logged; *ret_suppressed, written
 * only then, is the number of events held back since the last one that passed. */
bool log_limit_pass(struct log_limit *limit, uint64_t now_ms, uint64_t *ret_suppressed);

#endif
