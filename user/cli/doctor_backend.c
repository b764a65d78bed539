/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert doctor backend: a host behind the balancer. It must own the VIPs, keep quiet about them, take tunnels off, and
 * answer its clients by itself. */
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"
#include "dataplane/decap.h"

#define CLIENT_MTU 1500

/* Anybody on the internet: addresses for documentation (RFC 5737, RFC 3849). */
#define ANYBODY4 "203.0.113.1"
#define ANYBODY6 "2001:db8:ffff::1"

#define MAX_GUESSED 64

static bool is_own(const struct addr *vip, const struct ifaddrs *list)
{
	struct addr address;

	for (const struct ifaddrs *at = list; at; at = at->ifa_next)
		if (doctor_address(at, &address) && !addr_compare(&address, vip))
			return true;
	return false;
}

/* Of every host: 127/8 and ::1. */
static bool is_loopback(const struct addr *address)
{
	static const struct addr one = { .byte = { [15] = 1 } };

	return addr_is_v4(address) ? address->byte[12] == 127 : !addr_compare(address, &one);
}

/* Where no VIP was named: what lo has besides the addresses of every host is one. */
static size_t guess_vips(struct findings *findings, const struct ifaddrs *list,
			 struct addr guessed[MAX_GUESSED])
{
	char text[ADDR_TEXT_LEN];
	struct addr address;
	size_t nr = 0;

	for (const struct ifaddrs *at = list; at && nr < MAX_GUESSED; at = at->ifa_next) {
		if (strcmp(at->ifa_name, "lo") != 0 || !doctor_address(at, &address) || is_loopback(&address))
			continue;
		guessed[nr++] = address;
		finding_ok(findings, "vip", "%s is on lo, and so taken for a VIP: --vip names none",
			   addr_format(&address, text));
	}
	if (nr)
		return nr;
	finding_bad(findings, FINDING_WARNING, "vip",
		    "the kernel takes packets for a VIP only if it is an address of this host",
		    "no VIP was looked at: --vip names none, and lo has none");
	finding_mend(findings,
		     "ip address add VIP dev lo # the address of the listener that this host serves");
	return 0;
}

static void check_vip(struct findings *findings, const struct addr *vip, const struct ifaddrs *list)
{
	char text[ADDR_TEXT_LEN];

	addr_format(vip, text);
	if (is_own(vip, list)) {
		finding_ok(findings, "vip", "%s is an address of this host", text);
		return;
	}
	finding_bad(findings, FINDING_ERROR, "vip", "the kernel does not take packets that are sent to it",
		    "%s is no address of this host", text);
	finding_mend(findings, "ip address add %s/%d dev lo", text, addr_is_v4(vip) ? 32 : 128);
}

static void check_arp(struct findings *findings, const char *ifname)
{
	static const struct {
		const char *key;
		long wanted;
		const char *why;
	} keys[] = {
		{ "arp_ignore", 1, "it answers ARP requests for the VIP, and takes the balancer's traffic" },
		{ "arp_announce", 2, "its own ARP requests name the VIP, and turn caches to this host" },
	};

	for (size_t i = 0; i < CV_ARRAY_SIZE(keys); i++) {
		long is = doctor_effective(ifname, keys[i].key);

		if (is >= keys[i].wanted) {
			finding_ok(findings, "arp", "%s: %s is %ld", ifname, keys[i].key, is);
			continue;
		}
		finding_bad(findings, FINDING_WARNING, "arp", keys[i].why,
			    "%s: %s is %ld, which is wrong in a segment with the balancer", ifname,
			    keys[i].key, is);
		finding_mend(findings, "sysctl -w net.ipv4.conf.all.%s=%ld", keys[i].key, keys[i].wanted);
	}
}

static bool is_up(const char *ifname, const struct ifaddrs *list)
{
	for (const struct ifaddrs *at = list; at; at = at->ifa_next)
		if (!strcmp(at->ifa_name, ifname))
			return at->ifa_flags & IFF_UP;
	return false;
}

