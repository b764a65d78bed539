# SPDX-License-Identifier: GPL-2.0-only
# Makes of include/*.h those of an older version: records with a word more in front, which moves all that is behind it, and
# enums and verdicts with other numbers. cv_balance built with them is the program that test_migrate.c takes over from.
s/^#define CV_SCHEMA_VERSION .*/#define CV_SCHEMA_VERSION 1/

# sizes are asserted of the present version
s/^#define CV_ASSERT_SIZE(type, size) .*/#define CV_ASSERT_SIZE(type, size) _Static_assert(1, "")/
/^#define CV_ASSERT_OFFSET/ {
	N
	s/.*/#define CV_ASSERT_OFFSET(type, field, at) _Static_assert(1, "")/
}

/^struct cv_\(listener\|backend\|pool\|flow\|listener_stats\|backend_stats\|directory\) {/ a\
	__u64 old_word;
/^struct cv_expired {/ a\
	__u32 old_word;

# read as one word of 32 bits: behind it
/^struct cv_slot {/,/^};/ s/^};/	__u32 old_word;\n};/

s/\<CV_FORWARD_NONE,/& CV_FORWARD_OLD,/
s/\<CV_FLOW_NONE,/& CV_FLOW_OLD,/
s/\<CV_BACKEND_NONE,/& CV_BACKEND_OLD,/
s/^#define CV_VERDICTS(X) .*/#define CV_VERDICTS(X) X(PASS_OLD, PASS, "old", "", "") \\/
