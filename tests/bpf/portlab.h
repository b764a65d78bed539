/* SPDX-License-Identifier: GPL-2.0-only */
/* A network namespace for each test of attaching: ports port0 and port1, each a veth whose other end, far0 and far1,
 * is in the same namespace. Pins lie in a BPF file system that only this process sees, libxdp's too. Whatever goes
 * wrong in a function here fails the test that called it. Include it first. */
#ifndef TESTS_PORTLAB_H
#define TESTS_PORTLAB_H

#include "bpf/harness.h"
#include "dataplane/dp.h"

/* Where the BPF file system is, and two pin directories in it, which do not exist yet when a test starts. */
extern char portlab_bpffs[32], portlab_pins[64], portlab_other_pins[64];

/* Setup and teardown of the group, and of each test. portlab_down takes everything off first, and fails if that leaves
 * a pin; portlab_leave only goes back to where the process came from. */
int portlab_open(void **state);
int portlab_close(void **state);
int portlab_up(void **state);
int portlab_down(void **state);
int portlab_leave(void **state);

/* Runs a shell command. */
void portlab_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The calls of dp.h, which are to work. */
struct dp *portlab_take(const char *pins, uint32_t max_flows, enum cv_when_full when_full);
enum attach_mode portlab_attach(const char *pins, const char *ifname, enum attach_mode mode);
void portlab_detach(const char *pins, const char *ifname);
void portlab_detach_all(const char *pins);
/* dp_attach, which is to fail so, with all these words in its text. */
#define portlab_refuse(pins, ifname, mode, code, ...) \
	portlab_refuse_with(pins, ifname, mode, code, (const char *[]){ __VA_ARGS__, NULL })
void portlab_refuse_with(const char *pins, const char *ifname, enum attach_mode mode, int code,
			 const char **words);

/* Lays down maps for few flows, without attaching; what a fresh attach makes is large. */
void portlab_load(const char *pins);

/* How many interfaces an instance has; and one of them, NULL if it has not, valid until the next call. */
int portlab_count(const char *pins);
const struct dp_interface *portlab_find(const char *pins, const char *ifname);

/* The XDP program on an interface, 0 if there is none. */
uint32_t portlab_program(const char *ifname);

/* Sends frames into the other end of a port. */
void portlab_send(const char *far, unsigned nr);
/* How many packets an instance has passed, as it has no configuration; waits a moment until it is `at_least`. */
uint64_t portlab_passed(const char *pins, uint64_t at_least);

/* How many entries a folder has; 0 if it does not exist. */
unsigned portlab_entries(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
