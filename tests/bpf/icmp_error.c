/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors; see icmp_error.h. */
#include "bpf/icmp_error.h"

#include <netinet/in.h>
#include <string.h>

#include "bpf/oracle.h"

static bool is_v4(const struct icmp_error *error)
{
	return probe_family(&error->quoted) == CV_FAMILY_IPV4;
}

/* The quoted packet, from its IP header on, and how much of it is quoted. */
static size_t quote_of(const struct icmp_error *error, struct pkt *ret)
{
	struct probe answer = error->quoted;
	size_t transport;

	answer.is_answer = true;
	*ret = (struct pkt)PKT_NEW;
	probe_push_ip(&answer, ret);
	if (answer.poke.nr)
		memcpy(pkt_layer(ret, answer.poke.layer) + answer.poke.offset, answer.poke.byte,
		       answer.poke.nr);
	/* the transport header is the last layer, or what it carries is */
	transport = ret->layers[ret->layers_nr - (answer.payload ? 2 : 1)].offset;
	if (!error->quote)
		return transport + 8;
	return error->quote < ret->len ? error->quote : ret->len;
}

static void push_carrier(const struct icmp_error *error, int ttl, struct pkt *p)
{
	static const uint8_t no_operation[40] = { [0 ... 39] = 1 };
	const char *vip = error->quoted.to;
	const struct probe *carrier = &error->carrier;

	if (is_v4(error)) {
		pkt_ipv4(p, error->from ? error->from : ROUTER4,
			 error->to ? error->to
			 : vip	   ? vip
				   : VIP4,
			 .ttl = ttl, .tos = carrier->tos, .id = carrier->id ? carrier->id : 0x1234,
			 .df = carrier->df, .more = carrier->fragment == PROBE_FIRST_FRAGMENT,
			 .offset = carrier->fragment == PROBE_LATER_FRAGMENT ? 1480 : 0,
			 .options = no_operation, .options_len = carrier->options);
		return;
	}
	pkt_ipv6(p, error->from ? error->from : ROUTER6,
		 error->to ? error->to
		 : vip	   ? vip
			   : VIP6,
		 .hop_limit = ttl, .tclass = carrier->tos);
	for (size_t i = 0; i < PROBE_MAX_EXTENSIONS && carrier->extension[i].bytes; i++)
		pkt_ext(p, carrier->extension[i].protocol, carrier->extension[i].bytes);
	if (carrier->fragment)
		pkt_fragment(p, .more = carrier->fragment == PROBE_FIRST_FRAGMENT,
			     .offset = carrier->fragment == PROBE_LATER_FRAGMENT ? 1448 : 0, .id = 0x5678);
}

static void push_error(const struct icmp_error *error, int ttl, struct pkt *p)
{
	uint8_t ordinary = is_v4(error) ? UNREACHABLE4 : TOO_BIG6;
	struct pkt quoted;
	size_t quote = quote_of(error, &quoted);

	push_carrier(error, ttl, p);
	pkt_icmp(p, error->type ? error->type : ordinary, error->code, .rest = 1400);
	pkt_bytes(p, quoted.data, quote);
	pkt_pad(p, error->carrier.padding);
}

void icmp_error_build(const struct icmp_error *error, struct pkt *ret)
{
	const struct probe *carrier = &error->carrier;

	*ret = (struct pkt)PKT_NEW;
	probe_push_link(carrier, ROUTER_MAC, PORT_MAC, ret);
	push_error(error, probe_ttl(carrier), ret);
	if (carrier->poke.nr)
		memcpy(pkt_layer(ret, carrier->poke.layer) + carrier->poke.offset, carrier->poke.byte,
		       carrier->poke.nr);
}

void icmp_error_forwarded(const struct image *image, const struct icmp_error *error, uint16_t backend,
			  struct pkt *ret)
{
	struct probe way = error->quoted;

	way.vlans = error->carrier.vlans;
	way.tos = error->carrier.tos;
	way.id = error->carrier.id;
	way.df = error->carrier.df;
	*ret = (struct pkt)PKT_NEW;
	oracle_push_way(image, &way, backend, ret);
	push_error(error, probe_ttl(&error->carrier) - 1, ret);
}

void icmp_error_expect(struct world *world, const struct icmp_error *error, enum cv_verdict verdict,
		       uint16_t backend)
{
	const char *name = error->quoted.name ? error->quoted.name : "error";
	struct harness_result result;
	enum cv_verdict got;
	struct pkt in, want;

	icmp_error_build(error, &in);
	got = world_run(world, &in, &result);
	if (got != verdict)
		fail_msg("%s: verdict %s, expected %s", name, dp_verdict_name(got), dp_verdict_name(verdict));
	if (verdict != CV_TX)
		return;
	icmp_error_forwarded(world->image, error, backend, &want);
	assert_pkt(&want, result.data, result.len);
}
