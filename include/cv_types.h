/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys and values of the pinned maps: the one definition that the program, the daemon, the command
 * and `bpftool map dump` share.
 *
 * Addresses are 16 bytes in wire order, IPv4 in v4-mapped form (RFC 4291 2.5.5.2). Ports are in host
 * order. Times are whole seconds of the data plane's clock (cv_clock.h). Padding is explicit, and
 * always zero.
 */
#ifndef CV_TYPES_H
#define CV_TYPES_H

#include "cv_defs.h"
#include "cv_limits.h"

enum cv_family { CV_FAMILY_NONE, CV_FAMILY_IPV4, CV_FAMILY_IPV6 } CV_BYTE_ENUM;

/* The numbers are those of the IP header. */
enum cv_protocol { CV_PROTOCOL_NONE = 0, CV_PROTOCOL_TCP = 6, CV_PROTOCOL_UDP = 17 } CV_BYTE_ENUM;

enum cv_forward { CV_FORWARD_NONE, CV_FORWARD_IPIP, CV_FORWARD_L2, CV_FORWARD_GUE } CV_BYTE_ENUM;

enum cv_hash_fields { CV_HASH_5TUPLE, CV_HASH_SOURCE } CV_BYTE_ENUM;

/* What becomes of a TCP packet that belongs to no flow. */
enum cv_stray_policy { CV_STRAY_FORWARD, CV_STRAY_RESET } CV_BYTE_ENUM;

enum cv_when_full { CV_FULL_EVICT, CV_FULL_REJECT } CV_BYTE_ENUM;

enum cv_shortcut {
	CV_SHORTCUT_OFF,
	CV_SHORTCUT_ON,
	CV_SHORTCUT_BLIND, /* for tests: one set of cv_touched for all flows, which takes each for any other */
	CV_SHORTCUT_NARROW, /* for tests: one set for all flows, which push out each other all the time */
} CV_BYTE_ENUM;

enum cv_backend_state {
	CV_BACKEND_NONE,
	CV_BACKEND_UP,
	CV_BACKEND_DOWN,     /* its health check says so */
	CV_BACKEND_DRAINING, /* keeps its flows, takes no new ones */
	CV_BACKEND_DISABLED, /* keeps nothing */
} CV_BYTE_ENUM;

enum cv_flow_state {
	CV_FLOW_NONE,
	CV_FLOW_HALF_OPEN, /* one packet seen; lives in cv_half_open */
	CV_FLOW_REFUSED,   /* the table or the quota was full; lives in cv_half_open, to be counted once */
	CV_FLOW_OPEN,	   /* the client went on: an active flow. In cv_half_open: cv_meta.is_copied */
	CV_FLOW_CLOSING,   /* FIN or RST from the client seen */
} CV_BYTE_ENUM;

/* cv_listeners, by listener id. The first 64 bytes are what a packet needs. */
struct cv_listener {
	__u8 address[16];
	__u16 port_first; /* "any" is 1 to 65535 */
	__u16 port_last;
	__u16 pool;
	enum cv_protocol protocol;
	enum cv_forward forward;
	enum cv_hash_fields hash;
	enum cv_stray_policy late_packet;
	enum cv_stray_policy unknown_packet;
	__u8 pad0;
	__u32 table_size; /* Maglev slots of the pool */
	__u32 idle_timeout_s;
	__u32 max_flows;  /* 0: no quota */
	__u16 generation; /* counts the listeners that had this id; stays when one is gone */
	__u16 mss;	  /* most that a SYN may announce; 0: anything; or CV_MSS_PATH */
	__u8 pad1[20];
	char name[CV_NAME_LEN];
	__u8 pad2[32];
};
CV_ASSERT_SIZE(struct cv_listener, 128);
CV_ASSERT_OFFSET(struct cv_listener, pool, 20);
CV_ASSERT_OFFSET(struct cv_listener, table_size, 28);
CV_ASSERT_OFFSET(struct cv_listener, name, 64);

/* cv_pools, by pool id: for people, and for the daemon to find its ids again. */
struct cv_pool {
	char name[CV_NAME_LEN];
	__u32 table_size;
	__u32 backends; /* in the configuration, whatever their state */
};
CV_ASSERT_SIZE(struct cv_pool, 40);

