/* SPDX-License-Identifier: GPL-2.0-only */
/* culvertd's state, and how its parts call each other. Everything runs in one libuv loop; only a sweep of the flow
 * table runs beside it, in a worker thread.
 *
 * One way leads to the kernel: whatever happens (a new file, a health result, a command, a neighbour's new MAC)
 * changes the model or a backend's run, then daemon_converge builds the image of that and applies the
 * difference. */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <jansson.h>
#include <uv.h>

#include "check/check.h"
#include "ctl/ctl.h"
#include "daemon/histogram.h"
#include "dataplane/dp.h"
#include "model/health.h"
#include "model/held.h"
#include "model/image.h"
#include "model/model.h"
#include "model/path_mtu.h"
#include "model/plan.h"
#include "net/icmp_errors.h"
#include "net/nexthop.h"

#define DAEMON_DEFAULT_CONFIG "/etc/culvert/culvert.yaml"
#define DAEMON_DEFAULT_STATE_DIR "/var/lib/culvert"
#define DAEMON_MAX_DRAIN_S 86400

struct daemon_options {
	const char *config;
	const char *socket;
	const char *pin_dir;
	const char *state_dir;
	gid_t group; /* whose members may use the control socket; (gid_t)-1: nobody but root */
};

/* What is known of one backend of the model while the daemon runs. Identity: pool, address, port. */
struct backend_run {
	char pool[CV_NAME_LEN];
	struct addr address;
	uint16_t port;
	uint64_t key;	   /* names it towards the checker; never used twice */
	size_t pool_index; /* in the model in force */
	/* the way there */
	struct nexthop_way way;
	bool is_forwardable;
	char way_text[96];	      /* what is wrong with it, or "" */
	char told_text[96];	      /* what the log was last told of it */
	uint64_t asked_ms;	      /* since when the neighbour has not answered; 0: it has */
	struct nexthop_way known_way; /* the last good one; ifindex 0: none yet */
	struct path_mtu path;	      /* what routers behind the first link told */
	/* its health */
	struct health health;
	char health_text[256]; /* of the last result, or why there can be none; or "" */
	bool is_check_impossible;
	struct histogram failures, successes; /* its checks, by how long they took */
	/* what commands said */
	bool is_disabled;
	bool is_draining;
	bool is_drained;	    /* the deadline came: keeps nothing until undrained */
	uint64_t drain_deadline_ms; /* of uv_now; 0: none */
	int weight;		    /* -1: the file's */
};

/* The runs of a model's backends, in the model's order. */
struct run_table {
	struct backend_run *run;
	size_t nr;
	size_t *first;		     /* by index of the pool: its first run */
	struct backend_run **by_key; /* in ascending order of their keys */
};

/* An interface that is attached because the file names it, or did. */
struct claim {
	uint32_t ifindex;
	char name[16]; /* that it had then */
};

struct hold;
struct sweep;
struct notify;

struct daemon {
	struct daemon_options options;
	uv_loop_t loop;
	uint64_t started_ms;
	struct dp *dp;
	uv_mutex_t dp_in_use; /* held by a sweep, and to replace dp */
	struct model *model;  /* in force */
	struct image *image;  /* in the kernel */
	struct run_table runs;
	uint64_t next_key;
	struct nexthop *nexthop;
	uint64_t ways_ms; /* that looking up all ways took the last time */
	int net_error;	  /* what following routes and neighbours last failed of, or 0 */
	int ways_error;	  /* what looking up a way did, in the last round */
	struct checker *checker;
	struct ctl_server *ctl;
	struct http *http;	     /* NULL: cannot listen yet */
	struct metrics_conf http_at; /* where it listens */
	int http_error;		     /* what was last complained of */
	struct sweep *sweep;
	struct hold *hold;
	struct rates *rates;
	struct notify *notify;
	struct dp_interface interface[CV_MAX_INTERFACES]; /* attached now */
	size_t interfaces_nr;
	uint32_t told_outdated[CV_MAX_INTERFACES]; /* by place in that: the older program */
	uint32_t egress[CV_MAX_INTERFACES];	   /* those with the filter for health checks */
	size_t egress_nr;
	int egress_error;	   /* what attaching it last failed of, or 0 */
	bool is_health_incomplete; /* some checks cannot be made: to be looked at again */
	/* by index in the model: what was last complained of, and the interface that got its program */
	int attach_error[CV_MAX_INTERFACES];
	char attach_text[CV_MAX_INTERFACES][256]; /* the same in words */
	uint32_t attached[CV_MAX_INTERFACES];
	struct claim claim[CV_MAX_INTERFACES];
	size_t claims_nr;
	bool is_converge_failed; /* to be tried again */
	/* the last reload */
	uint64_t reloaded_ms;
	struct err reload_error; /* "" if it went well */
	bool is_state_dirty;	 /* what commands said or checks found is not on disk yet */
	bool is_count_dirty;	 /* the counts of checks are not */
	int state_error;	 /* what saving it last failed of, or 0 */
	int count_error;	 /* likewise */
	struct icmp_errors errors;
	unsigned errors_left; /* that may still be looked at within this second */
	uv_signal_t on_hup, on_term, on_int;
	uv_poll_t on_net, on_errors4, on_errors6;
	uv_timer_t net_timer, converge_timer, second_timer;
	unsigned seconds; /* ticks of second_timer */
};

