# SPDX-License-Identifier: GPL-2.0-only
# Culvert. All output goes below $(BUILD); `make help` lists the targets.
VERSION  := 0.1.0
BUILD    ?= build
PREFIX   ?= /usr/local
DESTDIR  ?=

CC       ?= gcc
CLANG    ?= clang
BPFTOOL  ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PKGS     := libbpf libxdp libelf zlib yaml-0.1 jansson libuv libmnl libcurl libxxhash libmicrohttpd

.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s %s\n' $(1) $(patsubst $(BUILD)/%,%,$@))

# --- flags -----------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
CPPFLAGS := -D_GNU_SOURCE -DCV_VERSION='"$(VERSION)"' -Iinclude -Iuser -I$(BUILD)/bpf
CFLAGS   ?= -O2 -g
HARDEN   := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
USER_CFLAGS := -std=gnu11 $(WARN) $(CFLAGS) $(HARDEN) -MMD -MP
SAN_CFLAGS  := -std=gnu11 $(WARN) -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
               -fno-sanitize-recover=all -MMD -MP
FUZZ_CFLAGS := -std=gnu11 -O1 -g -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=all -MMD -MP
LDFLAGS  ?= -Wl,-z,relro,-z,now
LIBS      = $(shell pkg-config --libs $(PKGS)) -lm
# clang for BPF looks in no host directory by itself; the asm/ headers are in the multiarch one.
BPF_SYS  := $(shell $(CLANG) -v -E - </dev/null 2>&1 | \
              sed -n '/<...> search starts here:/,/End of search list/{s/^ \(\/.*\)/-idirafter \1/p}')
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Wshadow -Wno-unused-function \
              -Wimplicit-int-conversion -Wenum-conversion -Werror -Iinclude -Ibpf -Itests $(BPF_SYS) -MMD -MP