/* cv_backends, by backend id: all that is needed to put a header on, in one cache line. */
struct cv_backend {
	__u8 address[16]; /* outer destination */
	__u8 source[16];  /* outer source, of the same family */
	__u8 next_hop_mac[6];
	__u8 port_mac[6]; /* of the port that leads there */
	__u32 ifindex;	  /* that port; 0: no way is known */
	__u32 outer_sum;  /* sum, not folded, of the outer IPv4 header's constant 16-bit words in host
	                      * order: version and length with TOS 0, TTL with protocol 0, destination */
	__u16 generation; /* counts the backends that had this id; a flow of another one is stale */
	__u16 mtu;	  /* bytes of IP packet, outer header included, that reach the backend */
	__u16 pool;
	__u16 port; /* 0: as the client chose it */
	enum cv_backend_state state;
	enum cv_family family;
	__u8 keeps_flows; /* 1: flows that are here stay; 0: they are placed anew */
	__u8 on_link;	  /* 1: next_hop_mac is the backend itself, so l2 reaches it */
};
CV_ASSERT_SIZE(struct cv_backend, 64);
CV_ASSERT_OFFSET(struct cv_backend, next_hop_mac, 32); /* in words: bpf/forward.h */
CV_ASSERT_OFFSET(struct cv_backend, port_mac, 38);
CV_ASSERT_OFFSET(struct cv_backend, ifindex, 44);
CV_ASSERT_OFFSET(struct cv_backend, state, 60);

/* One slot of a Maglev table. Owners change only with the whole table; the bytes beside them have a writer each. */
struct cv_slot {
	__u16 backend; /* 0: nobody */
	__u8 settled; /* 1: every live flow in it is on this backend. Set by user space after a sweep that found no
	                * other, taken off by whoever learns of one */
	__u8 disputed; /* mark of the last sweep that found one */
};
CV_ASSERT_SIZE(struct cv_slot, 4);

/* Inner maps of cv_maglev (outer index: pool id): slot n lies in line n / 16. */
struct cv_slot_line {
	struct cv_slot slot[CV_SLOTS_PER_LINE];
};
CV_ASSERT_SIZE(struct cv_slot_line, 64);

/* Keys of cv_flows (IPv4) and cv_flows6 (IPv6). */
struct cv_flow4_key {
	__u8 client[4];
	__u8 address[4];
	__u16 client_port;
	__u16 port;
	enum cv_protocol protocol;
	__u8 pad[3];
};
CV_ASSERT_SIZE(struct cv_flow4_key, 16);

/* Also the key of cv_half_open, for both families: IPv4 in v4-mapped form. */
struct cv_flow6_key {
	__u8 client[16];
	__u8 address[16];
	__u16 client_port;
	__u16 port;
	enum cv_protocol protocol;
	__u8 pad[3];
};
CV_ASSERT_SIZE(struct cv_flow6_key, 40);

/* Value of cv_flows, cv_flows6 and cv_half_open. */
struct cv_flow {
	__u64 packets; /* that visited the table; with flow_table.shortcut off, all */
	__u64 bytes;   /* of these, as IP packets that the client sent */
	__u32 born_s;
	__u32 last_seen_s;
	__u32 idle_timeout_s; /* the listener's when the flow was born */
	__u16 listener;
	__u16 backend;
	__u16 generation; /* of the backend */
	enum cv_flow_state state;
	__u8 brief_timeout_s; /* counts instead of idle_timeout_s while not open; closing, only if shorter */
	__u8 pad[4];
};
CV_ASSERT_SIZE(struct cv_flow, 40);
CV_ASSERT_OFFSET(struct cv_flow, state, 34);

/* cv_per_verdict, per CPU, by enum cv_verdict. Bytes are those of the frame as it came in. */
struct cv_verdict_stats {
	__u64 packets;
	__u64 bytes;
};

/* cv_per_listener, per CPU, by listener id. Bytes are those of IP packets as the client sent them. */
struct cv_listener_stats {
	__u64 packets; /* forwarded */
	__u64 bytes;
	__u64 shortcut_packets; /* of these, past the flow table */
	__u64 new_flows;	/* became open */
	__u64 expired_flows;	/* idled out while open */
	__u64 closed_flows;	/* ended by FIN or RST, or a SYN after these; or another listener took over */
	__u64 moved_flows;	/* placed anew: their backend was gone */
	__u64 rejected_table_full; /* new flows refused, each counted once */
	__u64 rejected_quota;
	__u64 rejected_no_backend;
	__u64 resets_sent;
	__u64 client_resets;
	__u64 icmp_errors;	 /* sent on to the backend of the flow they are about; not among `packets` */
	__u64 icmp_unknown_flow; /* of these: no flow was found, so by Maglev */
};

/* cv_per_backend, per CPU, by backend id. */
struct cv_backend_stats {
	__u64 packets; /* forwarded */
	__u64 bytes;
	__u64 new_flows;
};

/* cv_live, by listener id, and with id 0 for all of them: open and closing flows in the table now. Exact, but for flows
 * that were pushed out, or did not fit when a table was made smaller: these the next sweep takes off. */
struct cv_live {
	__s64 flows;
};

/* cv_touched: flows that were met in the flow table in this epoch, each on the owner of its slot, by a 21-bit tag of its
 * hash, the epoch and that owner. Three tags to a word, by age: the lowest bits of the first one are the newest. */
