/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert capture: packets as the data plane gets and sends them, live, with or without a daemon. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/capture_filter.h"
#include "cli/capture_print.h"
#include "cli/cli.h"
#include "dataplane/dp_capture.h"

static const char help[] =
	"usage: culvert capture [OPTION…] [FILTER]\n\n"
	"Shows packets as they come to the data plane, before it changes them, with what became of\n"
	"them: verdict, reason, listener, backend, and the port they left by. With -w packets as they\n"
	"left are in the file as well. The data path never waits for it: packets that do not fit the\n"
	"buffer are lost to the capture alone, and counted. One capture at a time; it ends with this\n"
	"command, however that ends.\n\n"
	"A FILTER is made of these; all must hold, but of verdicts and reasons any one:\n"
	"  client PREFIX      the source address, or its network, like 198.51.100.0/24\n"
	"  address PREFIX     the destination address\n"
	"  host PREFIX        either\n"
	"  client-port PORTS  the source port, or a range like 8000-8099\n"
	"  port PORTS         the destination port\n"
	"  protocol P         tcp, udp, icmp, icmp6 (also without the word protocol), or a number\n"
	"  listener NAME      packets for this listener\n"
	"  backend ADDRESS    packets for this backend\n"
	"  tx redirect drop   forwarded or answered by the port they came by, by another; dropped\n"
	"  pass               not ours, left to the kernel: not shown unless asked for\n"
	"  reason NAME,…      these reasons, as culvert status names them\n\n"
	"  -w, --write FILE   a pcapng file for Wireshark and tshark, reasons as packet comments; - is\n"
	"                     standard output\n"
	"  --count N          end after N packets\n"
	"  --duration T       end after this time, like 30s or 5m\n"
	"  --sample N         take one in N, at random, of the packets with these addresses and ports\n"
	"  --snaplen BYTES    of each packet, before and after: 256, at most 2048\n"
	"  --buffer MIB       between data path and command: 4, a power of two up to 256\n"
	"  --json             one JSON object a line\n" CLI_PIN_DIR_HELP CLI_HELP_HELP "\nExample:\n"
	"  culvert capture client 198.51.100.0/24 port 443 drop\n"
	"  culvert capture -w - listener web | wireshark -k -i -\n";

enum { OPTION_COUNT = CLI_OPTION_OWN, OPTION_DURATION, OPTION_SAMPLE, OPTION_SNAPLEN, OPTION_BUFFER };

static const struct option options[] = {
	{ "write", required_argument, NULL, 'w' },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "duration", required_argument, NULL, OPTION_DURATION },
	{ "sample", required_argument, NULL, OPTION_SAMPLE },
	{ "snaplen", required_argument, NULL, OPTION_SNAPLEN },
	{ "buffer", required_argument, NULL, OPTION_BUFFER },
	CLI_JSON,
	CLI_WHERE,
	CLI_HELP,
	{ 0 },
};

#define DEFAULT_SNAPLEN 256
#define DEFAULT_BUFFER_MIB 4
#define MAX_BUFFER_MIB 256
#define MAX_SAMPLE 1000000
#define MAX_DURATION_S 86400
#define MAX_WORDS 64
#define ROUND_MS 50 /* how long a packet waits at most to be shown */

struct capture {
	const char *file; /* NULL: none */
	uint32_t count;	  /* 0: no end */
	uint32_t duration_s;
	uint32_t sample;
	uint32_t snaplen;
	uint32_t buffer_mib;
	bool json;
	bool is_wrong; /* the filter */
	struct cv_capture want;
	struct capture_print print;
	uint64_t shown;
	uint64_t lost; /* as last said */
};

/* Set by a signal; the loop then ends in good order. */
static volatile sig_atomic_t is_over;

static void end(int signal)
{
	(void)signal;
	is_over = 1;
}

static int take(int option, const char *value, void *arg, struct err *err)
{
	struct capture *capture = arg;
	int r;

	switch (option) {
	case 'w':
		capture->file = value;
		return 0;
	case OPTION_COUNT:
		return cli_parse_number(value, 1, UINT32_MAX, &capture->count, err);
	case OPTION_DURATION:
		return cli_parse_seconds(value, MAX_DURATION_S, &capture->duration_s, err);
	case OPTION_SAMPLE:
		return cli_parse_number(value, 1, MAX_SAMPLE, &capture->sample, err);
	case OPTION_SNAPLEN:
		return cli_parse_number(value, 1, CV_CAPTURE_SNAPLEN_MAX, &capture->snaplen, err);
	case OPTION_BUFFER:
		r = cli_parse_number(value, 1, MAX_BUFFER_MIB, &capture->buffer_mib, err);
		if (!r && capture->buffer_mib & (capture->buffer_mib - 1))
			r = err_set(err, -EINVAL, "not a power of two");
		return r;
	}
	return err_set(err, -EINVAL, "not known");
}

