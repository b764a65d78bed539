/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks of type https: the handshake, names, certificates and sessions. What is said inside, in test_check_http.c. */
#include "check_world.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void speak_tls(struct check_target *target)
{
	target->conf.type = HEALTH_HTTPS;
}

static void test_tls_trouble(void **state)
{
	struct server plain = { .manner = MANNER_ANSWER, .answer = "HTTP/1.1 400 Bad\r\n\r\n" };
	struct server shut = { .manner = MANNER_CLOSE };
	struct world world;

	(void)state;
	check_once(&world, &plain, "127.0.0.1", speak_tls);
	assert_last(&world, false, "TLS: wrong version number");
	check_once(&world, &shut, "127.0.0.1", speak_tls);
	assert_last(&world, false, "TLS: closed during the handshake");
}

/* An `openssl s_server`, which answers each request with a page of its own and knows one name,
 * web.example. Its certificate is one that nobody would trust. */
static struct {
	char dir[32];
	char cert[48];
	char key[48];
	pid_t pid;
	FILE *output;
	uint16_t port;
} tls;

static bool has_certificate(const char *subject)
{
	char command[600];

	strcpy(tls.dir, "/tmp/test_check.XXXXXX");
	assert_non_null(mkdtemp(tls.dir));
	snprintf(tls.cert, sizeof(tls.cert), "%s/cert", tls.dir);
	snprintf(tls.key, sizeof(tls.key), "%s/key", tls.dir);
	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -utf8 %s "
		 "-keyout %s -out %s >%s/output 2>&1",
		 subject, tls.key, tls.cert, tls.dir);
	return system(command) == 0;
}

static void need_certificate(const char *subject)
{
	if (has_certificate(subject))
		return;
	print_message("skipped: no openssl command that makes a certificate\n");
	skip();
}

static void tls_server_start(void)
{
	char line[200];
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	tls.pid = fork();
	if (tls.pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		execlp("openssl", "openssl", "s_server", "-www", "-accept", "127.0.0.1:0", "-cert", tls.cert,
		       "-key", tls.key, "-cert2", tls.cert, "-key2", tls.key, "-servername", "web.example",
		       "-servername_fatal", NULL);
		_exit(127);
	}
	assert_true(tls.pid > 0);
	close(ends[1]);
	tls.output = fdopen(ends[0], "r");
	do
		assert_non_null(fgets(line, sizeof(line), tls.output));
	while (sscanf(line, "ACCEPT 127.0.0.1:%hu", &tls.port) != 1);
}

static int tls_server_stop(void **state)
{
	char path[48];

	(void)state;
	if (tls.pid > 0) {
		kill(tls.pid, SIGTERM);
		waitpid(tls.pid, NULL, 0);
		fclose(tls.output);
		tls.pid = 0;
	}
	snprintf(path, sizeof(path), "%s/output", tls.dir);
	unlink(path);
	unlink(tls.cert);
	unlink(tls.key);
	return rmdir(tls.dir);
}

/* The page of the server says whether the session is a new one. A target has its own, and takes it up; not so with
 * `verify`, and a file that is not there says nothing about the target. */
static void expect_sessions(struct world *world)
{
	struct check_target target = make_target(100, HEALTH_HTTPS, "127.0.0.1", tls.port);

	strcpy(target.conf.path, "/");
	strcpy(target.conf.host, "web.example");
	strcpy(target.conf.match, "Reused, TLS");
	for (int i = 0; i < 2; i++) {
		target.key++;
		set_one(world, &target);
		run_until(world, 1);
		assert_last(world, false, "HTTP 200 without the text to match");
		run_until(world, 2);
		assert_last(world, true, "HTTP 200");
	}
	target.conf.verify = true;
	strcpy(target.conf.ca, tls.cert);
	set_one(world, &target);
	run_until(world, 3);
	assert_last(world, false, "HTTP 200 without the text to match");
	strcpy(target.conf.ca, "/nowhere");
	set_one(world, &target);
	run_for(world, 300);
	assert_last(world, false, "HTTP 200 without the text to match");
}

static void test_https(void **state)
{
	static const struct {
		const char *host, *reason;
		bool success, verify;
		const char *ca;
	} rows[] = {
		{ "", "HTTP 200", true, false, "" }, /* an address is no name to indicate (RFC 6066 3) */
		{ "web.example", "HTTP 200", true, false, "" },
		{ "other.example", "TLS: tlsv1 unrecognized name", false, false, "" },
		{ "web.example", "TLS: SSL certificate problem: self-signed certificate", false, true, "" },
		{ "web.example", "HTTP 200", true, true, tls.cert },
	};
	struct check_target target;
	struct world world;
	size_t i;

	(void)state;
	need_certificate("-subj /CN=web.example -addext subjectAltName=DNS:web.example");
	tls_server_start();
	world_new(&world);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		target = make_target(i, HEALTH_HTTPS, "127.0.0.1", tls.port);
		strcpy(target.conf.path, "/");
		strcpy(target.conf.host, rows[i].host);
		target.conf.verify = rows[i].verify;
		strcpy(target.conf.ca, rows[i].ca);
		set_one(&world, &target);
		run_until(&world, 2);
		assert_last(&world, rows[i].success, rows[i].reason);
	}
	expect_sessions(&world);
	world_end(&world);
}

/* The reason is cut off within a character, which is no text for JSON any more. */
static void test_name_that_is_not_ascii(void **state)
{
	char subject[160] = "-subj /CN=";
	struct check_target target;
	struct world world;

	(void)state;
	for (int i = 0; i < 60; i++)
		strcat(subject, "\303\251");
	need_certificate(subject);
	tls_server_start();
	world_new(&world);
	target = make_target(0, HEALTH_HTTPS, "127.0.0.1", tls.port);
	target.conf.verify = true;
	strcpy(target.conf.ca, tls.cert);
	set_one(&world, &target);
	run_until(&world, 1);
	assert_false(world.last.success);
	assert_non_null(strstr(world.last.reason, "????"));
	for (const char *at = world.last.reason; *at; at++)
		assert_in_range(*at, ' ', '~');
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls_trouble),
		cmocka_unit_test_teardown(test_https, tls_server_stop),
		cmocka_unit_test_teardown(test_name_that_is_not_ascii, tls_server_stop),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("check_https", tests, NULL, NULL);
}
