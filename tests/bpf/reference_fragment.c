/* SPDX-License-Identifier: GPL-2.0-only */
/* The reference's fragments: the first one of a datagram leaves a note of its way, the later ones follow it, or wait for
 * it; and packets that are to be cut into fragments. */
#include "bpf/reference_parts.h"

#include <string.h>

#include "cv_clock.h"

static struct cv_fragment_key key_of(const struct packet *packet, uint32_t identification)
{
	struct cv_fragment_key key = {
		.identification = identification,
		.protocol = (enum cv_protocol)packet->protocol,
	};

	memcpy(key.client, packet->tuple.client, sizeof(key.client));
	memcpy(key.address, packet->tuple.address, sizeof(key.address));
	return key;
}

static bool is_old(const struct reference *reference, const struct packet *packet,
		   const struct cv_fragment *note)
{
	return cv_clock_idle(reference->now_s, note->noted_s) >
	       (packet->is_v4 ? CV_FRAGMENT_TIMEOUT4_S : CV_FRAGMENT_TIMEOUT6_S);
}

static struct cv_fragment note_of(const struct reference *reference, const struct packet *packet,
				  enum cv_fragment_state state)
{
	return (struct cv_fragment){
		.noted_s = reference->now_s,
		.client_port = packet->tuple.client_port,
		.port = packet->tuple.port,
		.listener = packet->listener,
		.backend = packet->backend,
		.generation = state == CV_FRAGMENT_KNOWN
				      ? reference->image->backend[packet->backend].generation
				      : 0,
		.state = state,
	};
}

/* RFC 5722: two first fragments of an IPv6 datagram that name different ports, and nothing more of it goes on. */
static bool overlaps(const struct reference *reference, const struct packet *packet,
		     const struct cv_fragment *old)
{
	if (packet->is_v4 || old->state == CV_FRAGMENT_WAITING || is_old(reference, packet, old))
		return false;
	return old->state == CV_FRAGMENT_OVERLAP || old->port != packet->tuple.port ||
	       old->client_port != packet->tuple.client_port;
}

enum cv_verdict fragment_first(struct reference *reference, const struct packet *packet,
			       enum cv_fragment_state state, enum cv_verdict verdict)
{
	struct cv_fragment_key key = key_of(packet, packet->fragment_id);
	struct cv_fragment note = note_of(reference, packet, state);
	const struct cv_fragment *old = reference_table_find(&reference->fragments, &key);

	if (old && old->state == CV_FRAGMENT_WAITING)
		reference->releases++;
	if (old && overlaps(reference, packet, old)) {
		note.state = CV_FRAGMENT_OVERLAP;
		verdict = CV_DROP_FRAGMENT_OVERLAP;
	}
	reference_table_put(&reference->fragments, &key, &note);
	return verdict;
}

/* Whether the daemon takes another frame. */
static bool may_hold(struct reference *reference)
{
	return reference->has_holder && reference->gate.held++ < CV_HELD_PER_S;
}

static struct cv_held held_of(const struct packet *packet, enum cv_held_kind kind,
			      const struct cv_fragment_key *key, size_t room)
{
	return (struct cv_held){
		.key = *key,
		.ifindex = packet->ifindex,
		.bytes = (uint16_t)packet->len,
		.room = (uint16_t)room,
		.kind = kind,
		.link = (uint8_t)packet->ip,
	};
}

/* Its first one has not come. */
static enum cv_verdict wait_for_first(struct reference *reference, const struct packet *packet,
				      const struct cv_fragment_key *key, bool is_awaited, struct cv_held *ret)
{
	struct cv_fragment note = { .noted_s = reference->now_s, .state = CV_FRAGMENT_WAITING };

	if (!may_hold(reference))
		return CV_DROP_FRAGMENT_ORPHAN;
	if (!is_awaited)
		reference_table_put(&reference->fragments, key, &note);
	*ret = held_of(packet, CV_HELD_EARLY, key, 0);
	return CV_FRAGMENT_HELD;
}

/* The way of the first one, if listener and backend are still what they were. */
static enum cv_verdict take_way(struct reference *reference, struct packet *packet,
				const struct cv_fragment *note)
{
	const struct cv_listener *listener = &reference->image->listener[note->listener];

	if (listener->protocol != packet->protocol ||
	    memcmp(listener->address, packet->tuple.address, sizeof(listener->address)) != 0 ||
	    reference->image->backend[note->backend].generation != note->generation)
		return CV_DROP_FRAGMENT_ORPHAN;
	packet->listener = note->listener;
	packet->backend = note->backend;
	packet->tuple.client_port = note->client_port;
	packet->tuple.port = note->port;
	packet->hash = listener_hash(reference->image, note->listener, &packet->tuple, packet->is_v4);
	return CV_CONTINUE;
}

enum cv_verdict fragment_follow(struct reference *reference, struct packet *packet, struct cv_held *ret)
{
	struct cv_fragment_key key = key_of(packet, packet->fragment_id);
	const struct cv_fragment *note = reference_table_find(&reference->fragments, &key);

	if (note && is_old(reference, packet, note)) {
		reference_table_remove(&reference->fragments, &key);
		note = NULL;
	}
	if (!note || note->state == CV_FRAGMENT_WAITING)
		return wait_for_first(reference, packet, &key, note, ret);
	switch (note->state) {
	case CV_FRAGMENT_KNOWN:
		return take_way(reference, packet, note);
	case CV_FRAGMENT_FOREIGN:
		return CV_PASS_NO_LISTENER;
	case CV_FRAGMENT_OVERLAP:
		return CV_DROP_FRAGMENT_OVERLAP;
	default:
		return CV_DROP_FRAGMENT_ORPHAN;
	}
}

/* The daemon cuts it; its pieces will find the way by a note as if the first of them had come. */
enum cv_verdict fragment_cut(struct reference *reference, const struct packet *packet, size_t room,
			     struct cv_held *ret)
{
	struct cv_fragment_key key = key_of(packet, get16(packet->frame + packet->ip + 4));
	struct cv_fragment note = note_of(reference, packet, CV_FRAGMENT_KNOWN);

	if (!may_hold(reference) || packet->len > CV_HELD_BYTES)
		return CV_DROP_TOO_BIG;
	reference_table_put(&reference->fragments, &key, &note);
	*ret = held_of(packet, CV_HELD_LARGE, &key, room);
	return CV_CUT;
}