/* The kernel's own tunnel device: packets come out of it with the client's address, for which it is the wrong way. */
static void check_tunnel(struct findings *findings, const char *ifname)
{
	static const char *const who[] = { "all", "tunl0" };

	finding_ok(findings, "decap", "the kernel's %s is up", ifname);
	for (size_t i = 0; i < CV_ARRAY_SIZE(who) && !strcmp(ifname, "tunl0"); i++) {
		if (doctor_read_number("/proc/sys/net/ipv4/conf/%s/rp_filter", who[i]) <= 0)
			continue;
		finding_bad(findings, FINDING_ERROR, "rp_filter",
			    "packets out of the tunnel are dropped: their way back is another interface",
			    "reverse path filtering is on for %s", who[i]);
		finding_mend(findings, "sysctl -w net.ipv4.conf.%s.rp_filter=0", who[i]);
	}
}

static void check_decap(struct doctor *doctor, const struct decap_status *status, const struct ifaddrs *list,
			const char *ifname)
{
	struct findings *findings = &doctor->findings;
	bool is_any = false;

	for (size_t i = 0; status && i < status->interfaces_nr; i++) {
		if (!status->interfaces[i].name[0])
			continue;
		finding_ok(findings, "decap", "attached to %s, %s mode", status->interfaces[i].name,
			   attach_mode_name(status->interfaces[i].mode));
		ifname = status->interfaces[i].name;
		is_any = true;
	}
	if (is_any && status->addresses_changed) {
		finding_bad(findings, FINDING_WARNING, "decap", "tunnels to new addresses are not taken off",
			    "addresses of this host have changed since it was attached");
		finding_mend(findings, "culvert decap attach %s%s", ifname, doctor->pin_option);
	}
	for (int i = 0; i < 2; i++) {
		const char *const tunnel = i ? "ip6tnl0" : "tunl0";

		if (!is_up(tunnel, list))
			continue;
		check_tunnel(findings, tunnel);
		is_any = true;
	}
	if (is_any)
		return;
	finding_bad(findings, FINDING_ERROR, "decap",
		    "tunnelled packets end here unread (with forward: l2 there are none)",
		    "nothing takes tunnels off");
	finding_mend(findings, "culvert decap attach %s%s", ifname, doctor->pin_option);
}

/* Of the outer header of an IPv6 tunnel, an IPv4 one is shorter. The balancer knows whether it is GUE, and this host
 * once some of it has come. */
static unsigned tunnel_bytes(const struct decap_status *status)
{
	uint64_t gue = 0;

	for (enum cv_decap_verdict i = CV_DECAP_GUE_IPV4_IN_IPV4; status && i <= CV_DECAP_GUE_IPV6_IN_IPV6;
	     i++)
		gue += status->verdicts[i].packets;
	return cv_outer_bytes(gue ? CV_FORWARD_GUE : CV_FORWARD_IPIP, CV_GUE_HEADER, CV_FAMILY_IPV6);
}

/* What a client's full packet comes to in its tunnel, if it keeps to the segment size that we ask for. */
static void check_room(struct findings *findings, const struct nexthop_way *way,
		       const struct nexthop_link *link, unsigned tunnel, bool is_v4)
{
	unsigned headers = is_v4 ? 40 : 60; /* IP and TCP */
	unsigned inner =
		way->advmss && way->advmss + headers < CLIENT_MTU ? way->advmss + headers : CLIENT_MTU;
	const char *family = is_v4 ? "IPv4" : "IPv6";
	char gateway[ADDR_TEXT_LEN];

	if (inner + tunnel <= link->mtu) {
		finding_ok(findings, "mtu", "%s: full packets of clients fit in their tunnel", family);
		return;
	}
	finding_bad(findings, FINDING_WARNING, "mtu",
		    "full packets of clients do not fit into the tunnel, and are dropped: uploads hang",
		    "%s: clients send up to %u bytes, %s takes %u in a tunnel", family, inner, link->name,
		    link->mtu - tunnel);
	if (!way->on_link)
		finding_mend(findings, "ip %s route change default via %s dev %s advmss %u",
			     is_v4 ? "-4" : "-6", addr_format(&way->gateway, gateway), link->name,
			     link->mtu - tunnel - headers);
	else
		finding_mend(findings, "ip link set dev %s mtu %u", link->name, CLIENT_MTU + tunnel);
}

