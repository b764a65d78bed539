/* SPDX-License-Identifier: GPL-2.0-only */
/* Which interfaces are attached because the file names them, by their numbers, as they can be renamed: in the state file, so
 * that what the file drops while no daemon runs is not taken for attached by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/daemon.h"

/* The wall clock may be set by so much without another boot being meant. */
#define CLOCK_STEP_S 60

void claims_add(struct daemon *d, uint32_t ifindex, const char *name)
{
	size_t i = 0;

	while (i < d->claims_nr && d->claim[i].ifindex != ifindex)
		i++;
	if (i == CV_ARRAY_SIZE(d->claim) || (i < d->claims_nr && !strcmp(d->claim[i].name, name)))
		return;
	d->claim[i].ifindex = ifindex;
	snprintf(d->claim[i].name, sizeof(d->claim[i].name), "%s", name);
	d->claims_nr += i == d->claims_nr;
	d->is_state_dirty = true;
}

/* When this host was booted: the numbers of interfaces mean something until the next time. */
static json_int_t booted_s(void)
{
	struct timespec up;

	clock_gettime(CLOCK_BOOTTIME, &up);
	return (json_int_t)(time(NULL) - up.tv_sec);
}

json_t *claims_to_json(const struct daemon *d)
{
	json_t *claims = json_array();

	for (size_t i = 0; i < d->claims_nr; i++)
		json_array_append_new(claims,
				      json_pack("{s:I, s:s}", "ifindex", (json_int_t)d->claim[i].ifindex,
						"name", d->claim[i].name));
	return json_pack("{s:I, s:o}", "booted", booted_s(), "attached", claims);
}

void claims_from_json(struct daemon *d, const json_t *json)
{
	const json_t *claims = json_object_get(json, "attached");

	if (llabs(json_integer_value(json_object_get(json, "booted")) - booted_s()) > CLOCK_STEP_S)
		return;
	for (size_t i = 0; i < json_array_size(claims); i++) {
		const json_t *one = json_array_get(claims, i);
		const char *name = json_string_value(json_object_get(one, "name"));

		if (name)
			claims_add(d, (uint32_t)json_integer_value(json_object_get(one, "ifindex")), name);
	}
}
