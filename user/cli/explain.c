// SPDX-License-Identifier: GPL-2.0-only
/* What an answer of the program means; see explain.h. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cli/explain.h"
#include "cli/flow.h"
#include "cli/out.h"

const struct cv_listener *explain_listener(const struct explain *explain, const struct explanation *of)
{
	uint16_t id = of->ask.listener;

	return id && id <= CV_MAX_LISTENERS ? &explain->image->listener[id] : NULL;
}

const struct cv_backend *explain_backend(const struct explain *explain, uint16_t id)
{
	return id && id <= CV_MAX_BACKENDS ? &explain->image->backend[id] : NULL;
}

const char *explain_source_name(enum cv_source source)
{
	switch (source) {
	case CV_SOURCE_FLOW:
		return "flow";
	case CV_SOURCE_HALF_OPEN:
		return "half_open";
	case CV_SOURCE_MAGLEV:
		return "maglev";
	case CV_SOURCE_FRAGMENT:
		return "fragment";
	case CV_SOURCE_NONE:
	case CV_SOURCE_COUNT:
		break;
	}
	return NULL;
}

const char *explain_flags_name(const struct frame_spec *spec)
{
	if (spec->protocol == FRAME_ICMP)
		return "echo";
	if (spec->protocol != IPPROTO_TCP)
		return "packet";
	if (spec->tcp_flags & FRAME_SYN)
		return "syn";
	if (spec->tcp_flags & FRAME_RST)
		return "rst";
	return spec->tcp_flags & FRAME_FIN ? "fin" : "ack";
}

bool explain_is_forwarded(const struct explanation *of)
{
	return of->ask.verdict == CV_TX || of->ask.verdict == CV_REDIRECT;
}

uint32_t explain_outer_bytes(const struct explanation *of)
{
	return explain_is_forwarded(of) && of->out.bytes > of->bytes ? of->out.bytes - of->bytes : 0;
}

static const char *address_of(const struct cv_backend *backend, char *text)
{
	struct addr address;

	if (!backend || backend->state == CV_BACKEND_NONE)
		return "a backend that is gone";
	memcpy(address.byte, backend->address, sizeof(address.byte));
	return addr_format(&address, text);
}

static const char *state_remark(const struct cv_backend *backend)
{
	switch (backend->state) {
	case CV_BACKEND_DRAINING:
		return "; it is draining, and keeps its flows";
	case CV_BACKEND_DOWN:
		return "; its health check fails, but so do all of its pool's";
	case CV_BACKEND_NONE:
	case CV_BACKEND_UP:
	case CV_BACKEND_DISABLED:
		break;
	}
	return "";
}

/* Where to add the next words; `size` is spent already with what did not fit. */
static size_t append(char *text, size_t used, size_t size, const char *format, unsigned nr)
{
	if (nr && used < size)
		used += (size_t)snprintf(text + used, size - used, format, nr);
	return used;
}

/* Why the listener's pool has nobody for what is new. */
static void say_why_nobody(const struct explain *explain, const struct cv_listener *listener, char *text)
{
	unsigned in_state[CV_BACKEND_DISABLED + 1] = { 0 }, nr = 0;
	size_t used;

	for (uint16_t id = 1; id <= CV_MAX_BACKENDS; id++) {
		const struct cv_backend *backend = &explain->image->backend[id];

		if (!listener || backend->pool != listener->pool || backend->state == CV_BACKEND_NONE)
			continue;
		in_state[backend->state]++;
		nr++;
	}
	used = (size_t)snprintf(text, EXPLAIN_WHY_LEN, "none of the pool's %u takes new flows", nr);
	used = append(text, used, EXPLAIN_WHY_LEN, "; %u disabled", in_state[CV_BACKEND_DISABLED]);
	used = append(text, used, EXPLAIN_WHY_LEN, "; %u down", in_state[CV_BACKEND_DOWN]);
	used = append(text, used, EXPLAIN_WHY_LEN, "; %u draining", in_state[CV_BACKEND_DRAINING]);
	append(text, used, EXPLAIN_WHY_LEN, "; %u of weight 0", in_state[CV_BACKEND_UP]);
}

const char *explain_why(const struct explain *explain, const struct explanation *of, char *text)
{
	const struct cv_backend *backend = explain_backend(explain, of->ask.backend);
	const struct cv_flow *flow = &explain->tuple.flow;
	char was[ADDR_TEXT_LEN];

	if (!backend && of->ask.verdict == CV_DROP_NO_BACKEND) {
		say_why_nobody(explain, explain_listener(explain, of), text);
		return text;
	}
	if (!backend) {
		snprintf(text, EXPLAIN_WHY_LEN, "no backend was looked for");
		return text;
	}
	switch (of->ask.source) {
	case CV_SOURCE_FLOW:
		snprintf(text, EXPLAIN_WHY_LEN, "it has the flow%s", state_remark(backend));
		break;
	case CV_SOURCE_HALF_OPEN:
		snprintf(text, EXPLAIN_WHY_LEN, "the flow's first packet went there%s",
			 state_remark(backend));
		break;
	case CV_SOURCE_FRAGMENT:
		snprintf(text, EXPLAIN_WHY_LEN, "the first fragment of the datagram went there");
		break;
	case CV_SOURCE_MAGLEV:
		if (of->ask.state)
			snprintf(text, EXPLAIN_WHY_LEN,
				 "it has the slot, and %s, which has the flow, keeps none any more",
				 address_of(explain_backend(explain, flow->backend), was));
		else
			snprintf(text, EXPLAIN_WHY_LEN, "a new flow, and it has the slot%s",
				 backend->state == CV_BACKEND_DOWN ? state_remark(backend) : "");
		break;
	case CV_SOURCE_NONE:
	case CV_SOURCE_COUNT:
		snprintf(text, EXPLAIN_WHY_LEN, "-");
		break;
	}
	return text;
}
