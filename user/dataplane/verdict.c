/* SPDX-License-Identifier: GPL-2.0-only */
/* Names and texts of the verdicts, out of the one list in cv_verdict.h. */
#include "dataplane/dp.h"

struct verdict_text {
	const char *name;
	const char *meaning;
	const char *remedy;
	enum cv_verdict_class class;
};

static const struct verdict_text texts[CV_VERDICT_COUNT] = {
	[CV_CONTINUE] = { "continue", "not a verdict", "none needed", CV_CLASS_PASS },
#define CV_X(symbol, class_, name_, meaning_, remedy_) \
	[CV_##symbol] = { name_, meaning_, remedy_, CV_CLASS_##class_ },
	CV_VERDICTS(CV_X)
#undef CV_X
};

const char *dp_verdict_name(enum cv_verdict verdict)
{
	return texts[verdict].name;
}

const char *dp_verdict_meaning(enum cv_verdict verdict)
{
	return texts[verdict].meaning;
}

const char *dp_verdict_remedy(enum cv_verdict verdict)
{
	return texts[verdict].remedy;
}

enum cv_verdict_class dp_verdict_class(enum cv_verdict verdict)
{
	return texts[verdict].class;
}

const char *dp_class_name(enum cv_verdict_class class)
{
	switch (class) {
	case CV_CLASS_PASS:
		return "pass";
	case CV_CLASS_TX:
		return "tx";
	case CV_CLASS_REDIRECT:
		return "redirect";
	case CV_CLASS_DROP:
		break;
	}
	return "drop";
}
