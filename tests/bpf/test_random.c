/* SPDX-License-Identifier: GPL-2.0-only */
/* Random packets, and ordinary ones with random changes, by the hundred thousand: each must get the
 * verdict that a second parser gives it, and what leaves must be whole. CULVERT_RANDOM_PACKETS says how
 * many, CULVERT_RANDOM_SEED repeats a run. */
#include "bpf/world.h"

#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bpf/icmp_error.h"
#include "bpf/reference.h"

#define SHORT_RUN 200000
#define FORGET_EVERY 5000

/* Something of everything. */
static const char configuration[] =
	"flow_table: { max_flows: 4096 }\n"
	"listeners:\n"
	"  - { name: tcp4, address: 192.0.2.10, protocol: tcp, port: 443, pool: mixed }\n"
	"  - { name: strict4, address: 192.0.2.10, protocol: tcp, port: any, pool: mixed,\n"
	"      unknown_packet: reset, max_flows: 3 }\n"
	"  - { name: udp4, address: 192.0.2.10, protocol: udp, port: 440-450, pool: mixed, hash: source }\n"
	"  - { name: tcp6, address: '2001:db8:a::10', protocol: tcp, port: 443, pool: six, forward: l2 }\n"
	"  - { name: strict6, address: '2001:db8:a::10', protocol: tcp, port: 444, pool: mixed,\n"
	"      unknown_packet: reset }\n"
	"  - { name: udp6, address: '2001:db8:a::10', protocol: udp, port: any, pool: mixed }\n"
	"  - { name: nobody, address: 192.0.2.10, protocol: udp, port: 1, pool: nobody }\n"
	"pools:\n"
	"  - { name: mixed, table_size: 251, backends: [ { address: 10.0.0.11 }, { address: 10.0.0.12 },\n"
	"      { address: '2001:db8:b::13' }, { address: '2001:db8:b::14' } ] }\n"
	"  - { name: six, table_size: 251, backends: [ { address: '2001:db8:b::15' } ] }\n"
	"  - { name: nobody, table_size: 251, all_down: reject, backends: [ { address: 10.0.0.16 } ] }\n";

static size_t below(size_t limit)
{
	return (size_t)random() % limit;
}

static bool one_in(size_t n)
{
	return below(n) == 0;
}

/* --- making packets --- */

static void random_extensions(struct probe *probe)
{
	static const uint8_t protocols[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH };
	size_t nr = below(PROBE_MAX_EXTENSIONS);

	for (size_t i = 0; i < nr; i++) {
		probe->extension[i].protocol = protocols[below(one_in(8) ? 4 : 3)];
		probe->extension[i].bytes = (uint16_t)(8 * (1 + below(4)));
	}
}

static struct probe random_probe(void)
{
	static const uint16_t ports[] = { 443, 443, 443, 444, 1, 450, 65535 };
	struct probe probe = {
		.name = "random",
		.vlans = one_in(4) ? (unsigned)below(4) : 0,
		.client = (uint16_t)(1 + below(16)),
		.client_port = (uint16_t)(1 + below(4)),
		.port = ports[below(CV_ARRAY_SIZE(ports))],
		.ttl = one_in(16) ? (int)below(3) - 1 : 64,
		.tos = (uint8_t)random(),
		.id = (uint16_t)random(),
		.df = one_in(2),
		.flow_label = (uint32_t)below(1 << 20),
		.options = one_in(8) ? 4 * below(11) : 0,
		.fragment = one_in(8) ? (enum probe_fragment)below(4) : PROBE_WHOLE,
		.flags = one_in(2)   ? PKT_ACK
			 : one_in(2) ? PKT_SYN
				     : (uint8_t)random(),
		.seq = (uint32_t)random(),
		.ack = (uint32_t)random(),
		.tcp_options = one_in(4) ? 4 * below(11) : 0,
		.payload = one_in(16) ? below(1600) : below(64),
		.padding = one_in(8) ? below(20) : 0,
	};

