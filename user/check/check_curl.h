/* SPDX-License-Identifier: GPL-2.0-only */
/* libcurl's multi-socket interface driven by a libuv loop. Inside user/check only; knows nothing of checks
 * but their sockets. */
#ifndef CHECK_CHECK_CURL_H
#define CHECK_CHECK_CURL_H

#include <curl/curl.h>
#include <uv.h>

#include "util/err.h"

struct check_curl;

/* One transfer. Lives as long as its easy handle. */
struct check_transfer {
	struct check_curl *curl;
	CURL *easy;
	uint32_t mark; /* of its sockets */
	int error;     /* positive errno if this host lacked something, say a socket */
	/* Called once when the transfer is over, from the loop, not from inside libcurl. */
	void (*done)(struct check_transfer *transfer, CURLcode code);
};

int check_curl_new(uv_loop_t *loop, struct check_curl **ret, struct err *err);

/* No transfer is left; the memory goes away in the loop's next turns. Takes NULL. */
void check_curl_close(struct check_curl *curl);

/* Begins the transfer that `transfer->easy` describes, on sockets made by check_socket_new. 0 or -ENOMEM.
 * Whoever starts it stops it, before or after its end, and only then cleans up the easy handle. */
int check_curl_start(struct check_curl *curl, struct check_transfer *transfer);
void check_curl_stop(struct check_transfer *transfer);

#endif
