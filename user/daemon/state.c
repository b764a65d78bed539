/* SPDX-License-Identifier: GPL-2.0-only */
/* The state file: what commands said and checks found, so that a restart forgets nothing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "util/log.h"

#define STATE_VERSION 1
#define SUFFIX ".new" /* of a file that is not whole yet */

bool state_path(const struct daemon *d, const char *name, char *ret)
{
	return snprintf(ret, PATH_MAX, "%s/%s", d->options.state_dir, name) < PATH_MAX;
}

/* Deadlines are wall-clock times on disk, and times of the loop while we run. */
static json_int_t deadline_to_wall(const struct daemon *d, uint64_t deadline_ms)
{
	uint64_t now = uv_now(&d->loop);

	return deadline_ms ? (json_int_t)time(NULL) + ((json_int_t)deadline_ms - (json_int_t)now) / 1000 : 0;
}

/* A host may boot with its clock in the past, and then seem to have years left. */
static uint64_t deadline_from_wall(const struct daemon *d, json_int_t wall)
{
	json_int_t now = (json_int_t)time(NULL), left = 0;

	if (wall > now)
		left = wall < now + DAEMON_MAX_DRAIN_S ? wall - now : DAEMON_MAX_DRAIN_S;
	return wall ? uv_now(&d->loop) + (uint64_t)left * 1000 + 1 : 0;
}

/* Whether there is anything to say that a fresh start would not know. */
static bool is_worth_saving(const struct backend_run *run)
{
	return run->is_disabled || run->is_draining || run->is_drained || run->weight >= 0 ||
	       run->health.known;
}

static json_t *run_json(const struct daemon *d, const struct backend_run *run)
{
	char address[ADDR_TEXT_LEN];

	return json_pack("{s:s, s:s, s:i, s:b, s:b, s:b, s:I, s:i, s:b, s:b}", "pool", run->pool, "address",
			 addr_format(&run->address, address), "port", run->port, "disabled", run->is_disabled,
			 "draining", run->is_draining, "drained", run->is_drained, "drain_until",
			 deadline_to_wall(d, run->drain_deadline_ms), "weight", run->weight, "health_known",
			 run->health.known, "healthy", run->health.up);
}

static json_t *state_json(const struct daemon *d)
{
	json_t *backends = json_array();

	for (size_t i = 0; i < d->runs.nr; i++)
		if (is_worth_saving(&d->runs.run[i]))
			json_array_append_new(backends, run_json(d, &d->runs.run[i]));
	return json_pack("{s:i, s:o, s:o}", "version", STATE_VERSION, "backends", backends, "interfaces",
			 claims_to_json(d));
}

int state_file_begin(const struct daemon *d, const char *name)
{
	char beside[PATH_MAX];
	int fd;

	if (!state_path(d, name, beside) || strlen(beside) + sizeof(SUFFIX) > sizeof(beside))
		return -ENAMETOOLONG;
	strcat(beside, SUFFIX);
	if (mkdir(d->options.state_dir, 0755) && errno != EEXIST)
		return -errno;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

int state_file_write(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return 0;
}

int state_file_end(const struct daemon *d, const char *name, int fd, int r)
{
	char path[PATH_MAX], beside[PATH_MAX];

	close(fd);
	state_path(d, name, path);
	state_path(d, name, beside);
	strcat(beside, SUFFIX);
	if (!r && rename(beside, path))
		r = -errno;
	if (r)
		unlink(beside);
	return r;
}

/* Writes all of it to the disk. In few calls: jansson itself makes one for every token, of which thousands of backends have
 * a million. */
static int write_file(const struct daemon *d, const char *text)
{
	int fd = state_file_begin(d, "state.json"), dir, r;

	if (fd < 0)
		return fd;
	r = state_file_write(fd, text, strlen(text));
	if (!r && fsync(fd))
		r = -errno;
	r = state_file_end(d, "state.json", fd, r);
	if (r)
		return r;
	dir = open(d->options.state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0) {
		fsync(dir);
		close(dir);
	}
	return 0;
}

int state_save(struct daemon *d)
{
	json_t *json = state_json(d);
	char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	int r;

	r = text ? write_file(d, text) : -ENOMEM;
	free(text);
	json_decref(json);
	if (!r) {
		if (d->state_error)
			log_info("state saved again dir=%s", d->options.state_dir);
		d->is_state_dirty = false;
		d->state_error = 0;
	} else if (r != d->state_error) {
		log_err("state not saved, trying again dir=%s error=\"%s\"", d->options.state_dir,
			strerror(-r));
		d->is_state_dirty = true;
		d->state_error = r;
	}
	return r;
}

/* One backend of the file; false if it is not what we write. */
static bool read_run(struct daemon *d, const json_t *json, struct backend_run *run)
{
	const char *pool, *address;
	int port, is_disabled, is_draining, is_drained, weight, is_known, is_up;
	json_int_t drain_until;

	if (json_unpack((json_t *)json, "{s:s, s:s, s:i, s:b, s:b, s:b, s:I, s:i, s:b, s:b}", "pool", &pool,
			"address", &address, "port", &port, "disabled", &is_disabled, "draining",
			&is_draining, "drained", &is_drained, "drain_until", &drain_until, "weight", &weight,
			"health_known", &is_known, "healthy", &is_up))
		return false;
	if (strlen(pool) >= sizeof(run->pool) || addr_parse(address, &run->address) || port < 0 ||
	    port > 65535 || weight < -1 || weight > CV_MAX_WEIGHT)
		return false;
	memcpy(run->pool, pool, strlen(pool) + 1);
	run->port = (uint16_t)port;
	run->is_disabled = is_disabled;
	run->is_draining = is_draining;
	run->is_drained = is_drained;
	run->drain_deadline_ms = deadline_from_wall(d, drain_until);
	run->weight = weight;
	health_init(&run->health);
	run->health.known = is_known;
	run->health.up = is_up;
	run->key = ++d->next_key;
	return true;
}

static bool read_runs(struct daemon *d, const json_t *json)
{
	const json_t *backends = json_object_get(json, "backends");
	size_t nr = json_array_size(backends);

	if (json_integer_value(json_object_get(json, "version")) != STATE_VERSION || !json_is_array(backends))
		return false;
	d->runs.run = calloc(nr + 1, sizeof(*d->runs.run));
	for (size_t i = 0; d->runs.run && i < nr; i++) {
		if (!read_run(d, json_array_get(backends, i), &d->runs.run[i])) {
			runs_done(&d->runs);
			return false;
		}
	}
	d->runs.nr = d->runs.run ? nr : 0;
	return true;
}

void state_load(struct daemon *d)
{
	char path[PATH_MAX], aside[PATH_MAX];
	json_error_t problem;
	json_t *json;

	if (!state_path(d, "state.json", path) || !state_path(d, "state.json.damaged", aside) ||
	    access(path, F_OK))
		return;
	json = json_load_file(path, 0, &problem);
	if (!json || !read_runs(d, json)) {
		log_err("state file damaged, set aside as %s error=\"%s\"", aside,
			json ? "not a state file of this version" : problem.text);
		if (rename(path, aside))
			log_err("state file not set aside error=\"%s\"", strerror(errno));
	} else {
		claims_from_json(d, json_object_get(json, "interfaces"));
	}
	json_decref(json);
}
