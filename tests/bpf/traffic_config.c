/* SPDX-License-Identifier: GPL-2.0-only */
/* Random configurations: the same listeners and pools, with every setting that a packet can meet. */
#include "bpf/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/traffic.h"
#include "cv_defs.h"

const char *const traffic_backend[TRAFFIC_BACKENDS] = {
	"10.0.0.11",	  "10.0.0.12",	    "10.0.0.13",      "10.0.0.14",
	"2001:db8:b::15", "2001:db8:b::16", "2001:db8:b::17", "2001:db8:b::18",
};

static const struct {
	const char *name;
	const char *address;
	const char *protocol;
	const char *port;
} listeners[] = {
	{ "tcp4", "192.0.2.10", "tcp", "443" },	    { "any4", "192.0.2.10", "tcp", "any" },
	{ "udp4", "192.0.2.10", "udp", "440-450" }, { "one4", "192.0.2.10", "udp", "443" },
	{ "tcp6", "2001:db8:a::10", "tcp", "443" }, { "range6", "2001:db8:a::10", "tcp", "440-450" },
	{ "udp6", "2001:db8:a::10", "udp", "any" }, { "web4", "192.0.2.20", "tcp", "80" },
	{ "dns4", "192.0.2.20", "udp", "any" },	    { "web6", "2001:db8:a::20", "tcp", "any" },
	{ "dns6", "2001:db8:a::20", "udp", "443" },
};

#define pick(traffic, ...) \
	((const char *[]){ \
		__VA_ARGS__ }[traffic_below(traffic, CV_ARRAY_SIZE(((const char *[]){ __VA_ARGS__ })))])

static void put_listener(struct traffic *traffic, FILE *out, size_t i)
{
	bool is_tcp = listeners[i].protocol[0] == 't';
	const char *pool = pick(traffic, "mixed", "mixed", "four", "six", "nobody");
	const char *forward = pick(traffic, "ipip", "gue");

	if (traffic_one_in(traffic, 12))
		return;
	if (traffic_one_in(traffic, 3)) { /* only backends of the same family */
		forward = "l2";
		pool = strchr(listeners[i].address, ':') ? "six" : pick(traffic, "four", "four", "nobody");
	}
	fprintf(out, "  - { name: %s, address: '%s', protocol: %s, port: %s, pool: %s, forward: %s",
		listeners[i].name, listeners[i].address, listeners[i].protocol, listeners[i].port, pool,
		forward);
	fprintf(out, ", hash: %s", pick(traffic, "5-tuple", "5-tuple", "source"));
	fprintf(out, ", idle_timeout: %s", pick(traffic, "350s", "120s", "60s", "30s", "5s", "1s"));
	if (traffic_one_in(traffic, 4))
		fprintf(out, ", max_flows: %s", pick(traffic, "1", "3", "10"));
	if (is_tcp)
		fprintf(out, ", late_packet: %s, unknown_packet: %s", pick(traffic, "reset", "forward"),
			pick(traffic, "reset", "forward", "forward"));
	if (is_tcp && traffic_one_in(traffic, 2))
		fprintf(out, ", mss: %s", pick(traffic, "path", "1220", "1360", "1460", "9000"));
	fputs(" }\n", out);
}

static void put_pool(struct traffic *traffic, FILE *out, const char *name, size_t first, size_t last)
{
	const char *comma = "";

	fprintf(out, "  - { name: %s, table_size: %s, all_down: %s, backends: [", name,
		pick(traffic, "251", "509"), pick(traffic, "open", "reject"));
	for (size_t i = first; i <= last; i++) {
		if (i > first && traffic_one_in(traffic, 8))
			continue;
		fprintf(out, "%s { address: '%s', weight: %s }", comma, traffic_backend[i],
			pick(traffic, "100", "100", "50", "0"));
		comma = ",";
	}
	fputs(" ] }\n", out);
}

char *traffic_configuration(struct traffic *traffic)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fprintf(out, "flow_table: { max_flows: 65536 }\nseed: %s\n", pick(traffic, "one", "two", "three"));
	fprintf(out, "gue: { port: %s, variant: %s }\n", pick(traffic, "6080", "6081"),
		pick(traffic, "0", "1"));
	fprintf(out, "icmp: { echo: %s }\n", pick(traffic, "true", "true", "true", "false"));
	if (traffic_one_in(traffic, 2))
		fprintf(out, "encapsulation: { source4: %s, source6: '%s' }\n",
			pick(traffic, "172.16.0.0/16", "172.16.0.0/30", "10.0.0.0/8"),
			pick(traffic, "2001:db8:c::/64", "2001:db8:8000::/33", "2001:db8:c::8/125"));
	fputs("listeners:\n", out);
	for (size_t i = 0; i < CV_ARRAY_SIZE(listeners); i++)
		put_listener(traffic, out, i);
	/* one that is always there, as a list must not be empty */
	fputs("  - { name: last, address: 192.0.2.20, protocol: tcp, port: 1-79, pool: mixed }\npools:\n",
	      out);
	put_pool(traffic, out, "mixed", 0, 7);
	put_pool(traffic, out, "four", 0, 3);
	put_pool(traffic, out, "six", 4, 7);
	put_pool(traffic, out, "nobody", 2, 2);
	assert_int_equal(fclose(out), 0);
	return text;
}
