/* SPDX-License-Identifier: GPL-2.0-only */
/* What http.c sends: a text that many clients can share, and short errors, with the headers that all answers have. */
#ifndef DAEMON_DOCUMENT_H
#define DAEMON_DOCUMENT_H

#include <stddef.h>

#include <microhttpd.h>

struct document {
	unsigned refs;
	struct MHD_Response *response;
};

/* With one reference. Takes over `text`; *bytes has its size added for as long as it is there. NULL when out of
 * memory: then `text` is gone. */
struct document *document_new(const char *type, char *text, size_t size, size_t *bytes);
struct document *document_ref(struct document *document); /* takes NULL, as the next does */
void document_release(struct document *document);

/* Answers with a status that is no success. `text` is constant. */
enum MHD_Result document_refuse(struct MHD_Connection *connection, unsigned status, const char *text);

#endif
