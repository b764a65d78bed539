// SPDX-License-Identifier: GPL-2.0-only
/* culvert top: a live screen of what the counters do, read from the pinned maps, with or without a daemon. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/screen.h"
#include "cli/top.h"

static const char help[] =
	"usage: culvert top [OPTION…]\n\n"
	"Shows packets, bits and new flows a second and the active flows, by listener and by\n"
	"backend, the busiest first, and what is dropped and why. On a terminal it goes on until q\n"
	"or Ctrl-C; into a pipe or a file it writes one report after the other.\n"
	"Active flows are as the daemon last counted them, some seconds ago.\n\n"
	"  --interval TIME    between two reports, over which rates are taken (2s)\n"
	"  --once             one report, after one interval\n"
	"  --json             one JSON object a line for each interval\n" CLI_PIN_DIR_HELP CLI_HELP_HELP
	"\nExample:\n  culvert top --interval 5s\n";

enum { OPTION_INTERVAL = CLI_OPTION_OWN, OPTION_ONCE };

static const struct option options[] = {
	{ "interval", required_argument, NULL, OPTION_INTERVAL },
	{ "once", no_argument, NULL, OPTION_ONCE },
	CLI_JSON,
	CLI_WHERE,
	CLI_HELP,
	{ 0 },
};

#define DEFAULT_INTERVAL_S 2
#define MAX_INTERVAL_S 3600

struct watch {
	uint32_t interval_s;
	bool once;
	bool json;
	bool has_screen;
	const char *pin_dir;
	struct dp *dp;
	struct image *image;
	struct top_sample *from, *to;
	struct top *top;
};

static int take(int option, const char *value, void *arg, struct err *err)
{
	struct watch *watch = arg;

	if (option == OPTION_INTERVAL)
		return cli_parse_seconds(value, MAX_INTERVAL_S, &watch->interval_s, err);
	watch->once = true;
	return 0;
}

static const struct cli_spec spec = { .name = "top", .help = help, .options = options, .take = take };

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- reading --------------------------------------------------------------------------------------- */

/* A daemon may have laid down other maps since. */
static int reopen(struct watch *watch, struct err *err)
{
	if (watch->dp && dp_is_pinned(watch->dp))
		return 0;
	dp_free(watch->dp);
	watch->dp = NULL;
	return dp_open(watch->pin_dir, &watch->dp, err);
}

static int read_sample(struct watch *watch, struct top_sample *ret, struct err *err)
{
	struct image *image = NULL;
	int r = reopen(watch, err);

	if (!r)
		r = dp_read_image(watch->dp, &image, err);
	/* these may wait for a sweep; the others are of one moment */
	if (!r)
		r = dp_listener_use(watch->dp, ret->listener_use, CV_ARRAY_SIZE(ret->listener_use), err);
	if (!r)
		r = dp_backend_use(watch->dp, ret->backend_use, CV_ARRAY_SIZE(ret->backend_use), err);
	ret->at_ns = now_ns();
	if (!r)
		r = dp_verdict_stats(watch->dp, ret->verdict, CV_ARRAY_SIZE(ret->verdict), err);
	if (!r)
		r = dp_listener_stats(watch->dp, ret->listener, CV_ARRAY_SIZE(ret->listener), err);
	if (!r)
		r = dp_backend_stats(watch->dp, ret->backend, CV_ARRAY_SIZE(ret->backend), err);
	if (r) {
		image_free(image);
		return r;
	}
	image_free(watch->image);
	watch->image = image;
	return 0;
}

/* --- showing --------------------------------------------------------------------------------------- */

/* "culvert top: eth0 (native), every 2s, 14:03:07; q ends" */
static void print_head(const struct watch *watch, FILE *to)
{
	struct dp_interface list[CV_MAX_INTERFACES];
	int nr = dp_interfaces(watch->pin_dir, list, CV_ARRAY_SIZE(list), NULL);
	time_t now = time(NULL);
	struct tm tm;
	char clock[16];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	fputs("culvert top: ", to);
	for (int i = 0; i < nr && i < CV_MAX_INTERFACES; i++)
		fprintf(to, "%s (%s), ", list[i].name, attach_mode_name(list[i].mode));
	fprintf(to, "%severy %us, %s%s\n", nr > 0 ? "" : "attached to no interface, ", watch->interval_s,
		clock, watch->has_screen ? "; q ends" : "");
}

static int show_text(const struct watch *watch)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	int r;

	if (!to)
		return -ENOMEM;
	print_head(watch, to);
	r = top_print(watch->top, watch->image, watch->has_screen ? screen_lines() - 1 : 0, to);
	if (fclose(to))
		r = -ENOMEM;
	if (!r && watch->has_screen)
		screen_draw(text);
	else if (!r)
		printf("%s%s", text, watch->once ? "" : "\n");
	free(text);
	return r;
}

static int show_json(const struct watch *watch)
{
	json_t *json = top_json(watch->top, watch->image);
	int r = json ? json_dumpf(json, stdout, JSON_COMPACT) : -1;

	putchar('\n');
	json_decref(json);
	return r ? -ENOMEM : 0;
}

/* Reports until the end; false in *ret_goes_on at a report that nobody reads. */
static int report(const struct watch *watch, bool *ret_goes_on)
{
	int r;

	top_build(watch->image, watch->from, watch->to, watch->top);
	r = watch->json ? show_json(watch) : show_text(watch);
	*ret_goes_on = !fflush(stdout) && !watch->once;
	return r;
}

static int go_on(struct watch *watch, struct err *err)
{
	bool goes_on = true;
	int r = read_sample(watch, watch->to, err);

	while (!r && goes_on) {
		struct top_sample *from = watch->to;

		watch->to = watch->from;
		watch->from = from;
		if (!screen_wait(from->at_ns + watch->interval_s * 1000000000ULL))
			break;
		r = read_sample(watch, watch->to, err);
		if (!r) {
			r = report(watch, &goes_on);
			if (r)
				err_set(err, r, "%s", strerror(-r));
		}
	}
	return r;
}

static int run(struct watch *watch, struct err *err)
{
	int r = -ENOMEM;

	watch->from = calloc(1, sizeof(*watch->from));
	watch->to = calloc(1, sizeof(*watch->to));
	watch->top = calloc(1, sizeof(*watch->top));
	if (!watch->from || !watch->to || !watch->top)
		return err_set(err, r, "out of memory");
	r = reopen(watch, err);
	if (r)
		return r;
	r = screen_begin(watch->has_screen);
	if (r)
		return err_set(err, r, "the terminal: %s", strerror(-r));
	r = go_on(watch, err);
	screen_end();
	return r;
}

int cmd_top(int argc, char **argv)
{
	struct watch watch = { .interval_s = DEFAULT_INTERVAL_S };
	struct err err = { "" };
	struct cli cli;
	int status, r;

	status = cli_parse(&spec, argc, argv, &cli, &watch);
	if (status != CLI_GO_ON)
		return status;
	watch.pin_dir = cli_pin_dir(&cli);
	watch.json = cli.json;
	watch.has_screen = !cli.json && !watch.once && screen_is_there();
	r = run(&watch, &err);
	image_free(watch.image);
	dp_free(watch.dp);
	free(watch.from);
	free(watch.to);
	free(watch.top);
	return r ? cli_complain(spec.name, CLI_FAILED, "%s", err.text) : CLI_DONE;
}
