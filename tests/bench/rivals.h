/* SPDX-License-Identifier: GPL-2.0-only */
/* Keys and values of the maps of rivals.bpf.c. Addresses and ports are in wire order; an IPv4 address is the first word. */
#ifndef BENCH_RIVALS_H
#define BENCH_RIVALS_H

#include <linux/types.h>

#define RIVAL_CPUS 128
#define RIVAL_SLOTS 65537
#define RIVAL_BACKENDS 1024

struct rival_listener_key {
	__u32 address[4];
	__u16 port;
	__u8 protocol;
	__u8 pad;
};

struct rival_listener {
	__u32 number;
};

struct rival_flow_key {
	__u32 client[4];
	__u32 address[4];
	__u16 client_port;
	__u16 port;
	__u8 protocol;
	__u8 pad[3];
};

struct rival_flow {
	__u32 backend;
	__u32 pad;
	__u64 last_seen;
};

struct rival_backend {
	__u32 address[4];
	__u32 source[4];
	__u8 next_hop_mac[6];
	__u8 port_mac[6];
	__u32 mtu;
};

struct rival_count {
	__u64 packets;
	__u64 bytes;
};

#endif
