/* SPDX-License-Identifier: GPL-2.0-only */
/* The counts of checks, in a file beside the state. It is written before anybody is told them, so that after a restart,
 * however the daemon ended, nobody is told less. It has to outlive the daemon, not the machine: with that the counters
 * of the maps begin anew, too. So nothing waits for the disk. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "util/log.h"

#define COUNTS_FILE "checks.counts"

struct header {
	char magic[12];
	uint32_t record_size;
};

struct record {
	char pool[CV_NAME_LEN];
	struct addr address;
	uint16_t port;
	struct histogram successes, failures;
};

static const struct header header = { "culvert one", sizeof(struct record) };

/* All of it in one piece, in the order of the runs, that the caller frees. */
static char *counts_text(const struct run_table *runs, size_t *ret_size)
{
	size_t size = sizeof(header) + runs->nr * sizeof(struct record);
	char *text = calloc(1, size);

	if (!text)
		return NULL;
	memcpy(text, &header, sizeof(header));
	for (size_t i = 0; i < runs->nr; i++) {
		const struct backend_run *run = &runs->run[i];
		struct record *record = (struct record *)(text + sizeof(header)) + i;

		memcpy(record->pool, run->pool, sizeof(record->pool));
		record->address = run->address;
		record->port = run->port;
		record->successes = run->successes;
		record->failures = run->failures;
	}
	*ret_size = size;
	return text;
}

static int save(const struct daemon *d)
{
	size_t size = 0;
	char *text = counts_text(&d->runs, &size);
	int fd = text ? state_file_begin(d, COUNTS_FILE) : -ENOMEM;
	int r = fd < 0 ? fd : state_file_end(d, COUNTS_FILE, fd, state_file_write(fd, text, size));

	free(text);
	return r;
}

void counts_save(struct daemon *d)
{
	int r = d->is_count_dirty ? save(d) : 0;

	if (r && r != d->count_error)
		log_warn("counts of checks not saved, trying again dir=%s error=\"%s\"", d->options.state_dir,
			 strerror(-r));
	d->count_error = r;
	d->is_count_dirty = r;
}

/* The run of a record, looked for from where the last one was: the file has the order of the runs that were. */
static struct backend_run *find_run(const struct run_table *runs, const struct record *record, size_t *place)
{
	for (size_t i = 0; i < runs->nr; i++) {
		struct backend_run *run = &runs->run[(*place + i) % runs->nr];

		if (run->port != record->port || addr_compare(&run->address, &record->address) ||
		    strncmp(run->pool, record->pool, sizeof(run->pool)) != 0)
			continue;
		*place += i + 1;
		return run;
	}
	return NULL;
}

static bool read_records(FILE *file, const struct run_table *runs)
{
	struct header found;
	struct record record;
	size_t place = 0;

	if (fread(&found, sizeof(found), 1, file) != 1 || memcmp(&found, &header, sizeof(header)) != 0)
		return false;
	while (fread(&record, sizeof(record), 1, file) == 1) {
		struct backend_run *run = find_run(runs, &record, &place);

		if (!run)
			continue;
		run->successes = record.successes;
		run->failures = record.failures;
	}
	return true;
}

void counts_load(struct daemon *d)
{
	char path[PATH_MAX];
	FILE *file = NULL;

	if (state_path(d, COUNTS_FILE, path))
		file = fopen(path, "re");
	if (!file)
		return;
	if (!read_records(file, &d->runs))
		log_warn("the counts of checks begin anew: %s is not of this version", path);
	fclose(file);
}
