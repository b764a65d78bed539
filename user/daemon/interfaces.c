/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces that the file names: attached at start, again when one comes back, detached when the file drops
 * one, also if no daemon ran at that time. What was attached or detached by hand is left as it is. */
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

static const struct dp_interface *find_attached_at(const struct daemon *d, uint32_t ifindex)
{
	for (size_t i = 0; i < d->interfaces_nr; i++)
		if (d->interface[i].ifindex == ifindex)
			return &d->interface[i];
	return NULL;
}

/* --- outdated programs ----------------------------------------------------------------------------- */

/* Somebody attached there, not knowing that we were about to put another program in force. */
static void renew(struct daemon *d, const struct dp_interface *at)
{
	struct err err;

	if (!dp_is_pinned(d->dp))
		return; /* nor do we know what is in force by now */
	if (dp_renew(d->dp, at, &err))
		log_err("older program not replaced error=\"%s\"", err.text);
	else
		log_warn("an older program was attached, ours took its place interface=%s", at->name);
}

/* Once for each interface and program: what a dispatcher calls stays so until somebody with the right to replaces it. */
static void handle_outdated(struct daemon *d)
{
	for (size_t i = 0; i < d->interfaces_nr; i++) {
		const struct dp_interface *at = &d->interface[i];

		if (at->outdated && d->told_outdated[i] != at->program_id) {
			if (at->dispatcher)
				log_warn(
					"libxdp's dispatcher still calls an older program, to replace it takes "
					"CAP_SYS_ADMIN: stop culvertd, run \"culvert upgrade\" as root, start it "
					"again interface=%s",
					at->name);
			else
				renew(d, at);
		}
		d->told_outdated[i] = at->outdated ? at->program_id : 0;
	}
}

/* --- what is attached ------------------------------------------------------------------------------ */

/* Whether we are attached elsewhere than before, where `nr` interfaces were in the list. */
static bool is_other_set(const struct daemon *d, const struct dp_interface *before, size_t nr)
{
	bool is_other = nr != d->interfaces_nr;

	for (size_t i = 0; !is_other && i < nr; i++) {
		size_t j = 0;

		while (j < nr && d->interface[j].ifindex != before[i].ifindex)
			j++;
		is_other = j == nr;
	}
	return is_other;
}

/* True if that is elsewhere than before. */
static bool note_attached(struct daemon *d)
{
	struct dp_interface before[CV_MAX_INTERFACES];
	size_t before_nr = d->interfaces_nr;
	struct err err;
	int nr;

	memcpy(before, d->interface, before_nr * sizeof(before[0]));
	nr = dp_interfaces(d->options.pin_dir, d->interface, CV_ARRAY_SIZE(d->interface), &err);
	if (nr < 0) {
		log_err("reading the links failed error=\"%s\"", err.text);
		return false;
	}
	d->interfaces_nr =
		(size_t)nr < CV_ARRAY_SIZE(d->interface) ? (size_t)nr : CV_ARRAY_SIZE(d->interface);
	handle_outdated(d);
	return is_other_set(d, before, before_nr);
}

/* --- attaching and detaching ----------------------------------------------------------------------- */

/* Attaches one; says so once, not every second, if it cannot be done. */
static int attach(struct daemon *d, size_t index)
{
	const struct interface_conf *conf = &d->model->interfaces[index];
	enum attach_mode mode;
	struct err err;
	int r = dp_attach(d->options.pin_dir, conf->name, conf->mode, &mode, &err);

	if (!r) {
		log_info("attached interface=%s mode=%s", conf->name, attach_mode_name(mode));
		if (mode == ATTACH_GENERIC && conf->mode == ATTACH_AUTO)
			log_warn("the driver has no native XDP, generic mode is slow interface=%s",
				 conf->name);
		d->attached[index] = if_nametoindex(conf->name);
		claims_add(d, d->attached[index], conf->name);
	} else if (d->attach_error[index] != r) {
		log_err("not attached, trying again error=\"%s\"", err.text);
		snprintf(d->attach_text[index], sizeof(d->attach_text[index]), "%.255s", err.text);
	}
	d->attach_error[index] = r;
	return r;
}