/* --- reload.c --- */
/* Why a configuration is not in force. */
struct refusal {
	int status;	/* 2: the file is wrong; 1: it is right, and something failed */
	json_t *errors; /* all that is wrong in the file, as config/errors_json.h has it; else NULL */
	struct err err; /* in words, one line each; of very many the first, and how many more there are */
};

void refusal_done(struct refusal *refusal);

/* Reads the file and puts it in force, all or nothing. 0; or -errno and in *ret why not, which the caller ends with
 * refusal_done. *ret_report (may be NULL) is what changed, for the answer of `reload`. */
int daemon_reload(struct daemon *d, json_t **ret_report, struct refusal *ret);
/* What a reload would report if the file held `text`; changes nothing. `path` names it in errors. 0 or -errno as
 * daemon_reload. */
int daemon_plan(struct daemon *d, const char *path, const char *text, size_t size, json_t **ret_report,
		struct refusal *ret);

/* --- report_change.c --- */
/* What it means to go from what is in force to `model`, by `plan`: names, slots, flows of the last sweep, memory. NULL
 * when out of memory. */
json_t *report_change(struct daemon *d, const struct model *model, const struct plan *plan);

/* --- converge.c --- */
/* Brings the kernel to what model and runs say. 0 or -errno (logged; tried again within a second). */
int daemon_converge(struct daemon *d);
/* The same, soon: many events in a row make one change. */
void daemon_converge_soon(struct daemon *d);
/* The image that a model with these runs would have. */
int daemon_build_image(struct daemon *d, const struct model *model, const struct run_table *runs,
		       struct image **ret, struct err *err);

/* --- interfaces.c --- */
/* After a reload: attaches what the file names, detaches what it named before and does not any more. */
void daemon_attach_all(struct daemon *d);
/* From time to time: notes what is attached, looks the ways up anew if that has changed, and attaches interfaces of the
 * file that were not there before. One that somebody detached by hand stays so until the next reload. */
void daemon_attach_missing(struct daemon *d);
/* Whether an interface of the model, by its index there, is attached as the file says; if not, why, and when it will be. */
bool daemon_is_attached(const struct daemon *d, size_t index, char *ret_text, size_t size);

/* --- claims.c --- */
/* Remembers that an interface is attached because the file names it so. */
void claims_add(struct daemon *d, uint32_t ifindex, const char *name);
json_t *claims_to_json(const struct daemon *d);
void claims_from_json(struct daemon *d, const json_t *json); /* NULL: nothing is known */

/* --- ways.c --- */
int daemon_ways_start(struct daemon *d, struct err *err);
/* Looks the ways to all backends up anew, or only those that are not known; true if any changed. What cannot be asked
 * stays as it was. */
bool daemon_ways_find(struct daemon *d, bool only_missing);
/* Once a second: looks up those that are not known, and all of them soon after trouble; true if any changed. */
bool daemon_ways_second(struct daemon *d);

/* --- path_mtu.c --- */
/* Opens the sockets that hear of paths too narrow: before privileges are dropped. Without CAP_NET_RAW only the log
 * tells. */
int path_mtu_start(struct daemon *d, struct err *err);
/* Once a second; true if something is forgotten, so that backends have another MTU. */
bool path_mtu_second(struct daemon *d);
void path_mtu_close(struct daemon *d); /* the sockets, once nobody polls them */
/* What the path to a backend carries, in bytes of IP packet, outer header included; *ret_from (may be NULL) is "link",
 * "route" or "learned". And for how long it is believed, if it is learned; else 0. */
uint16_t run_mtu(const struct backend_run *run, const char **ret_from);
uint64_t run_mtu_left_s(const struct daemon *d, const struct backend_run *run);

/* --- runs.c --- */
/* Runs for a model, with what is known of the backends that `old` had too. 0 or -ENOMEM. */
int runs_build(struct daemon *d, const struct model *model, const struct run_table *old,
	       struct run_table *ret);
void runs_done(struct run_table *runs);
struct backend_run *runs_at(const struct run_table *runs, size_t pool, size_t backend);
/* By key; NULL if it is gone. */
struct backend_run *runs_find(const struct run_table *runs, uint64_t key);
/* The state as it stands for people and for the image: disabled before draining before down before up. */
enum cv_backend_state run_state(const struct backend_run *run);

/* --- health.c --- */
int daemon_health_start(struct daemon *d, struct err *err);
/* Makes the running checks be those of the model in force, as far as the way of each is there: call it again when
 * routes or interfaces changed. Backends need their ids: after daemon_converge. */
void daemon_health_set(struct daemon *d);

