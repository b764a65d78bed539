/* SPDX-License-Identifier: GPL-2.0-only */
/* The status page: a file of its own, embedded by the assembler, and the texts it shows beside the numbers. It gets
 * those from /status.json. */
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"

__asm__(".pushsection .rodata\n"
	"page_begin: .incbin \"user/daemon/page.html\"\n"
	"page_end:\n"
	".popsection\n");

extern const char page_begin[], page_end[];

char *page_text(size_t *ret_size)
{
	size_t size = (uintptr_t)page_end - (uintptr_t)page_begin;
	char *text = malloc(size);

	if (!text)
		return NULL;
	*ret_size = size;
	return memcpy(text, page_begin, size);
}

char *page_reasons(size_t *ret_size)
{
	json_t *json = json_object();
	char *text;

	for (enum cv_verdict verdict = CV_CONTINUE + 1; verdict < CV_VERDICT_COUNT; verdict++)
		json_object_set_new(json, dp_verdict_name(verdict),
				    json_pack("{s:s, s:s}", "meaning", dp_verdict_meaning(verdict), "remedy",
					      dp_verdict_remedy(verdict)));
	text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (text)
		*ret_size = strlen(text);
	return text;
}