struct cv_touched {
	__u64 tags[CV_TOUCHED_WORDS];
};
CV_ASSERT_SIZE(struct cv_touched, 32);

/* cv_expired, keyed as cv_half_open: TCP flows that idled out, so that their next packet is known to be late. */
struct cv_expired {
	__u32 expired_s;
	__u16 listener;
	__u16 pad;
};
CV_ASSERT_SIZE(struct cv_expired, 8);

/* cv_fragments: the note of a datagram that comes in fragments, by which the later ones find the first one's way. */
enum cv_fragment_state {
	CV_FRAGMENT_NONE,
	CV_FRAGMENT_KNOWN,   /* the first one came and went to `backend` */
	CV_FRAGMENT_FOREIGN, /* it was for a port without listener: all pass */
	CV_FRAGMENT_REFUSED, /* it was dropped or answered: so much for the rest */
	CV_FRAGMENT_OVERLAP, /* a second first one said something else (RFC 5722): nothing more of this datagram */
	CV_FRAGMENT_WAITING, /* it did not come yet, later ones did and are held back */
} CV_BYTE_ENUM;

struct cv_fragment_key {
	__u8 client[16];
	__u8 address[16];
	__u32 identification; /* in host order; of IPv4 its 16 bits */
	enum cv_protocol protocol;
	__u8 pad[3];
};
CV_ASSERT_SIZE(struct cv_fragment_key, 40);

struct cv_fragment {
	__u32 noted_s;
	__u16 client_port; /* of the first one */
	__u16 port;
	__u16 listener;
	__u16 backend;
	__u16 generation; /* of the backend */
	enum cv_fragment_state state;
	__u8 pad;
};
CV_ASSERT_SIZE(struct cv_fragment, 16);

/* cv_gate, per CPU: what this processor did within this second and may do only so often. */
struct cv_gate {
	__u32 second;
	__u32 begun;	    /* entries made in cv_half_open */
	__u32 resets;	    /* sent */
	__u32 icmp_replies; /* sent: what we say ourselves, not what is sent on to a backend */
	__u32 held;	    /* frames handed to culvertd */
	__u32 flooded_s;    /* second in which these entries last pushed out each other; 0: never */
};

/* cv_listener_use and cv_backend_use, by id: what the sweep numbered `sweep` counted. A record with
 * another number was not met in the last sweep: all its counts are zero. */
struct cv_flow_counts {
	__u64 sweep;
	__u64 half_open;
	__u64 open; /* the active flows */
	__u64 closing;
	__u64 ended; /* were open or closing; their time is over, and they are still there */
};

/* What a pass over the flow tables does. Removing is a pass of its own: an iterator that goes on within a bucket
 * counts the entries it has passed, so one that removes some may pass over others. While cv_sweep says COUNT the counts are
 * those of a part of the flows. */
enum cv_sweep_pass { CV_SWEEP_COUNT, CV_SWEEP_REMOVE } CV_BYTE_ENUM;

/* cv_sweep, one entry: the sweep that runs, or the last one. User space writes it before each pass, with a number never
 * used before for a count; the programs of the sweep add to it. */
struct cv_sweep {
	__u64 sweep;
	__u64 now_s;	 /* the data plane's clock when it began */
	__u64 half_open; /* live entries by state, both families */
	__u64 open;
	__u64 closing;
	__u64 ended; /* entries whose time is over: to be removed */
	__u64 removed;
	enum cv_sweep_pass pass;
	__u8 mark; /* a count also marks the slots of flows that are not on the owner with it; 0: it does not */
	__u8 pad[6];
};
CV_ASSERT_SIZE(struct cv_sweep, 64);

/* Context of the cv_correct program (BPF_PROG_TEST_RUN). */
struct cv_correct_args {
	__s64 change; /* to cv_live of this listener, and of all */
	__u32 listener;
	__u32 pad;
};

/* Context of the cv_clock program (BPF_PROG_TEST_RUN). */
struct cv_clock_args {
	__u64 now_s; /* out */
};

/* cv_meta, one entry: what laid these maps down. */
struct cv_meta {
	__u32 schema; /* CV_SCHEMA_VERSION */
	__u32 hz;     /* ticks a second of the kernel it runs on */
	__u64 max_flows;
	__u64 sweep; /* number of the last sweep begun */
	enum cv_when_full when_full;
	enum cv_shortcut shortcut;
	__u8 is_copied; /* 1: the flow tables are on their way into others. What opens leaves its entry in cv_half_open,
	                 * as open, for the program that takes over */
	__u8 pad[5];
	char version[CV_NAME_LEN];
	__u64 ask_key; /* what tells questions from packets: see cv_ask.h */
};
CV_ASSERT_SIZE(struct cv_meta, 72);

#endif
