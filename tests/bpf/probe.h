/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet of a client, told by what matters for a test: every field that is not named has the value written
 * beside it, which makes an ordinary TCP or UDP packet to one of the balancer's addresses. */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include "bpf/harness.h"

#include "cv_types.h"

#define VIP4 "192.0.2.10"
#define VIP6 "2001:db8:a::10"

/* MAC addresses of the router that the client's packets come by, and of the port they come in by. */
#define ROUTER_MAC "02:00:00:00:00:01"
#define PORT_MAC "02:00:00:00:00:02"

#define PROBE_MAX_EXTENSIONS 8

enum probe_fragment { PROBE_WHOLE, PROBE_ATOMIC, PROBE_FIRST_FRAGMENT, PROBE_LATER_FRAGMENT };

struct probe {
	const char *name; /* for messages: the name of a row in a table */
	/* the 5-tuple */
	const char *to;		   /* VIP4 or VIP6 */
	enum cv_family family;	   /* IPv4 */
	enum cv_protocol protocol; /* TCP */
	uint16_t port;		   /* 443 */
	uint16_t client;	   /* number of its address: 7 */
	uint16_t client_port;	   /* 40000 */
	bool is_answer;		   /* of a backend to the client: addresses and ports the other way round */
	/* link and IP */
	int ttl; /* 64 */
	uint32_t flow_label;
	uint16_t id; /* 0x1234 */
	uint8_t vlans;
	uint8_t tos;
	bool df;
	uint8_t options; /* bytes of IPv4 options */
	struct {
		uint16_t bytes; /* 0 ends the list */
		uint8_t protocol;
	} extension[PROBE_MAX_EXTENSIONS];
	enum probe_fragment fragment;
	/* TCP */
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	uint8_t tcp_options; /* bytes */
	/* what follows: bytes of the client, and padding that no header counts */
	uint16_t payload;
	uint16_t padding;
	/* bytes written over the finished packet */
	struct {
		uint8_t layer; /* number of the header, Ethernet's is 0 */
		uint8_t offset;
		uint8_t nr;
		uint8_t byte[2];
	} poke;
};

/* Short forms for tables of probes. */
#define V4 .family = CV_FAMILY_IPV4
#define V6 .family = CV_FAMILY_IPV6
#define TCP .protocol = CV_PROTOCOL_TCP
#define UDP .protocol = CV_PROTOCOL_UDP
#define POKE(layer_, offset_, ...) \
	.poke = { (layer_), (offset_), sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ } }

void probe_build(const struct probe *probe, struct pkt *ret);

/* The layers one by one, for who puts others between them. */
void probe_push_link(const struct probe *probe, const char *from_mac, const char *to_mac, struct pkt *p);
void probe_push_ip(const struct probe *probe, struct pkt *p);

enum cv_family probe_family(const struct probe *probe);
enum cv_protocol probe_protocol(const struct probe *probe);
int probe_ttl(const struct probe *probe);

/* Its flow, in the form that both families share. */
void probe_key(const struct probe *probe, struct cv_flow6_key *ret);

/* The short form of an IPv4 flow's key. */
void probe_key4(const struct probe *probe, struct cv_flow4_key *ret);

/* The same probe of another family and protocol. */
struct probe probe_as(struct probe probe, enum cv_family family, enum cv_protocol protocol);

/* The four kinds of a probe, one after the other: for (size_t i = 0; i < PROBE_KINDS; i++)
 * probe_kind(probe, i). */
#define PROBE_KINDS 4
struct probe probe_kind(struct probe probe, size_t kind);

#endif
