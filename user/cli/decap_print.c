/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert decap status, for people and as JSON; see decap_print.h. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/cli.h"
#include "cli/decap_print.h"

static const char *format_prefix(const struct decap_prefix *prefix, char text[ADDR_PREFIX_TEXT_LEN])
{
	char address[ADDR_TEXT_LEN];

	snprintf(text, ADDR_PREFIX_TEXT_LEN, "%s/%u", addr_format(&prefix->address, address), prefix->length);
	return text;
}

/* --- tables --- */

static void print_interfaces(const struct decap_status *status)
{
	printf("%-16s %-8s %s\n", "INTERFACE", "MODE", "PROGRAM");
	for (size_t i = 0; i < status->interfaces_nr; i++) {
		const struct decap_interface *interface = &status->interfaces[i];

		if (interface->name[0])
			printf("%-16s %-8s %" PRIu32 "\n", interface->name, attach_mode_name(interface->mode),
			       interface->program_id);
		else
			printf("%-16s %-8s %" PRIu32 "\n", interface->ifindex ? "(other netns)" : "(gone)",
			       "-", interface->program_id);
	}
}

static void print_filter(const struct decap_status *status)
{
	char text[ADDR_PREFIX_TEXT_LEN];

	puts("\nTUNNELS FROM");
	for (size_t i = 0; i < status->from_nr; i++)
		puts(format_prefix(&status->from[i], text));
	puts("\nTO");
	for (size_t i = 0; i < status->addresses_nr; i++)
		puts(addr_format(&status->addresses[i], text));
	if (status->addresses_changed)
		puts("The addresses of this host have changed since: run culvert decap attach again.");
	puts("\nGUE");
	if (status->gue_port)
		printf("UDP port %u\n", status->gue_port);
	else
		puts("left alone");
}

static void print_verdicts(const struct decap_status *status)
{
	printf("\n%-16s %15s %18s  %s\n", "VERDICT", "PACKETS", "BYTES", "MEANING");
	for (enum cv_decap_verdict verdict = 1; verdict < CV_DECAP_VERDICT_COUNT; verdict++) {
		const struct cv_verdict_stats *stats = &status->verdicts[verdict];

		if (stats->packets)
			printf("%-16s %15" PRIu64 " %18" PRIu64 "  %s\n", decap_verdict_name(verdict),
			       (uint64_t)stats->packets, (uint64_t)stats->bytes,
			       decap_verdict_meaning(verdict));
	}
}

void decap_status_print(const struct decap_status *status)
{
	if (!status->interfaces_nr) {
		puts("not attached");
		return;
	}
	print_interfaces(status);
	print_filter(status);
	print_verdicts(status);
}

/* --- JSON --- */

/* `list` if nothing failed. */
static json_t *whole(json_t *list, int failed)
{
	if (!failed)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *interfaces_json(const struct decap_status *status)
{
	json_t *list = json_array();
	int failed = 0;

	for (size_t i = 0; i < status->interfaces_nr; i++) {
		const struct decap_interface *interface = &status->interfaces[i];
		bool here = interface->name[0];

		failed |= json_array_append_new(
			list, json_pack("{s:s?, s:I, s:s?, s:I}", "name", here ? interface->name : NULL,
					"ifindex", (json_int_t)interface->ifindex, "mode",
					here ? attach_mode_name(interface->mode) : NULL, "program_id",
					(json_int_t)interface->program_id));
	}
	return whole(list, failed);
}

static json_t *from_json(const struct decap_status *status)
{
	char text[ADDR_PREFIX_TEXT_LEN];
	json_t *list = json_array();
	int failed = 0;

	for (size_t i = 0; i < status->from_nr; i++)
		failed |= json_array_append_new(list, json_string(format_prefix(&status->from[i], text)));
	return whole(list, failed);
}

static json_t *addresses_json(const struct decap_status *status)
{
	json_t *list = json_array();
	char text[ADDR_TEXT_LEN];
	int failed = 0;

	for (size_t i = 0; i < status->addresses_nr; i++)
		failed |= json_array_append_new(list, json_string(addr_format(&status->addresses[i], text)));
	return whole(list, failed);
}

static json_t *verdicts_json(const struct decap_status *status, enum cv_decap_class class)
{
	json_t *object = json_object();
	int failed = 0;

	for (enum cv_decap_verdict verdict = 1; verdict < CV_DECAP_VERDICT_COUNT; verdict++) {
		const struct cv_verdict_stats *stats = &status->verdicts[verdict];

		if (decap_verdict_class(verdict) != class)
			continue;
		failed |= json_object_set_new(object, decap_verdict_name(verdict),
					      json_pack("{s:I, s:I}", "packets", (json_int_t)stats->packets,
							"bytes", (json_int_t)stats->bytes));
	}
	return whole(object, failed);
}

json_t *decap_status_json(const struct decap_status *status)
{
	return json_pack("{s:o, s:o, s:o, s:b, s:i, s:o, s:o, s:o}", "interfaces", interfaces_json(status),
			 "from", from_json(status), "addresses", addresses_json(status), "addresses_changed",
			 (int)status->addresses_changed, "gue_port", status->gue_port, "decapsulated",
			 verdicts_json(status, CV_DECAP_CLASS_DECAP), "passed",
			 verdicts_json(status, CV_DECAP_CLASS_PASS), "drops",
			 verdicts_json(status, CV_DECAP_CLASS_DROP));
}
