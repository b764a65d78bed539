/* SPDX-License-Identifier: GPL-2.0-only */
/* For cppcheck, which looks into no library's headers: the macros among them that look like syntax. Made known by
 * scripts/lint.sh. */
#define json_array_foreach(array, i, item) \
	for (i = 0; i < json_array_size(array) && (item = json_array_get(array, i)); i++)
#define json_object_foreach(object, key, item) while ((key = "", item = json_object_get(object, key)))
#define LIBBPF_OPTS(type, name, ...) struct type name = { __VA_ARGS__ }
#define TAILQ_HEAD(name, type)              \
	struct name {                       \
		struct type *first, **last; \
	}
#define TAILQ_ENTRY(type)                      \
	struct {                               \
		struct type *next, **previous; \
	}
#define TAILQ_FOREACH(item, head, field) for (item = (head)->first; item; item = item->field.next)
#define __BYTE_ORDER__ 1234
#define __ORDER_LITTLE_ENDIAN__ 1234
