/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways to the backends: follows the kernel's routes and neighbours, and tells the rest of the daemon when one
 * changed. */
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "util/log.h"

/* Changes of routes come in bursts, and while BGP converges without an end: looking all ways up may take a tenth of
 * the time, no more. */
#define WAYS_DELAY_MS 20
#define WAYS_SHARE 10
/* The log is told of a neighbour that does not answer when it has not for so long. */
#define ANSWER_MS 1500

static bool is_attached(const struct daemon *d, uint32_t ifindex)
{
	for (size_t i = 0; i < d->interfaces_nr; i++)
		if (d->interface[i].ifindex == ifindex)
			return true;
	return false;
}

/* The way that the kernel's map holds since an earlier daemon: a restart must not lose it to a neighbour that has to
 * be asked for again. */
static void recall(const struct daemon *d, struct backend_run *run)
{
	uint16_t pool = image_pool_id(d->image, run->pool);
	uint16_t id = pool ? image_backend_id(d->image, pool, &run->address, run->port) : 0;
	const struct cv_backend *record = &d->image->backend[id];

	if (!id || !record->ifindex)
		return;
	run->known_way.ifindex = record->ifindex;
	run->known_way.on_link = record->on_link;
	memcpy(run->known_way.next_hop_mac, record->next_hop_mac, sizeof(record->next_hop_mac));
}

/* What an earlier daemon left does not say the gateway's address. */
static bool is_same_hop(const struct nexthop_way *known, const struct nexthop_way *way)
{
	return known->ifindex == way->ifindex && known->on_link == way->on_link &&
	       (addr_is_zero(&known->gateway) || !addr_compare(&known->gateway, &way->gateway));
}

/* Whether packets can be sent that way, and what is wrong with it. A neighbour that does not answer keeps the MAC
 * address it had: if it is gone nothing is lost by that, and if only the answers are, everything is won. */
static void judge(const struct daemon *d, struct backend_run *run)
{
	struct nexthop_way *way = &run->way, *known = &run->known_way;

	run->way_text[0] = '\0';
	run->is_forwardable = false;
	if (way->problem != NEXTHOP_OK)
		nexthop_describe(way, run->way_text, sizeof(run->way_text));
	if (way->problem == NEXTHOP_UNRESOLVED && is_same_hop(known, way))
		memcpy(way->next_hop_mac, known->next_hop_mac, sizeof(way->next_hop_mac));
	else if (way->problem != NEXTHOP_OK)
		return;
	if (!is_attached(d, way->ifindex)) {
		snprintf(run->way_text, sizeof(run->way_text),
			 "reached through %s, where culvert is not attached", way->ifname);
		return;
	}
	run->is_forwardable = true;
	*known = *way;
}

/* What the data plane or a person would see of it. */
static bool is_same(const struct backend_run *a, const struct backend_run *b)
{
	return a->is_forwardable == b->is_forwardable && !strcmp(a->way_text, b->way_text) &&
	       a->way.ifindex == b->way.ifindex && a->way.mtu == b->way.mtu &&
	       a->way.on_link == b->way.on_link && !addr_compare(&a->way.source, &b->way.source) &&
	       !memcmp(a->way.next_hop_mac, b->way.next_hop_mac, sizeof(a->way.next_hop_mac)) &&
	       !memcmp(a->way.port_mac, b->way.port_mac, sizeof(a->way.port_mac));
}

/* Whether a neighbour was asked just now, and may still answer. */
static bool is_being_asked(const struct daemon *d, struct backend_run *run)
{
	if (run->way.problem != NEXTHOP_UNRESOLVED) {
		run->asked_ms = 0;
		return false;
	}
	if (!run->asked_ms)
		run->asked_ms = uv_now(&d->loop);
	return uv_now(&d->loop) - run->asked_ms < ANSWER_MS;
}