/* --- probes.c --- */
/* The listener by whose path the backends of a pool are checked; NULL: directly. */
const struct listener_conf *probes_listener(const struct model *model, size_t pool);
/* Puts the filter for such checks on every attached interface if any pool has them, or else takes it off. */
void probes_attach(struct daemon *d);
/* Whether this host's packets to the listener's address pass that filter; if not, why, and the command that mends it. */
bool probes_are_possible(struct daemon *d, const struct listener_conf *listener, size_t pool, char *ret_text,
			 size_t size);

/* --- sweep.c --- */
int sweep_start(struct daemon *d, struct err *err);
void sweep_close(struct daemon *d);
/* Calls done(d, arg) from the loop once a sweep that began after this call is done. False, and no call, when out of
 * memory. */
typedef void (*sweep_done)(struct daemon *d, void *arg);
bool sweep_then(struct daemon *d, sweep_done done, void *arg);
/* Flows that the table pushed out, of one listener, up to the last sweep. */
uint64_t sweep_evicted(const struct daemon *d, uint16_t listener);
const struct cv_sweep *sweep_last(const struct daemon *d);
uint64_t sweep_took_ns(const struct daemon *d); /* that one */

/* --- hold.c --- */
/* Since the daemon runs. */
struct hold_counts {
	struct held_counts fragments; /* that came before the first one of their datagram */
	uint64_t cut;		      /* packets cut into fragments */
	uint64_t sent;		      /* frames, of either kind */
	uint64_t
		lost; /* frames that came to nothing: too many of them, or the program or the port took them not */
};
/* Where it cannot be, nothing is held back, which is logged, and tried again. */
int hold_start(struct daemon *d, struct err *err);
void hold_set(struct daemon *d);   /* when d->dp is another */
void hold_renew(struct daemon *d); /* once a second */
void hold_close(struct daemon *d);
void hold_free(struct daemon *d); /* once the loop has ended */
struct hold_counts hold_counts(const struct daemon *d);

/* --- rates.c --- */
struct rate {
	double packets_per_s;
	double bits_per_s;
	double new_flows_per_s;
};
int rates_start(struct daemon *d, struct err *err);
void rates_close(struct daemon *d);
/* Takes a sample; call it about once a second. Rates are over the last two seconds or so. */
void rates_sample(struct daemon *d);
struct rate rates_of(const struct daemon *d, uint16_t listener);

/* --- report.c --- */
json_t *report_status(struct daemon *d);
json_t *report_listeners(struct daemon *d);
json_t *report_pools(struct daemon *d);
json_t *report_backends(struct daemon *d);
const char *report_state_name(enum cv_backend_state state);

/* --- page.c --- */
/* The status page, and what its numbers mean: by name of a verdict {"meaning": …, "remedy": …}. Texts that the caller
 * frees; NULL when out of memory. */
char *page_text(size_t *ret_size);
char *page_reasons(size_t *ret_size);

/* --- web.c --- */
/* Makes metrics and status page be served where the model says. Trouble is logged once, the old place is kept, and the
 * next call tries again. */
void web_set(struct daemon *d);
void web_close(struct daemon *d);

/* --- commands.c --- */
void commands_handle(struct ctl_request *request, const json_t *json, void *arg);

/* --- notify.c --- */
/* Word to a service manager, by sd_notify(3), if one asked for it; that we live, by a timer of its own. Before
 * notify_ready there is only notify_busy to tell. */
int notify_start(struct daemon *d, struct err *err);
void notify_ready(struct daemon *d);
void notify_reloading(struct daemon *d);
void notify_running(struct daemon *d); /* after a reload, and with what came of it */
/* The loop stands still while tables of so many flows are copied, until notify_idle: that is no reason to end us. */
void notify_busy(struct daemon *d, uint64_t flows);
void notify_idle(struct daemon *d);
void notify_stopping(struct daemon *d);
void notify_close(struct daemon *d);

/* --- privileges.c --- */
/* Gives up every capability but those of daily work, for good, and no_new_privs. Before any thread is made: each has
 * its own. */
int privileges_drop(struct err *err);

/* --- state.c --- */
/* What commands said and checks found, on disk. Read once at start, before there is a model, into runs that the first
 * model's will take over; a damaged file is set aside. Written when it changed. Never fatal: trouble is logged. */
void state_load(struct daemon *d);
int state_save(struct daemon *d); /* 0 or -errno: then it is tried again every second */
/* A file of the state directory. ret has PATH_MAX bytes; false if that is not enough. */
bool state_path(const struct daemon *d, const char *name, char *ret);
/* Writing one, for the two modules that have one: a descriptor of a new file beside it, or -errno; then, if all went well
 * so far (r is 0), it takes the place of the old one. 0 or -errno. */
int state_file_begin(const struct daemon *d, const char *name);
int state_file_write(int fd, const char *data, size_t size);
int state_file_end(const struct daemon *d, const char *name, int fd, int r);

/* --- counts.c --- */
/* How often checks succeeded and failed, from the file to the runs of the first model; and back if that changed: before
 * the counts are told to anybody. Trouble is logged. */
void counts_load(struct daemon *d);
void counts_save(struct daemon *d);

#endif