	if (probe.fragment)
		probe.id = (uint16_t)(1 + below(8)); /* so that some meet */
	probe = probe_kind(probe, below(PROBE_KINDS));
	if (probe.family == CV_FAMILY_IPV6 && one_in(4))
		random_extensions(&probe);
	if (one_in(16))
		probe.to = probe.family == CV_FAMILY_IPV4 ? "192.0.2.11" : "::ffff:192.0.2.10";
	return probe;
}

/* Changes within the headers more often than behind them. */
static void mutate(struct pkt *p)
{
	size_t reach = one_in(4) || p->len < 100 ? p->len : 100;
	size_t at = below(reach);

	switch (below(6)) {
	case 0: /* a bit */
		p->data[at] ^= (uint8_t)(1 << below(8));
		break;
	case 1: /* a byte */
		p->data[at] = (uint8_t)random();
		break;
	case 2: /* a byte of consequence */
		p->data[at] = (uint8_t[]){ 0, 1, 0x7f, 0x80, 0xff, 6, 17, 44 }[below(8)];
		break;
	case 3: /* a length, or what is taken for one */
		p->data[at] = 0;
		p->data[at + 1 < p->len ? at + 1 : at] = (uint8_t)below(p->len);
		break;
	case 4:
		p->len = 14 + below(p->len - 13);
		break;
	case 5: /* some bytes of it once more */
		memmove(p->data + at, p->data + below(reach), (p->len - reach + 8) % 32 % (p->len - at + 1));
		break;
	}
}

/* Type and code are odd once in a while, as all else is by mutation. */
static void random_error(const struct probe *flow, struct pkt *ret)
{
	struct icmp_error error = {
		.quoted = *flow,
		.type = (uint8_t)below(14),
		.code = (uint8_t)below(6),
		.quote = one_in(4) ? (uint16_t)(20 + below(100)) : 0,
		.carrier = { .vlans = flow->vlans,
			     .ttl = one_in(16) ? (int)below(3) - 1 : 64,
			     .options = one_in(8) ? 4 * below(11) : 0,
			     .padding = one_in(8) ? below(20) : 0 },
	};

	error.quoted.ttl = (int)below(65) - 1;
	if (one_in(4)) /* a ping */
		error.type = flow->family == CV_FAMILY_IPV6 ? 128 : 8;
	icmp_error_build(&error, ret);
}

static void random_packet(struct pkt *ret)
{
	struct probe probe = random_probe();

	if (one_in(32)) {
		ret->len = 14 + below(200);
		for (size_t i = 0; i < ret->len; i++)
			ret->data[i] = (uint8_t)random();
		return;
	}
	if (one_in(6) && probe.vlans < 3)
		random_error(&probe, ret);
	else
		probe_build(&probe, ret);
	for (size_t changes = one_in(3) ? 0 : 1 + below(4); changes; changes--)
		mutate(ret);
}

/* --- judging what came out --- */

/* The packet with one hop less, and nothing else: its checksum is as right or wrong as before. */
static void check_inner(const struct pkt *in, const struct reference *parsed, const uint8_t *inner)
{
	const uint8_t *before = in->data + parsed->ip;
	size_t ttl = parsed->is_v4 ? 8 : 7, len = in->len - parsed->ip;
	struct pkt want = *in;
	uint8_t *ip = want.data + parsed->ip;

	ip[ttl]--;
	if (parsed->is_v4) {
		memcpy(ip + 10, inner + 10, 2);
		assert_int_equal(reference_sum(before, 20) % 0xffff, reference_sum(inner, 20) % 0xffff);
	}
	assert_memory_equal(ip, inner, len);
}

static void check_tunnel(const struct pkt *in, const struct reference *parsed,
			 const struct harness_result *out)
{
	const uint8_t *outer = out->data + parsed->ip;
	size_t header = out->len - in->len;
	uint8_t protocol = parsed->is_v4 ? IPPROTO_IPIP : IPPROTO_IPV6;

	assert_true(header == 20 || header == 40);
	if (header == 20) {
		assert_int_equal(outer[0], 0x45);
		assert_int_equal(outer[2] << 8 | outer[3], parsed->ip_bytes + 20);
		assert_int_equal(outer[9], protocol);
		assert_int_equal(reference_sum(outer, 20), 0xffff);
	} else {
		assert_int_equal(outer[0] >> 4, 6);
		assert_int_equal(outer[4] << 8 | outer[5], parsed->ip_bytes);
		assert_int_equal(outer[6], protocol);
	}
	check_inner(in, parsed, outer + header);
}

