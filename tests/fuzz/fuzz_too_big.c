/* SPDX-License-Identifier: GPL-2.0-only */
/* libFuzzer entry: any bytes as an ICMP error, as anybody can send it to the balancer. What is read must hold what
 * too_big.h says. The first byte says of which family. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/too_big.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No fuzzer guesses a checksum. */
static void seal(uint8_t *bytes, size_t size)
{
	size_t header = size ? (bytes[0] & 15) * 4U : 0;
	uint32_t sum = 0;

	if (size < header + 4)
		return;
	bytes[header + 2] = bytes[header + 3] = 0;
	for (size_t i = header; i < size; i++)
		sum += (i - header) % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	bytes[header + 2] = (uint8_t)(~sum >> 8);
	bytes[header + 3] = (uint8_t)~sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct too_big untouched = { .port = 0x5a5a, .mtu = 0x5a5a5a5a };
	struct too_big told = untouched;
	uint8_t *bytes;
	bool is_v4;
	int r;

	if (!size--)
		return 0;
	bytes = malloc(size + !size);
	if (!bytes)
		abort();
	memcpy(bytes, data + 1, size);
	is_v4 = data[0] & 1;
	if (data[0] & 2)
		seal(bytes, size);
	r = is_v4 ? too_big_read4(bytes, size, &told) : too_big_read6(bytes, size, &told);
	free(bytes);
	if (r != 0 && r != -EBADMSG)
		abort();
	if (r && (told.port != untouched.port || told.mtu != untouched.mtu))
		abort();
	if (!r && (told.mtu >= 65535 + 40 || addr_is_v4(&told.destination) != is_v4))
		abort();
	return 0;
}
