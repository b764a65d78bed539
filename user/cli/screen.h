/* SPDX-License-Identifier: GPL-2.0-only */
/* A terminal that one command has for itself: full screen, drawn anew again and again, keys without Enter. It gets back
 * what it showed before, also when the command is ended by a signal. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether standard input and output are a terminal. */
bool screen_is_there(void);

/* Takes the terminal over if `wanted`; either way SIGINT, SIGTERM, SIGHUP only end screen_wait from here. 0 or -errno. */
int screen_begin(bool wanted);
/* Gives it back. */
void screen_end(void);

unsigned screen_lines(void);

/* Shows a text in the place of the one before; lines too long for the terminal are cut. */
void screen_draw(const char *text);

/* Waits until CLOCK_MONOTONIC says `until_ns`; false if q was pressed or a signal came. */
bool screen_wait(uint64_t until_ns);

#endif