static const struct cli_spec spec = {
	.name = "capture", .help = help, .options = options, .max = MAX_WORDS, .take = take
};

/* The filter as one text, however it was put into words. */
static char *join(int nr, char **words)
{
	size_t size = 1;
	char *text;

	for (int i = 0; i < nr; i++)
		size += strlen(words[i]) + 1;
	text = calloc(1, size);
	for (int i = 0; text && i < nr; i++) {
		strcat(text, i ? " " : "");
		strcat(text, words[i]);
	}
	return text;
}

static int show(const struct cv_captured *captured, const uint8_t *before, const uint8_t *after, void *arg)
{
	struct capture *capture = arg;
	int r;

	if (captured->verdict >= CV_VERDICT_COUNT || (capture->count && capture->shown == capture->count))
		return 0;
	if (capture->file)
		r = capture_file_packet(&capture->print, captured, before, after);
	else if (capture->json)
		r = capture_print_json(&capture->print, captured, before, after);
	else
		r = capture_print_row(&capture->print, captured, before);
	capture->shown += !r;
	return r;
}

static void say_gap(uint32_t gap_s)
{
	if (gap_s)
		cli_complain(spec.name, CLI_DONE,
			     "stood still for %us: what came then is missing, and was not counted", gap_s);
}

/* Says when more was lost than the last time. */
static int say_lost(struct capture *capture, struct dp_capture *from, struct err *err)
{
	struct cv_capture_stats stats;
	int r = dp_capture_stats(from, 0, &stats, err);

	if (!r && stats.lost > capture->lost)
		cli_complain(spec.name, CLI_DONE, "%ju packets lost so far, the buffer was full: %s",
			     (uintmax_t)stats.lost, "narrow the filter, --sample, or a larger --buffer");
	if (!r)
		capture->lost = stats.lost;
	return r;
}

static bool has_time_left(const struct capture *capture, time_t began, time_t now)
{
	return !capture->duration_s || now - began < (time_t)capture->duration_s;
}

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Round after round, until it is enough, or nobody reads any more. */
static int run(struct capture *capture, struct dp_capture *from, struct err *err)
{
	time_t began = seconds(), now = began, said = began;
	uint32_t gap;
	int r = 0;

	while (!r && !is_over && !ferror(capture->print.to) && has_time_left(capture, began, now) &&
	       (!capture->count || capture->shown < capture->count)) {
		r = dp_capture_poll(from, ROUND_MS, show, capture, &gap, err);
		say_gap(gap);
		if (!r)
			r = capture_print_flush(&capture->print);
		now = seconds();
		if (!r && now != said) {
			r = say_lost(capture, from, err);
			said = now;
		}
	}
	return r;
}

/* What is known only at the end. */
static int finish(struct capture *capture, struct dp_capture *from, struct err *err)
{
	struct cv_capture_stats stats = { 0 };
	int r = dp_capture_stop(from, show, capture, err);
	/* now that no more ports come to be known */
	uint64_t *lost = calloc(capture->print.ports + 1, sizeof(*lost));

	for (size_t i = 0; !r && lost && i < capture->print.ports; i++) {
		r = dp_capture_stats(from, capture->print.port[i].ifindex, &stats, err);
		lost[i] = stats.lost;
	}
	if (!r)
		r = lost ? dp_capture_stats(from, 0, &stats, err) : -ENOMEM;
	if (!r && capture->file)
		capture_file_end(&capture->print, capture_now(), lost);
	if (!r)
		r = capture_print_flush(&capture->print);
	free(lost);
	if (!r)
		fprintf(stderr, "culvert %s: %ju packet%s captured, %ju lost\n", spec.name,
			(uintmax_t)capture->shown, capture->shown == 1 ? "" : "s", (uintmax_t)stats.lost);
	return r;
}

/* Packets are nobody's business but root's: a file that is made is for its owner alone. */
static int open_output(struct capture *capture, FILE **ret, struct err *err)
{
	int fd;

	*ret = stdout;
	if (!capture->file || !strcmp(capture->file, "-"))
		return 0;
	fd = open(capture->file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	*ret = fd < 0 ? NULL : fdopen(fd, "w");
	return *ret ? 0 : err_set(err, -errno, "%s: %s", capture->file, strerror(errno));
}

static int begin_output(struct capture *capture, const char *pin_dir, const char *filter, struct err *err)
{
	struct dp_interface ports[CV_CAPTURE_PORTS];
	int nr = dp_interfaces(pin_dir, ports, CV_CAPTURE_PORTS, err), r;
	FILE *to;

	if (nr < 0)
		return nr;
	r = open_output(capture, &to, err);
	if (r)
		return r;
	nr = nr < CV_CAPTURE_PORTS ? nr : CV_CAPTURE_PORTS;
	r = capture_print_init(&capture->print, to, ports, (size_t)nr);
	capture->print.is_table = !capture->json && !capture->file;
	capture->print.filter = filter;
	capture->print.snaplen = capture->snaplen;
	capture->print.start_ns = capture_now();
	if (!r && capture->file)
		capture_file_begin(&capture->print);
	return r;
}

static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = end }; /* no SA_RESTART: a write that blocks ends */
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

