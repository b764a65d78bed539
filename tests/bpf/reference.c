/* SPDX-License-Identifier: GPL-2.0-only */
/* A second parser; see reference.h. */
#include "bpf/reference.h"

#include <netinet/in.h>
#include <string.h>

#include "model/directory.h"

#define MAX_TAGS 2
#define MAX_EXTENSIONS 6

/* One packet on its way through the functions below. */
struct walk {
	const struct image *image;
	const uint8_t *frame;
	size_t len;
	struct reference *ret;
	struct addr address;
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint16_t reference_sum(const uint8_t *bytes, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static enum cv_verdict walk_ip4(struct walk *walk)
{
	const uint8_t *ip = walk->frame + walk->ret->ip;
	size_t room = walk->len - walk->ret->ip, header, total;

	if (room < 20 || ip[0] >> 4 != 4)
		return CV_PASS_MALFORMED;
	header = (ip[0] & 15) * 4u;
	total = get16(ip + 2);
	if (header < 20 || total < header || total > room)
		return CV_PASS_MALFORMED;
	walk->ret->is_v4 = true;
	walk->ret->protocol = ip[9];
	walk->ret->ip_bytes = total;
	walk->ret->transport = walk->ret->ip + header;
	walk->ret->transport_bytes = total - header;
	walk->ret->is_fragment = (get16(ip + 6) & 0x3fff) != 0;
	walk->ret->fragment_at = (get16(ip + 6) & 0x1fff) * 8u;
	addr_from_wire(AF_INET, ip + 16, &walk->address);
	return CV_CONTINUE;
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_FRAGMENT;
}

static enum cv_verdict walk_extensions(struct walk *walk)
{
	struct reference *ret = walk->ret;

	for (int i = 0; i < MAX_EXTENSIONS && is_extension(ret->protocol) && !ret->is_fragment; i++) {
		const uint8_t *header = walk->frame + ret->transport;
		size_t bytes = 8;

		if (ret->transport_bytes < 8)
			return CV_PASS_MALFORMED;
		if (ret->protocol == IPPROTO_FRAGMENT) {
			ret->is_fragment = (get16(header + 2) & 0xfff9) != 0;
			ret->fragment_at = get16(header + 2) & 0xfff8;
		} else {
			bytes += header[1] * 8u;
		}
		if (ret->transport_bytes < bytes)
			return CV_PASS_MALFORMED;
		ret->protocol = header[0];
		ret->transport += bytes;
		ret->transport_bytes -= bytes;
	}
	return CV_CONTINUE;
}

static enum cv_verdict walk_ip6(struct walk *walk)
{
	const uint8_t *ip = walk->frame + walk->ret->ip;
	size_t room = walk->len - walk->ret->ip;

	if (room < 40 || ip[0] >> 4 != 6 || 40u + get16(ip + 4) > room)
		return CV_PASS_MALFORMED;
	memcpy(walk->address.byte, ip + 24, sizeof(walk->address.byte));
	if (addr_is_v4(&walk->address))
		return CV_PASS_MALFORMED;
	walk->ret->protocol = ip[6];
	walk->ret->ip_bytes = 40u + get16(ip + 4);
	walk->ret->transport = walk->ret->ip + 40;
	walk->ret->transport_bytes = get16(ip + 4);
	return walk_extensions(walk);
}

static enum cv_verdict walk_frame(struct walk *walk)
{
	uint16_t type = get16(walk->frame + 12);

	walk->ret->ip = 14;
	for (int i = 0; i < MAX_TAGS && (type == 0x8100 || type == 0x88a8); i++) {
		if (walk->len < walk->ret->ip + 4)
			return CV_PASS_MALFORMED;
		type = get16(walk->frame + walk->ret->ip + 2);
		walk->ret->ip += 4;
	}
	if (type == 0x0800)
		return walk_ip4(walk);
	if (type == 0x86dd)
		return walk_ip6(walk);
	return CV_PASS_NOT_IP;
}

/* Whether the filter lets the address through: those of listeners, and few others. */
static bool is_likely_ours(const struct walk *walk)
{
	const struct cv_directory *directory = &walk->image->directory;
	uint32_t words[4], bit;

	memcpy(words, walk->address.byte, sizeof(words));
	bit = cv_directory_bit(cv_directory_hash(directory, words));
	return directory->vip_filter[bit / 64] >> bit % 64 & 1;
}

/* An ICMP error is for the listener that the quoted packet came from. */
static bool is_icmp_error(const struct walk *walk, uint8_t type)
{
	if (walk->ret->is_v4)
		return type == 3 || type == 11 || type == 12;
	return type >= 1 && type <= 4;
}

static bool has_any_listener(const struct walk *walk)
{
	for (size_t i = 0; i < walk->image->listeners_nr; i++)
		if (!memcmp(walk->image->listener[walk->image->listeners[i]].address, walk->address.byte,
			    sizeof(walk->address.byte)))
			return true;
	return false;
}

/* The packet that an error quotes: how far it is read, and where the quote ends. */
struct quote {
	size_t at;
	size_t end;
	uint8_t protocol;
	bool is_later_fragment;
};

static enum cv_verdict walk_quote_ip(const struct walk *walk, struct quote *quote)
{
	const uint8_t *ip = walk->frame + quote->at;
	bool is_v4 = walk->ret->is_v4;
	size_t room = quote->end - quote->at, header = is_v4 ? 20 : 40;

	if (room < header || ip[0] >> 4 != (is_v4 ? 4 : 6))
		return CV_DROP_ICMP_QUOTE;
	if (is_v4) {
		header = (ip[0] & 15) * 4u;
		if (header < 20 || header > room)
			return CV_DROP_ICMP_QUOTE;
		quote->is_later_fragment = (get16(ip + 6) & 0x1fff) != 0;
	}
	if (memcmp(ip + (is_v4 ? 12 : 8), walk->address.byte + (is_v4 ? 12 : 0), is_v4 ? 4 : 16) != 0)
		return CV_DROP_ICMP_FOREIGN;
	quote->protocol = ip[is_v4 ? 9 : 6];
	quote->at += header;
	return CV_CONTINUE;
}

/* Of a first fragment, as many headers again behind its fragment header. */
static enum cv_verdict walk_quote_extensions(const struct walk *walk, struct quote *quote)
{
	for (int i = 0; i < MAX_EXTENSIONS && is_extension(quote->protocol); i++) {
		const uint8_t *header = walk->frame + quote->at;
		size_t bytes = 8;

		if (quote->end - quote->at < 8)
			return CV_DROP_ICMP_QUOTE;
		if (quote->protocol != IPPROTO_FRAGMENT) {
			bytes += header[1] * 8u;
		} else {
			quote->is_later_fragment = get16(header + 2) >> 3 != 0;
			if ((get16(header + 2) & 0xfff9) != 0)
				i = -1;
		}
		quote->protocol = header[0];
		if (quote->is_later_fragment)
			break;
		if (quote->end - quote->at < bytes)
			return CV_DROP_ICMP_QUOTE;
		quote->at += bytes;
	}
	return CV_CONTINUE;
}

static enum cv_verdict walk_quote(struct walk *walk, struct quote *quote)
{
	enum cv_verdict verdict = walk_quote_ip(walk, quote);

	if (!verdict && !walk->ret->is_v4)
		verdict = walk_quote_extensions(walk, quote);
	if (verdict)
		return verdict;
	if (quote->protocol != IPPROTO_TCP && quote->protocol != IPPROTO_UDP)
		return CV_PASS_PROTOCOL;
	if (quote->is_later_fragment)
		return CV_DROP_ICMP_NO_PORTS;
	if (quote->end - quote->at < 8)
		return CV_DROP_ICMP_QUOTE;
	walk->ret->listener = directory_find(&walk->image->directory, walk->image->listener, &walk->address,
					     quote->protocol, get16(walk->frame + quote->at));
	return walk->ret->listener ? CV_CONTINUE : CV_PASS_NO_LISTENER;
}

static bool is_one_host4(const uint8_t *address)
{
	return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

static bool is_one_host6(const uint8_t *address)
{
	static const uint8_t zeroes[15];

	return address[0] != 0xff && (memcmp(address, zeroes, 15) != 0 || address[15] > 1);
}

static enum cv_verdict walk_ping(const struct walk *walk)
{
	const uint8_t *ip = walk->frame + walk->ret->ip;
	bool is_v4 = walk->ret->is_v4;
	const uint8_t *from = ip + (is_v4 ? 12 : 8);
	size_t size = is_v4 ? 4 : 16;

	if (!has_any_listener(walk))
		return CV_PASS_NO_LISTENER;
	if (walk->frame[0] & 1 || walk->ret->transport != walk->ret->ip + (is_v4 ? 20 : 40) ||
	    !(is_v4 ? is_one_host4(from) : is_one_host6(from)) || !memcmp(from, from + size, size))
		return CV_PASS_PROTOCOL;
	return CV_ECHO_ANSWERED;
}

static enum cv_verdict walk_icmp(struct walk *walk)
{
	struct reference *ret = walk->ret;
	struct quote quote = { .at = ret->transport + 8, .end = ret->transport + ret->transport_bytes };

	if (ret->is_fragment)
		return CV_PASS_ICMP_FRAGMENT;
	if (ret->transport_bytes < 8)
		return CV_PASS_MALFORMED;
	if (walk->frame[ret->transport] == (ret->is_v4 ? 8 : 128))
		return walk_ping(walk);
	if (!is_icmp_error(walk, walk->frame[ret->transport]))
		return CV_PASS_PROTOCOL;
	if (!has_any_listener(walk))
		return CV_PASS_NO_LISTENER;
	return walk_quote(walk, &quote);
}

static bool has_listener(const struct walk *walk)
{
	for (size_t i = 0; i < walk->image->listeners_nr; i++) {
		const struct cv_listener *listener = &walk->image->listener[walk->image->listeners[i]];

		if (listener->protocol == walk->ret->protocol &&
		    !memcmp(listener->address, walk->address.byte, sizeof(listener->address)))
			return true;
	}
	return false;
}

static enum cv_verdict walk_listener(struct walk *walk)
{
	struct reference *ret = walk->ret;

	if (!is_likely_ours(walk))
		return CV_PASS_NOT_VIP;
	if (ret->protocol == (ret->is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return walk_icmp(walk);
	if (ret->protocol != IPPROTO_TCP && ret->protocol != IPPROTO_UDP)
		return CV_PASS_PROTOCOL;
	if (ret->is_fragment) {
		size_t header = ret->protocol == IPPROTO_TCP ? 20 : 8;

		if (!has_listener(walk))
			return CV_PASS_NO_LISTENER;
		if (ret->fragment_at) /* where it goes is not written in it */
			return ret->protocol == IPPROTO_TCP && ret->fragment_at < header
				       ? CV_DROP_FRAGMENT_TINY
				       : CV_CONTINUE;
		if (ret->transport_bytes < header)
			return CV_DROP_FRAGMENT_TINY;
	}
	if (ret->transport_bytes < 4)
		return CV_PASS_MALFORMED;
	ret->listener = directory_find(&walk->image->directory, walk->image->listener, &walk->address,
				       ret->protocol, get16(walk->frame + ret->transport + 2));
	return ret->listener ? CV_CONTINUE : CV_PASS_NO_LISTENER;
}

static enum cv_verdict walk_transport(struct walk *walk)
{
	const uint8_t *transport = walk->frame + walk->ret->transport;
	size_t bytes = walk->ret->transport_bytes;

	if (walk->ret->fragment_at)
		return CV_CONTINUE;
	if (walk->ret->protocol == IPPROTO_TCP) {
		if (bytes < 20 || transport[12] >> 4 < 5)
			return CV_DROP_MALFORMED;
		if ((transport[12] >> 4) * 4u > bytes)
			return walk->ret->is_fragment ? CV_DROP_FRAGMENT_TINY : CV_DROP_MALFORMED;
		walk->ret->tcp_flags = transport[13];
	} else if (walk->ret->protocol == IPPROTO_UDP) {
		if (bytes < 8 || get16(transport + 4) < 8 ||
		    (get16(transport + 4) > bytes && !walk->ret->is_fragment))
			return CV_DROP_MALFORMED;
	}
	return CV_CONTINUE;
}

enum cv_verdict reference_parse(const struct image *image, const uint8_t *frame, size_t len,
				struct reference *ret)
{
	struct walk walk = { .image = image, .frame = frame, .len = len, .ret = ret };
	enum cv_verdict verdict;

	memset(ret, 0, sizeof(*ret));
	verdict = walk_frame(&walk);
	if (!verdict)
		verdict = walk_listener(&walk);
	if (!verdict)
		verdict = walk_transport(&walk);
	return verdict;
}
