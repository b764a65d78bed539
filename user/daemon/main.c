/* SPDX-License-Identifier: GPL-2.0-only */
/* culvertd: start, run, stop. The data plane goes on forwarding when we are gone. */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "config/config.h"
#include "daemon/daemon.h"
#include "dataplane/bpffs.h"
#include "util/log.h"

enum { EXIT_CONFIG = 2 };

static const char usage[] =
	"usage: culvertd [--config FILE] [--socket PATH] [--pin-dir DIR] [--state-dir DIR]\n"
	"                [--group GROUP] [--verbose]\n"
	"\n"
	"Keeps the data plane of Culvert true to its configuration: attaches the interfaces it names,\n"
	"fills the maps, follows routes and neighbours, checks backends. SIGHUP reloads the file; SIGTERM\n"
	"ends the daemon and leaves the data plane forwarding.\n"
	"\n"
	"  --config FILE     configuration (" DAEMON_DEFAULT_CONFIG ")\n"
	"  --socket PATH     control socket (" CTL_DEFAULT_SOCKET ")\n"
	"  --pin-dir DIR     where maps and links are pinned (" DP_DEFAULT_PIN_DIR ")\n"
	"  --state-dir DIR   drains, weights and health that survive a restart (" DAEMON_DEFAULT_STATE_DIR
	")\n"
	"  --group GROUP     whose members may use the control socket (none: root alone)\n"
	"  --verbose         log more\n"
	"  --version         print the version\n"
	"  --help            this text\n"
	"\n"
	"example: culvertd --config ./culvert.yaml --socket /tmp/culvertd.sock --pin-dir /sys/fs/bpf/test\n";

static bool is_pin_dir(const char *name)
{
	struct err err;
	int r = bpffs_check_name(name, &err);

	if (r < 0)
		fprintf(stderr, "culvertd: --pin-dir %s: %s\n", name, err.text);
	return !r;
}

static bool find_group(const char *name, gid_t *ret)
{
	const struct group *group = getgrnam(name);

	if (group)
		*ret = group->gr_gid;
	return group;
}

/* 0 to go on, else the exit status plus one. */
static int parse_options(int argc, char **argv, struct daemon_options *ret)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "socket", required_argument, NULL, 's' },
		{ "pin-dir", required_argument, NULL, 'p' },
		{ "state-dir", required_argument, NULL, 'S' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ "group", required_argument, NULL, 'g' },
		{ 0 },
	};
	int option;

	*ret = (struct daemon_options){ .config = DAEMON_DEFAULT_CONFIG,
					.socket = CTL_DEFAULT_SOCKET,
					.pin_dir = DP_DEFAULT_PIN_DIR,
					.state_dir = DAEMON_DEFAULT_STATE_DIR,
					.group = (gid_t)-1 };
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			ret->config = optarg;
			break;
		case 's':
			ret->socket = optarg;
			break;
		case 'p':
			if (!is_pin_dir(optarg))
				return EXIT_CONFIG + 1;
			ret->pin_dir = optarg;
			break;
		case 'S':
			ret->state_dir = optarg;
			break;
		case 'g':
			if (!find_group(optarg, &ret->group)) {
				fprintf(stderr, "culvertd: there is no group %s\n", optarg);
				return EXIT_CONFIG + 1;
			}
			break;
		case 'v':
			log_set_level(LOG_LEVEL_DEBUG);
			break;
		case 'V':
			printf("culvertd %s\n", CV_VERSION);
			return EXIT_SUCCESS + 1;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS + 1;
		default:
			fputs("try culvertd --help\n", stderr);
			return EXIT_CONFIG + 1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "culvertd: unexpected argument \"%s\"; try culvertd --help\n", argv[optind]);
		return EXIT_CONFIG + 1;
	}
	return 0;
}

/* Reads the file before anything is touched: its errors go to standard error, as culvert check prints them. */
static int read_flow_table(const struct daemon *d, struct flow_table_conf *ret)
{
	struct config_errors errors = { 0 };
	struct model *model = NULL;
	struct err err = { "" };
	int r = config_load(d->options.config, &model, &errors, &err);

	for (size_t i = 0; i < errors.nr; i++) {
		const struct config_error *e = &errors.error[i];

		fprintf(stderr, "%s:%u:%u: %s%s%s\n", d->options.config, e->mark.line, e->mark.column,
			e->path, e->path[0] ? ": " : "", e->text);
	}
	if (r && !errors.nr)
		fprintf(stderr, "culvertd: %s\n", err.text);
	if (!r)
		*ret = model->flow_table;
	config_errors_done(&errors);
	model_free(model);
	return r;
}

static void stop(struct daemon *d)
{
	notify_stopping(d);
	counts_save(d);
	if (d->is_state_dirty)
		state_save(d);
	uv_stop(&d->loop);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;
	struct refusal refusal;

	if (number == SIGHUP) {
		daemon_reload(d, NULL, &refusal);
		refusal_done(&refusal);
		return;
	}
	log_info("stopping, the data plane goes on signal=%d", number);
	stop(d);
}

/* A drain whose time is up: what is left is placed anew. */
static bool end_drains(struct daemon *d)
{
	bool is_changed = false;

	for (size_t i = 0; i < d->runs.nr; i++) {
		struct backend_run *run = &d->runs.run[i];
		char address[ADDR_TEXT_LEN];

		if (!run->is_draining || !run->drain_deadline_ms || uv_now(&d->loop) < run->drain_deadline_ms)
			continue;
		run->is_draining = false;
		run->is_drained = true;
		run->drain_deadline_ms = 0;
		log_info("drain ended by its deadline pool=%s backend=%s", run->pool,
			 addr_format(&run->address, address));
		is_changed = true;
	}
	return is_changed;
}

