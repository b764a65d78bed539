/* SPDX-License-Identifier: GPL-2.0-only */
/* A change, line by line; see changes.h. */
#include "cli/changes.h"
#include "cli/view.h"
#include "model/change.h"

#define MAX_NAMES 10 /* of a kind of change; --json has them all */

static void print_names(const json_t *names)
{
	size_t nr = json_array_size(names);

	for (size_t i = 0; i < nr && i < MAX_NAMES; i++) {
		const char *name = json_string_value(json_array_get(names, i));

		printf(" %s", name ? name : "?");
	}
	if (nr > MAX_NAMES)
		printf(" and %zu more", nr - MAX_NAMES);
	putchar('\n');
}

static bool print_kind(const json_t *change, enum change_what what)
{
	const json_t *kind = json_object_get(change, change_what_name(what));
	bool is_any = false;

	for (int how = 0; how < CHANGE_HOW_COUNT; how++) {
		const json_t *names = json_object_get(kind, change_how_name(how));

		if (!json_array_size(names))
			continue;
		printf("%s %s:", change_what_name(what), change_how_name(how));
		print_names(names);
		is_any = true;
	}
	return is_any;
}

/* Also of none: that nothing moves is an answer, too. */
static void print_share(const char *what, uint64_t part, uint64_t all)
{
	char part_text[OUT_TEXT_LEN], all_text[OUT_TEXT_LEN], share[OUT_TEXT_LEN];

	printf("%s: %s of %s (%s)\n", what, out_exact(part, part_text), out_exact(all, all_text),
	       out_percent(all ? (double)part / (double)all : 0, share));
}

static void print_flows(const json_t *flows)
{
	uint64_t active = view_count(flows, "active");

	if (!flows) {
		puts("flows that it affects: not known, see the log of culvertd");
		return;
	}
	print_share("flows placed anew, as their backend goes", view_count(flows, "placed_anew"), active);
	print_share("flows that lose their listener", view_count(flows, "without_listener"), active);
}

void changes_print(const json_t *change)
{
	bool is_any = false;

	for (int what = 0; what < CHANGE_WHAT_COUNT; what++)
		is_any |= print_kind(change, what);
	if (!is_any)
		puts("nothing is added, changed or removed");
	print_share("Maglev slots that move", view_count(change, "slots_moved"), view_count(change, "slots"));
	print_flows(json_object_get(change, "flows"));
}
