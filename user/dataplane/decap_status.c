/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads what the decapsulating program is and has done; see decap.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/decap.h"
#include "dataplane/decap_filter.h"
#include "dataplane/decap_pins.h"

static const struct {
	const char *name;
	const char *meaning;
	enum cv_decap_class class;
} verdicts[CV_DECAP_VERDICT_COUNT] = {
#define CV_X(symbol, class, name, meaning) [CV_DECAP_##symbol] = { name, meaning, CV_DECAP_CLASS_##class },
	CV_DECAP_VERDICTS(CV_X)
#undef CV_X
};

const char *decap_verdict_name(enum cv_decap_verdict verdict)
{
	return verdicts[verdict].name;
}

const char *decap_verdict_meaning(enum cv_decap_verdict verdict)
{
	return verdicts[verdict].meaning;
}

enum cv_decap_class decap_verdict_class(enum cv_decap_verdict verdict)
{
	return verdicts[verdict].class;
}

/* The array with room for one more, or NULL, with the old one as it was. */
static void *grow(void *array, size_t nr, size_t size)
{
	return reallocarray(array, nr + 1, size);
}

static int read_interface(const char *path, int link_fd, void *arg)
{
	struct decap_interface interface, *grown;
	struct decap_status *status = arg;
	int r;

	(void)path;
	r = decap_link_read(link_fd, &interface);
	if (r < 0)
		return r;
	grown = grow(status->interfaces, status->interfaces_nr, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	status->interfaces = grown;
	status->interfaces[status->interfaces_nr++] = interface;
	return 0;
}

static int read_local(int fd, struct decap_status *status)
{
	struct cv_decap_local_key key;
	struct addr *grown;
	bool current;
	int r;

	for (r = bpf_map_get_next_key(fd, NULL, &key); r == 0; r = bpf_map_get_next_key(fd, &key, &key)) {
		grown = grow(status->addresses, status->addresses_nr, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		status->addresses = grown;
		memcpy(status->addresses[status->addresses_nr++].byte, key.address, sizeof(key.address));
	}
	if (r != -ENOENT)
		return r;
	r = decap_filter_local_is_current(fd, &current);
	if (r < 0)
		return r;
	status->addresses_changed = !current;
	return 0;
}

static int read_from(int fd, struct decap_status *status)
{
	struct cv_decap_from_key key;
	struct cv_decap_from value;
	struct decap_prefix *grown;
	int r;

	for (r = bpf_map_get_next_key(fd, NULL, &key); r == 0; r = bpf_map_get_next_key(fd, &key, &key)) {
		if (bpf_map_lookup_elem(fd, &key, &value) < 0)
			continue;
		grown = grow(status->from, status->from_nr, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		status->from = grown;
		grown = &status->from[status->from_nr++];
		memcpy(grown->address.byte, key.address, sizeof(key.address));
		grown->length = value.length;
	}
	return r == -ENOENT ? 0 : r;
}

static int read_conf(int fd, struct decap_status *status)
{
	struct cv_decap_conf conf;
	uint32_t zero = 0;
	int r = bpf_map_lookup_elem(fd, &zero, &conf);

	if (r == 0)
		status->gue_port = conf.gue_port;
	return r;
}

static int read_stats(int fd, struct decap_status *status)
{
	int cpus = libbpf_num_possible_cpus(), r = 0;
	struct cv_verdict_stats *values;

	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values)
		return -ENOMEM;
	for (uint32_t verdict = 0; r == 0 && verdict < CV_DECAP_VERDICT_COUNT; verdict++) {
		r = bpf_map_lookup_elem(fd, &verdict, values);
		for (int i = 0; r == 0 && i < cpus; i++) {
			status->verdicts[verdict].packets += values[i].packets;
			status->verdicts[verdict].bytes += values[i].bytes;
		}
	}
	free(values);
	return r;
}

static int read_map(const char *pin_dir, enum decap_map map, struct decap_status *status)
{
	char path[PATH_MAX];
	int fd, r;

	r = decap_pin_path(pin_dir, decap_map_names[map], path);
	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	switch (map) {
	case DECAP_MAP_LOCAL:
		r = read_local(fd, status);
		break;
	case DECAP_MAP_FROM:
		r = read_from(fd, status);
		break;
	case DECAP_MAP_CONF:
		r = read_conf(fd, status);
		break;
	case DECAP_MAP_STATS:
		r = read_stats(fd, status);
		break;
	case DECAP_MAP_COUNT:
		break;
	}
	close(fd);
	return r;
}

static int compare_interface(const void *a, const void *b)
{
	return strcmp(((const struct decap_interface *)a)->name, ((const struct decap_interface *)b)->name);
}

static int compare_address(const void *a, const void *b)
{
	return addr_compare(a, b);
}

static int compare_prefix(const void *a, const void *b)
{
	const struct decap_prefix *x = a, *y = b;
	int order = addr_compare(&x->address, &y->address);

	return order ? order : (int)x->length - (int)y->length;
}

static void sort(void *array, size_t nr, size_t size, int (*compare)(const void *a, const void *b))
{
	if (nr)
		qsort(array, nr, size, compare);
}

int decap_status_read(const char *pin_dir, struct decap_status **ret, struct err *err)
{
	struct decap_status *status = calloc(1, sizeof(*status));
	int r;

	if (!status)
		return err_set(err, -ENOMEM, "out of memory");
	r = decap_links_walk(pin_dir, read_interface, status);
	for (enum decap_map map = 0; r == 0 && status->interfaces_nr && map < DECAP_MAP_COUNT; map++)
		r = read_map(pin_dir, map, status);
	if (r < 0) {
		decap_status_free(status);
		return err_set(err, r, "cannot read what is pinned below %s: %s", pin_dir, strerror(-r));
	}
	sort(status->interfaces, status->interfaces_nr, sizeof(*status->interfaces), compare_interface);
	sort(status->addresses, status->addresses_nr, sizeof(*status->addresses), compare_address);
	sort(status->from, status->from_nr, sizeof(*status->from), compare_prefix);
	*ret = status;
	return 0;
}

void decap_status_free(struct decap_status *status)
{
	if (!status)
		return;
	free(status->interfaces);
	free(status->addresses);
	free(status->from);
	free(status);
}