static void on_second(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	bool is_drain_over = end_drains(d), is_path_old = path_mtu_second(d);

	rates_sample(d);
	hold_renew(d);
	daemon_attach_missing(d);
	if (++d->seconds % 5 == 0) {
		nexthop_refresh(d->nexthop);
		probes_attach(d); /* somebody may have taken it off */
		web_set(d);
	}
	if (d->is_health_incomplete)
		daemon_health_set(d);
	if (daemon_ways_second(d) || is_drain_over || is_path_old || d->is_converge_failed)
		daemon_converge_soon(d);
	if (d->seconds % 60 == 0)
		counts_save(d); /* nobody asks for them */
	if (d->is_state_dirty || is_drain_over)
		state_save(d);
}

/* SIG_BLOCK: the signal waits from here on, SIG_UNBLOCK: it comes, also one that waited. */
static void hold_back(int how, int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(how, &set, NULL);
}

static void start_signal(struct daemon *d, uv_signal_t *handle, int number)
{
	uv_signal_init(&d->loop, handle);
	handle->data = d;
	uv_signal_start(handle, on_signal, number);
}

static void log_migration(const struct daemon *d)
{
	struct dp_migrated migrated;

	if (!dp_migration(d->dp, &migrated))
		return;
	log_info("maps of an older schema came over schema=%u version=%s flows=%llu took_ms=%llu",
		 migrated.schema, migrated.version, (unsigned long long)migrated.flows,
		 (unsigned long long)migrated.took_ms);
	if (migrated.verdicts_lost)
		log_warn("the counters of verdicts begin anew: that schema did not know their names");
}

static int first_load(struct daemon *d, struct err *err)
{
	struct refusal refusal;
	int r = daemon_reload(d, NULL, &refusal);

	if (r)
		err_set(err, r, "%s", refusal.err.text);
	else
		counts_load(d);
	refusal_done(&refusal);
	return r;
}

static int start(struct daemon *d, const struct flow_table_conf *flow_table, struct err *err)
{
	int r;

	d->model = model_new();
	if (!d->model)
		return err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	d->model->flow_table = *flow_table;
	/* first: if another daemon has it, nothing may be changed. Who asks already waits for the loop. */
	r = ctl_server_new(&d->loop, d->options.socket, commands_handle, d, &d->ctl, err);
	if (!r)
		r = notify_start(d, err);
	if (r)
		return r;
	/* there may be tables of another size, or of an older program */
	notify_busy(d, flow_table->max_flows);
	r = dp_take(d->options.pin_dir, flow_table, &d->dp, err);
	if (!r)
		log_migration(d);
	if (!r)
		r = dp_read_image(d->dp, &d->image, err);
	if (!r)
		r = daemon_ways_start(d, err);
	if (!r)
		r = path_mtu_start(d, err);
	if (!r)
		r = daemon_health_start(d, err);
	if (!r)
		r = rates_start(d, err);
	if (!r)
		r = sweep_start(d, err);
	if (!r)
		r = hold_start(d, err);
	if (r)
		return r;
	state_load(d);
	r = first_load(d, err);
	if (!r && d->options.group != (gid_t)-1)
		r = ctl_server_allow(d->ctl, d->options.group, err);
	if (!r)
		r = privileges_drop(err);
	if (r)
		return r;
	uv_timer_start(&d->second_timer, on_second, 1000, 1000);
	start_signal(d, &d->on_hup, SIGHUP);
	hold_back(SIG_UNBLOCK, SIGHUP);
	start_signal(d, &d->on_term, SIGTERM);
	start_signal(d, &d->on_int, SIGINT);
	notify_ready(d);
	return 0;
}

/* A health check takes a descriptor while it runs; the soft limit is made for shells. */
static void raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void end(struct daemon *d)
{
	ctl_server_close(d->ctl);
	web_close(d);
	checker_close(d->checker);
	sweep_close(d);
	hold_close(d);
	/* once for what those close by themselves, and a worker still at its sweep; then whatever is left */
	uv_run(&d->loop, UV_RUN_NOWAIT);
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	free(d->sweep);
	hold_free(d);
	rates_close(d);
	notify_close(d);
	nexthop_free(d->nexthop);
	path_mtu_close(d);
	runs_done(&d->runs);
	image_free(d->image);
	model_free(d->model);
	dp_free(d->dp);
	uv_mutex_destroy(&d->dp_in_use);
}

int main(int argc, char **argv)
{
	static struct daemon d; /* large, and there is one */
	struct flow_table_conf flow_table;
	struct err err = { "" };
	int r = parse_options(argc, argv, &d.options);

	if (r)
		return r - 1;
	/* a start may take a minute, and whoever changes the file meanwhile wants it read again: not the end of us */
	hold_back(SIG_BLOCK, SIGHUP);
	r = read_flow_table(&d, &flow_table);
	if (r)
		return r == -ENOMEM ? EXIT_FAILURE : EXIT_CONFIG;
	signal(SIGPIPE, SIG_IGN);
	raise_limits();
	uv_loop_init(&d.loop);
	uv_mutex_init(&d.dp_in_use);
	uv_timer_init(&d.loop, &d.converge_timer);
	uv_timer_init(&d.loop, &d.second_timer);
	d.converge_timer.data = d.second_timer.data = &d;
	d.started_ms = uv_now(&d.loop);
	d.errors = (struct icmp_errors){ -1, -1 };
	r = start(&d, &flow_table, &err);
	if (r)
		fprintf(stderr, "culvertd: %s\n", err.text);
	else
		uv_run(&d.loop, UV_RUN_DEFAULT);
	end(&d);
	return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
