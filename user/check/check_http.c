/* SPDX-License-Identifier: GPL-2.0-only */
/* The checks of type http and https: one GET on a connection of its own (RFC 9110, RFC 9112). The status code
 * decides, and the text that the body must contain, if the pool wants one. The answer is read to its end, so that one that breaks off is a failure, but no further than
 * ANSWER_MAX: what comes after that is not waited for.
 *
 * No proxy, no redirect, no HTTP/2, no name resolution. The certificate of the server is verified only if the pool wants
 * it: a check asks whether the server is alive, not who it is. Then it does not matter either if TLS goes on with an
 * earlier session, which saves a third of the cost: each target keeps its last one (RFC 8446 2.2). With `verify` every
 * check is a handshake in full, and sees the certificate. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check_curl.h"
#include "check/check_kind.h"

#define ANSWER_MAX 65536 /* bytes, headers included */
#define URL_LEN 512	 /* the longest: scheme, host, port and path */

struct http_check {
	struct check_transfer transfer; /* first: libcurl's side knows this part only */
	const struct check_target *target;
	check_done done;
	void *arg;
	struct curl_slist *connect_to;
	struct curl_slist *headers;
	size_t received;
	char *body; /* so far, if it matters what is in it */
	size_t body_len;
	char error_text[CURL_ERROR_SIZE];
};

static void free_check(struct http_check *check)
{
	curl_easy_cleanup(check->transfer.easy);
	curl_slist_free_all(check->connect_to);
	curl_slist_free_all(check->headers);
	free(check->body);
	free(check);
}

static void cancel(struct check_op *op)
{
	struct http_check *check = (struct http_check *)op;

	check_curl_stop(&check->transfer);
	free_check(check);
}

/* Takes header lines and body alike; anything but `size` ends the transfer. libcurl wants `data` as it is. */
static size_t discard(char *data, // NOLINT(readability-non-const-parameter)
		      size_t one, size_t size, void *arg)
{
	struct http_check *check = arg;

	(void)data;
	(void)one;
	check->received += size;
	return check->received > ANSWER_MAX ? 0 : size;
}

/* Takes a piece of the body: as `discard`, but keeps it. */
static size_t keep_body(char *data, size_t one, size_t size, void *arg)
{
	struct http_check *check = arg;
	char *body = realloc(check->body, check->body_len + size);

	if (!body) {
		check->transfer.error = ENOMEM;
		return 0;
	}
	memcpy(body + check->body_len, data, size);
	check->body = body;
	check->body_len += size;
	return discard(data, one, size, arg);
}

/* Whether the text to match is in the body; an empty body has none. */
static bool is_match(const struct http_check *check)
{
	const char *match = check->target->conf.match;

	return !match[0] || (check->body_len && memmem(check->body, check->body_len, match, strlen(match)));
}

static void judge_status(const struct http_check *check, struct check_end *end)
{
	const struct health_conf *conf = &check->target->conf;
	long status = 0;

	curl_easy_getinfo(check->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < conf->expect_first || status > conf->expect_last)
		check_end_set(end, CHECK_FAILED, "HTTP %ld", status);
	else if (!is_match(check))
		check_end_set(end, CHECK_FAILED, "HTTP %ld without the text to match", status);
	else
		check_end_set(end, CHECK_PASSED, "HTTP %ld", status);
}

/* libcurl passes on OpenSSL's "error:0A00010B:SSL routines::wrong version number", of which the end is worth
 * telling; where OpenSSL had nothing to say, the connection ended, and libcurl names the call that met it. */
static void judge_tls(const struct http_check *check, struct check_end *end)
{
	const char *colon = strrchr(check->error_text, ':');

	if (strstr(check->error_text, "SSL_connect:"))
		check_end_set(end, CHECK_FAILED, "TLS: closed during the handshake");
	else
		check_end_set(end, CHECK_FAILED, "TLS: %s", colon ? colon + 1 : check->error_text);
}

static void judge_error(const struct http_check *check, CURLcode code, struct check_end *end)
{
	long os_error = 0;

	curl_easy_getinfo(check->transfer.easy, CURLINFO_OS_ERRNO, &os_error);
	if (check->transfer.error)
		check_end_errno(end, check->transfer.error);
	else if (code == CURLE_OUT_OF_MEMORY)
		check_end_errno(end, ENOMEM);
	else if (code == CURLE_SSL_CACERT_BADFILE)
		check_end_set(end, CHECK_UNDONE, "no certificates could be read from %s",
			      check->target->conf.ca[0] ? check->target->conf.ca : "this host's authorities");
	else if (code == CURLE_SSL_CONNECT_ERROR)
		judge_tls(check, end);
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		check_end_set(end, CHECK_FAILED, "TLS: %s", check->error_text);
	else if (code == CURLE_GOT_NOTHING)
		check_end_set(end, CHECK_FAILED, "closed without an answer");
	else if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
		check_end_set(end, CHECK_FAILED, "not an HTTP answer");
	else if (code == CURLE_PARTIAL_FILE)
		check_end_set(end, CHECK_FAILED, "answer breaks off");
	else if (os_error)
		check_end_errno(end, (int)os_error);
	else
		check_end_set(end, CHECK_FAILED, "%s",
			      check->error_text[0] ? check->error_text : curl_easy_strerror(code));
}