# --- what there is ---------------------------------------------------------------------------------
BPF_OBJS  := $(patsubst %.bpf.c,$(BUILD)/bpf/%.skel.h,$(notdir $(wildcard bpf/*.bpf.c tests/bpf/*.bpf.c tests/bench/*.bpf.c tests/e2e/tools/*.bpf.c))) \
             $(BUILD)/bpf/cv_old.skel.h
LIB_SRCS  := $(wildcard user/util/*.c user/model/*.c user/config/*.c user/dataplane/*.c user/net/*.c \
               user/check/*.c user/ctl/*.c $(filter-out %/main.c,$(wildcard user/cli/*.c user/daemon/*.c)))
CLI_SRCS  := $(wildcard user/cli/main.c)
DAEMON_SRCS := $(wildcard user/daemon/main.c)
LIB_OBJS  := $(LIB_SRCS:%.c=$(BUILD)/%.o)
UNIT      := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
BPFTEST   := $(patsubst tests/bpf/%.c,%,$(wildcard tests/bpf/test_*.c))
# Without acceleration a load of the program takes seconds: not those with many, nor with a million packets or flows.
VMTEST    := $(filter-out test_attach test_full test_migrate test_nexthop test_nexthop_many test_pkt test_pools test_random test_retake \
		test_sweep test_take,$(BPFTEST))
FUZZERS   := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
MAN       := culvert.8 culvertd.8 culvert.yaml.5
TOOLS     := crowd feed flood
BENCHES   := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/bench_*.c))

.PHONY: all
all: $(BUILD)/culvert $(BUILD)/culvertd $(MAN:%=$(BUILD)/man/%) ## build culvert and culvertd, and their manual pages

# --- BPF -------------------------------------------------------------------------------------------
vpath %.bpf.c bpf tests/bpf tests/bench tests/e2e/tools
$(BUILD)/bpf/%.bpf.o: %.bpf.c
	$(call say,BPF)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(call say,SKEL)
	$(Q){ echo '/* NOLINTBEGIN: generated */' && $(BPFTOOL) gen skeleton $< name $* && echo '/* NOLINTEND */'; } >$@

# The program as an older version had it, with other records in its maps, to be taken over from by a test.
$(BUILD)/bpf/cv_old.bpf.o: bpf/cv_balance.bpf.c $(wildcard include/*.h bpf/*.h) tests/bpf/old.sed
	$(call say,BPF)
	$(Q)mkdir -p $(BUILD)/bpf/old
	$(Q)for header in include/*.h; do sed -f tests/bpf/old.sed $$header >$(BUILD)/bpf/old/$${header##*/}; done
	$(Q)$(CLANG) $(subst -Iinclude,-I$(BUILD)/bpf/old,$(filter-out -MMD -MP,$(BPF_CFLAGS))) -c $< -o $@

# --- user side: three variants of one rule ---------------------------------------------------------
$(BUILD)/user/%.o: user/%.c | $(BPF_OBJS)
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(USER_CFLAGS) -c $< -o $@

$(BUILD)/san/user/%.o: user/%.c | $(BPF_OBJS)
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(SAN_CFLAGS) -c $< -o $@

$(BUILD)/fuzz/user/%.o: user/%.c | $(BPF_OBJS)
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -c $< -o $@

# The status page is embedded.
$(BUILD)/user/daemon/page.o $(BUILD)/san/user/daemon/page.o $(BUILD)/fuzz/user/daemon/page.o: user/daemon/page.html

$(BUILD)/libculvert.a: $(LIB_OBJS)
$(BUILD)/san/libculvert.a: $(LIB_SRCS:%.c=$(BUILD)/san/%.o)
$(BUILD)/fuzz/libculvert.a: $(LIB_SRCS:%.c=$(BUILD)/fuzz/%.o)
%/libculvert.a:
	$(call say,AR)
	$(Q)rm -f $@; ar rcs $@ $^

$(BUILD)/culvert: $(CLI_SRCS:%.c=$(BUILD)/%.o) $(BUILD)/libculvert.a
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -pie -o $@ $^ $(LIBS)

$(BUILD)/culvertd: $(DAEMON_SRCS:%.c=$(BUILD)/%.o) $(BUILD)/libculvert.a
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -pie -o $@ $^ $(LIBS)

# --- manual pages: their own text, and what the sources say --------------------------------------------
$(BUILD)/man/%: scripts/man/%.in scripts/man.sh scripts/culvert.yaml README.md include/cv_verdict.h include/cv_decap.h \
		$(BUILD)/culvert $(BUILD)/culvertd
	$(call say,MAN)
	$(Q)mkdir -p $(@D)
	$(Q)CC=$(CC) scripts/man.sh $(BUILD) $< >$@

# --- tests -----------------------------------------------------------------------------------------
$(BUILD)/san/tests/%.o: tests/%.c | $(BPF_OBJS)
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Ibpf -Itests $(SAN_CFLAGS) -c $< -o $@

$(BUILD)/tests/%.o: tests/%.c | $(BPF_OBJS)
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -Ibpf -Itests $(USER_CFLAGS) -c $< -o $@

$(BUILD)/unit/%: $(BUILD)/san/tests/unit/%.o $(BUILD)/san/libculvert.a
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -fsanitize=address,undefined -o $@ $^ -lcmocka $(LIBS)

BPF_HARNESS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/bpf/test_%.c %.bpf.c,$(wildcard tests/bpf/*.c)))
$(BUILD)/bpftest/%: $(BUILD)/tests/bpf/%.o $(BPF_HARNESS) $(BUILD)/libculvert.a
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -pie -o $@ $^ -lcmocka $(LIBS)

$(BUILD)/tools/%: $(BUILD)/tests/e2e/tools/%.o $(BUILD)/tests/e2e/tools/frame.o $(BUILD)/libculvert.a
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -pie -o $@ $^ $(LIBS)

$(BUILD)/fuzz/%: tests/fuzz/%.c $(BUILD)/fuzz/libculvert.a
	$(call say,FUZZ)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -Ibpf $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $(filter %.c %.a,$^) $(LIBS)

.PHONY: tests
tests: $(UNIT:%=$(BUILD)/unit/%) $(BPFTEST:%=$(BUILD)/bpftest/%) $(FUZZERS:%=$(BUILD)/fuzz/%) $(TOOLS:%=$(BUILD)/tools/%) ## build every test program and fuzzer

.PHONY: check check-unit check-bpf check-vm check-e2e
check: check-unit check-bpf check-e2e ## run every test; all but check-unit need root
check-unit: $(UNIT:%=$(BUILD)/unit/%) all ## pure code under ASan and UBSan, and what is written about it; no root
	$(Q)CULVERT_BUILD=$(BUILD) scripts/run-tap.sh $(filter $(BUILD)/unit/%,$^) tests/unit/docs.sh
check-bpf: $(BPFTEST:%=$(BUILD)/bpftest/%) ## packets through the real programs (BPF_PROG_TEST_RUN)
	$(Q)scripts/run-tap.sh $^
.PHONY: check-random
PACKETS ?= 10000000
SEED    ?= $(shell date +%Y%m%d)
check-random: $(BUILD)/bpftest/test_random ## PACKETS random packets (with the shortcut, a narrow one, and none) against the reference; SEED repeats a run, ROUND one round of it
	$(Q)CULVERT_RANDOM_PACKETS=$(PACKETS) CULVERT_RANDOM_SEED=$(SEED) $(if $(ROUND),CULVERT_RANDOM_ROUND=$(ROUND)) $<
check-vm: $(VMTEST:%=$(BUILD)/bpftest/%) ## some of them on the kernel of Debian 12, in a virtual machine (downloads it)
	$(Q)CULVERT_TEST_LIMIT=1800 CULVERT_VM_TESTS='$^' scripts/run-tap.sh tests/vm/run.sh
check-e2e: all $(TOOLS:%=$(BUILD)/tools/%) ## real clients and servers in network namespaces
	$(Q)scripts/run-tap.sh $(sort $(wildcard tests/e2e/*.bats))

FUZZ_SECONDS ?= 20
.PHONY: fuzz
fuzz: $(FUZZERS:%=$(BUILD)/fuzz/%) ## libFuzzer on the parsers, FUZZ_SECONDS each
	$(Q)scripts/run-fuzz.sh $(FUZZ_SECONDS) $^

.PHONY: lint format compile_commands.json
lint: $(BPF_OBJS) ## format check, clang-tidy, cppcheck, shellcheck, folder dependencies
	$(Q)scripts/lint.sh $(BUILD)
format: ## let clang-format rewrite the sources
	$(Q)git ls-files '*.c' '*.h' | xargs clang-format -i

# These have a data plane as the packet tests have.
$(BUILD)/bench/bench_packets: $(BUILD)/tests/bench/subjects.o $(BUILD)/tests/e2e/tools/frame.o $(BPF_HARNESS)
$(BUILD)/bench/bench_table: $(BPF_HARNESS)
$(BUILD)/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/libculvert.a
	$(call say,LINK)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -pie -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(LIBS)

.PHONY: bench bench-compare
bench: all $(BENCHES:%=$(BUILD)/bench/%) ## measure speed and memory, all of it or WHAT="packets maglev ..." (figures, no verdict)
	$(Q)tests/bench/bench.sh $(BUILD) $(WHAT)
bench-compare: ## two results of it: make bench-compare A=old.json B=new.json
	$(Q)tests/bench/compare.py $(A) $(B)

.PHONY: bench-wire million
bench-wire: all $(BUILD)/tools/flood ## CPU seconds of packets and requests over wires, beside nftables and HAProxy
	$(Q)tests/bench/end_to_end.sh

CONNECTIONS ?= 1000000
million: all $(BUILD)/tools/crowd ## hold CONNECTIONS real TCP connections at once, and lose none (minutes, 7 GB)
	$(Q)tests/bench/million.sh $(CONNECTIONS)

# --- installing ------------------------------------------------------------------------------------
.PHONY: install clean help
install: all ## install below $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/doc/culvert
	install -m 755 $(BUILD)/culvert $(BUILD)/culvertd $(DESTDIR)$(PREFIX)/sbin/
	install -m 644 README.md CHANGELOG.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/culvert/
	install -D -m 644 scripts/culvert.bash-completion \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/culvert
	install -d $(DESTDIR)$(PREFIX)/share/man/man5 $(DESTDIR)$(PREFIX)/share/man/man8
	for page in $(MAN); do \
		install -m 644 $(BUILD)/man/$$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/; \
	done
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in culvertd.service culvert-decap@.service; do \
		sed 's|@SBINDIR@|$(PREFIX)/sbin|' scripts/$$unit >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit; \
	done
clean: ## remove everything that was built
	rm -rf $(BUILD)
help: ## this list
	@grep -hE '^[a-z][a-z0-9_-]*:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
