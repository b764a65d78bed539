/* SPDX-License-Identifier: GPL-2.0-only */
/* What the program has to make of a probe, said a second time in plain C: from the image in force, the
 * standards and the headers in include/. */
#ifndef TESTS_ORACLE_H
#define TESTS_ORACLE_H

#include "bpf/harness.h"
#include "bpf/probe.h"

#include "model/image.h"

/* Id of the listener it is for; 0: none. */
uint16_t oracle_listener(const struct image *image, const struct probe *probe);

/* Hash of what that listener's `hash` names, and the backend that owns the slot it falls into; 0: nobody. */
uint64_t oracle_hash(const struct image *image, const struct probe *probe);
uint16_t oracle_owner(const struct image *image, const struct probe *probe);

/* The link header, and the tunnel's, of a packet that goes by the way of this probe to that backend. */
void oracle_push_way(const struct image *image, const struct probe *probe, uint16_t backend, struct pkt *p);

/* The frame that backend gets, by the port it came in by. */
void oracle_forwarded(const struct image *image, const struct probe *probe, uint16_t backend,
		      struct pkt *ret);

/* The backend that a forwarded frame is addressed to; none: the test fails. */
uint16_t oracle_receiver(const struct image *image, const struct probe *probe, const uint8_t *frame,
			 size_t len);

/* The TCP reset that answers it. */
void oracle_reset(const struct probe *probe, struct pkt *ret);

/* The ICMP error that answers it when its backend is out of reach for more than `mtu` bytes. */
void oracle_too_big(const struct probe *probe, uint32_t mtu, struct pkt *ret);

#endif