static void on_transfer_done(struct check_transfer *transfer, CURLcode code)
{
	struct http_check *check = (struct http_check *)transfer;
	check_done done = check->done;
	void *arg = check->arg;
	struct check_end end;

	if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && check->received > ANSWER_MAX))
		judge_status(check, &end);
	else
		judge_error(check, code, &end);
	cancel((struct check_op *)check);
	done(&end, arg);
}

/* The URL names the host, which makes the Host header and SNI; connect_to leads to the address whatever the
 * host is called. */
static int set_destination(struct http_check *check)
{
	const struct check_target *target = check->target;
	const struct health_conf *conf = &target->conf;
	const char *scheme = conf->type == HEALTH_HTTPS ? "https" : "http";
	char address[ADDR_PORT_TEXT_LEN], route[ADDR_PORT_TEXT_LEN + 2], url[URL_LEN];

	addr_format_port(&target->address, target->port, address);
	if (conf->host[0])
		snprintf(url, sizeof(url), "%s://%s:%u%s", scheme, conf->host, target->port, conf->path);
	else
		snprintf(url, sizeof(url), "%s://%s%s", scheme, address, conf->path);
	snprintf(route, sizeof(route), "::%s", address);
	check->connect_to = curl_slist_append(NULL, route);
	check->headers = curl_slist_append(NULL, "Connection: close");
	if (!check->connect_to || !check->headers || curl_easy_setopt(check->transfer.easy, CURLOPT_URL, url))
		return -ENOMEM;
	return 0;
}

static int set_options(struct http_check *check)
{
	const struct health_conf *conf = &check->target->conf;
	CURL *easy = check->transfer.easy;
	CURLcode code = CURLE_OK;

	code |= curl_easy_setopt(easy, CURLOPT_CONNECT_TO, check->connect_to);
	code |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, check->headers);
	code |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "culvert/" CV_VERSION);
	code |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	code |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	code |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	code |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
	code |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	code |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	code |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	code |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, conf->verify ? 1L : 0L);
	code |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, conf->verify ? 2L : 0L);
	code |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, check->error_text);
	code |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, conf->match[0] ? keep_body : discard);
	code |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, check);
	code |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, discard);
	code |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, check);
	if (conf->ca[0])
		code |= curl_easy_setopt(easy, CURLOPT_CAINFO, conf->ca);
	/* What follows only saves time and memory: the authorities' certificates would be parsed for each
	 * check, which libcurl keeps only if they come from one file, and it walks its whole cache of addresses
	 * after each. */
	if (!conf->verify)
		code |= curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	code |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	code |= curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	code |= curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L);
	return code ? -ENOMEM : 0;
}

/* The session of the last check is the target's alone: at a VIP many servers have one address. */
static int set_session(const struct http_check *check, void **memory)
{
	const struct health_conf *conf = &check->target->conf;
	CURL *easy = check->transfer.easy;

	if (conf->type != HEALTH_HTTPS || conf->verify)
		return curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) ? -ENOMEM : 0;
	if (!*memory) {
		*memory = curl_share_init();
		if (!*memory ||
		    curl_share_setopt(*memory, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) != CURLSHE_OK)
			return -ENOMEM;
	}
	return curl_easy_setopt(easy, CURLOPT_SHARE, *memory) ? -ENOMEM : 0;
}

static void forget(void *memory)
{
	curl_share_cleanup(memory);
}

static int start(const struct check_env *env, const struct check_target *target, void **memory,
		 check_done done, void *arg, struct check_op **ret)
{
	struct http_check *check;
	int r = -ENOMEM;

	check = calloc(1, sizeof(*check));
	if (!check)
		return r;
	check->target = target;
	check->done = done;
	check->arg = arg;
	check->transfer.done = on_transfer_done;
	check->transfer.mark = target->mark;
	check->transfer.easy = curl_easy_init();
	if (check->transfer.easy && !(r = set_destination(check)) && !(r = set_options(check)) &&
	    !(r = set_session(check, memory)))
		r = check_curl_start(env->curl, &check->transfer);
	if (r < 0)
		free_check(check);
	else
		*ret = (struct check_op *)check;
	return r;
}

const struct check_kind check_http = { .start = start, .cancel = cancel, .forget = forget };
