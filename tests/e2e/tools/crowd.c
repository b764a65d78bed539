/* SPDX-License-Identifier: GPL-2.0-only */
/* Holds TCP connections by the hundred thousand, with as many processes as the limit of open files asks for.
 *
 *	crowd server --name N --processes N --port N ADDRESS
 *	crowd client --connections N --per-process N --from ADDRESS --port N ADDRESS
 *
 * A server answers each byte with one byte, its name (1 to 255), and prints "ready" when all processes listen. They
 * share the port (SO_REUSEPORT). A client has an IPv4 source address for each of its processes, counted up from --from, and
 * does what its standard input says, a line each, over all of its connections:
 *
 *	open	connects them
 *	echo	sends a byte on each and waits for the answer, which must come from the server that answered before
 *
 * Each line is answered with one JSON object: step, asked, answered, failed, seconds. A connection that failed once is
 * closed, and fails in every later step. At the end of its input it closes all of them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/number.h"

/* On their way at a time, for each process: a crowd, not a flood. */
#define WINDOW 16
/* Nothing happened for that long: what is still on its way has failed. Longer than SYNs are repeated. */
#define QUIET_MS 150000
#define EVENTS 256

struct options {
	uint64_t name, processes, port, connections, per_process;
	struct sockaddr_in address, from;
};

static void die(const char *what)
{
	fprintf(stderr, "crowd: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
	exit(EXIT_FAILURE);
}

static void raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die("RLIMIT_NOFILE");
}

static void watch(int poll, int fd, uint32_t events, uint32_t number)
{
	struct epoll_event event = { .events = events, .data.u32 = number };

	if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
}

/* --- server -------------------------------------------------------------------------------------- */

static int server_listen(const struct options *options)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) ||
	    bind(fd, (const struct sockaddr *)&options->address, sizeof(options->address)) ||
	    listen(fd, 65535))
		die("listening");
	return fd;
}

static void server_accept(int poll, int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

		if (fd >= 0)
			watch(poll, fd, EPOLLIN, (uint32_t)fd);
		else if (errno == EAGAIN)
			return;
		else if (errno != ECONNABORTED)
			die("accepting");
	}
}

/* Answers what came; false when the connection is over. */
static bool server_answer(int fd, uint8_t name)
{
	uint8_t bytes[64];
	ssize_t got = read(fd, bytes, sizeof(bytes));

	if (got < 0 && errno == EAGAIN)
		return true;
	if (got <= 0)
		return false;
	memset(bytes, name, (size_t)got);
	return send(fd, bytes, (size_t)got, MSG_NOSIGNAL) == got;
}

static void server_serve(int listener, uint8_t name)
{
	struct epoll_event events[EVENTS];
	int poll = epoll_create1(0);

	watch(poll, listener, EPOLLIN, (uint32_t)listener);
	for (;;) {
		int nr = epoll_wait(poll, events, EVENTS, -1);

		for (int i = 0; i < nr; i++) {
			int fd = (int)events[i].data.u32;

			if (fd == listener)
				server_accept(poll, listener);
			else if (!server_answer(fd, name))
				close(fd);
		}
	}
}

static int server(const struct options *options)
{
	for (uint64_t i = 0; i < options->processes; i++) {
		int listener = server_listen(options);

		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			server_serve(listener, (uint8_t)options->name);
		}
		close(listener);
	}
	puts("ready");
	fflush(stdout);
	wait(NULL); /* none ends by itself */
	die("a server process ended");
	return EXIT_FAILURE;
}

/* --- client -------------------------------------------------------------------------------------- */

struct connection {
	int fd; /* -1: failed */
	uint8_t server;
	bool is_pending;
};

struct client {
	const struct options *options;
	struct sockaddr_in from;
	int poll;
	uint32_t nr, pending, answered;
	struct connection *connection;
};

struct tally {
	uint32_t answered, failed;
};

static void client_settle(struct client *client, struct connection *connection, bool is_good)
{
	client->pending -= connection->is_pending;
	client->answered += connection->is_pending && is_good;
	connection->is_pending = false;
	if (is_good)
		return;
	close(connection->fd);
	connection->fd = -1;
}

static void client_connect(struct client *client, uint32_t i)
{
	struct connection *connection = &client->connection[i];
	const struct options *options = client->options;
	int on = 1;

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	/* the port is chosen when the destination is known: each address has 64,512 to one listener */
	if (connection->fd < 0 ||
	    setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) ||
	    bind(connection->fd, (const struct sockaddr *)&client->from, sizeof(client->from)))
		die("a socket");
	connection->is_pending = true;
	client->pending++;
	if (connect(connection->fd, (const struct sockaddr *)&options->address, sizeof(options->address)) &&
	    errno != EINPROGRESS)
		client_settle(client, connection, false);
	else
		watch(client->poll, connection->fd, EPOLLOUT | EPOLLET, i);
}

static void client_connected(struct client *client, uint32_t i)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
	struct connection *connection = &client->connection[i];
	int error = 0;
	socklen_t len = sizeof(error);

	client_settle(client, connection,
		      !getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &len) && !error &&
			      !epoll_ctl(client->poll, EPOLL_CTL_MOD, connection->fd, &event));
}

static void client_send(struct client *client, uint32_t i)
{
	struct connection *connection = &client->connection[i];

	if (connection->fd < 0)
		return;
	connection->is_pending = true;
	client->pending++;
	if (send(connection->fd, "?", 1, MSG_NOSIGNAL) != 1)
		client_settle(client, connection, false);
}

