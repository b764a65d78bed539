/* SPDX-License-Identifier: GPL-2.0-only */
/* From what is wanted to what is in the kernel: image, plan, apply. */
#include <string.h>

#include "daemon/daemon.h"
#include "model/plan.h"
#include "util/log.h"

/* Events within this time make one change. Short: a dead backend must be out at once. */
#define CONVERGE_DELAY_MS 1

static void backend_facts(const struct model *model, size_t pool, size_t backend, struct backend_facts *ret,
			  void *arg)
{
	const struct run_table *runs = arg;
	const struct backend_run *run = runs_at(runs, pool, backend);

	(void)model;
	memset(ret, 0, sizeof(*ret));
	ret->state = run_state(run);
	ret->weight = run->weight;
	if (!run->is_forwardable)
		return;
	ret->ifindex = run->way.ifindex;
	memcpy(ret->next_hop_mac, run->way.next_hop_mac, sizeof(ret->next_hop_mac));
	memcpy(ret->port_mac, run->way.port_mac, sizeof(ret->port_mac));
	ret->source = run->way.source;
	ret->mtu = run_mtu(run, NULL);
	ret->on_link = run->way.on_link;
}

int daemon_build_image(struct daemon *d, const struct model *model, const struct run_table *runs,
		       struct image **ret, struct err *err)
{
	return image_build(model, d->image, backend_facts, (void *)runs, ret, err);
}

static int converge(struct daemon *d, struct err *err)
{
	struct image *image;
	struct plan plan;
	int r = daemon_build_image(d, d->model, &d->runs, &image, err);

	if (r)
		return r;
	r = plan_build(d->image, image, &plan);
	if (r) {
		image_free(image);
		return err_set(err, r, "%s", strerror(-r));
	}
	r = dp_apply(d->dp, &plan, err);
	plan_done(&plan);
	if (r) {
		/* part of it may be done: what the kernel holds now is the image to go on from. Tables are not read
		 * back, so that they are all written again. */
		struct image *actual;

		image_free(image);
		if (dp_read_image(d->dp, &actual, NULL))
			return r;
		image = actual;
	}
	image_free(d->image);
	d->image = image;
	return r;
}

int daemon_converge(struct daemon *d)
{
	struct err err = { "" };
	int r = converge(d, &err);

	if (r) {
		log_err("data plane not updated, trying again error=\"%s\"", err.text);
		d->is_converge_failed = true;
	} else {
		d->is_converge_failed = false;
	}
	return r;
}

static void on_converge(uv_timer_t *timer)
{
	daemon_converge(timer->data);
}

void daemon_converge_soon(struct daemon *d)
{
	if (!uv_is_active((uv_handle_t *)&d->converge_timer))
		uv_timer_start(&d->converge_timer, on_converge, CONVERGE_DELAY_MS, 0);
}
