/* SPDX-License-Identifier: GPL-2.0-only */
/* The checker: TCP checks, timetable, reconciliation of sets, behaviour when the host itself is in
 * trouble. */
#include "check_world.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <unistd.h>

static void test_connected(void **state)
{
	static const char *const ips[] = { "127.0.0.1", "::1" };
	struct server server;
	struct world world;
	struct check_target target;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		server = (struct server){ .manner = MANNER_HOLD };
		world_new(&world);
		server_start(&world, &server, ips[i]);
		target = make_target(7, HEALTH_TCP, ips[i], server.port);
		set_one(&world, &target);
		run_until(&world, 2);
		assert_last(&world, true, "connected");
		assert_int_equal(world.last.key, 7);
		assert_true(world.last.duration_ms < 1000);
		/* The first connection is long over: it ended with a reset and left nothing behind. */
		assert_true(server.resets >= 1);
		server_stop(&server);
		world_end(&world);
	}
}

static void test_refused(void **state)
{
	static const char *const ips[] = { "127.0.0.1", "::1" };
	struct world world;
	struct check_target target;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		world_new(&world);
		target = make_target(0, HEALTH_TCP, ips[i], unused_port(&world, ips[i]));
		set_one(&world, &target);
		run_until(&world, 2);
		assert_last(&world, false, "connection refused");
		world_end(&world);
	}
}

/* TCP to a broadcast address fails inside connect(), before there is anything to wait for. */
static void test_fails_at_once(void **state)
{
	struct world world;
	struct check_target target = make_target(0, HEALTH_TCP, "255.255.255.255", 80);

	(void)state;
	world_new(&world);
	set_one(&world, &target);
	run_until(&world, 2);
	assert_last(&world, false, "network is unreachable");
	world_end(&world);
}

/* A listener whose queue is full drops SYNs, as a host that is gone would. */
static void test_timeout(void **state)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(name);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fillers[4];
	struct check_target target;
	struct world world;
	size_t i;

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(listener, 0), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &len), 0);
	for (i = 0; i < 4; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fillers[i], (struct sockaddr *)&name, sizeof(name));
	}
	world_new(&world);
	target = make_target(0, HEALTH_TCP, "127.0.0.1", ntohs(name.sin_port));
	target.conf.timeout_ms = 150;
	set_one(&world, &target);
	run_until(&world, 2);
	assert_last(&world, false, "timeout after 150 ms");
	assert_in_range(world.last.duration_ms, 150, 1000);
	target.conf.timeout_ms = 1000;
	set_one(&world, &target);
	run_until(&world, 1);
	assert_last(&world, false, "timeout after 1 s");
	world_end(&world);
	for (i = 0; i < 4; i++)
		close(fillers[i]);
	close(listener);
}

static void test_interval(void **state)
{
	struct server server = { .manner = MANNER_HOLD };
	struct check_target target;
	struct world world;
	uint64_t started;

	(void)state;
	world_new(&world);
	server_start(&world, &server, "127.0.0.1");
	target = make_target(0, HEALTH_TCP, "127.0.0.1", server.port);
	target.conf.interval_ms = 100;
	set_one(&world, &target);
	run_until(&world, 1);
	started = uv_hrtime();
	run_until(&world, 8);
	assert_in_range((uv_hrtime() - started) / 1000000, 8 * 100 - 10, 8 * 110 + 600);
	server_stop(&server);
	world_end(&world);
}

/* Checks that last longer than the interval follow each other without a gap and without overlap. */
static void test_no_overlap(void **state)
{
	struct server server = { .manner = MANNER_HOLD };
	struct check_target target;
	struct world world;
	uint64_t started;

	(void)state;
	world_new(&world);
	server_start(&world, &server, "127.0.0.1");
	target = make_target(0, HEALTH_HTTP, "127.0.0.1", server.port);
	target.conf.interval_ms = 20;
	target.conf.timeout_ms = 100;
	set_one(&world, &target);
	run_until(&world, 1);
	started = uv_hrtime();
	run_until(&world, 4);
	assert_last(&world, false, "timeout after 100 ms");
	assert_in_range((uv_hrtime() - started) / 1000000, 4 * 100, 4 * 100 + 600);
	assert_in_range(server.accepted, 5, 6);
	assert_int_equal(server.most_open, 1);
	server_stop(&server);
	world_end(&world);
}

