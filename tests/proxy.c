/*
 * proxy: a long, narrow or breaking line to a TCP server, for tests.
 *
 * Every byte that is read gets a time at which it is written on the other side, and waits in a
 * queue until then. So order is kept, and a delay does not lower the throughput. The narrow line of
 * --rate is shared by all connections, each direction has its own. A connection is set up as slowly
 * as over the real line: its SYN, SYN+ACK and ACK cost three delays before the server sees it.
 *
 * With --late-ms, what is under way to the server when a connection is cut, or its client has gone,
 * gets there so much later: the server carries it out, and nobody hears the answer.
 *
 * Counted, in total and per connection:
 *   bytes_up, bytes_down   to the server, to the client
 *   turnarounds            how often the client sent something after it had received something
 *   round_trips            the longest chain of 'the client sent this after it had received that,
 *                          which the server had sent after it had received ...': what the delay is
 *                          paid for. The TCP handshake and a greeting that the server sends unasked
 *                          are not in it. The chain is exact when the delay is longer than the
 *                          server and the client think; use --delay-ms to count.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	UP,
	DOWN
}; /* directions; also the side that a direction is read from: UP is read from the client */
enum { READ_BYTES = 64 * 1024, NARROW_READ_BYTES = 4 * 1024, QUEUE_BYTES = 4 * 1024 * 1024 };

static const int64_t MILLISECOND =
	1000000; /* in ns; so far ahead of a narrow line is read, to keep it full */

/* What one read returned. An end of file or an error is a chunk without bytes. */
struct chunk {
	struct chunk *next;
	int64_t due_ns;
	size_t length, done;
	uint64_t depth; /* how many round trips led to these bytes */
	bool end, reset;
	char bytes[];
};

struct queue {
	struct chunk *first, **last;
	size_t n_bytes;
	bool ended; /* the end was read */
	bool shut;  /* the end was passed on */
};

struct counters {
	uint64_t bytes[2], turnarounds, round_trips;
};

struct connection {
	struct connection *next;
	size_t number;
	int fd[2]; /* UP: of the client, DOWN: of the server, -1 until connect_ns */
	bool connecting, connected;
	int64_t connect_ns;
	struct queue queue[2];
	uint64_t depth[2]; /* of what the client (UP) and the server (DOWN) have received */
	bool received;     /* by the client, since it last sent */
	uint64_t cut_after;
	bool cut_by_reset;
	bool left; /* by the client, and what it has sent is late */
	struct pollfd *poll[2];
};

static struct addrinfo *server_address;
static const char *stats_file;
static int64_t delay_ns, late_ns;
static uint64_t rate, cut_min, cut_max;
static unsigned int seed = 1;
static size_t queue_limit = QUEUE_BYTES;

static struct connection *connections;
static struct counters *counters; /* one for each connection ever made */
static size_t n_connections, n_cuts;
static int64_t line_free_ns[2];
static volatile sig_atomic_t stop_wanted, stats_wanted;

