/* SPDX-License-Identifier: GPL-2.0-only */
/* What a health check of type https costs this process: processor time, user and system, of checks against a server of
 * `openssl s_server` on loopback, whose own time does not count. A core is full at 5,000 backends every 5 s if it is 1 ms. */
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"
#include "check/check.h"

#define TARGETS 40
#define CHECKS 200 /* of a run */
#define RUNS 7

static char dir[] = "/tmp/bench_check.XXXXXX", key[64], cert[64];
static unsigned results, successes;

static double used_ms(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e3 +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e3;
}

static void on_result(const struct check_result *result, void *arg)
{
	results++;
	successes += result->success;
	if (results % CHECKS == 0)
		uv_stop(arg);
}

static int make_certificate(const char *kind)
{
	char command[512];

	snprintf(key, sizeof(key), "%s/key", dir);
	snprintf(cert, sizeof(cert), "%s/cert", dir);
	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey %s -nodes -keyout %s -out %s -days 2 -subj /CN=web.example "
		 "-addext subjectAltName=DNS:web.example >%s/output 2>&1",
		 kind, key, cert, dir);
	return system(command) ? -1 : 0;
}

static pid_t start_server(uint16_t *ret_port)
{
	int ends[2];
	char line[256];
	FILE *output;
	pid_t pid;

	if (pipe(ends) || (pid = fork()) < 0)
		return -1;
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		if (chdir(dir) || !freopen("/dev/null", "w", stderr))
			_exit(127);
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-WWW", "-cert", cert,
		       "-key", key, NULL);
		_exit(127);
	}
	close(ends[1]);
	output = fdopen(ends[0], "r"); /* stays open: the server writes to it */
	while (output && fgets(line, sizeof(line), output))
		if (sscanf(line, "ACCEPT 127.0.0.1:%hu", ret_port) == 1)
			return pid;
	return -1;
}

static int run(struct bench *bench, const char *name, uint16_t port, bool verify)
{
	struct check_target targets[TARGETS] = { 0 };
	struct checker *checker;
	struct err err;
	uv_loop_t loop;

	uv_loop_init(&loop);
	if (checker_new(&loop, on_result, &loop, &checker, &err))
		return -1;
	for (size_t i = 0; i < TARGETS; i++) {
		targets[i] = (struct check_target){ .key = i + 1, .port = port };
		addr_parse("127.0.0.1", &targets[i].address);
		targets[i].conf = (struct health_conf){
			.type = HEALTH_HTTPS,
			.path = "/output",
			.host = "web.example",
			.expect_first = 200,
			.expect_last = 299,
			.interval_ms = 100,
			.timeout_ms = 5000,
			.verify = verify,
		};
		if (verify)
			memcpy(targets[i].conf.ca, cert, strlen(cert) + 1);
	}
	checker_set(checker, targets, TARGETS);
	uv_run(&loop, UV_RUN_DEFAULT); /* the first have nothing to resume */
	for (bench->nr = 0; bench->nr < RUNS; bench->nr++) {
		double began = used_ms();

		uv_run(&loop, UV_RUN_DEFAULT);
		bench->ms[bench->nr] = (used_ms() - began) / CHECKS;
	}
	bench_report(bench, name);
	checker_close(checker);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return results == successes ? 0 : -1;
}

int main(void)
{
	struct bench bench = { 0 };
	uint16_t port = 0;
	pid_t server;
	int r = -1;

	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		return 1;
	if (!make_certificate("ec -pkeyopt ec_paramgen_curve:prime256v1") &&
	    (server = start_server(&port)) > 0) {
		r = run(&bench, "https check, processor time of one", port, false);
		if (!r)
			r = run(&bench, "the same with verify", port, true);
		kill(server, SIGTERM);
		waitpid(server, NULL, 0);
	}
	snprintf(key, sizeof(key), "rm -r %s", dir);
	return system(key) || r ? 1 : 0;
}
