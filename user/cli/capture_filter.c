/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters of captures; see capture_filter.h. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cli/capture_filter.h"
#include "dataplane/dp.h"
#include "util/addr.h"
#include "util/number.h"
#include "util/suggest.h"

#define WORD_LEN 128

enum term {
	TERM_CLIENT,
	TERM_ADDRESS,
	TERM_HOST,
	TERM_CLIENT_PORT,
	TERM_PORT,
	TERM_PROTOCOL,
	TERM_LISTENER,
	TERM_BACKEND,
	TERM_REASON,
	TERM_COUNT
};

static const char *const terms[TERM_COUNT] = {
	[TERM_CLIENT] = "client",     [TERM_ADDRESS] = "address",	  [TERM_HOST] = "host",
	[TERM_PORT] = "port",	      [TERM_CLIENT_PORT] = "client-port", [TERM_PROTOCOL] = "protocol",
	[TERM_LISTENER] = "listener", [TERM_BACKEND] = "backend",	  [TERM_REASON] = "reason",
};

static const enum cv_verdict_class classes[] = { CV_CLASS_PASS, CV_CLASS_TX, CV_CLASS_REDIRECT, CV_CLASS_HOLD,
						 CV_CLASS_DROP };

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = { { "tcp", 6 }, { "udp", 17 }, { "icmp", 1 }, { "icmp6", 58 } };

struct parse {
	const char *at; /* what is still to be read */
	char word[WORD_LEN];
	bool is_given[TERM_COUNT];
	bool has_verdicts;
	struct cv_capture want;
};

/* The next word; false if there is none. One that is too long for anything is cut, and then matches nothing. */
static bool next_word(struct parse *p)
{
	size_t length = 0;

	while (isspace((unsigned char)*p->at))
		p->at++;
	for (; *p->at && !isspace((unsigned char)*p->at); p->at++)
		if (length < sizeof(p->word) - 1)
			p->word[length++] = *p->at;
	p->word[length] = '\0';
	return length > 0;
}

static int parse_prefix(const char *term, const char *word, struct cv_capture_prefix *ret, struct err *err)
{
	struct addr address, mask = { { 0 } };
	unsigned length;

	if (addr_parse_prefix(word, &address, &length) < 0)
		return err_set(err, -EINVAL,
			       "%s \"%s\": not an address, nor a prefix without bits behind its length", term,
			       word);
	length += addr_is_v4(&address) ? 96 : 0;
	for (unsigned bit = 0; bit < length; bit++)
		mask.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(ret->address, address.byte, sizeof(ret->address));
	memcpy(ret->mask, mask.byte, sizeof(ret->mask));
	return 0;
}

static int parse_ports(const char *term, const char *word, __u16 *ret_first, __u16 *ret_last, struct err *err)
{
	uint64_t first, last;

	if (number_parse_range(word, &first, &last) < 0 || !first || last > UINT16_MAX)
		return err_set(err, -EINVAL,
			       "%s \"%s\": not a port from 1 to 65535, nor a range like 8000-8099", term,
			       word);
	*ret_first = (__u16)first;
	*ret_last = (__u16)last;
	return 0;
}

/* The number of one that has a name; 0 if it is none of these. */
static uint8_t find_protocol(const char *word)
{
	for (size_t i = 0; i < CV_ARRAY_SIZE(protocols); i++)
		if (!strcmp(word, protocols[i].name))
			return protocols[i].number;
	return 0;
}

static int parse_protocol(const char *word, __u8 *ret, struct err *err)
{
	uint8_t known = find_protocol(word);
	uint64_t number = known;

	if (!known && (number_parse(word, &number) < 0 || number < 1 || number > UINT8_MAX))
		return err_set(err, -EINVAL,
			       "protocol \"%s\": not tcp, udp, icmp, icmp6, nor a number from 1 to 255",
			       word);
	*ret = (__u8)number;
	return 0;
}

static int parse_listener(const char *word, char *ret, struct err *err)
{
	size_t length = strlen(word);

	if (length >= CV_NAME_LEN)
		return err_set(err, -EINVAL, "listener \"%s\": names have at most %d characters", word,
			       CV_NAME_LEN - 1);
	memcpy(ret, word, length);
	return 0;
}

static int parse_backend(const char *word, __u8 *ret, struct err *err)
{
	struct addr address;

	if (addr_parse(word, &address) < 0 || addr_is_zero(&address))
		return err_set(err, -EINVAL, "backend \"%s\": not an IPv4 or IPv6 address", word);
	memcpy(ret, address.byte, sizeof(address.byte));
	return 0;
}

static void want_verdict(struct parse *p, enum cv_verdict verdict)
{
	p->want.verdicts[verdict / 64] |= 1ULL << verdict % 64;
	p->has_verdicts = true;
}

static void want_class(struct parse *p, enum cv_verdict_class class)
{
	for (enum cv_verdict i = CV_CONTINUE + 1; i < CV_VERDICT_COUNT; i++)
		if (dp_verdict_class(i) == class)
			want_verdict(p, i);
}