/* The daemon may be busy for longer than a timeout; that is not the backend's fault. */
static void test_loop_stands_still(void **state)
{
	struct server server = { .manner = MANNER_ANSWER,
				 .answer = "HTTP/1.1 200 OK\r\n\r\n",
				 .delay_ms = 60 };
	struct check_target target;
	struct world world;

	(void)state;
	server.stall_ms = 300;
	world_new(&world);
	server_start(&world, &server, "127.0.0.1");
	target = make_target(0, HEALTH_HTTP, "127.0.0.1", server.port);
	target.conf.timeout_ms = 100;
	set_one(&world, &target);
	run_until(&world, 1);
	assert_last(&world, true, "HTTP 200");
	server_stop(&server);
	world_end(&world);
}

/* What the servers of targets 10 and 20 had accepted when the first result of each came: the next check follows at once. */
static const struct server *server_of[31];
static unsigned accepted_by_then[31];

static void note_accepted(struct world *world, const struct check_result *result)
{
	(void)world;
	if (!accepted_by_then[result->key])
		accepted_by_then[result->key] = server_of[result->key]->accepted;
}

/* One set of three: kept, changed and removed while a check of each is in flight. */
static void test_reconciliation(void **state)
{
	struct server kept = { .manner = MANNER_ANSWER,
			       .answer = "HTTP/1.1 200 OK\r\n\r\n",
			       .delay_ms = 300 };
	struct server changed = kept, removed = kept;
	struct check_target targets[3];
	struct world world;

	(void)state;
	world_new(&world);
	server_start(&world, &kept, "127.0.0.1");
	server_start(&world, &changed, "127.0.0.1");
	server_start(&world, &removed, "127.0.0.1");
	targets[0] = make_target(30, HEALTH_HTTP, "127.0.0.1", removed.port);
	targets[1] = make_target(10, HEALTH_HTTP, "127.0.0.1", kept.port);
	targets[2] = make_target(20, HEALTH_HTTP, "127.0.0.1", changed.port);
	assert_int_equal(checker_set(world.checker, targets, 3), 0);
	while (!kept.request[0] || !changed.request[0] || !removed.request[0])
		uv_run(&world.loop, UV_RUN_ONCE);
	assert_int_equal(world.results_nr, 0);

	server_of[10] = &kept;
	server_of[20] = &changed;
	server_of[30] = &removed;
	world.on_result = note_accepted;
	targets[0] = targets[2];
	strcpy(targets[0].conf.path, "/other");
	targets[1].conf.rise = 9; /* the check does not know it */
	assert_int_equal(checker_set(world.checker, targets, 2), 0);
	run_until(&world, 1);
	assert_int_equal(world.results[10], 1);
	assert_int_equal(accepted_by_then[10], 1);
	run_until(&world, 1);
	assert_int_equal(world.results[20], 1);
	assert_int_equal(accepted_by_then[20], 2);
	assert_non_null(strstr(changed.request, "GET /other "));
	assert_int_equal(world.results[30], 0);
	assert_int_equal(removed.open, 0);

	assert_int_equal(checker_set(world.checker, NULL, 0), 0);
	world.results_nr = 0;
	run_for(&world, 200);
	assert_int_equal(world.results_nr, 0);
	server_stop(&kept);
	server_stop(&changed);
	server_stop(&removed);
	world_end(&world);
}

static void drop_target(struct world *world, const struct check_result *result)
{
	(void)result;
	assert_int_equal(checker_set(world->checker, NULL, 0), 0);
}

static void drop_checker(struct world *world, const struct check_result *result)
{
	(void)result;
	checker_close(world->checker);
	world->checker = NULL;
}

