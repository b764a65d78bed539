/* SPDX-License-Identifier: GPL-2.0-only */
/* What libbpf and libxdp have to say, as text for an error instead of lines on standard error. */
#ifndef DATAPLANE_BPF_LOG_H
#define DATAPLANE_BPF_LOG_H

/* Takes the messages of both over, for the whole process, and forgets what this thread heard so far. Call it before
 * a piece of work whose failure bpf_log_last shall explain. */
void bpf_log_capture(void);

/* The first warning since bpf_log_capture in this thread, on one line: they name the cause first and then every level
 * above it. With it comes the reason that the kernel's verifier gave, if it was asked. "no message from libbpf" if
 * there was none. Valid until the next call of either. */
const char *bpf_log_last(void);

#endif
