/* SPDX-License-Identifier: GPL-2.0-only */
/* Cuts whatever it is given for a frame: what comes out must fit, and be all of the packet and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "model/cut.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
	size_t mtu;
	size_t payload;
};

static void add(const uint8_t *frame, size_t size, void *arg)
{
	struct sum *sum = arg;
	size_t header = (frame[14] & 15) * 4u;

	if (size > 14 + sum->mtu || header < 20 || 14 + header >= size)
		abort();
	sum->payload += size - 14 - header;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sum sum = { 0 };
	size_t header;

	if (size < 2 + 14)
		return 0;
	sum.mtu = (size_t)(data[0] << 8 | data[1]) % 1600;
	data += 2;
	size -= 2;
	if (cut_ip4(data, size, 14, sum.mtu, add, &sum))
		return 0;
	header = (data[14] & 15) * 4u;
	if (sum.payload != (size_t)(data[16] << 8 | data[17]) - header)
		abort();
	return 0;
}
