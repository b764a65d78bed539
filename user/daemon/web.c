/* SPDX-License-Identifier: GPL-2.0-only */
/* What is served over HTTP, and where. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/http.h"
#include "daemon/metrics.h"
#include "daemon/prom.h"
#include "util/log.h"

/* --- metrics: a sweep counts, we take down, a worker thread writes --- */

struct writing {
	uv_work_t work;
	struct http_making *making;
	struct metrics *metrics;
	char *text;
	size_t size;
};

static void write_metrics(uv_work_t *work)
{
	struct writing *writing = work->data;
	FILE *out = open_memstream(&writing->text, &writing->size);
	int r = out ? metrics_write(writing->metrics, out) : -ENOMEM;

	if ((out && fclose(out)) || r) {
		free(writing->text);
		writing->text = NULL;
	}
}

static void metrics_written(uv_work_t *work, int status)
{
	struct writing *writing = work->data;

	(void)status; /* if it never began there is no text */
	http_made(writing->making, writing->text, writing->size);
	metrics_free(writing->metrics);
	free(writing);
}

static void metrics_counted(struct daemon *d, void *making)
{
	struct writing *writing = calloc(1, sizeof(*writing));
	struct numbers *numbers = writing ? numbers_read(d) : NULL;

	if (numbers)
		writing->metrics = metrics_take(d, numbers);
	if (!numbers || !writing->metrics) {
		free(writing);
		http_made(making, NULL, 0);
		return;
	}
	writing->making = making;
	writing->work.data = writing;
	uv_queue_work(&d->loop, &writing->work, write_metrics, metrics_written);
}

static void make_metrics(struct http_making *making, void *arg)
{
	if (!sweep_then(arg, metrics_counted, making))
		http_made(making, NULL, 0);
}

/* --- status: a sweep counts, we report --- */

static void status_counted(struct daemon *d, void *making)
{
	json_t *json = report_status(d);
	char *text = json_dumps(json, JSON_COMPACT);

	json_decref(json);
	http_made(making, text, text ? strlen(text) : 0);
}

static void make_status(struct http_making *making, void *arg)
{
	if (!sweep_then(arg, status_counted, making))
		http_made(making, NULL, 0);
}

/* --- the page, with texts that never change --- */

static void make_page(struct http_making *making, void *arg)
{
	size_t size = 0;
	char *text = page_text(&size);

	(void)arg;
	http_made(making, text, size);
}

static void make_reasons(struct http_making *making, void *arg)
{
	size_t size = 0;
	char *text = page_reasons(&size);

	(void)arg;
	http_made(making, text, size);
}

static const struct http_path paths[] = {
	{ "/", "text/html; charset=utf-8", make_page },
	{ "/status.json", "application/json", make_status },
	{ "/reasons.json", "application/json", make_reasons },
	{ "/metrics", PROM_CONTENT_TYPE, make_metrics },
};

/* --- where --- */

static bool is_same_place(const struct metrics_conf *a, const struct metrics_conf *b)
{
	return !addr_compare(&a->address, &b->address) && a->port == b->port;
}

/* Whether we ourselves keep the new place from being taken: all addresses of a host and one of them exclude each
 * other. */
static bool is_in_the_way(const struct metrics_conf *old, const struct metrics_conf *new)
{
	return old->port == new->port &&addr_family(&old->address) == addr_family(&new->address) &&
	       (addr_is_zero(&old->address) || addr_is_zero(&new->address));
}

static int open_at(struct daemon *d, const struct metrics_conf *place, struct http **ret, struct err *err)
{
	return http_new(&d->loop, &place->address, place->port, paths, CV_ARRAY_SIZE(paths), d, ret, err);
}

void web_set(struct daemon *d)
{
	const struct metrics_conf *place = &d->model->metrics;
	char text[ADDR_PORT_TEXT_LEN];
	struct http *http;
	struct err err;
	int r;

	if (d->http && is_same_place(place, &d->http_at))
		return;
	r = open_at(d, place, &http, &err);
	if (r == -EADDRINUSE && d->http && is_in_the_way(&d->http_at, place)) {
		web_close(d);
		r = open_at(d, place, &http, &err);
	}
	if (r) {
		if (r != d->http_error)
			log_err("metrics and status page not served there, trying again error=\"%s\"",
				err.text);
		d->http_error = r;
		return;
	}
	web_close(d);
	d->http = http;
	d->http_at = *place;
	d->http_error = 0;
	log_info("metrics and status page served address=%s",
		 addr_format_port(&place->address, place->port, text));
}

void web_close(struct daemon *d)
{
	http_close(d->http);
	d->http = NULL;
}