/* Whoever is told of a result may change everything, whatever kind of end it was. */
static void test_changes_from_inside_the_report(void **state)
{
	static void (*const changes[])(struct world *, const struct check_result *) = { drop_target,
											drop_checker };
	struct check_target target[4];
	struct server server;
	struct world world;
	size_t i, j;

	(void)state;
	for (i = 0; i < 2; i++)
		for (j = 0; j < 4; j++) {
			server = (struct server){ .manner = j == 3 ? MANNER_HOLD : MANNER_CLOSE };
			world_new(&world);
			world.on_result = changes[i];
			server_start(&world, &server, "127.0.0.1");
			target[0] = make_target(0, HEALTH_TCP, "127.0.0.1", server.port);
			target[1] = make_target(0, HEALTH_TCP, "255.255.255.255", 80);
			target[2] = make_target(0, HEALTH_HTTP, "127.0.0.1", server.port);
			target[3] = target[2];
			target[3].conf.timeout_ms = 50;
			set_one(&world, &target[j]);
			run_until(&world, 1);
			run_for(&world, 100);
			assert_int_equal(world.results_nr, 1);
			server_stop(&server);
			world_end(&world);
		}
}

/* Runs the world for a while in which this process cannot have one descriptor more. */
static void run_without_descriptors(struct world *world, unsigned ms)
{
	struct rlimit before, none;

	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	run_for(world, ms);
	setrlimit(RLIMIT_NOFILE, &before);
}

/* Without descriptors nothing is said about any backend, but once in the log; when there are some again,
 * checks go on. */
static void test_no_descriptors(void **state)
{
	struct server server = { .manner = MANNER_ANSWER, .answer = "HTTP/1.1 200 OK\r\n\r\n" };
	int real_stderr = dup(STDERR_FILENO);
	struct check_target targets[2];
	struct world world;
	FILE *log = tmpfile();
	char line[200];

	(void)state;
	dup2(fileno(log), STDERR_FILENO);
	world_new(&world);
	server_start(&world, &server, "127.0.0.1");
	targets[0] = make_target(0, HEALTH_TCP, "127.0.0.1", server.port);
	targets[1] = make_target(1, HEALTH_HTTP, "127.0.0.1", server.port);
	assert_int_equal(checker_set(world.checker, targets, 2), 0);
	run_without_descriptors(&world, 250);
	assert_int_equal(world.results_nr, 0);
	assert_int_equal(server.accepted, 0);
	run_until(&world, 4);
	assert_true(world.results[0] && world.results[1]);
	assert_true(world.last.success);
	server_stop(&server);
	world_end(&world);

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(log);
	assert_non_null(fgets(line, sizeof(line), log));
	assert_non_null(strstr(line, "reason=\"too many open files\""));
	assert_null(fgets(line, sizeof(line), log));
	fclose(log);
}

static void test_thousand_targets(void **state)
{
	static struct check_target targets[1000];
	struct server server = { .manner = MANNER_ANSWER, .answer = "HTTP/1.1 200 OK\r\n\r\nfine" };
	struct world world;
	size_t i;

	(void)state;
	world_new(&world);
	server_start(&world, &server, "127.0.0.1");
	for (i = 0; i < 1000; i++) {
		targets[i] = make_target(i, i % 4 ? HEALTH_TCP : HEALTH_HTTP, "127.0.0.1", server.port);
		targets[i].conf.interval_ms = 2000;
		targets[i].conf.timeout_ms = 10000;
	}
	assert_int_equal(checker_set(world.checker, targets, 1000), 0);
	run_until(&world, 1000);
	for (i = 0; i < 1000; i++)
		assert_in_range(world.results[i], 1, 2);
	assert_true(world.last.success);
	server_stop(&server);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connected),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_fails_at_once),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_no_overlap),
		cmocka_unit_test(test_loop_stands_still),
		cmocka_unit_test(test_reconciliation),
		cmocka_unit_test(test_changes_from_inside_the_report),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_thousand_targets),
	};

	return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
