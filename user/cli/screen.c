// SPDX-License-Identifier: GPL-2.0-only
/* The terminal of `culvert top`, by the sequences that every terminal knows (ECMA-48, and xterm's for the other screen);
 * see screen.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/screen.h"
#include "cv_defs.h"

#define OTHER_SCREEN "\033[?1049h"
#define FIRST_SCREEN "\033[?1049l"
#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
#define NO_WRAP "\033[?7l"
#define WRAP "\033[?7h"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"

#define DEFAULT_LINES 24

static struct {
	bool is_on;
	struct termios before;
	sigset_t mask; /* as it was: in force while we wait */
	volatile sig_atomic_t is_over;
} screen;

bool screen_is_there(void)
{
	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static void on_signal(int number)
{
	(void)number;
	screen.is_over = 1;
}

/* Signals arrive in screen_wait only. */
static int catch_signals(void)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < CV_ARRAY_SIZE(numbers); i++) {
		sigaddset(&blocked, numbers[i]);
		if (sigaction(numbers[i], &action, NULL))
			return -errno;
	}
	/* a stopped command would leave the terminal as it is */
	signal(SIGTSTP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	return sigprocmask(SIG_BLOCK, &blocked, &screen.mask) ? -errno : 0;
}

int screen_begin(bool wanted)
{
	struct termios raw;
	int r = catch_signals();

	if (r || !wanted)
		return r;
	if (tcgetattr(STDIN_FILENO, &screen.before))
		return -errno;
	raw = screen.before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw))
		return -errno;
	screen.is_on = true;
	fputs(OTHER_SCREEN HIDE_CURSOR NO_WRAP, stdout);
	fflush(stdout);
	return 0;
}

void screen_end(void)
{
	if (!screen.is_on)
		return;
	fputs(WRAP SHOW_CURSOR FIRST_SCREEN, stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &screen.before);
	screen.is_on = false;
}

unsigned screen_lines(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row ? DEFAULT_LINES : size.ws_row;
}

void screen_draw(const char *text)
{
	unsigned left = screen_lines();

	fputs(HOME, stdout);
	while (*text && left--) {
		size_t len = strcspn(text, "\n");

		printf("%.*s" CLEAR_LINE "%s", (int)len, text, left ? "\n" : "");
		text += len + (text[len] == '\n');
	}
	fputs(CLEAR_REST, stdout);
	fflush(stdout);
}

static bool has_quit_key(void)
{
	char keys[64];
	ssize_t nr = read(STDIN_FILENO, keys, sizeof(keys));

	return nr > 0 && (memchr(keys, 'q', (size_t)nr) || memchr(keys, 'Q', (size_t)nr));
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool screen_wait(uint64_t until_ns)
{
	struct pollfd keys = { .fd = screen.is_on ? STDIN_FILENO : -1, .events = POLLIN };

	while (!screen.is_over) {
		uint64_t now = now_ns(), left = until_ns > now ? until_ns - now : 0;
		struct timespec wait = { .tv_sec = (time_t)(left / 1000000000),
					 .tv_nsec = (long)(left % 1000000000) };
		int nr = ppoll(&keys, 1, &wait, &screen.mask);

		if (nr == 0)
			return true;
		if (nr > 0 && ((keys.revents & POLLHUP) || has_quit_key()))
			return false;
	}
	return false;
}