/* If nobody reads any more, ends by what every filter in a pipe ends by, now that all is switched off. */
static void end_by_pipe(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (poll(&out, 1, 0) < 1 || !(out.revents & POLLERR))
		return;
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}

/* A name that nobody has would be waited for in vain. */
static int check_names(struct capture *capture, struct dp *dp, struct err *err)
{
	const struct cv_capture *want = &capture->want;
	char text[ADDR_TEXT_LEN];
	struct image *image;
	struct addr backend;
	uint16_t id = 1;
	int r = dp_read_image(dp, &image, err);

	if (r)
		return r;
	memcpy(backend.byte, want->backend, sizeof(backend.byte));
	if (*want->listener && !image_listener_id(image, want->listener))
		r = err_set(err, -ENOENT, "there is no listener %s", want->listener);
	while (id <= CV_MAX_BACKENDS &&
	       (image->backend[id].state == CV_BACKEND_NONE ||
		memcmp(image->backend[id].address, backend.byte, sizeof(backend.byte))))
		id++;
	if (!r && id > CV_MAX_BACKENDS && !addr_is_zero(&backend))
		r = err_set(err, -ENOENT, "there is no backend %s", addr_format(&backend, text));
	capture->is_wrong = r != 0;
	image_free(image);
	return r;
}

/* Non-zero if not all of it was written. */
static int close_file(FILE *file)
{
	int failed = ferror(file);

	return fclose(file) || failed;
}

static int capture_packets(struct capture *capture, const char *pin_dir, const char *filter, struct err *err)
{
	struct dp_capture *from = NULL;
	struct dp *dp = NULL;
	int r, stopped;

	r = dp_open(pin_dir, &dp, err);
	if (!r)
		r = check_names(capture, dp, err);
	if (!r)
		r = dp_capture_start(dp, &capture->want, capture->buffer_mib << 20, &from, err);
	/* only now: the file may be that of another capture, which goes on */
	if (!r)
		r = begin_output(capture, pin_dir, filter, err);
	if (!r) {
		r = run(capture, from, err);
		stopped = finish(capture, from, r ? NULL : err);
		r = r ? r : stopped;
	}
	dp_capture_free(from);
	dp_free(dp);
	return r;
}

int cmd_capture(int argc, char **argv)
{
	struct capture capture = { .snaplen = DEFAULT_SNAPLEN, .buffer_mib = DEFAULT_BUFFER_MIB };
	struct err err = { "" };
	char *filter = NULL;
	struct cli cli;
	int status, r;

	status = cli_parse(&spec, argc, argv, &cli, &capture);
	if (status != CLI_GO_ON)
		return status;
	if (cli.json && capture.file)
		return cli_complain(spec.name, CLI_WRONG, "--json and --write: one or the other");
	filter = join(argc - optind, argv + optind);
	r = filter ? capture_filter_parse(filter, &capture.want, &err) : -ENOMEM;
	if (r) {
		status = cli_complain(spec.name, r == -EINVAL ? CLI_WRONG : CLI_FAILED, "%s",
				      *err.text ? err.text : strerror(-r));
		goto out;
	}
	capture.json = cli.json;
	capture.want.snaplen = capture.snaplen;
	if (capture.sample > 1)
		capture.want.sample = UINT32_MAX / capture.sample + 1;
	catch_signals();
	r = capture_packets(&capture, cli_pin_dir(&cli), filter, &err);
	if (r)
		status = cli_complain(spec.name, capture.is_wrong ? CLI_WRONG : CLI_FAILED, "%s",
				      *err.text ? err.text : strerror(-r));
	else
		status = CLI_DONE;
	if (!capture.print.to)
		goto out;
	if (capture.print.to != stdout && close_file(capture.print.to) && !r)
		status = cli_complain(spec.name, CLI_FAILED, "%s: cannot write all of it", capture.file);
	else if (capture.print.to == stdout && ferror(stdout))
		end_by_pipe();
	capture_print_done(&capture.print);
out:
	free(filter);
	return status;
}