static void check_reset(const struct pkt *in, const struct reference *parsed,
			const struct harness_result *out)
{
	const uint8_t *ip = out->data + parsed->ip, *before = in->data + parsed->ip;
	size_t header = parsed->is_v4 ? 20 : 40, at = parsed->is_v4 ? 12 : 8, size = parsed->is_v4 ? 4 : 16;
	uint8_t pseudo[36 + 20] = { 0 };

	assert_int_equal(out->len, parsed->ip + header + 20);
	assert_false(parsed->tcp_flags & PKT_RST);
	assert_memory_equal(ip + at, before + at + size, size);
	assert_memory_equal(ip + at + size, before + at, size);
	if (parsed->is_v4)
		assert_int_equal(reference_sum(ip, 20), 0xffff);
	assert_true(ip[header + 13] & PKT_RST);
	memcpy(pseudo, ip + at, 2 * size);
	pseudo[33] = IPPROTO_TCP;
	pseudo[35] = 20;
	memcpy(pseudo + 36, ip + header, 20);
	assert_int_equal(reference_sum(pseudo, sizeof(pseudo)), 0xffff);
}

static void check_too_big(const struct pkt *in, const struct reference *parsed,
			  const struct harness_result *out)
{
	const uint8_t *ip = out->data + parsed->ip, *before = in->data + parsed->ip;
	size_t header = parsed->is_v4 ? 20 : 40, at = parsed->is_v4 ? 12 : 8, size = parsed->is_v4 ? 4 : 16;
	size_t quote = parsed->is_v4 ? 512 : 1232;

	assert_int_equal(out->len, parsed->ip + header + 8 + quote);
	assert_memory_equal(ip + at, before + at + size, size);
	assert_memory_equal(ip + at + size, before + at, size);
	assert_memory_equal(ip + header + 8, before, quote);
	if (!parsed->is_v4)
		return;
	assert_true(before[6] & 0x40);
	assert_int_equal(reference_sum(ip, header), 0xffff);
	assert_int_equal(reference_sum(ip + header, 8 + quote), 0xffff);
}

/* Of a packet that is ours. */
static void check_ours(struct world *world, const struct pkt *in, const struct reference *parsed,
		       enum cv_verdict verdict, const struct harness_result *out)
{
	bool is_later = parsed->is_fragment && parsed->fragment_at;
	bool is_l2 = is_later ? in->len == out->len
			      : world->image->listener[parsed->listener].forward == CV_FORWARD_L2;

	switch (verdict) {
	case CV_TX:
		/* tags, if there are any */
		assert_memory_equal(in->data + 12, out->data + 12, parsed->ip - 14);
		if (!is_l2) {
			check_tunnel(in, parsed, out);
			break;
		}
		assert_int_equal(out->len, in->len);
		check_inner(in, parsed, out->data + parsed->ip);
		break;
	case CV_RESET_UNKNOWN:
	case CV_RESET_LATE:
		check_reset(in, parsed, out);
		break;
	case CV_DROP_TTL:
		assert_true(in->data[parsed->ip + (parsed->is_v4 ? 8 : 7)] <= 1);
		break;
	case CV_TOO_BIG_ANSWERED:
		assert_true(parsed->ip_bytes > 1500 - 40);
		check_too_big(in, parsed, out);
		break;
	case CV_DROP_TOO_BIG:
	case CV_DROP_ICMP_LIMIT:
		assert_true(parsed->ip_bytes > 1500 - 40);
		break;
	case CV_DROP_NO_BACKEND:
	case CV_DROP_QUOTA:
	case CV_DROP_RESET_LIMIT:
	case CV_DROP_ICMP_UNKNOWN:
		assert_false(is_later);
		break;
	case CV_DROP_FRAGMENT_ORPHAN:
	case CV_PASS_NO_LISTENER:
		assert_true(is_later);
		break;
	default:
		fail_msg("verdict %s on a packet of ours", dp_verdict_name(verdict));
	}
}

