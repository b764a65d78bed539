/* SPDX-License-Identifier: GPL-2.0-only */
/* What the paths to the backends carry: routers behind the first one tell by ICMP, which the program lets pass as it lets
 * all pass that is for this host. What is learned changes the backend's record by the way that all changes take, and
 * clients are then told by the program. */
#include <errno.h>
#include <string.h>

#include "daemon/daemon.h"
#include "util/log.h"

/* Anybody can send ICMP: no more than this is looked at within a second. */
#define ERRORS_PER_S 200

/* Whether the first `bits` of both addresses are the same. */
static bool has_prefix(const struct addr *addr, const struct addr *prefix, unsigned bits)
{
	unsigned at = 0;

	for (; bits >= 8; bits -= 8, at++)
		if (addr->byte[at] != prefix->byte[at])
			return false;
	return !bits || !((addr->byte[at] ^ prefix->byte[at]) >> (8 - bits));
}

/* Whether the tunnel to this backend has such an outer source: one of the prefix, or that of the way. */
static bool is_our_source(const struct daemon *d, const struct backend_run *run, const struct addr *source)
{
	const struct encapsulation_conf *conf = &d->model->encapsulation;

	if (addr_is_v4(source) != addr_is_v4(&run->address))
		return false;
	if (addr_is_v4(source) && conf->source4_length)
		return has_prefix(source, &conf->source4, 96 + conf->source4_length);
	if (!addr_is_v4(source) && conf->source6_length)
		return has_prefix(source, &conf->source6, conf->source6_length);
	return !addr_compare(source, &run->way.source);
}

/* Every backend of that address has that path: one is told of, the others with it. */
static bool learn(struct daemon *d, const struct too_big *told)
{
	char address[ADDR_TEXT_LEN];
	bool is_new = false;

	for (size_t i = 0; i < d->runs.nr; i++) {
		struct backend_run *run = &d->runs.run[i];

		if (addr_compare(&run->address, &told->destination) != 0 || !run->is_forwardable ||
		    !is_our_source(d, run, &told->source) ||
		    !path_mtu_learn(&run->path, run->way.mtu, addr_family(&run->address), told->mtu,
				    uv_now(&d->loop)))
			continue;
		if (!is_new)
			log_info("path to backend carries less than its first link backend=%s mtu=%u was=%u",
				 addr_format(&run->address, address), run->path.mtu, run->way.mtu);
		is_new = true;
	}
	return is_new;
}

static void on_errors(uv_poll_t *poll, int status, int events)
{
	struct daemon *d = poll->data;
	bool is_v4 = poll == &d->on_errors4, is_changed = false;
	struct too_big told;
	int r = 0;

	(void)status; /* recv tells it again */
	(void)events;
	while (d->errors_left) {
		r = icmp_errors_read(is_v4 ? d->errors.fd4 : d->errors.fd6,
				     is_v4 ? CV_FAMILY_IPV4 : CV_FAMILY_IPV6, &told);
		if (r && r != -EBADMSG)
			break;
		d->errors_left--;
		if (!r && (!told.port || told.port == d->model->gue.port))
			is_changed = learn(d, &told) || is_changed;
	}
	/* what is too much waits in the socket, or is lost, until path_mtu_second */
	if (!d->errors_left)
		uv_poll_stop(poll);
	if (is_changed)
		daemon_converge_soon(d);
}

static int start_poll(struct daemon *d, uv_poll_t *poll, int fd)
{
	int r = uv_poll_init(&d->loop, poll, fd);

	poll->data = d;
	return r ? r : uv_poll_start(poll, UV_READABLE, on_errors);
}

int path_mtu_start(struct daemon *d, struct err *err)
{
	struct err why;
	int r = icmp_errors_open(&d->errors, &why);

	d->errors_left = ERRORS_PER_S;
	if (r) {
		d->errors = (struct icmp_errors){ -1, -1 };
		log_warn("what routers tell of the paths to the backends is not heard error=\"%s\"",
			 why.text);
		return 0;
	}
	r = start_poll(d, &d->on_errors4, d->errors.fd4);
	if (!r && d->errors.fd6 >= 0)
		r = start_poll(d, &d->on_errors6, d->errors.fd6);
	return r ? err_set(err, r, "polling for ICMP errors: %s", uv_strerror(r)) : 0;
}

void path_mtu_close(struct daemon *d)
{
	icmp_errors_close(&d->errors);
}

bool path_mtu_second(struct daemon *d)
{
	char address[ADDR_TEXT_LEN];
	bool is_changed = false;

	if (!d->errors_left) {
		if (d->errors.fd4 >= 0)
			uv_poll_start(&d->on_errors4, UV_READABLE, on_errors);
		if (d->errors.fd6 >= 0)
			uv_poll_start(&d->on_errors6, UV_READABLE, on_errors);
	}
	d->errors_left = ERRORS_PER_S;
	for (size_t i = 0; i < d->runs.nr; i++) {
		struct backend_run *run = &d->runs.run[i];

		if (!path_mtu_age(&run->path, uv_now(&d->loop)))
			continue;
		log_info("path to backend is tried anew pool=%s backend=%s mtu=%u", run->pool,
			 addr_format(&run->address, address), run->way.mtu);
		is_changed = true;
	}
	return is_changed;
}

uint16_t run_mtu(const struct backend_run *run, const char **ret_from)
{
	uint16_t mtu = path_mtu_of(&run->path, run->way.mtu);

	if (ret_from)
		*ret_from = mtu < run->way.mtu || run->way.mtu_left_s ? "learned"
			    : run->way.is_mtu_of_route		      ? "route"
								      : "link";
	return mtu;
}

uint64_t run_mtu_left_s(const struct daemon *d, const struct backend_run *run)
{
	uint64_t now = uv_now(&d->loop);

	if (path_mtu_of(&run->path, run->way.mtu) == run->way.mtu)
		return run->way.mtu_left_s;
	return run->path.until_ms > now ? (run->path.until_ms - now + 999) / 1000 : 0;
}
