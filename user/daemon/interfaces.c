/* SPDX-License-Identifier: GPL-2.0-only */
/* The interfaces that the file names: attached at start, again when one comes back, detached when the file drops
 * one. What was attached by hand is left as it is. */
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

static bool is_attached(const struct daemon *d, const char *name)
{
	for (size_t i = 0; i < d->interfaces_nr; i++)
		if (!strcmp(d->interface[i].name, name))
			return true;
	return false;
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
		d->attach_error[index] = 0;
	} else if (d->attach_error[index] != r) {
		log_err("not attached, trying again error=\"%s\"", err.text);
		d->attach_error[index] = r;
	}
}

void daemon_attach(struct daemon *d, const struct model *old)
{
	struct err err;

	note_attached(d);
	for (size_t i = 0; old && i < old->interfaces_nr; i++) {
		const char *name = old->interfaces[i].name;

		if (is_named(d->model, name) || !is_attached(d, name))
			continue;
		if (dp_detach(d->options.pin_dir, name, &err))
			log_err("not detached error=\"%s\"", err.text);
		else
			log_info("detached interface=%s", name);
	}
	for (size_t i = 0; i < d->model->interfaces_nr; i++)
		if (!is_attached(d, d->model->interfaces[i].name))
			attach(d, i);
	note_attached(d);
}