/* Tells the log, once, what changed. */
static void log_change(const struct daemon *d, struct backend_run *run)
{
	char address[ADDR_TEXT_LEN];

	if (is_being_asked(d, run) || !strcmp(run->told_text, run->way_text))
		return;
	memcpy(run->told_text, run->way_text, sizeof(run->told_text));
	addr_format(&run->address, address);
	if (!run->way_text[0])
		log_info("way to backend found pool=%s backend=%s interface=%s", run->pool, address,
			 run->way.ifname);
	else
		log_warn("%s to backend pool=%s backend=%s reason=\"%s\"",
			 run->is_forwardable ? "trouble on the way" : "no way", run->pool, address,
			 run->way_text);
}

/* 0, or -errno and the way is what it was. */
static int find_way(const struct daemon *d, struct backend_run *run, bool *ret_changed, struct err *err)
{
	const struct backend_run before = *run;
	int r;

	if (!run->known_way.ifindex)
		recall(d, run);
	r = nexthop_find(d->nexthop, &run->address, &run->way, err);
	if (r)
		return r;
	/* another way is another path */
	if (before.way.ifindex != run->way.ifindex ||
	    addr_compare(&before.way.gateway, &run->way.gateway) != 0)
		run->path = (struct path_mtu){ 0 };
	judge(d, run);
	log_change(d, run);
	*ret_changed = *ret_changed || !is_same(&before, run);
	return 0;
}

static bool is_way_good(const struct backend_run *run)
{
	return run->is_forwardable && run->way.problem == NEXTHOP_OK && !run->way.mtu_left_s;
}

bool daemon_ways_find(struct daemon *d, bool only_missing)
{
	bool is_changed = false;
	struct err err;
	int error = 0;

	if (!only_missing)
		nexthop_begin(d->nexthop);
	for (size_t i = 0; i < d->runs.nr; i++) {
		struct backend_run *run = &d->runs.run[i];
		int r = only_missing && is_way_good(run) ? 0 : find_way(d, run, &is_changed, &err);

		error = r ? r : error;
	}
	if (error && error != d->ways_error)
		log_err("asking for a route failed, trying again error=\"%s\"", err.text);
	d->ways_error = error;
	return is_changed;
}

static void on_net_settled(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	uint64_t began = uv_hrtime();

	/* an interface that came back wants its program first */
	daemon_attach_missing(d);
	if (daemon_ways_find(d, false))
		daemon_converge_soon(d);
	daemon_health_set(d);
	d->ways_ms = (uv_hrtime() - began) / 1000000;
}

static void look_up_soon(struct daemon *d)
{
	if (!uv_is_active((uv_handle_t *)&d->net_timer))
		uv_timer_start(&d->net_timer, on_net_settled, WAYS_DELAY_MS + WAYS_SHARE * d->ways_ms, 0);
}

/* Reads what the kernel told. */
static void follow(struct daemon *d)
{
	bool is_changed = false;
	int r = nexthop_process(d->nexthop, &is_changed);

	if (r && r != d->net_error)
		log_err("following routes and neighbours failed, trying again error=\"%s\"", strerror(-r));
	d->net_error = r;
	if (is_changed)
		look_up_soon(d);
}

static void on_net(uv_poll_t *poll, int status, int events)
{
	(void)status; /* of an epoll descriptor, which never fails */
	(void)events;
	follow(poll->data);
}

bool daemon_ways_second(struct daemon *d)
{
	if (d->net_error)
		follow(d);
	if (d->ways_error)
		look_up_soon(d);
	return daemon_ways_find(d, true);
}

int daemon_ways_start(struct daemon *d, struct err *err)
{
	int r = nexthop_new(&d->nexthop, err);

	if (r)
		return r;
	uv_timer_init(&d->loop, &d->net_timer);
	d->net_timer.data = d;
	r = uv_poll_init(&d->loop, &d->on_net, nexthop_fd(d->nexthop));
	d->on_net.data = d;
	if (!r)
		r = uv_poll_start(&d->on_net, UV_READABLE, on_net);
	return r ? err_set(err, r, "polling netlink: %s", uv_strerror(r)) : 0;
}
