/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sizes that both sides must agree on. Ids start at 1; 0 means "none" in every map. */
#ifndef CV_LIMITS_H
#define CV_LIMITS_H

/* Raised whenever a key, a value or the meaning of one changes in a pinned map. What older maps hold goes over by the
 * names of members, enumerators and verdicts (user/dataplane/layout.h). So: what changes its meaning or unit gets another
 * name; a member that is new means, when it is zero, what was before it; cv_meta only grows at its end. */
#define CV_SCHEMA_VERSION 3

#define CV_MAX_INTERFACES 16
#define CV_MAX_LISTENERS 1024
#define CV_MAX_POOLS 1024
#define CV_MAX_BACKENDS 16384

#define CV_NAME_LEN 32 /* listener and pool names, with the closing NUL */

/* Flow table: entries; CV_HALF_OPEN_FLOWS holds flows of which one packet was seen. */
#define CV_DEFAULT_MAX_FLOWS 1048576
#define CV_MIN_MAX_FLOWS 1024
#define CV_MAX_MAX_FLOWS 16777216
#define CV_HALF_OPEN_FLOWS 65536

/* With when_full: reject the tables hold this many more, so that a flow whose first packet was let in finds room
 * when it opens: at most so many are on their way at a time. */
#define CV_FLOWS_SLACK CV_HALF_OPEN_FLOWS
/* Flows that idled out are remembered, to answer their late packets: one for so many of max_flows. */
#define CV_EXPIRED_SHARE 8

/* Datagrams in fragments whose way is noted, and for how long: as long as Linux waits for the rest (RFC 791 3.2 leaves it
 * open, RFC 8200 4.5 says 60 s). */
#define CV_FRAGMENTS 16384
#define CV_FRAGMENT_TIMEOUT4_S 30
#define CV_FRAGMENT_TIMEOUT6_S 60

/* Frames that the program hands to culvertd: fragments that come before the first one of their datagram, and packets to be
 * cut. The longest, the ring they lie in, and how long a fragment is held back. */
#define CV_HELD_BYTES 9216
#define CV_HELD_RING_BYTES (4 << 20)
#define CV_HELD_WAIT_MS 1000
#define CV_HOLDER_LEASE_S 3 /* culvertd says every second that it reads the ring */

/* What one processor does in a second at most: entries in cv_half_open (beyond it new flows go by Maglev without
 * one), resets, and ICMP replies of its own (RFC 1812 4.3.2.8, RFC 4443 2.4 f). */
#define CV_BEGUN_PER_S 200000
#define CV_FLOOD_PER_S 8192 /* of these entries: so many push out others in the middle of handshakes */
#define CV_RESETS_PER_S 10000
#define CV_ICMP_REPLIES_PER_S 10000
#define CV_HELD_PER_S 5000 /* frames handed to culvertd */

/* Idle timeouts, seconds. */
#define CV_IDLE_TIMEOUT_TCP_S 350
#define CV_IDLE_TIMEOUT_UDP_S 120
#define CV_IDLE_TIMEOUT_MIN_S 1
#define CV_IDLE_TIMEOUT_MAX_S 86400
/* A handshake that does not go on for this long is forgotten (RFC 9293: SYN retransmissions
 * of a Linux client come after 1, 3, 7, 15 and 31 s). */
#define CV_HALF_OPEN_TIMEOUT_S 60
/* After so long without a sweep nobody knows how many flows live, and no limit of them holds: the daemon, which begins one
 * every 5 s, is dead. */
#define CV_SWEEP_MISSED_S 60
/* After the client's FIN its last ACKs must still reach the backend (2 MSL as Linux has it). */
#define CV_CLOSING_FIN_TIMEOUT_S 60
/* After the client's RST nothing more is due but what was already on its way. */
#define CV_CLOSING_RST_TIMEOUT_S 5

/* The shortcut past the flow table (bpf/touched.h). The first packet of a flow in each epoch visits the table all the
 * same, so what the table says of idle times is at most an epoch old. Powers of two. */
#define CV_EPOCH_S 8
/* Listeners and flows of less patience never take it: a flow that is not idle visits the table at least eight times in its
 * timeout. */
#define CV_SHORTCUT_TIMEOUT_S 64
/* A set of cv_touched, and bytes of it for each flow of max_flows, at least: twelve tags for eight flows. When all of them send
 * in one epoch, one packet of 70 finds its tag pushed out by others. */
#define CV_TOUCHED_WORDS 4
#define CV_TOUCHED_BYTES 4

/* Maglev table sizes are primes in this range; the paper's two are 65537 and 655373. */
#define CV_DEFAULT_TABLE_SIZE 65537
#define CV_MIN_TABLE_SIZE 251
#define CV_MAX_TABLE_SIZE 655373
/* Slots of a Maglev table that lie in one map entry: 16 slots of 4 bytes are one cache line. */
#define CV_SLOTS_PER_LINE 16

#define CV_MAX_WEIGHT 1000
#define CV_DEFAULT_WEIGHT 100

/* The listener directory (cv_directory.h). Powers of two. */
#define CV_DIRECTORY_BUCKETS 2048
#define CV_DIRECTORY_WAYS 4
#define CV_VIP_FILTER_WORDS 256
#define CV_HASH_KEY_WORDS 16

/* Every IPv6 path carries so many bytes (RFC 8200 5). */
#define CV_MIN_MTU6 1280

/* Segments that everybody takes who does not say otherwise (RFC 9293 3.7.1); in place of a size: what the path to the
 * backend carries. */
#define CV_MIN_MSS4 536
#define CV_MIN_MSS6 1220
#define CV_MAX_MSS 65495
#define CV_MSS_PATH 65535

/* How much of a packet our ICMP errors quote. IPv4: far more than the 8 bytes behind its header that RFC 792 wants, within
 * the 576 bytes in all of RFC 1812 4.3.2.3; IPv6: what makes 1,280 bytes in all (RFC 4443 2.4 c). */
#define CV_QUOTE4_BYTES 512
#define CV_QUOTE6_BYTES (CV_MIN_MTU6 - 48)

/* The outer header of a tunnel starts with this TTL or hop limit (RFC 1700, RFC 2003). */
#define CV_OUTER_TTL 64

#endif