static bool find_back(const struct doctor *doctor, bool is_v4, struct nexthop_way *ret_way,
		      struct nexthop_link *ret_link)
{
	struct addr anybody;

	return !addr_parse(is_v4 ? ANYBODY4 : ANYBODY6, &anybody) &&
	       doctor_find_way(doctor, &anybody, ret_way) &&
	       !nexthop_link_by_name(doctor->nexthop, ret_way->ifname, ret_link);
}

/* The way back to clients of one family; finds the interface by which packets come, too. */
static void check_back(struct doctor *doctor, unsigned tunnel, bool is_v4, char *ret_ifname)
{
	struct findings *findings = &doctor->findings;
	struct nexthop_link link;
	struct nexthop_way way;

	if (!find_back(doctor, is_v4, &way, &link)) {
		finding_bad(findings, FINDING_ERROR, "route", "it answers its clients by itself",
			    "there is no default route for IPv%d", is_v4 ? 4 : 6);
		finding_mend(findings, "ip %s route add default via GATEWAY", is_v4 ? "-4" : "-6");
		return;
	}
	memcpy(ret_ifname, link.name, sizeof(link.name));
	finding_ok(findings, "route", "answers to clients leave by %s", link.name);
	check_room(findings, &way, &link, tunnel, is_v4);
}

/* Both families' ways back, and what goes with them. Hands out the interface by which packets come. */
static void check_families(struct doctor *doctor, const struct decap_status *status, bool has_v4, bool has_v6,
			   char *ret_ifname)
{
	unsigned tunnel = tunnel_bytes(status);

	if (has_v6)
		check_back(doctor, tunnel, false, ret_ifname);
	if (has_v4)
		check_back(doctor, tunnel, true, ret_ifname);
	if (has_v4 && strcmp(ret_ifname, "IFACE") != 0)
		check_arp(&doctor->findings, ret_ifname);
}

static bool has_way_out(const struct doctor *doctor, bool is_v4)
{
	struct nexthop_link link;
	struct nexthop_way way;

	return find_back(doctor, is_v4, &way, &link);
}

void doctor_backend(struct doctor *doctor, const struct addr *vips, size_t nr)
{
	char ifname[sizeof(((struct nexthop_link *)NULL)->name)] = "IFACE";
	struct decap_status *status = NULL;
	struct addr guessed[MAX_GUESSED];
	struct ifaddrs *list = NULL;
	bool has_v4, has_v6;
	struct err err;

	if (decap_status_read(doctor->pin_dir, &status, &err))
		status = NULL; /* as if nothing were attached */
	if (getifaddrs(&list))
		list = NULL;
	for (size_t i = 0; i < nr; i++)
		check_vip(&doctor->findings, &vips[i], list);
	if (!nr) {
		nr = guess_vips(&doctor->findings, list, guessed);
		vips = guessed;
	}
	/* without a VIP the families are those that this host has a way out for */
	has_v4 = !nr && has_way_out(doctor, true);
	has_v6 = !nr && has_way_out(doctor, false);
	for (size_t i = 0; i < nr; i++) {
		has_v4 |= addr_is_v4(&vips[i]);
		has_v6 |= !addr_is_v4(&vips[i]);
	}
	check_families(doctor, status, has_v4, has_v6, ifname);
	check_decap(doctor, status, list, ifname);
	decap_status_free(status);
	if (list)
		freeifaddrs(list);
}
