/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The backend side: what the decapsulating program shares with the command that attaches it.
 *
 * Addresses are 16 bytes in wire order, IPv4 in v4-mapped form, as in cv_types.h. Every entry also names
 * its family, so that a v4-mapped address that arrives in an IPv6 header matches nothing. */
#ifndef CV_DECAP_H
#define CV_DECAP_H

#include "cv_gue.h"
#include "cv_types.h"

/* Every way a packet can leave the program.
 *
 * X(symbol, class, name, meaning)
 *   class   PASS    goes on to the kernel, byte for byte as it came
 *           DECAP   goes on to the kernel without its outer header
 *           DROP    ours, and not fit to go on
 *
 * As in the balancer: what is not proven to be ours passes, however odd it is; after that what is odd is
 * dropped by reason. */
#define CV_DECAP_VERDICTS(X)                                                                              \
	X(PASS_NOT_IP, PASS, "not_ip", "neither IPv4 nor IPv6")                                           \
	X(PASS_MALFORMED, PASS, "malformed_outer", "outer headers cut short or contradicting each other") \
	X(PASS_NOT_TUNNEL, PASS, "not_tunnel", "an IP packet that carries no IP packet")                  \
	X(PASS_FRAGMENT, PASS, "fragment", "a fragment of a tunnel packet: the kernel reassembles it")    \
	X(PASS_EXTENSION, PASS, "extension", "behind an IPv6 extension header left to the kernel")        \
	X(PASS_NOT_LOCAL, PASS, "not_local", "tunnel to an address this host lacked when attached")       \
	X(PASS_SOURCE, PASS, "source", "tunnel from outside the --from prefixes")                         \
	X(IPV4_IN_IPV4, DECAP, "ipv4_in_ipv4", "outer header taken off")                                  \
	X(IPV6_IN_IPV4, DECAP, "ipv6_in_ipv4", "outer header taken off")                                  \
	X(IPV4_IN_IPV6, DECAP, "ipv4_in_ipv6", "outer header taken off")                                  \
	X(IPV6_IN_IPV6, DECAP, "ipv6_in_ipv6", "outer header taken off")                                  \
	X(PASS_GUE, PASS, "gue_other", "GUE with a control message, or with what is no IP packet")        \
	X(GUE_IPV4_IN_IPV4, DECAP, "gue_ipv4_in_ipv4", "outer header taken off, UDP and GUE as well")     \
	X(GUE_IPV6_IN_IPV4, DECAP, "gue_ipv6_in_ipv4", "outer header taken off, UDP and GUE as well")     \
	X(GUE_IPV4_IN_IPV6, DECAP, "gue_ipv4_in_ipv6", "outer header taken off, UDP and GUE as well")     \
	X(GUE_IPV6_IN_IPV6, DECAP, "gue_ipv6_in_ipv6", "outer header taken off, UDP and GUE as well")     \
	X(DROP_GUE_VARIANT, DROP, "gue_variant", "GUE of a variant that is neither 0 nor 1")              \
	X(DROP_GUE_FLAGS, DROP, "gue_flags", "GUE with optional fields that we do not know")              \
	X(DROP_GUE_LENGTH, DROP, "gue_length", "the GUE header is cut short or longer than its packet")   \
	X(DROP_UDP_CHECKSUM, DROP, "udp_checksum", "the outer UDP checksum is neither zero nor right")    \
	X(DROP_INNER_VERSION, DROP, "inner_version", "inner packet is not of the announced IP version")   \
	X(DROP_INNER_LENGTH, DROP, "inner_length", "inner packet is cut short or longer than its outer")  \
	X(DROP_ECN, DROP, "ecn", "outer says congestion, inner cannot carry it (RFC 6040 4.2)")           \
	X(DROP_INTERNAL, DROP, "internal", "the driver did not let go of the outer header")

enum cv_decap_verdict {
	CV_DECAP_CONTINUE = 0, /* not a verdict yet: the next stage goes on */
#define CV_X(symbol, class, name, meaning) CV_DECAP_##symbol,
	CV_DECAP_VERDICTS(CV_X)
#undef CV_X
		CV_DECAP_VERDICT_COUNT
};

enum cv_decap_class { CV_DECAP_CLASS_PASS, CV_DECAP_CLASS_DECAP, CV_DECAP_CLASS_DROP };

/* Entries that count; the maps take twice as many, as a new set goes in before the old one goes out. */
#define CV_DECAP_MAX_LOCAL 4096
#define CV_DECAP_MAX_FROM 1024

/* cv_decap_local: the addresses of this host at which tunnels may end. */
struct cv_decap_local_key {
	__u8 address[16];
};

struct cv_decap_local {
	__u32 ifindex; /* of the interface that has it; for people */
	enum cv_family family;
	__u8 pad[3];
};
CV_ASSERT_SIZE(struct cv_decap_local, 8);

/* cv_decap_from: prefixes from which tunnels are taken, longest match. "Any" is two prefixes of length 0. */
struct cv_decap_from_key {
	__u32 bits; /* of the 16 bytes: 96 more than the length of an IPv4 prefix */
	__u8 address[16];
};
CV_ASSERT_SIZE(struct cv_decap_from_key, 20);

struct cv_decap_from {
	enum cv_family family;
	__u8 length; /* of the prefix as written */
	__u8 pad[2];
};
CV_ASSERT_SIZE(struct cv_decap_from, 4);

/* cv_decap_conf, one entry. */
struct cv_decap_conf {
	__u16 gue_port; /* UDP port of GUE, in host order; 0: GUE is left alone */
	__u8 is_set;	/* somebody chose the port */
	__u8 pad;
};
CV_ASSERT_SIZE(struct cv_decap_conf, 4);

/* cv_decap_stats, per CPU, by enum cv_decap_verdict, holds struct cv_verdict_stats; bytes are those of the
 * frame as it came in. */

#endif