/* One byte from the server that always answered; anything else, or anything unasked, is a failure. */
static void client_answered(struct client *client, uint32_t i)
{
	struct connection *connection = &client->connection[i];
	uint8_t bytes[2];
	ssize_t got = read(connection->fd, bytes, sizeof(bytes));
	bool is_good =
		got == 1 && connection->is_pending && (!connection->server || connection->server == bytes[0]);

	if (is_good)
		connection->server = bytes[0];
	client_settle(client, connection, is_good);
}

/* Starts something on every connection, WINDOW at a time, and sees each to its end. */
static struct tally client_step(struct client *client, void (*start)(struct client *, uint32_t),
				void (*end)(struct client *, uint32_t))
{
	struct epoll_event events[EVENTS];
	uint32_t next = 0;

	client->answered = 0;
	while (next < client->nr || client->pending) {
		int nr;

		for (; next < client->nr && client->pending < WINDOW; next++)
			start(client, next);
		nr = epoll_wait(client->poll, events, EVENTS, QUIET_MS);
		if (nr < 0 && errno != EINTR)
			die("epoll_wait");
		if (nr == 0)
			break;
		for (int i = 0; i < nr; i++)
			end(client, events[i].data.u32);
	}
	for (uint32_t i = 0; i < client->nr; i++)
		if (client->connection[i].is_pending)
			client_settle(client, &client->connection[i], false);
	return (struct tally){ client->answered, client->nr - client->answered };
}

/* One process with its share of the connections, which obeys the bytes that come by `control`. */
static void client_obey(struct client *client, int control)
{
	struct tally tally;
	char step;

	client->connection = calloc(client->nr, sizeof(*client->connection));
	client->poll = epoll_create1(0);
	if (!client->connection || client->poll < 0)
		die("a client process");
	while (read(control, &step, 1) == 1) {
		tally = step == 'o' ? client_step(client, client_connect, client_connected)
				    : client_step(client, client_send, client_answered);
		if (write(control, &tally, sizeof(tally)) != sizeof(tally))
			break;
	}
	exit(EXIT_SUCCESS);
}

static int client_fork(const struct options *options, uint32_t process, uint32_t nr)
{
	struct client client = { .options = options, .from = options->from, .nr = nr };
	int control[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control))
		die("socketpair");
	client.from.sin_addr.s_addr = htonl(ntohl(client.from.sin_addr.s_addr) + process);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(control[0]);
		client_obey(&client, control[1]);
	}
	close(control[1]);
	return control[0];
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int client(const struct options *options)
{
	uint64_t processes = (options->connections + options->per_process - 1) / options->per_process;
	int *control = calloc(processes, sizeof(*control));
	char line[16];

	if (!control)
		die("memory");
	for (uint64_t i = 0; i < processes; i++) {
		uint64_t left = options->connections - i * options->per_process;

		control[i] =
			client_fork(options, (uint32_t)i,
				    (uint32_t)(left < options->per_process ? left : options->per_process));
	}
	while (fgets(line, sizeof(line), stdin)) {
		struct tally sum = { 0 }, tally;
		double start = now_s();

		line[strcspn(line, "\n")] = '\0';
		for (uint64_t i = 0; i < processes; i++)
			if (write(control[i], line, 1) != 1)
				die("a client process ended");
		for (uint64_t i = 0; i < processes; i++) {
			if (read(control[i], &tally, sizeof(tally)) != sizeof(tally))
				die("a client process ended");
			sum.answered += tally.answered;
			sum.failed += tally.failed;
		}
		printf("{\"step\": \"%s\", \"asked\": %llu, \"answered\": %u, \"failed\": %u, \"seconds\": %.1f}\n",
		       line, (unsigned long long)options->connections, sum.answered, sum.failed,
		       now_s() - start);
		fflush(stdout);
	}
	return EXIT_SUCCESS;
}

/* --- options ------------------------------------------------------------------------------------- */

static void parse_address(const char *text, struct sockaddr_in *ret)
{
	ret->sin_family = AF_INET;
	if (inet_pton(AF_INET, text, &ret->sin_addr) != 1)
		die("not an IPv4 address");
}

static void parse_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "processes", required_argument, NULL, 'P' },
		{ "port", required_argument, NULL, 'p' },
		{ "connections", required_argument, NULL, 'c' },
		{ "per-process", required_argument, NULL, 'x' },
		{ "from", required_argument, NULL, 'f' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		uint64_t *number = option == 'n'   ? &options->name
				   : option == 'P' ? &options->processes
				   : option == 'p' ? &options->port
				   : option == 'c' ? &options->connections
						   : &options->per_process;

		if (option == '?')
			exit(EXIT_FAILURE);
		if (option == 'f')
			parse_address(optarg, &options->from);
		else if (number_parse(optarg, number))
			die("not a number");
	}
	if (optind + 1 != argc || !options->port)
		die("needs an address and --port");
	parse_address(argv[optind], &options->address);
	options->address.sin_port = htons((uint16_t)options->port);
}

int main(int argc, char **argv)
{
	struct options options = { .name = 1, .processes = 1, .per_process = 18000 };
	bool is_server = argc > 1 && !strcmp(argv[1], "server");

	if (argc < 2 || (!is_server && strcmp(argv[1], "client")))
		die("usage: crowd server|client OPTIONS ADDRESS");
	parse_options(argc - 1, argv + 1, &options);
	raise_limit();
	errno = 0;
	return is_server ? server(&options) : client(&options);
}
