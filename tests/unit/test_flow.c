/* SPDX-License-Identifier: GPL-2.0-only */
/* Which flows `culvert flows` shows, and in which order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "cli/flow.h"
#include "cv_flow.h"

static struct cv_flow6_key key_of(const char *client)
{
	struct cv_flow6_key key = { .protocol = CV_PROTOCOL_TCP };
	struct addr addr;

	assert_int_equal(addr_parse(client, &addr), 0);
	memcpy(key.client, addr.byte, sizeof(key.client));
	return key;
}

/* Whether a flow of `client` is one of the clients `prefix`. */
static bool is_client(const char *client, const char *prefix)
{
	struct flow_filter filter = { 0 };
	struct cv_flow6_key key = key_of(client);
	struct cv_flow flow = { .state = CV_FLOW_OPEN };

	assert_int_equal(addr_parse_prefix(prefix, &filter.client, &filter.client_length), 0);
	if (addr_is_v4(&filter.client))
		filter.client_length += 96;
	return flow_is_wanted(&filter, &key, &flow, NULL);
}

static void clients_are_met_by_prefix(void **state)
{
	(void)state;
	assert_true(is_client("198.51.100.7", "198.51.100.7"));
	assert_false(is_client("198.51.100.7", "198.51.100.6"));
	assert_true(is_client("198.51.100.7", "198.51.100.0/24"));
	assert_false(is_client("198.51.101.7", "198.51.100.0/24"));
	assert_true(is_client("198.51.101.7", "198.51.100.0/23"));
	assert_true(is_client("198.51.100.7", "0.0.0.0/0"));
	assert_false(is_client("2001:db8::1", "0.0.0.0/0"));
	assert_true(is_client("2001:db8::1", "2001:db8::/32"));
	assert_true(is_client("2001:db8:8000::1", "2001:db8:8000::/33"));
	assert_false(is_client("2001:db8::1", "2001:db8:8000::/33"));
}

static void filters_are_met_all_at_once(void **state)
{
	struct cv_flow flow = { .listener = 3, .state = CV_FLOW_CLOSING };
	struct cv_flow6_key key = key_of("198.51.100.7");
	struct flow_filter filter = { 0 };
	struct addr backend, other;

	(void)state;
	addr_parse("10.0.0.1", &backend);
	addr_parse("10.0.0.2", &other);
	assert_true(flow_is_wanted(&filter, &key, &flow, &backend));
	filter.listener = 3;
	filter.state = CV_FLOW_CLOSING;
	filter.has_backend = true;
	filter.backend = backend;
	assert_true(flow_is_wanted(&filter, &key, &flow, &backend));
	assert_false(flow_is_wanted(&filter, &key, &flow, &other));
	assert_false(flow_is_wanted(&filter, &key, &flow, NULL));
	filter.state = CV_FLOW_OPEN;
	assert_false(flow_is_wanted(&filter, &key, &flow, &backend));
	filter.state = CV_FLOW_CLOSING;
	filter.listener = 4;
	assert_false(flow_is_wanted(&filter, &key, &flow, &backend));
}

static void timeouts_follow_the_state(void **state)
{
	struct cv_flow flow = { .idle_timeout_s = 350, .brief_timeout_s = 5, .state = CV_FLOW_OPEN };

	(void)state;
	assert_int_equal(cv_flow_timeout(&flow), 350);
	flow.state = CV_FLOW_CLOSING;
	assert_int_equal(cv_flow_timeout(&flow), 5);
	flow.state = CV_FLOW_HALF_OPEN;
	assert_int_equal(cv_flow_timeout(&flow), 5);
	/* a handshake, or the retransmissions of one that was refused, may take longer than a flow may be idle */
	flow.idle_timeout_s = 1;
	assert_int_equal(cv_flow_timeout(&flow), 5);
	flow.state = CV_FLOW_REFUSED;
	assert_int_equal(cv_flow_timeout(&flow), 5);
	flow.state = CV_FLOW_CLOSING;
	assert_int_equal(cv_flow_timeout(&flow), 1);

	flow.last_seen_s = 100;
	assert_false(cv_flow_is_expired(&flow, 101));
	assert_true(cv_flow_is_expired(&flow, 102));
	assert_false(cv_flow_is_expired(&flow, 99)); /* seen by a processor that is ahead */

	/* the table may know nothing of the last epoch */
	flow.state = CV_FLOW_OPEN;
	flow.idle_timeout_s = CV_SHORTCUT_TIMEOUT_S;
	assert_false(cv_flow_is_expired(&flow, 100 + CV_SHORTCUT_TIMEOUT_S + CV_EPOCH_S));
	assert_true(cv_flow_is_expired(&flow, 101 + CV_SHORTCUT_TIMEOUT_S + CV_EPOCH_S));
	flow.idle_timeout_s--;
	assert_true(cv_flow_is_expired(&flow, 100 + CV_SHORTCUT_TIMEOUT_S));
}

static void states_that_are_shown_have_names(void **state)
{
	static const enum cv_flow_state shown[] = { CV_FLOW_HALF_OPEN, CV_FLOW_OPEN, CV_FLOW_CLOSING };
	enum cv_flow_state parsed = CV_FLOW_NONE;

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(shown); i++) {
		assert_int_equal(flow_state_parse(flow_state_name(shown[i]), &parsed), 0);
		assert_int_equal(parsed, shown[i]);
	}
	assert_int_equal(flow_state_parse("half_open", &parsed), 0);
	assert_int_equal(parsed, CV_FLOW_HALF_OPEN);
	assert_int_equal(flow_state_parse("none", &parsed), -EINVAL);
	assert_int_equal(flow_state_parse("", &parsed), -EINVAL);
}

static void the_highest_ranks_stay(void **state)
{
	(void)state;
	for (size_t max = 1; max <= 130; max += 43) {
		struct flow_top top = { .max = max };
		const uint32_t nr = 997; /* a prime: i * 31 % nr meets every rank once */
		struct cv_flow6_key key = { 0 };
		struct cv_flow flow = { 0 };

		for (uint32_t i = 0; i < nr; i++) {
			flow.packets = i * 31 % nr;
			assert_int_equal(flow_top_offer(&top, flow.packets, &key, &flow), 0);
		}
		flow_top_sort(&top);
		assert_int_equal(top.nr, max);
		assert_true(top.room <= 2 * max + 64);
		for (size_t i = 0; i < max; i++) {
			assert_int_equal(top.item[i].rank, nr - 1 - i);
			assert_int_equal(top.item[i].flow.packets, nr - 1 - i);
		}
		flow_top_done(&top);
	}
}

static void fewer_than_wanted_is_fine(void **state)
{
	struct flow_top top = { .max = 1000 };
	struct cv_flow6_key key = { 0 };
	struct cv_flow flow = { 0 };

	(void)state;
	flow_top_sort(&top);
	assert_int_equal(flow_top_offer(&top, 1, &key, &flow), 0);
	assert_int_equal(flow_top_offer(&top, 2, &key, &flow), 0);
	flow_top_sort(&top);
	assert_int_equal(top.nr, 2);
	assert_int_equal(top.item[0].rank, 2);
	flow_top_done(&top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_met_by_prefix),
		cmocka_unit_test(filters_are_met_all_at_once),
		cmocka_unit_test(timeouts_follow_the_state),
		cmocka_unit_test(states_that_are_shown_have_names),
		cmocka_unit_test(the_highest_ranks_stay),
		cmocka_unit_test(fewer_than_wanted_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
