/* SPDX-License-Identifier: GPL-2.0-only */
/* Cuts whatever it is given for a frame: what comes out must fit, and be all of the packet and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "cv_limits.h"
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

/* Makes the header's checksum right, if the frame has a header: no input would get far by chance. */
static void mend_checksum(uint8_t *frame, size_t size)
{
	uint8_t *ip = frame + 14;
	uint32_t sum = 0;
	size_t header;

	if (size < 14 + 20)
		return;
	header = (ip[0] & 15) * 4u;
	if (header < 20 || size < 14 + header)
		return;
	ip[10] = ip[11] = 0;
	for (size_t i = 0; i < header; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	ip[10] = (uint8_t)(sum >> 8);
	ip[11] = (uint8_t)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t frame[CV_HELD_BYTES + 1];
	struct sum sum = { 0 };
	size_t header;

	if (size < 2 + 14 || size - 2 > sizeof(frame))
		return 0;
	sum.mtu = (size_t)(data[0] << 8 | data[1]) % 1600;
	size -= 2;
	memcpy(frame, data + 2, size);
	if (data[0] & 0x80)
		mend_checksum(frame, size);
	if (cut_ip4(frame, size, 14, sum.mtu, add, &sum))
		return 0;
	header = (frame[14] & 15) * 4u;
	if (sum.payload != (size_t)(frame[16] << 8 | frame[17]) - header)
		abort();
	return 0;
}
