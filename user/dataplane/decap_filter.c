/* SPDX-License-Identifier: GPL-2.0-only */
/* Which tunnels are taken off; see decap_filter.h. */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "dataplane/decap_filter.h"

#define MAX_KEY_SIZE 20

/* What a map shall hold: two arrays side by side. */
struct content {
	const void *keys;
	const void *values;
	size_t key_size;
	size_t value_size;
	size_t nr;
};

static bool is_in(const struct content *content, const void *key)
{
	for (size_t i = 0; i < content->nr; i++) {
		if (memcmp((const char *)content->keys + i * content->key_size, key, content->key_size) == 0)
			return true;
	}
	return false;
}

static int map_put(int fd, const struct content *content)
{
	for (size_t i = 0; i < content->nr; i++) {
		int r = bpf_map_update_elem(fd, (const char *)content->keys + i * content->key_size,
					    (const char *)content->values + i * content->value_size, BPF_ANY);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Deletes the keys that are not in `content`. */
static int map_prune(int fd, const struct content *content)
{
	char key[MAX_KEY_SIZE], next[MAX_KEY_SIZE];
	int r, more;

	/* The next key is asked for before this one goes: after it the walk would start anew. */
	for (r = bpf_map_get_next_key(fd, NULL, key); r == 0; r = more) {
		more = bpf_map_get_next_key(fd, key, next);
		if (!is_in(content, key)) {
			r = bpf_map_delete_elem(fd, key);
			if (r < 0)
				return r;
		}
		memcpy(key, next, sizeof(key));
	}
	return r == -ENOENT ? 0 : r;
}

static int map_sync(int fd, const struct content *content)
{
	int r = map_put(fd, content);

	return r < 0 ? r : map_prune(fd, content);
}

static bool is_loopback(const struct addr *addr)
{
	static const struct addr loopback6 = { .byte = { [15] = 1 } };

	return addr_is_v4(addr) ? addr->byte[12] == IN_LOOPBACKNET : addr_compare(addr, &loopback6) == 0;
}

/* -ENOENT for what cannot be the end of a tunnel. */
static int read_address(const struct ifaddrs *entry, struct addr *ret)
{
	struct addr addr;
	int r;

	if (!entry->ifa_addr)
		return -ENOENT;
	switch (entry->ifa_addr->sa_family) {
	case AF_INET:
		r = addr_from_wire(AF_INET, &((struct sockaddr_in *)entry->ifa_addr)->sin_addr, &addr);
		break;
	case AF_INET6:
		r = addr_from_wire(AF_INET6, &((struct sockaddr_in6 *)entry->ifa_addr)->sin6_addr, &addr);
		break;
	default:
		return -ENOENT;
	}
	if (r < 0 || is_loopback(&addr))
		return -ENOENT;
	*ret = addr;
	return 0;
}

/* This host's addresses as cv_decap_local shall hold them; one that two interfaces share comes twice. The
 * caller frees keys and values. */
static int local_collect(struct content *ret, struct err *err)
{
	struct cv_decap_local_key *keys = NULL;
	struct cv_decap_local *values = NULL;
	struct ifaddrs *list = NULL;
	size_t nr = 0, max = 0;
	struct addr addr;
	int r;

	if (getifaddrs(&list) < 0) {
		r = -errno;
		return err_set(err, r, "cannot read the addresses of this host: %s", strerror(-r));
	}
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next)
		max++;
	keys = calloc(max + 1, sizeof(*keys));
	values = calloc(max + 1, sizeof(*values));
	if (!keys || !values) {
		r = err_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
		if (read_address(entry, &addr) < 0)
			continue;
		memcpy(keys[nr].address, addr.byte, sizeof(keys[nr].address));
		values[nr].ifindex = if_nametoindex(entry->ifa_name);
		values[nr].family = addr_family(&addr);
		nr++;
	}
	*ret = (struct content){ keys, values, sizeof(*keys), sizeof(*values), nr };
	keys = NULL;
	values = NULL;
	r = 0;
out:
	free(keys);
	free(values);
	freeifaddrs(list);
	return r;
}

static void content_free(struct content *content)
{
	free((void *)content->keys);
	free((void *)content->values);
}

int decap_filter_local(int map_fd, struct err *err)
{
	struct content local = { 0 };
	int r;

	r = local_collect(&local, err);
	if (r < 0)
		return r;
	if (local.nr > CV_DECAP_MAX_LOCAL) {
		r = err_set(err, -E2BIG, "this host has %zu addresses, and at most %d are possible", local.nr,
			    CV_DECAP_MAX_LOCAL);
		goto out;
	}
	r = map_sync(map_fd, &local);
	if (r < 0)
		err_set(err, r, "cannot write cv_decap_local: %s", strerror(-r));
out:
	content_free(&local);
	return r;
}

int decap_filter_local_is_current(int map_fd, bool *ret)
{
	struct cv_decap_local_key key;
	struct cv_decap_local value;
	struct content local = { 0 };
	bool same = true;
	int r;

	r = local_collect(&local, NULL);
	if (r < 0)
		return r;
	for (size_t i = 0; same && i < local.nr; i++) {
		const struct cv_decap_local_key *keys = local.keys;

		same = bpf_map_lookup_elem(map_fd, &keys[i], &value) == 0;
	}
	for (r = bpf_map_get_next_key(map_fd, NULL, &key); same && r == 0;
	     r = bpf_map_get_next_key(map_fd, &key, &key))
		same = is_in(&local, &key);
	content_free(&local);
	*ret = same;
	return 0;
}

int decap_filter_from(int map_fd, const struct decap_prefix *from, size_t nr, struct err *err)
{
	static const struct decap_prefix any[] = {
		{ .address = { { [10] = 0xff, [11] = 0xff } }, .length = 0 },
		{ .length = 0 },
	};
	struct cv_decap_from_key *keys = NULL, present;
	struct cv_decap_from *values = NULL;
	int r = 0;

	if (nr > CV_DECAP_MAX_FROM)
		return err_set(err, -E2BIG, "%zu prefixes of sources, and at most %d are possible", nr,
			       CV_DECAP_MAX_FROM);
	if (nr == 0) {
		if (bpf_map_get_next_key(map_fd, NULL, &present) == 0)
			return 0;
		from = any;
		nr = CV_ARRAY_SIZE(any);
	}
	keys = calloc(nr, sizeof(*keys));
	values = calloc(nr, sizeof(*values));
	if (!keys || !values) {
		r = err_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < nr; i++) {
		memcpy(keys[i].address, from[i].address.byte, sizeof(keys[i].address));
		keys[i].bits = from[i].length + (addr_is_v4(&from[i].address) ? 96 : 0);
		values[i].family = addr_family(&from[i].address);
		values[i].length = (uint8_t)from[i].length;
	}
	r = map_sync(map_fd, &(struct content){ keys, values, sizeof(*keys), sizeof(*values), nr });
	if (r < 0)
		err_set(err, r, "cannot write cv_decap_from: %s", strerror(-r));
out:
	free(keys);
	free(values);
	return r;
}

int decap_filter_gue(int map_fd, int port, struct err *err)
{
	struct cv_decap_conf conf = { .gue_port = (uint16_t)(port < 0 ? CV_GUE_PORT : port), .is_set = true };
	struct cv_decap_conf present;
	uint32_t zero = 0;
	int r = bpf_map_lookup_elem(map_fd, &zero, &present);

	if (r == 0 && port < 0 && present.is_set)
		return 0;
	if (r == 0)
		r = bpf_map_update_elem(map_fd, &zero, &conf, BPF_ANY);
	return r < 0 ? err_set(err, r, "cannot write cv_decap_conf: %s", strerror(-r)) : 0;
}
