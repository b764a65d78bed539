/* SPDX-License-Identifier: GPL-2.0-only */
/* A private instance of the decapsulating program; see decap_fixture.h. */
#include "bpf/decap_fixture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cv_decap.skel.h"
#include "dataplane/decap_filter.h"

const struct mix mixes[MIXES] = {
	{ "IPv4 in IPv4", CV_FAMILY_IPV4, CV_FAMILY_IPV4, CV_DECAP_IPV4_IN_IPV4 },
	{ "IPv6 in IPv4", CV_FAMILY_IPV4, CV_FAMILY_IPV6, CV_DECAP_IPV6_IN_IPV4 },
	{ "IPv4 in IPv6", CV_FAMILY_IPV6, CV_FAMILY_IPV4, CV_DECAP_IPV4_IN_IPV6 },
	{ "IPv6 in IPv6", CV_FAMILY_IPV6, CV_FAMILY_IPV6, CV_DECAP_IPV6_IN_IPV6 },
};

static struct cv_decap *skel;

static void add_local(const char *text)
{
	struct cv_decap_local value = { 0 };
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	value.family = addr_family(&addr);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(skel->maps.cv_decap_local), addr.byte, &value, 0),
			 0);
}

int decap_group_setup(void **state)
{
	(void)state;
	skel = cv_decap__open_and_load();
	if (!skel)
		return -1;
	add_local(HOST4);
	add_local(HOST6);
	return 0;
}

int decap_group_teardown(void **state)
{
	(void)state;
	cv_decap__destroy(skel);
	return 0;
}

int decap_setup(void **state)
{
	(void)state;
	set_from((const char *const[]){ "0.0.0.0/0", "::/0", NULL });
	set_gue_port(GUE_PORT);
	return 0;
}

int decap_map_fd(const char *name)
{
	return bpf_object__find_map_fd_by_name(skel->obj, name);
}

void set_from(const char *const prefixes[])
{
	struct decap_prefix parsed[8];
	struct err err;
	size_t nr = 0;

	for (; prefixes[nr]; nr++) {
		assert_true(nr < CV_ARRAY_SIZE(parsed));
		assert_int_equal(addr_parse_prefix(prefixes[nr], &parsed[nr].address, &parsed[nr].length), 0);
	}
	assert_int_equal(decap_filter_from(bpf_map__fd(skel->maps.cv_decap_from), parsed, nr, &err), 0);
}

void set_gue_port(int port)
{
	struct err err;

	assert_int_equal(decap_filter_gue(bpf_map__fd(skel->maps.cv_decap_conf), port, &err), 0);
}

void push_link(struct pkt *p, int tags)
{
	pkt_eth(p);
	if (tags > 1)
		pkt_vlan(p, .tpid = 0x88a8, .tci = 0x2064);
	if (tags > 0)
		pkt_vlan(p, .tci = 0x6007);
}

void push_outer(struct pkt *p, enum cv_family family, uint8_t tos)
{
	if (family == CV_FAMILY_IPV4)
		pkt_ipv4(p, BALANCER4, HOST4, .tos = tos, .df = 1);
	else
		pkt_ipv6(p, BALANCER6, HOST6, .tclass = tos);
}

void push_inner(struct pkt *p, enum cv_family family, uint8_t tos)
{
	if (family == CV_FAMILY_IPV4)
		pkt_ipv4(p, CLIENT4, VIP4, .tos = tos, .ttl = 9, .id = 0xbeef);
	else
		pkt_ipv6(p, CLIENT6, VIP6, .tclass = tos, .hop_limit = 9, .flow_label = 0xabcde);
	pkt_udp(p, 40000, 443);
	pkt_text(p, "the inner packet");
}

void push_tunnel(struct pkt *p, const struct mix *mix, int tags)
{
	push_link(p, tags);
	push_outer(p, mix->outer, 0);
	push_inner(p, mix->inner, 0);
}

void push_gue(struct pkt *p, uint16_t port, int variant, enum cv_family inner, size_t private)
{
	uint8_t header[4 + 124] = { (uint8_t)(private / 4),
				    inner == CV_FAMILY_IPV4 ? IPPROTO_IPIP : IPPROTO_IPV6 };

	pkt_udp(p, 0xc001, port, .no_checksum = 1);
	memset(header + 4, 0xa5, private);
	if (variant == 0)
		pkt_bytes(p, header, 4 + private);
}

enum cv_decap_verdict gue_verdict(const struct mix *mix)
{
	return mix->verdict + CV_DECAP_GUE_IPV4_IN_IPV4 - CV_DECAP_IPV4_IN_IPV4;
}

static bool is_decapsulated(enum cv_decap_verdict verdict)
{
	return decap_verdict_class(verdict) == CV_DECAP_CLASS_DECAP;
}

enum cv_decap_verdict run_any(const struct pkt *in, struct harness_result *ret)
{
	int stats_fd = bpf_map__fd(skel->maps.cv_decap_stats);
	enum cv_decap_verdict counted = CV_DECAP_CONTINUE;
	uint64_t sums[2];

	harness_clear(stats_fd);
	harness_run(bpf_program__fd(skel->progs.cv_decap), in, ret);
	for (uint32_t verdict = 0; verdict < CV_DECAP_VERDICT_COUNT; verdict++) {
		harness_sum(stats_fd, verdict, sums, 2);
		if (!sums[0])
			continue;
		assert_int_equal(counted, CV_DECAP_CONTINUE);
		assert_int_equal(sums[0], 1);
		assert_int_equal(sums[1], in->len);
		counted = verdict;
	}
	assert_int_not_equal(counted, CV_DECAP_CONTINUE);
	if (decap_verdict_class(counted) == CV_DECAP_CLASS_DROP) {
		assert_int_equal(ret->action, XDP_DROP);
		return counted;
	}
	assert_int_equal(ret->action, XDP_PASS);
	if (is_decapsulated(counted))
		assert_true(ret->len <= in->len - 20);
	else
		assert_pkt(in, ret->data, ret->len);
	return counted;
}

void expect(const struct pkt *in, enum cv_decap_verdict verdict, const struct pkt *want)
{
	struct harness_result result;
	enum cv_decap_verdict counted = run_any(in, &result);

	if (counted != verdict)
		fail_msg("verdict %s, expected %s", decap_verdict_name(counted), decap_verdict_name(verdict));
	if (want)
		assert_pkt(want, result.data, result.len);
}