/* One name, or several with commas between them. */
static int parse_reasons(struct parse *p, struct err *err)
{
	char *names = p->word, *name;

	while ((name = strsep(&names, ",")) != NULL) {
		enum cv_verdict verdict = CV_CONTINUE + 1;
		struct suggest suggest;

		suggest_init(&suggest, name);
		while (verdict < CV_VERDICT_COUNT && strcmp(name, dp_verdict_name(verdict)) != 0)
			suggest_consider(&suggest, dp_verdict_name(verdict++));
		if (verdict == CV_VERDICT_COUNT)
			return err_set(err, -EINVAL, "reason \"%s\": there is none of this name%s%s%s", name,
				       suggest.best ? "; did you mean " : "; culvert(8) has them all",
				       suggest.best ? suggest.best : "", suggest.best ? "?" : "");
		want_verdict(p, verdict);
	}
	return 0;
}

/* The word is what belongs to the term. */
static int parse_term(struct parse *p, enum term term, struct err *err)
{
	struct cv_capture *want = &p->want;

	switch (term) {
	case TERM_CLIENT:
		return parse_prefix(terms[term], p->word, &want->client, err);
	case TERM_ADDRESS:
		return parse_prefix(terms[term], p->word, &want->address, err);
	case TERM_HOST:
		return parse_prefix(terms[term], p->word, &want->host, err);
	case TERM_CLIENT_PORT:
		return parse_ports(terms[term], p->word, &want->client_port_first, &want->client_port_last,
				   err);
	case TERM_PORT:
		return parse_ports(terms[term], p->word, &want->port_first, &want->port_last, err);
	case TERM_PROTOCOL:
		return parse_protocol(p->word, &want->protocol, err);
	case TERM_LISTENER:
		return parse_listener(p->word, want->listener, err);
	case TERM_BACKEND:
		return parse_backend(p->word, want->backend, err);
	case TERM_REASON:
		return parse_reasons(p, err);
	case TERM_COUNT:
		break;
	}
	return -EINVAL;
}

static int claim(struct parse *p, enum term term, struct err *err)
{
	/* reasons are alternatives */
	if (p->is_given[term] && term != TERM_REASON)
		return err_set(err, -EINVAL, "\"%s\": %s was said before; all terms must hold at once",
			       p->word, terms[term]);
	p->is_given[term] = true;
	return 0;
}

static int complain_unknown(const char *word, struct err *err)
{
	struct suggest suggest;

	suggest_init(&suggest, word);
	for (size_t i = 0; i < TERM_COUNT; i++)
		suggest_consider(&suggest, terms[i]);
	for (size_t i = 0; i < CV_ARRAY_SIZE(classes); i++)
		suggest_consider(&suggest, dp_class_name(classes[i]));
	for (size_t i = 0; i < CV_ARRAY_SIZE(protocols); i++)
		suggest_consider(&suggest, protocols[i].name);
	if (suggest.best)
		return err_set(err, -EINVAL, "\"%s\": no part of a filter; did you mean %s?", word,
			       suggest.best);
	return err_set(
		err, -EINVAL,
		"\"%s\": no part of a filter; these are: client, address, host, client-port, port, "
		"protocol, tcp, udp, icmp, icmp6, listener, backend, reason, pass, tx, redirect, hold, drop",
		word);
}

static int parse_word(struct parse *p, struct err *err)
{
	enum term term = 0;
	int r;

	for (size_t i = 0; i < CV_ARRAY_SIZE(classes); i++) {
		if (strcmp(p->word, dp_class_name(classes[i])) != 0)
			continue;
		want_class(p, classes[i]);
		return 0;
	}
	if (find_protocol(p->word)) {
		r = claim(p, TERM_PROTOCOL, err);
		return r ? r : parse_term(p, TERM_PROTOCOL, err);
	}
	while (term < TERM_COUNT && strcmp(p->word, terms[term]) != 0)
		term++;
	if (term == TERM_COUNT)
		return complain_unknown(p->word, err);
	r = claim(p, term, err);
	if (!r && !next_word(p))
		r = err_set(err, -EINVAL, "%s: it says nothing about which", terms[term]);
	return r ? r : parse_term(p, term, err);
}

int capture_filter_parse(const char *text, struct cv_capture *ret, struct err *err)
{
	struct parse p = {
		.at = text,
		.want = { .client_port_last = UINT16_MAX, .port_last = UINT16_MAX },
	};

	while (next_word(&p)) {
		int r = parse_word(&p, err);

		if (r)
			return r;
	}
	if (!p.has_verdicts) {
		want_class(&p, CV_CLASS_TX);
		want_class(&p, CV_CLASS_REDIRECT);
		want_class(&p, CV_CLASS_HOLD);
		want_class(&p, CV_CLASS_DROP);
	}
	*ret = p.want;
	return 0;
}
