/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports that others have programs on; see dispatchlab.h. */
#include "bpf/dispatchlab.h"

#include <net/if.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "neighbour.skel.h"

enum dispatchlab_joins dispatchlab_joins;

struct other other_attach(const char *ifname, enum xdp_attach_mode mode)
{
	struct other other = { .skel = neighbour__open(),
			       .ifindex = (int)if_nametoindex(ifname),
			       .mode = mode };

	assert_non_null(other.skel);
	other.program = xdp_program__from_bpf_obj(other.skel->obj, "xdp");
	assert_int_equal(libxdp_get_error(other.program), 0);
	assert_int_equal(xdp_program__attach(other.program, other.ifindex, mode, 0), 0);
	return other;
}

void other_free(struct other *other)
{
	xdp_program__close(other->program);
	neighbour__destroy(other->skel);
}

void other_remove(struct other *other)
{
	assert_int_equal(xdp_program__detach(other->program, other->ifindex, other->mode, 0), 0);
	other_free(other);
}

uint64_t other_seen(const struct other *other)
{
	uint32_t zero = 0;
	uint64_t seen;

	assert_return_code(bpf_map_lookup_elem(bpf_map__fd(other->skel->maps.neighbour_seen), &zero, &seen),
			   0);
	return seen;
}

int dispatchlab_programs(const char *ifname)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex((int)if_nametoindex(ifname));
	int nr;

	if (libxdp_get_error(mp))
		return 0;
	nr = xdp_multiprog__is_legacy(mp) ? 0 : xdp_multiprog__program_count(mp);
	xdp_multiprog__close(mp);
	return nr;
}

void dispatchlab_expect_both(const struct other *other, const char *far)
{
	uint64_t passed = portlab_passed(portlab_pins, 0), seen = other_seen(other);

	portlab_send(far, 5);
	assert_int_equal(portlab_passed(portlab_pins, passed + 5), passed + 5);
	assert_int_equal(other_seen(other), seen + 5);
}

/* --- setup and teardown ---------------------------------------------------------------------------- */

static int quiet(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* The maps are laid down once: in the virtual machine a load takes seconds. */
int dispatchlab_open(void **state)
{
	enum attach_mode mode;
	struct other other;
	struct err err;

	libxdp_set_print(quiet);
	libbpf_set_print(NULL);
	portlab_open(state);
	portlab_up(state);
	portlab_load(portlab_pins);
	other = other_attach("port0", XDP_MODE_NATIVE);
	if (dispatchlab_programs("port0") == 1) {
		dispatchlab_joins = JOINS_OTHERS;
		if (!dp_attach(portlab_pins, "port0", ATTACH_AUTO, &mode, &err)) {
			dispatchlab_joins = JOINS_OURS;
			portlab_detach(portlab_pins, "port0");
		}
	}
	other_remove(&other);
	return portlab_leave(state);
}

int dispatchlab_close(void **state)
{
	portlab_detach_all(portlab_pins);
	return portlab_close(state);
}

/* The interfaces of the test are gone then, and the next one's have the same numbers. */
int dispatchlab_down(void **state)
{
	portlab_run("rmdir %s/dispatched/* 2>/dev/null; true", portlab_pins);
	portlab_detach_all(portlab_other_pins);
	return portlab_leave(state);
}
