/* SPDX-License-Identifier: GPL-2.0-only */
/* The data path, written a second time: plainly, slowly, in user space, from the README, the RFCs and the headers in
 * include/. It has flows, notes of fragments, gates and counters of its own. The random test holds the program against it:
 * for every packet the same verdict and the same bytes, and after some thousands the same records and counters.
 *
 * Of what is tested elsewhere it takes over the Maglev tables and the directory's address filter, out of the image. It is
 * one processor, on which no time passes unless the test says so, and its tables are never full. */
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/pkt.h"
#include "bpf/reference_table.h"
#include "cv_held.h"
#include "cv_types.h"
#include "cv_verdict.h"
#include "model/image.h"

#define REFERENCE_BACKENDS (CV_MAX_BACKENDS + 1)
#define REFERENCE_PORTS 4

struct reference_port {
	uint32_t ifindex;
	uint32_t mtu;
	bool is_attached;
};

struct reference {
	/* set by the test */
	const struct image *image;
	struct reference_port port[REFERENCE_PORTS];
	uint32_t now_s;
	bool has_holder; /* somebody reads the ring */
	struct cv_gate gate;
	/* keys are struct cv_flow6_key, of IPv4 flows too; or struct cv_fragment_key */
	struct reference_table flows;	  /* struct cv_flow */
	struct reference_table half_open; /* struct cv_flow */
	struct reference_table expired;	  /* struct cv_expired */
	struct reference_table fragments; /* struct cv_fragment */
	/* since reference_forget */
	struct cv_verdict_stats verdict[CV_VERDICT_COUNT];
	struct cv_listener_stats listener[CV_MAX_LISTENERS + 1];
	struct cv_backend_stats backend[REFERENCE_BACKENDS];
	int64_t live[CV_MAX_LISTENERS + 1];
	size_t releases; /* words in the ring that a first fragment came */
};

struct reference_result {
	enum cv_verdict verdict;
	struct cv_held held; /* with the class HOLD: what the ring says of the frame */
	size_t len;	     /* of what leaves; as it came unless it is sent */
	uint8_t data[PKT_MAX_LEN + 256];
};

struct reference *reference_new(void);
void reference_free(struct reference *reference); /* takes NULL */

/* Empties tables and counters. */
void reference_forget(struct reference *reference);

/* What becomes of a frame of at least 14 bytes that comes in by this port. */
void reference_run(struct reference *reference, const struct pkt *in, uint32_t ifindex,
		   struct reference_result *ret);

/* What the sweep does: takes away what is over. */
void reference_sweep(struct reference *reference);

/* Sum of 16-bit words in wire order, folded: 0xffff over a header whose checksum is right. */
uint16_t reference_sum(const uint8_t *bytes, size_t len);

#endif