static void
die(const char *what)
{
	fprintf(stderr, "proxy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *
allocate(void *old, size_t size)
{
	void *memory = realloc(old, size);
	if (memory == NULL)
		die("memory");
	return memory;
}

static int64_t
now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void
write_stats(void)
{
	struct counters total = {0};
	char temporary[4096];
	FILE *file;

	if (stats_file == NULL)
		return;
	snprintf(temporary, sizeof temporary, "%s.new", stats_file);
	file = fopen(temporary, "w");
	if (file == NULL)
		die(temporary);
	for (size_t i = 0; i < n_connections; i++) {
		const struct counters *one = &counters[i];
		fprintf(file, "connection.%zu.bytes_up %ju\n", i + 1, (uintmax_t)one->bytes[UP]);
		fprintf(file, "connection.%zu.bytes_down %ju\n", i + 1,
		        (uintmax_t)one->bytes[DOWN]);
		fprintf(file, "connection.%zu.turnarounds %ju\n", i + 1,
		        (uintmax_t)one->turnarounds);
		fprintf(file, "connection.%zu.round_trips %ju\n", i + 1,
		        (uintmax_t)one->round_trips);
		total.bytes[UP] += one->bytes[UP];
		total.bytes[DOWN] += one->bytes[DOWN];
		total.turnarounds += one->turnarounds;
		total.round_trips += one->round_trips;
	}
	fprintf(file, "connections %zu\ncuts %zu\n", n_connections, n_cuts);
	fprintf(file, "bytes_up %ju\n", (uintmax_t)total.bytes[UP]);
	fprintf(file, "bytes_down %ju\n", (uintmax_t)total.bytes[DOWN]);
	fprintf(file, "turnarounds %ju\n", (uintmax_t)total.turnarounds);
	fprintf(file, "round_trips %ju\n", (uintmax_t)total.round_trips);
	fclose(file);
	rename(temporary, stats_file);
}

static void
set_options(int fd)
{
	int on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void
close_side(int fd, bool reset)
{
	struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	if (fd < 0)
		return;
	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
}

static void
clear(struct queue *queue)
{
	for (struct chunk *chunk = queue->first, *next; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	*queue = (struct queue){.last = &queue->first};
}

static void
end_connection(struct connection *c, bool reset)
{
	struct connection **link = &connections;

	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	for (int side = UP; side <= DOWN; side++) {
		close_side(c->fd[side], reset);
		clear(&c->queue[side]);
	}
	free(c);
}

static void
accept_client(int listener)
{
	struct connection *c;
	uint64_t lot;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	set_options(fd);
	c = allocate(NULL, sizeof *c);
	*c = (struct connection){.next = connections, .number = n_connections++, .fd = {fd, -1}};
	connections = c;
	c->connect_ns = now_ns() + 3 * delay_ns;
	lot = ((uint64_t)rand_r(&seed) << 31) + (uint64_t)rand_r(&seed);
	c->cut_after = cut_max == 0 ? UINT64_MAX : cut_min + lot % (cut_max - cut_min + 1);
	c->cut_by_reset = rand_r(&seed) & 1024;
	for (int direction = UP; direction <= DOWN; direction++)
		c->queue[direction].last = &c->queue[direction].first;
	counters = allocate(counters, n_connections * sizeof *counters);
	counters[c->number] = (struct counters){0};
}

static void
append(struct connection *c, int direction, struct chunk *chunk)
{
	struct queue *queue = &c->queue[direction];
	*queue->last = chunk;
	queue->last = &chunk->next;
	queue->n_bytes += chunk->length;
	queue->ended = chunk->end;
}

static void
append_end(struct connection *c, int direction, bool reset)
{
	struct chunk *chunk = allocate(NULL, sizeof *chunk);
	*chunk = (struct chunk){.due_ns = now_ns() + delay_ns, .end = true, .reset = reset};
	append(c, direction, chunk);
}

static void
leave(struct connection *c)
{
	close_side(c->fd[UP], c->cut_by_reset);
	c->fd[UP] = -1;
	c->left = true;
	c->cut_after = UINT64_MAX;
	clear(&c->queue[DOWN]);
	if (!c->queue[UP].ended)
		append_end(c, UP, false);
	for (struct chunk *chunk = c->queue[UP].first; chunk != NULL; chunk = chunk->next)
		chunk->due_ns += late_ns;
}

/* The client's bytes are one round trip further than what it had received; the server's only
 * answer. */
static uint64_t
count_read(struct connection *c, int direction)
{
	struct counters *count = &counters[c->number];
	if (direction == DOWN)
		return c->depth[DOWN];
	if (c->received)
		count->turnarounds++;
	c->received = false;
	return c->depth[UP] + 1;
}

static void
read_side(struct connection *c, int direction)
{
	size_t most = rate > 0 ? NARROW_READ_BYTES : READ_BYTES;
	struct chunk *chunk = allocate(NULL, sizeof *chunk + most);
	ssize_t length;
	int64_t now;

	*chunk = (struct chunk){0}; /* before the bytes, which begin in its padding */
	length = recv(c->fd[direction], chunk->bytes, most, 0);
	now = now_ns();
	if (length <= 0 || c->left) {
		free(chunk);
		if (length > 0 || (length < 0 && (errno == EAGAIN || errno == EINTR)))
			return;
		if (late_ns > 0 && direction == UP)
			leave(c);
		else
			append_end(c, direction, length < 0);
		return;
	}
	if (line_free_ns[direction] < now)
		line_free_ns[direction] = now;
	if (rate > 0)
		line_free_ns[direction] += (int64_t)((double)length * 1e9 / (double)rate);
	chunk->due_ns = line_free_ns[direction] + delay_ns;
	chunk->length = (size_t)length;
	chunk->depth = count_read(c, direction);
	append(c, direction, allocate(chunk, sizeof *chunk + (size_t)length));
}

/* Returns false if the connection is gone. */
static bool
pass_end(struct connection *c, int direction)
{
	struct queue *queue = &c->queue[direction];
	if (queue->first->reset || c->queue[!direction].shut) {
		end_connection(c, queue->first->reset);
		return false;
	}
	shutdown(c->fd[!direction], SHUT_WR);
	queue->shut = true;
	free(queue->first);
	queue->first = NULL;
	queue->last = &queue->first;
	return true;
}

static void
count_written(struct connection *c, int direction, const struct chunk *chunk, size_t length)
{
	struct counters *count = &counters[c->number];
	int receiver = !direction;

	count->bytes[direction] += length;
	c->cut_after -= length;
	if (c->depth[receiver] < chunk->depth)
		c->depth[receiver] = chunk->depth;
	if (direction == DOWN)
		c->received = true;
	if (direction == DOWN && count->round_trips < chunk->depth)
		count->round_trips = chunk->depth;
}

/* Returns false if the connection is gone. */
static bool
cut(struct connection *c)
{
	n_cuts++;
	if (late_ns > 0)
		leave(c);
	else
		end_connection(c, c->cut_by_reset);
	return late_ns > 0;
}

/* Writes what is due. Returns false if the connection is gone. */
static bool
write_side(struct connection *c, int direction)
{
	struct queue *queue = &c->queue[direction];
	struct chunk *chunk;

	while ((chunk = queue->first) != NULL && chunk->due_ns <= now_ns()) {
		size_t length = chunk->length - chunk->done;
		ssize_t written;
		if (chunk->end)
			return pass_end(c, direction);
		if (length > c->cut_after)
			length = c->cut_after;
		written = send(c->fd[!direction], chunk->bytes + chunk->done, length, MSG_NOSIGNAL);
		if (written < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (written < 0) {
			end_connection(c, true);
			return false;
		}
		count_written(c, direction, chunk, (size_t)written);
		chunk->done += (size_t)written;
		queue->n_bytes -= (size_t)written;
		if (c->cut_after == 0)
			return cut(c);
		if (chunk->done < chunk->length)
			return true;
		queue->first = chunk->next;
		if (queue->first == NULL)
			queue->last = &queue->first;
		free(chunk);
	}
	return true;
}

/* Connects, or finds out how it went: a server that refuses is a reset after the way back. */
static void
connect_server(struct connection *c)
{
	int error = 0;
	socklen_t length = sizeof error;

	if (!c->connecting) {
		c->connecting = true;
		c->fd[DOWN] = socket(server_address->ai_family,
		                     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (c->fd[DOWN] < 0)
			die("socket");
		set_options(c->fd[DOWN]);
		if (connect(c->fd[DOWN], server_address->ai_addr, server_address->ai_addrlen) < 0)
			error = errno;
	} else if (c->poll[DOWN] != NULL && c->poll[DOWN]->revents != 0) {
		getsockopt(c->fd[DOWN], SOL_SOCKET, SO_ERROR, &error, &length);
	} else {
		return;
	}
	if (error == EINPROGRESS)
		return;
	c->connected = true;
	if (error != 0)
		append_end(c, DOWN, true);
}

static bool
wants_read(const struct connection *c, int direction, int64_t now, int64_t *wake_ns)
{
	const struct queue *queue = &c->queue[direction];
	if (queue->ended || queue->n_bytes >= queue_limit || (direction == DOWN && !c->connected))
		return false;
	if (rate == 0 || line_free_ns[direction] <= now + 2 * MILLISECOND)
		return true;
	if (*wake_ns > line_free_ns[direction] - MILLISECOND)
		*wake_ns = line_free_ns[direction] - MILLISECOND;
	return false;
}

static bool
wants_write(const struct connection *c, int direction, int64_t now, int64_t *wake_ns)
{
	const struct chunk *chunk = c->queue[direction].first;
	if (chunk == NULL || !c->connected)
		return false;
	if (chunk->due_ns <= now)
		return true;
	if (*wake_ns > chunk->due_ns)
		*wake_ns = chunk->due_ns;
	return false;
}

/* Fills in what to wait for on both sides, and brings wake_ns forward to the next thing that
 * becomes due. */
static size_t
prepare_poll(struct connection *c, struct pollfd *fds, int64_t now, int64_t *wake_ns)
{
	size_t n_fds = 0;

	if (!c->connecting && *wake_ns > c->connect_ns)
		*wake_ns = c->connect_ns;
	for (int side = UP; side <= DOWN; side++) {
		short events = 0;
		if (wants_read(c, side, now, wake_ns))
			events |= POLLIN;
		if (wants_write(c, !side, now, wake_ns) ||
		    (side == DOWN && c->connecting && !c->connected))
			events |= POLLOUT;
		c->poll[side] = NULL;
		if (events != 0 && c->fd[side] >= 0) {
			c->poll[side] = &fds[n_fds];
			fds[n_fds++] = (struct pollfd){.fd = c->fd[side], .events = events};
		}
	}
	return n_fds;
}

static void
handle(struct connection *c)
{
	if (!c->connected && c->connect_ns <= now_ns())
		connect_server(c);
	for (int side = UP; side <= DOWN; side++) {
		if (c->poll[side] != NULL && c->poll[side]->revents != 0 &&
		    (c->poll[side]->events & POLLIN))
			read_side(c, side);
	}
	if (c->connected && write_side(c, UP))
		write_side(c, DOWN);
}

static void
run(int listener, const sigset_t *unblocked)
{
	struct pollfd *fds = NULL;

	while (!stop_wanted) {
		int64_t now = now_ns(), wake_ns = now + INT64_C(60000000000);
		size_t n_fds = 1, n_open = 0;
		struct timespec wait;

		for (struct connection *c = connections; c != NULL; c = c->next)
			n_open++;
		fds = allocate(fds, (1 + 2 * n_open) * sizeof *fds);
		fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
		for (struct connection *c = connections; c != NULL; c = c->next)
			n_fds += prepare_poll(c, fds + n_fds, now, &wake_ns);
		wake_ns = wake_ns > now ? wake_ns - now : 0;
		wait = (struct timespec){wake_ns / 1000000000, wake_ns % 1000000000};
		if (ppoll(fds, n_fds, &wait, unblocked) < 0) {
			if (errno != EINTR)
				die("poll");
			if (stats_wanted)
				write_stats();
			stats_wanted = 0;
			continue;
		}
		for (struct connection *c = connections, *next; c != NULL; c = next) {
			next = c->next;
			handle(c);
		}
		if (fds[0].revents != 0)
			accept_client(listener);
	}
	free(fds);
	while (connections != NULL)
		end_connection(connections, true);
}

static void
on_signal(int number)
{
	if (number == SIGUSR1)
		stats_wanted = 1;
	else
		stop_wanted = 1;
}

/* Signals arrive only while the loop waits. */
static void
catch_signals(sigset_t *unblocked)
{
	const int numbers[] = {SIGUSR1, SIGTERM, SIGINT};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		sigaddset(&blocked, numbers[i]);
		sigaction(numbers[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, unblocked);
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigdelset(unblocked, numbers[i]);
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t length = sizeof address;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&address, length) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		die("listen");
	printf("listening %d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void
resolve(char *host_and_port)
{
	char *colon = strrchr(host_and_port, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	if (colon == NULL) {
		fprintf(stderr, "proxy: --connect wants HOST:PORT\n");
		exit(2);
	}
	*colon = '\0';
	if (getaddrinfo(host_and_port, colon + 1, &hints, &server_address) != 0) {
		fprintf(stderr, "proxy: unknown host %s\n", host_and_port);
		exit(1);
	}
}

static void
parse_cut(char *text)
{
	char *end;
	cut_min = cut_max = strtoull(text, &end, 10);
	if (*end == '-')
		cut_max = strtoull(end + 1, NULL, 10);
	if (cut_max < cut_min || cut_min == 0) {
		fprintf(stderr, "proxy: --cut-after wants BYTES or LEAST-MOST\n");
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"listen", 1, NULL, 'l'}, {"connect", 1, NULL, 'c'},   {"delay-ms", 1, NULL, 'd'},
		{"rate", 1, NULL, 'r'},   {"cut-after", 1, NULL, 'x'}, {"stats", 1, NULL, 's'},
		{"seed", 1, NULL, 'e'},   {"late-ms", 1, NULL, 't'},   {0},
	};
	unsigned long port = 0;
	sigset_t unblocked;
	bool wrong = false;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			port = strtoul(optarg, NULL, 10);
			break;
		case 'c':
			resolve(optarg);
			break;
		case 'd':
			delay_ns = (int64_t)(strtod(optarg, NULL) * 1e6);
			break;
		case 't':
			late_ns = (int64_t)(strtod(optarg, NULL) * 1e6);
			break;
		case 'r':
			rate = strtoull(optarg, NULL, 10);
			break;
		case 'x':
			parse_cut(optarg);
			break;
		case 's':
			stats_file = optarg;
			break;
		case 'e':
			seed = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		default:
			wrong = true;
			break;
		}
	}
	if (wrong || server_address == NULL || optind != argc) {
		fprintf(stderr,
		        "usage: proxy --connect HOST:PORT [--listen PORT] [--delay-ms ONE_WAY] "
		        "[--rate BYTES_PER_SECOND]\n"
		        "             [--cut-after BYTES[-BYTES]] [--late-ms N] [--seed N] "
		        "[--stats FILE]\n");
		return 2;
	}
	/* On a fast long line more bytes are under way; 200 kB a millisecond is faster than any
	 * test's server. */
	queue_limit += (size_t)(delay_ns / 1000000) * 200000;
	catch_signals(&unblocked);
	run(listen_on((uint16_t)port), &unblocked);
	write_stats();
	free(counters);
	freeaddrinfo(server_address);
	return 0;
}
