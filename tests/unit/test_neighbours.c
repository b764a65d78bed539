/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of neighbours, fed with messages as the kernel sends them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "net/neighbours.h"
#include "unit/message.h"

static const uint8_t mac_a[6] = { 2, 0, 0, 0, 0, 0xa };
static const uint8_t mac_b[6] = { 2, 0, 0, 0, 0, 0xb };

static bool take_changed(bool *changed)
{
	bool was = *changed;

	*changed = false;
	return was;
}

static void note_neighbour(struct neighbours *neighbours, const char *to, uint16_t state, const uint8_t *mac)
{
	struct ndmsg *ndm = message_begin(state ? RTM_NEWNEIGH : RTM_DELNEIGH, sizeof(*ndm));

	ndm->ndm_family = strchr(to, ':') ? AF_INET6 : AF_INET;
	ndm->ndm_ifindex = 7;
	ndm->ndm_state = state;
	message_put_addr(NDA_DST, to);
	if (mac)
		mnl_attr_put(message(), NDA_LLADDR, 6, mac);
	assert_int_equal(neighbours_note(message(), neighbours), 0);
}

static struct neighbour *get(struct neighbours *neighbours, const char *to)
{
	struct addr addr = message_addr(to);

	return neighbours_get(neighbours, 7, &addr);
}

static void test_neighbour_states(void **state)
{
	static const struct {
		uint16_t state;
		bool usable, changed;
		const uint8_t *mac;
	} steps[] = {
		{ NUD_INCOMPLETE, false, false, NULL },
		{ NUD_REACHABLE, true, true, mac_a },
		{ NUD_STALE, true, false, mac_a },
		{ NUD_DELAY, true, false, mac_a },
		{ NUD_PROBE, true, false, mac_a },
		{ NUD_REACHABLE, true, false, mac_a },
		{ NUD_REACHABLE, true, true, mac_b },
		{ NUD_FAILED, false, true, mac_b },
		{ NUD_FAILED, false, false, NULL },
		{ NUD_PERMANENT, true, true, mac_b },
		{ NUD_NOARP, true, false, mac_b },
		{ 0, false, true, mac_b },
		{ 0, false, false, mac_b },
	};
	static const char *const families[] = { "10.0.0.1", "fd00::1" };

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct neighbours neighbours = { 0 };

		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			note_neighbour(&neighbours, families[f], steps[i].state, steps[i].mac);
			assert_int_equal(take_changed(&neighbours.changed), steps[i].changed);
			assert_int_equal(get(&neighbours, families[f])->usable, steps[i].usable);
			if (steps[i].usable)
				assert_memory_equal(get(&neighbours, families[f])->mac, steps[i].mac, 6);
			assert_int_equal(get(&neighbours, families[f])->stale, steps[i].state == NUD_STALE);
		}
		neighbours_done(&neighbours);
	}
}

static void test_neighbour_of_another_link_or_kind(void **state)
{
	struct neighbours neighbours = { 0 };
	struct addr addr = message_addr("10.0.0.1");
	struct ndmsg *ndm;

	(void)state;
	note_neighbour(&neighbours, "10.0.0.1", NUD_REACHABLE, mac_a);
	assert_true(neighbours_get(&neighbours, 7, &addr)->usable);
	assert_false(neighbours_get(&neighbours, 8, &addr)->usable);

	ndm = message_begin(RTM_NEWNEIGH, sizeof(*ndm));
	*ndm = (struct ndmsg){ .ndm_family = AF_BRIDGE, .ndm_ifindex = 7, .ndm_state = NUD_REACHABLE };
	mnl_attr_put(message(), NDA_LLADDR, 6, mac_b);
	assert_int_equal(neighbours_note(message(), &neighbours), 0);
	ndm = message_begin(RTM_NEWNEIGH, sizeof(*ndm));
	*ndm = (struct ndmsg){ .ndm_family = AF_INET, .ndm_ifindex = 7, .ndm_flags = NTF_PROXY };
	message_put_addr(NDA_DST, "10.0.0.1");
	assert_int_equal(neighbours_note(message(), &neighbours), 0);
	assert_memory_equal(get(&neighbours, "10.0.0.1")->mac, mac_a, 6);
	neighbours_done(&neighbours);
}

static void test_neighbour_asked_for_is_remembered(void **state)
{
	struct neighbours old = { 0 }, fresh = { 0 };

	(void)state;
	get(&old, "10.0.0.1")->asked_ms = 5;
	get(&old, "10.0.0.2")->used = true;
	note_neighbour(&old, "10.0.0.3", NUD_REACHABLE, mac_a);
	note_neighbour(&old, "10.0.0.1", 0, NULL);
	assert_int_equal(get(&old, "10.0.0.1")->asked_ms, 5);

	assert_int_equal(neighbours_inherit(&fresh, &old), 0);
	assert_int_equal(get(&fresh, "10.0.0.1")->asked_ms, 5);
	assert_true(get(&fresh, "10.0.0.2")->used);
	assert_false(get(&fresh, "10.0.0.3")->usable);
	neighbours_done(&old);
	neighbours_done(&fresh);
}

static struct neighbour *get_at(struct neighbours *neighbours, uint32_t ifindex, unsigned n)
{
	struct addr addr = message_addr("10.0.0.0");

	addr.byte[15] = (uint8_t)n;
	return neighbours_get(neighbours, ifindex, &addr);
}

/* Also those that were asked for: the next link has another number. */
static void test_neighbours_go_with_their_link(void **state)
{
	struct neighbours neighbours = { 0 };

	(void)state;
	for (uint32_t ifindex = 6; ifindex <= 8; ifindex++)
		for (unsigned n = 0; n < 50; n++)
			get_at(&neighbours, ifindex, n)->asked_ms = 5;
	neighbours_forget(&neighbours, 7);
	neighbours_forget(&neighbours, 9);
	for (unsigned n = 0; n < 50; n++) {
		assert_int_equal(get_at(&neighbours, 6, n)->asked_ms, 5);
		assert_int_equal(get_at(&neighbours, 7, n)->asked_ms, 0);
		assert_int_equal(get_at(&neighbours, 8, n)->asked_ms, 5);
	}
	neighbours_done(&neighbours);
}

static void test_short_message_is_refused(void **state)
{
	struct neighbours neighbours = { 0 };

	(void)state;
	message_begin(RTM_NEWNEIGH, sizeof(struct rtgenmsg));
	assert_int_equal(neighbours_note(message(), &neighbours), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neighbour_states),
		cmocka_unit_test(test_neighbour_of_another_link_or_kind),
		cmocka_unit_test(test_neighbour_asked_for_is_remembered),
		cmocka_unit_test(test_neighbours_go_with_their_link),
		cmocka_unit_test(test_short_message_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