/* It was attached before us, maybe by somebody who did not come to the end of it. */
static void attach_again(struct daemon *d, size_t index, const struct dp_interface *found)
{
	enum attach_mode mode;
	struct err err;

	d->attached[index] = found->ifindex;
	claims_add(d, found->ifindex, found->name);
	if (dp_attach(d->options.pin_dir, found->name, found->mode, &mode, &err))
		log_err("attached by half error=\"%s\"", err.text);
}

static int detach(struct daemon *d, const char *name)
{
	struct err err;
	int r = dp_detach(d->options.pin_dir, name, &err);

	if (r)
		log_err("not detached error=\"%s\"", err.text);
	else
		log_info("detached interface=%s", name);
	return r;
}

/* What was renamed is in the file still under the name that it had there, unless another interface has that by now. */
static bool is_in_file(const struct daemon *d, const struct claim *claim, const char *name)
{
	return is_named(d->model, name) || (is_named(d->model, claim->name) && !if_nametoindex(claim->name));
}

/* Takes off what the file named once, and does not any more. */
static void detach_dropped(struct daemon *d)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->claims_nr; i++) {
		const struct dp_interface *at = find_attached_at(d, d->claim[i].ifindex);

		if (at && (is_in_file(d, &d->claim[i], at->name) || detach(d, at->name)))
			d->claim[kept++] = d->claim[i];
	}
	d->is_state_dirty = d->is_state_dirty || kept != d->claims_nr;
	d->claims_nr = kept;
}

/* Where the driver does not have the new mode, the old one is better than none. */
static void change_mode(struct daemon *d, size_t index, const struct dp_interface *found)
{
	enum attach_mode mode;
	struct err err;

	detach(d, found->name);
	if (!attach(d, index))
		return;
	if (dp_attach(d->options.pin_dir, found->name, found->mode, &mode, &err)) {
		log_err("not attached as before either error=\"%s\"", err.text);
		return;
	}
	log_warn("attached as before, until the next reload interface=%s mode=%s", found->name,
		 attach_mode_name(mode));
	d->attached[index] = found->ifindex;
}

void daemon_attach_all(struct daemon *d)
{
	memset(d->attach_error, 0, sizeof(d->attach_error));
	memset(d->attached, 0, sizeof(d->attached));
	note_attached(d);
	detach_dropped(d);
	for (size_t i = 0; i < d->model->interfaces_nr; i++) {
		const struct interface_conf *conf = &d->model->interfaces[i];
		const struct dp_interface *found = find_attached(d, conf->name);

		if (found && (conf->mode == ATTACH_AUTO || conf->mode == found->mode)) {
			attach_again(d, i, found);
			continue;
		}
		if (found)
			change_mode(d, i, found);
		else
			attach(d, i);
	}
	note_attached(d);
}

/* What leads over an interface that has the program no more, or has it again. */
static void follow_interfaces(struct daemon *d)
{
	if (daemon_ways_find(d, false))
		daemon_converge_soon(d);
	daemon_health_set(d);
}

void daemon_attach_missing(struct daemon *d)
{
	bool is_other = note_attached(d), is_tried = false;

	for (size_t i = 0; i < d->model->interfaces_nr; i++) {
		const char *name = d->model->interfaces[i].name;
		uint32_t ifindex = if_nametoindex(name);

		if (find_attached(d, name) || (ifindex && ifindex == d->attached[i]))
			continue;
		attach(d, i);
		is_tried = true;
	}
	if (is_tried && note_attached(d))
		is_other = true;
	if (is_other)
		follow_interfaces(d);
}

bool daemon_is_attached(const struct daemon *d, size_t index, char *ret_text, size_t size)
{
	const struct interface_conf *conf = &d->model->interfaces[index];
	const char *name = conf->name;
	const struct dp_interface *found = find_attached(d, name);
	int error = d->attach_error[index];

	if (found && (conf->mode == ATTACH_AUTO || conf->mode == found->mode))
		return true;
	if (found)
		snprintf(ret_text, size, "%s: in mode %s as before, until the next reload",
			 error ? d->attach_text[index] : name, attach_mode_name(found->mode));
	else if (error)
		snprintf(ret_text, size, "%s: %s", d->attach_text[index],
			 error == -ENODEV ? "attached as soon as it appears" : "tried again every second");
	else
		snprintf(ret_text, size, "%s: detached by hand: attached at the next reload", name);
	return false;
}
