/* SPDX-License-Identifier: GPL-2.0-only */
/* Answers; see document.h. */
#include <stdlib.h>
#include <string.h>

#include "cv_defs.h"
#include "daemon/document.h"

/* The text, until libmicrohttpd has no use for it any more. */
struct body {
	char *text;
	size_t size;
	size_t *bytes;
};

static void add_headers(struct MHD_Response *response, const char *type)
{
	/* One request a connection. And a page may do nothing but show what comes from here. */
	static const char *const headers[][2] = {
		{ "Connection", "close" },
		{ "Cache-Control", "no-store" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Content-Security-Policy",
		  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
		  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	};

	MHD_add_response_header(response, "Content-Type", type);
	for (size_t i = 0; i < CV_ARRAY_SIZE(headers); i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
}

static void free_body(void *arg)
{
	struct body *body = arg;

	*body->bytes -= body->size;
	free(body->text);
	free(body);
}

struct document *document_new(const char *type, char *text, size_t size, size_t *bytes)
{
	struct document *document = malloc(sizeof(*document));
	struct body *body = malloc(sizeof(*body));
	struct MHD_Response *response = NULL;

	if (document && body) {
		*body = (struct body){ .text = text, .size = size, .bytes = bytes };
		response =
			MHD_create_response_from_buffer_with_free_callback_cls(size, text, free_body, body);
	}
	if (!response) {
		free(document);
		free(body);
		free(text);
		return NULL;
	}
	*bytes += size;
	add_headers(response, type);
	*document = (struct document){ .refs = 1, .response = response };
	return document;
}

struct document *document_ref(struct document *document)
{
	if (document)
		document->refs++;
	return document;
}

void document_release(struct document *document)
{
	if (!document || --document->refs)
		return;
	MHD_destroy_response(document->response);
	free(document);
}

enum MHD_Result document_refuse(struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	add_headers(response, "text/plain; charset=utf-8");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, "Retry-After", "10");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}
