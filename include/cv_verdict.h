/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every way a packet can leave the data path: one list makes the enum, the names and the texts.
 *
 * X(symbol, class, name, meaning, remedy)
 *   class   PASS      the packet goes on to the kernel, byte for byte as it came
 *           TX        forwarded, out of the port it came in by
 *           REDIRECT  forwarded, out of another attached port
 *           HOLD      culvertd has it: it goes on from there, or is counted there as lost
 *           DROP      ours, and not forwarded: counted under `name` in status and metrics
 *
 * A packet that is not proven to be for one of our listeners passes, however odd it is; from the
 * moment the listener is found nothing odd passes any more, it is dropped by reason.
 */
#ifndef CV_VERDICT_H
#define CV_VERDICT_H

#define CV_VERDICTS(X)                                                                                       \
	X(PASS_NOT_IP, PASS, "not_ip", "neither IPv4 nor IPv6", "none needed")                               \
	X(PASS_GROUP, PASS, "group_frame",                                                                   \
	  "to a listener's address, in an Ethernet frame to a group or to all (RFC 1812 5.3.4)",             \
	  "none needed; if clients' packets come so, look at what resolves the listener's address")          \
	X(PASS_MALFORMED, PASS, "malformed_foreign",                                                         \
	  "headers cut short or contradicting each other, not known to be ours", "none needed")              \
	X(PASS_SPLIT, PASS, "headers_split",                                                                 \
	  "headers reach beyond the first piece of a frame, where XDP cannot read them",                     \
	  "have the driver keep headers and data together: ethtool -G IFACE tcp-data-split off")             \
	X(PASS_NOT_VIP, PASS, "not_vip", "the destination is no listener's address", "none needed")          \
	X(PASS_PROTOCOL, PASS, "other_protocol",                                                             \
	  "to a listener's address, but neither TCP nor UDP, nor an ICMP error about these", "none needed")  \
	X(PASS_ICMP_FRAGMENT, PASS, "icmp_fragment",                                                         \
	  "a fragment of an ICMP message to a listener's address", "none needed")                            \
	X(PASS_NO_LISTENER, PASS, "no_listener",                                                             \
	  "to a listener's address, but no listener has this protocol and port",                             \
	  "add a listener if clients should be served there")                                                \
	X(PASS_NOT_CONFIGURED, PASS, "not_configured", "no listener is configured yet", "start culvertd")    \
	X(TX, TX, "tx", "forwarded, out of the port it came in by", "none needed")                           \
	X(REDIRECT, REDIRECT, "redirect", "forwarded, out of another attached port", "none needed")          \
	X(RESET_LATE, TX, "reset_late", "answered with a TCP reset: its flow had idled out",                 \
	  "send keepalives more often than idle_timeout, or raise idle_timeout")                             \
	X(RESET_UNKNOWN, TX, "reset_unknown",                                                                \
	  "answered with a TCP reset: of a flow never seen here, and unknown_packet is reset",               \
	  "none needed; use unknown_packet: forward behind ECMP")                                            \
	X(TOO_BIG_ANSWERED, TX, "too_big_answered",                                                          \
	  "did not fit the path to the backend; its sender was told what does (ICMP)",                       \
	  "none needed; raise the MTU towards the backends to spare clients the retransmission")             \
	X(ECHO_ANSWERED, TX, "echo_answered", "a ping of a listener's address, answered",                    \
	  "none needed; icmp.echo: false passes them to the kernel")                                         \
	X(FRAGMENT_HELD, HOLD, "fragment_held",                                                              \
	  "came before the first fragment of its datagram: culvertd has it until that comes", "none needed") \
	X(CUT, HOLD, "cut",                                                                                  \
	  "IPv4 without DF, did not fit the path to the backend: culvertd cuts it into fragments that do",   \
	  "raise the MTU towards the backends: this is slow")                                                \
	X(DROP_MALFORMED, DROP, "malformed", "for a listener, but its lengths contradict each other",        \
	  "look for a broken sender or a cut on the way")                                                    \
	X(DROP_SPLIT, DROP, "split",                                                                         \
	  "for a listener, but its TCP or UDP header reaches beyond the first piece of the frame",           \
	  "have the driver keep headers and data together: ethtool -G IFACE tcp-data-split off")             \
	X(DROP_FRAGMENT_TINY, DROP, "fragment_tiny",                                                         \
	  "a first fragment without the whole transport header, or one that would overwrite it",             \
	  "none needed: nobody sends such but to get around filters (RFC 1858, RFC 3128, RFC 7112)")         \
	X(DROP_FRAGMENT_OVERLAP, DROP, "fragment_overlap",                                                   \
	  "of an IPv6 datagram with two first fragments that name different ports (RFC 5722)",               \
	  "none needed; look for an attack if it goes on")                                                   \
	X(DROP_FRAGMENT_ORPHAN, DROP, "fragment_orphan",                                                     \
	  "a later fragment whose first one was not forwarded, or has not come",                             \
	  "see the other drops; have culvertd run, which holds back fragments that come too early")          \
	X(DROP_NO_BACKEND, DROP, "no_backend", "the listener's pool has no backend that takes flows",        \
	  "see culvert backends; add or enable one, or raise its weight; all_down: open uses those down")    \
	X(DROP_NO_NEXT_HOP, DROP, "no_next_hop",                                                             \
	  "no route, no neighbour or no attached port towards the backend",                                  \
	  "see culvert backends for what is missing")                                                        \
	X(DROP_FAMILY, DROP, "family", "l2 cannot carry this address family to the backend",                 \
	  "use forward: ipip or gue for this pool")                                                          \
	X(DROP_TTL, DROP, "ttl", "TTL or hop limit used up",                                                 \
	  "look for a routing loop between client and balancer")                                             \
	X(DROP_TOO_BIG, DROP, "too_big",                                                                     \
	  "does not fit the path to the backend, and could be neither answered nor cut",                     \
	  "raise the MTU towards the backends; have culvertd run, which cuts IPv4 packets without DF")       \
	X(DROP_PATH_NARROW, DROP, "path_below_1280",                                                         \
	  "IPv6, at most 1,280 bytes, and yet too large for the path to the backend once encapsulated",      \
	  "raise the MTU towards the backend to 1,280 and what the tunnel adds: 20 to 52 bytes")             \
	X(DROP_ICMP_LIMIT, DROP, "icmp_limit", "an ICMP answer was due, but too many were sent this second", \
	  "none needed; look for a flood if it goes on")                                                     \
	X(DROP_HEADROOM, DROP, "headroom", "the driver left no room for the outer header",                   \
	  "use another driver or mode: generic")                                                             \
	X(DROP_TABLE_FULL, DROP, "flow_table_full",                                                          \
	  "a new flow found no room, and flow_table.when_full is reject",                                    \
	  "raise flow_table.max_flows or lower idle_timeout")                                                \
	X(DROP_QUOTA, DROP, "listener_full",                                                                 \
	  "a new flow, and the listener has as many as its max_flows allows",                                \
	  "raise max_flows of the listener")                                                                 \
	X(DROP_RESET_LIMIT, DROP, "reset_limit", "a TCP reset was due, but too many were sent this second",  \
	  "none needed; look for a flood if it goes on")                                                     \
	X(DROP_ICMP_QUOTE, DROP, "icmp_quote", "an ICMP error whose quoted packet cannot be read",           \
	  "look for a router that quotes less than RFC 792 asks for")                                        \
	X(DROP_ICMP_FOREIGN, DROP, "icmp_foreign",                                                           \
	  "an ICMP error about a packet that did not come from the address it was sent to",                  \
	  "none needed; look for forged errors if it goes on")                                               \
	X(DROP_ICMP_NO_PORTS, DROP, "icmp_no_ports",                                                         \
	  "an ICMP error about a later fragment, which does not say of which flow it is",                    \
	  "none needed; backends that use path MTU discovery send no fragments")                             \
	X(DROP_ICMP_UNKNOWN, DROP, "icmp_unknown_flow",                                                      \
	  "an ICMP error about a flow that is not known here, and unknown_packet is reset",                  \
	  "none needed; use unknown_packet: forward behind ECMP")                                            \
	X(DROP_INTERNAL, DROP, "internal", "a map lacked an entry that must be there",                       \
	  "report it: this is a defect of Culvert")

enum cv_verdict {
	CV_CONTINUE = 0, /* not a verdict yet: the next stage goes on */
#define CV_X(symbol, class, name, meaning, remedy) CV_##symbol,
	CV_VERDICTS(CV_X)
#undef CV_X
		CV_VERDICT_COUNT
};

enum cv_verdict_class { CV_CLASS_PASS, CV_CLASS_TX, CV_CLASS_REDIRECT, CV_CLASS_HOLD, CV_CLASS_DROP };

#endif
