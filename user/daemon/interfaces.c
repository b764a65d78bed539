/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces that the file names: attached at start, again when one comes back, detached when the file drops
 * one. What was attached or detached by hand is left as it is. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "util/log.h"

static bool is_named(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->interfaces_nr; i++)
		if (!strcmp(model->interfaces[i].name, name))
			return true;
	return false;
}

static const struct dp_interface *find_attached(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->interfaces_nr; i++)
		if (!strcmp(d->interface[i].name, name))
			return &d->interface[i];
	return NULL;
}

/* Once for each interface: it stays so until somebody with the right to replaces it. */
static void tell_outdated(struct daemon *d)
{
	for (size_t i = 0; i < d->interfaces_nr; i++) {
		const struct dp_interface *at = &d->interface[i];

		if (at->outdated && d->told_outdated[i] != at->program_id)
			log_warn(
				"libxdp's dispatcher still calls an older program, to replace it takes "
				"CAP_SYS_ADMIN: stop culvertd, run \"culvert upgrade\" as root, start it again "
				"interface=%s",
				at->name);
		d->told_outdated[i] = at->outdated ? at->program_id : 0;
	}
}

static void note_attached(struct daemon *d)
{
	struct err err;
	int nr = dp_interfaces(d->options.pin_dir, d->interface, CV_ARRAY_SIZE(d->interface), &err);

	if (nr < 0) {
		log_err("reading the links failed error=\"%s\"", err.text);
		return;
	}
	d->interfaces_nr =
		(size_t)nr < CV_ARRAY_SIZE(d->interface) ? (size_t)nr : CV_ARRAY_SIZE(d->interface);
	tell_outdated(d);
}

/* Attaches one; says so once, not every second, if it cannot be done. */
static void attach(struct daemon *d, size_t index)
{
	const struct interface_conf *conf = &d->model->interfaces[index];
	enum attach_mode mode;
	struct err err;
	int r = dp_attach(d->options.pin_dir, conf->name, conf->mode, &mode, &err);

	if (!r) {
		log_info("attached interface=%s mode=%s", conf->name,
			 mode == ATTACH_GENERIC ? "generic" : "native");
		if (mode == ATTACH_GENERIC && conf->mode == ATTACH_AUTO)
			log_warn("the driver has no native XDP, generic mode is slow interface=%s",
				 conf->name);
		d->attached[index] = if_nametoindex(conf->name);
	} else if (d->attach_error[index] != r) {
		log_err("not attached, trying again error=\"%s\"", err.text);
		snprintf(d->attach_text[index], sizeof(d->attach_text[index]), "%.255s", err.text);
	}
	d->attach_error[index] = r;
}

/* It was attached before us, maybe by somebody who did not come to the end of it. */
static void attach_again(struct daemon *d, size_t index, const struct dp_interface *found)
{
	enum attach_mode mode;
	struct err err;

	d->attached[index] = found->ifindex;
	if (dp_attach(d->options.pin_dir, found->name, found->mode, &mode, &err))
		log_err("attached by half error=\"%s\"", err.text);
}

static void detach(struct daemon *d, const char *name)
{
	struct err err;

	if (dp_detach(d->options.pin_dir, name, &err))
		log_err("not detached error=\"%s\"", err.text);
	else
		log_info("detached interface=%s", name);
}

void daemon_attach_all(struct daemon *d, const struct model *old)
{
	memset(d->attach_error, 0, sizeof(d->attach_error));
	memset(d->attached, 0, sizeof(d->attached));
	note_attached(d);
	for (size_t i = 0; i < old->interfaces_nr; i++)
		if (!is_named(d->model, old->interfaces[i].name) && find_attached(d, old->interfaces[i].name))
			detach(d, old->interfaces[i].name);
	for (size_t i = 0; i < d->model->interfaces_nr; i++) {
		const struct interface_conf *conf = &d->model->interfaces[i];
		const struct dp_interface *found = find_attached(d, conf->name);

		if (found && (conf->mode == ATTACH_AUTO || conf->mode == found->mode)) {
			attach_again(d, i, found);
			continue;
		}
		if (found)
			detach(d, conf->name);
		attach(d, i);
	}
	note_attached(d);
}

void daemon_attach_missing(struct daemon *d)
{
	bool is_changed = false;

	note_attached(d);
	for (size_t i = 0; i < d->model->interfaces_nr; i++) {
		const char *name = d->model->interfaces[i].name;
		uint32_t ifindex = if_nametoindex(name);

		if (find_attached(d, name) || (ifindex && ifindex == d->attached[i]))
			continue;
		attach(d, i);
		is_changed = true;
	}
	if (is_changed)
		note_attached(d);
}

bool daemon_is_attached(const struct daemon *d, size_t index, char *ret_text, size_t size)
{
	const char *name = d->model->interfaces[index].name;
	int error = d->attach_error[index];

	if (find_attached(d, name))
		return true;
	if (error)
		snprintf(ret_text, size, "%s: %s", d->attach_text[index],
			 error == -ENODEV ? "attached as soon as it appears" : "tried again every second");
	else
		snprintf(ret_text, size, "%s: detached by hand: attached at the next reload", name);
	return false;
}