static void check_packet(struct world *world, const struct pkt *in)
{
	struct harness_result out;
	struct reference parsed;
	enum cv_verdict verdict = world_run(world, in, &out);
	enum cv_verdict want = reference_parse(world->image, in->data, in->len, &parsed);

	/* it depends on those that came before */
	if (verdict == CV_DROP_FRAGMENT_OVERLAP && parsed.is_fragment && !parsed.is_v4)
		return;
	if (want == CV_CONTINUE) {
		check_ours(world, in, &parsed, verdict, &out);
	} else if (verdict != want) {
		print_message("# the packet is\n");
		pkt_print(in);
		fail_msg("verdict %s, the second parser says %s", dp_verdict_name(verdict),
			 dp_verdict_name(want));
	}
}

/* Entries must be of listeners, and of packets that could be theirs. */
static int check_flow(const struct cv_flow6_key *key, const struct cv_flow *flow, void *arg)
{
	const struct image *image = ((struct world *)arg)->image;
	const struct cv_listener *listener = &image->listener[flow->listener];

	assert_memory_equal(listener->address, key->address, sizeof(key->address));
	assert_int_equal(listener->protocol, key->protocol);
	/* "any" is all that no other listener has, port 0 too */
	if (listener->port_last != 65535)
		assert_in_range(key->port, listener->port_first, listener->port_last);
	assert_true(flow->state != CV_FLOW_NONE && flow->packets > 0 && flow->bytes >= flow->packets * 28);
	if (flow->state != CV_FLOW_REFUSED)
		assert_int_equal(image->backend[flow->backend].pool, listener->pool);
	return 0;
}

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static void begin(void **state)
{
	struct world *world = *state;

	world_forget(state);
	world_configure(world, configuration);
	world_backend(world, "10.0.0.16")->state = CV_BACKEND_DOWN;
	world_apply(world);
}

static void survives_random_packets(void **state)
{
	/* what has to be met in a run of some length */
	static const enum cv_verdict met[] = {
		CV_PASS_NOT_IP,
		CV_PASS_MALFORMED,
		CV_PASS_NOT_VIP,
		CV_PASS_PROTOCOL,
		CV_TX,
		CV_RESET_UNKNOWN,
		CV_DROP_MALFORMED,
		CV_DROP_FRAGMENT_ORPHAN,
		CV_DROP_NO_BACKEND,
		CV_DROP_TTL,
		CV_DROP_FRAGMENT_TINY,
		CV_DROP_FRAGMENT_OVERLAP,
		CV_DROP_TOO_BIG,
		CV_DROP_QUOTA,
		CV_PASS_NO_LISTENER,
		CV_DROP_ICMP_QUOTE,
		CV_DROP_ICMP_FOREIGN,
		CV_DROP_ICMP_NO_PORTS,
		CV_DROP_ICMP_UNKNOWN,
		CV_ECHO_ANSWERED,
	};
	unsigned long seed = setting("CULVERT_RANDOM_SEED", (unsigned long)time(NULL));
	unsigned long nr = setting("CULVERT_RANDOM_PACKETS", SHORT_RUN);
	struct world *world = *state;
	struct pkt in;
	struct err err;

	print_message("# %lu packets, CULVERT_RANDOM_SEED=%lu\n", nr, seed);
	srandom((unsigned)seed);
	for (unsigned long i = 0; i < nr; i++) {
		if (i % FORGET_EVERY == 0)
			begin(state);
		random_packet(&in);
		check_packet(world, &in);
		if (i % FORGET_EVERY == FORGET_EVERY - 1)
			assert_ok(dp_flows(world->dp, check_flow, world, &err), err);
	}
	for (size_t i = 0; i < CV_ARRAY_SIZE(met) && nr >= SHORT_RUN; i++)
		if (!world->counted[met[i]].packets)
			fail_msg("no packet met %s", dp_verdict_name(met[i]));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(survives_random_packets),
	};

	harness_need_root();
	return world_run_tests("random", tests, WORLD_EVEN_BLIND);
}
