/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the reference have in common: a packet on its way, and the parts. Each gives CV_CONTINUE, or the verdict
 * that ends the packet. */
#ifndef TESTS_REFERENCE_PARTS_H
#define TESTS_REFERENCE_PARTS_H

#include "bpf/reference.h"

/* Offsets are those in the frame, lengths are bytes, numbers are in host order. Addresses are 16 bytes, IPv4 v4-mapped. */
struct packet {
	const uint8_t *frame;
	size_t len;
	uint32_t ifindex;
	/* what it says */
	unsigned tags;
	size_t ip;
	size_t ip_bytes;
	size_t transport;
	size_t transport_bytes;
	bool is_v4;
	uint8_t protocol;
	uint8_t tos;
	bool is_fragment;
	size_t fragment_at; /* its place in the datagram */
	uint32_t fragment_id;
	uint8_t tcp_flags;
	struct cv_flow6_key tuple;
	/* what was found */
	uint16_t listener;
	uint16_t backend;
	uint64_t hash;
	bool is_icmp_error;
};

static inline uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static inline void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

/* Length of the IP header without options and extensions, and where its addresses are. */
static inline size_t ip_header(bool is_v4)
{
	return is_v4 ? 20 : 40;
}

static inline size_t ip_source(bool is_v4)
{
	return is_v4 ? 12 : 8;
}

static inline size_t ip_address_bytes(bool is_v4)
{
	return is_v4 ? 4 : 16;
}

/* reference_parse.c: link and IP headers; a chain of IPv6 extension headers; TCP and UDP of a packet that is ours. */
enum cv_verdict parse_frame(struct packet *packet);
bool parse_is_extension(uint8_t protocol);
enum cv_verdict parse_transport(struct packet *packet);

/* reference_listener.c: which one is asked for; 0: none. */
bool listener_filter(const struct image *image, const uint8_t address[16]);
bool listener_has_address(const struct image *image, const uint8_t address[16]);
bool listener_has_protocol(const struct image *image, const uint8_t address[16], uint8_t protocol);
uint16_t listener_find(const struct image *image, const struct cv_flow6_key *tuple);
uint64_t listener_hash(const struct image *image, uint16_t listener, const struct cv_flow6_key *tuple,
		       bool is_v4);

/* reference_flow.c: the backend of a packet that has its ports, and what becomes of its flow. */
enum cv_verdict flow_route(struct reference *reference, struct packet *packet);
enum cv_verdict flow_owner(const struct reference *reference, struct packet *packet);
bool flow_keeps_backend(const struct reference *reference, const struct cv_flow *flow);

/* reference_fragment.c */
enum cv_verdict fragment_first(struct reference *reference, const struct packet *packet,
			       enum cv_fragment_state state, enum cv_verdict verdict);
enum cv_verdict fragment_follow(struct reference *reference, struct packet *packet, struct cv_held *ret);
enum cv_verdict fragment_cut(struct reference *reference, const struct packet *packet, size_t room,
			     struct cv_held *ret);

/* reference_icmp.c: ICMP to what is likely a listener's address. */
enum cv_verdict icmp_take(struct reference *reference, struct packet *packet, struct reference_result *ret);

/* reference_forward.c: the frame that the backend gets; how much of a client's packet it can get. */
enum cv_verdict forward_packet(const struct reference *reference, const struct packet *packet,
			       struct reference_result *ret);
size_t forward_room(const struct reference *reference, const struct packet *packet);

/* reference_reply.c: answers of our own, the first two of which are due already. An answer goes to one host. */
bool reply_finds_one_host(const struct packet *packet);
enum cv_verdict reply_reset(struct reference *reference, const struct packet *packet, enum cv_verdict verdict,
			    struct reference_result *ret);
enum cv_verdict reply_too_big(struct reference *reference, const struct packet *packet, size_t room,
			      struct reference_result *ret);
enum cv_verdict reply_echo(struct reference *reference, const struct packet *packet,
			   struct reference_result *ret);

/* reference_sum.c: a checksum after a word of what it covers changed (RFC 1624, equation 3). */
uint16_t sum_replace(uint16_t check, uint16_t from, uint16_t to);

#endif
