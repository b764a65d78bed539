/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration as plain values: what the file says, with every default filled in. Built by
 * config/schema.c, checked here, turned into map contents by model/image.c. Knows no kernel, no clock
 * and no file; owns all its memory. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv_gue.h"
#include "cv_limits.h"
#include "cv_types.h"
#include "util/addr.h"

/* Where in the file a value stands, both from 1; 0: it is a default. */
struct mark {
	unsigned line;
	unsigned column;
};

enum attach_mode { ATTACH_AUTO, ATTACH_NATIVE, ATTACH_GENERIC };

/* "auto", "native", "generic". */
const char *attach_mode_name(enum attach_mode mode);

struct interface_conf {
	char name[16]; /* IFNAMSIZ */
	enum attach_mode mode;
	struct mark mark;
};

struct flow_table_conf {
	uint32_t max_flows;
	enum cv_when_full when_full;
	enum cv_shortcut shortcut;
};

bool model_is_same_table(const struct flow_table_conf *a, const struct flow_table_conf *b);

/* Sets of cv_touched, a power of two. */
uint32_t model_touched_sets(const struct flow_table_conf *flow_table);

/* Source addresses of the outer header: length 0 means the one the kernel's routes choose. */
struct encapsulation_conf {
	struct addr source4;
	unsigned source4_length; /* prefix bits, 8 to 32 */
	struct addr source6;
	unsigned source6_length; /* 32 to 128 */
};

/* How `forward: gue` encapsulates. */
struct gue_conf {
	uint16_t port;	 /* to which the backends listen */
	uint8_t variant; /* enum cv_gue_variant */
};

struct icmp_conf {
	bool echo; /* pings of listeners' addresses are answered in the data path */
};

struct listener_conf {
	char name[CV_NAME_LEN];
	struct addr address;
	enum cv_protocol protocol;
	uint16_t port_first; /* `any` is 1 to 65535 */
	uint16_t port_last;
	size_t pool; /* index in model.pools */
	enum cv_forward forward;
	enum cv_hash_fields hash;
	uint32_t idle_timeout_s;
	enum cv_stray_policy late_packet;
	enum cv_stray_policy unknown_packet;
	uint32_t max_flows; /* 0: no quota */
	uint16_t
		mss; /* most that a SYN may announce; 0: anything; CV_MSS_PATH: what the backend's path carries */
	struct mark mark;
};

enum health_type { HEALTH_NONE, HEALTH_TCP, HEALTH_HTTP, HEALTH_HTTPS };

/* By which way a check reaches the backend. */
enum health_via {
	HEALTH_VIA_TUNNEL, /* to the address of the pool's first listener, forwarded as a client's packets are */
	HEALTH_VIA_DIRECT, /* to the backend's own; also in a pool that no listener uses */
};

struct health_conf {
	enum health_type type;
	enum health_via via;
	uint16_t port;	       /* 0: the port of the first listener that uses the pool */
	char path[256];	       /* http and https */
	char host[128];	       /* likewise: for the Host header, SNI and the certificate; "": the address */
	char match[128];       /* likewise: text that the body must contain; "": any */
	bool verify;	       /* https: the certificate must be right */
	char ca[256];	       /* https: file of the authorities to verify it by; "": those of this host */
	uint16_t expect_first; /* HTTP status codes, inclusive */
	uint16_t expect_last;
	uint32_t interval_ms;
	uint32_t timeout_ms;
	unsigned rise; /* successes in a row that make a backend up */
	unsigned fall; /* failures in a row that make it down */
};

struct backend_conf {
	struct addr address;
	uint16_t port; /* 0: as the client chose it; always 0 until NAT comes */
	uint16_t weight;
	struct mark mark;
};

enum all_down_policy { ALL_DOWN_OPEN, ALL_DOWN_REJECT };

struct pool_conf {
	char name[CV_NAME_LEN];
	uint32_t table_size;
	enum all_down_policy all_down;
	struct health_conf health;
	struct backend_conf *backends; /* in the order of the file */
	size_t backends_nr;
	struct mark mark;
};

struct metrics_conf {
	struct addr address;
	uint16_t port;
};

struct model {
	struct interface_conf interfaces[CV_MAX_INTERFACES];
	size_t interfaces_nr;
	struct flow_table_conf flow_table;
	struct encapsulation_conf encapsulation;
	struct gue_conf gue;
	struct icmp_conf icmp;
	char seed[64];			 /* shared by the hosts of a cluster; "" is a seed like any other */
	struct listener_conf *listeners; /* in the order of the file */
	size_t listeners_nr;
	struct pool_conf *pools;
	size_t pools_nr;
	struct metrics_conf metrics;
};

/* An empty model with every default. NULL when out of memory. */
struct model *model_new(void);
void model_free(struct model *model); /* takes NULL */

/* One thing that is wrong with a model, as model_validate reports it. */
struct model_fault {
	struct mark mark;
	char path[128]; /* "listeners[2].pool" */
	char text[256]; /* what is wrong, what is allowed */
};

/* Relations that no single key can show: names used twice, listeners that claim the same address,
 * protocol and ports (an exact port inside a range, and either inside `any`, is allowed: the narrower one
 * wins), overlapping ranges, l2 between address families, a table too small for its backends (slots must
 * be at least the number of backends), more than the limits of cv_limits.h. Calls `report` for each fault
 * and returns how many there were. */
size_t model_validate(const struct model *model, void (*report)(const struct model_fault *fault, void *arg),
		      void *arg);

/* Indices of model.listeners and model.pools by name; -ENOENT if there is none. */
int model_find_listener(const struct model *model, const char *name);
int model_find_pool(const struct model *model, const char *name);

/* Bytes of kernel memory that this configuration will take, by map, for `cpus` processors. Calls `each`
 * with the map's name; returns the sum. */
uint64_t model_memory(const struct model *model, unsigned cpus,
		      void (*each)(const char *map, uint64_t bytes, void *arg), void *arg);

#endif
