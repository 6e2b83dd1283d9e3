/* Asks an HTTP/1.1 server for / at a constant rate, and prints how late the replies were, as JSON.

   paced PORT RATE SECONDS CONNECTIONS GRACE

   Request number k is due at start + k / RATE, whatever became of those before it; those of a fifth of a millisecond
   together at its beginning, so that timers do not take what the server needs of the same core. It goes out on the
   connection that has been free for longest; where none is free it waits for one. Its latency runs from when it was
   due to the last byte of its reply, so that a stall counts for all requests that it held up, and not for one of each
   connection. Replies count until GRACE seconds after the end of the schedule; what is not answered by then is in no
   percentile. Between its tasks the program sleeps. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define TICK (SECOND / 5000)

struct connection {
    int fd;
    int64_t due;  /* when its request was due; -1 while it has none */
    size_t have;  /* bytes of the reply's head in `head` */
    long left;    /* bytes of the body that are still to come; -1 before the head is whole */
    char head[4096];
};

static struct sockaddr_in server = {.sin_family = AF_INET};
static char request[128];
static size_t request_size;
static int queue;             /* of epoll(7) */
static struct connection *all;
static int *idle;             /* a ring of the free connections, longest free first */
static long first_idle, idle_count, total;
static int64_t *latencies;
static long answered, failed;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* When request number k is due, in nanoseconds from the start. */
static int64_t due_after(long k, double rate) {
    return (int64_t)((double)k / rate * 1e9) / TICK * TICK;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void release(struct connection *one) {
    one->due = -1;
    one->have = 0;
    one->left = -1;
    idle[(first_idle + idle_count++) % total] = (int)(one - all);
}

static void open_connection(struct connection *one) {
    int yes = 1;
    one->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (one->fd < 0 || connect(one->fd, (struct sockaddr *)&server, sizeof server)) die("connect");
    setsockopt(one->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = one};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, one->fd, &event)) die("epoll_ctl");
    release(one);
}

static void give_up(struct connection *one) {
    /* Of a connection that is in the ring nothing was lost, but its place there has to stay its only one. */
    int busy = one->due >= 0;
    failed += busy;
    close(one->fd);
    if (!busy)
        for (long i = 0; i < idle_count; i++)
            if (idle[(first_idle + i) % total] == (int)(one - all)) {
                for (; i + 1 < idle_count; i++)
                    idle[(first_idle + i) % total] = idle[(first_idle + i + 1) % total];
                idle_count--;
            }
    open_connection(one);
}

/* The bytes of the body that a whole head announces; -1 where it is no 200 with a Content-Length. */
static long body_size(const char *head) {
    if (strncmp(head, "HTTP/1.1 200", 12)) return -1;
    const char *found = strcasestr(head, "\r\nContent-Length:");
    return found ? strtol(found + 17, NULL, 10) : -1;
}

static void receive(struct connection *one) {
    char *end = one->head + one->have;
    size_t room = sizeof one->head - 1 - one->have;
    ssize_t got = recv(one->fd, end, room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0 || one->due < 0) { /* ended, or spoke without being asked */
        give_up(one);
        return;
    }
    if (one->left < 0) {
        one->have += (size_t)got;
        one->head[one->have] = 0;
        char *blank = strstr(one->head, "\r\n\r\n");
        if (!blank && one->have < sizeof one->head - 1) return;
        if (!blank || (one->left = body_size(one->head)) < 0) {
            give_up(one);
            return;
        }
        got = one->head + one->have - (blank + 4);
        one->have = 0;
    }
    one->left -= got;
    if (one->left < 0) {
        give_up(one); /* more than was announced */
    } else if (!one->left) {
        latencies[answered++] = now() - one->due;
        release(one);
    }
}

static void ask(int64_t due) {
    struct connection *one = &all[idle[first_idle]];
    first_idle = (first_idle + 1) % total;
    idle_count--;
    one->due = due;
    if (send(one->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) give_up(one);
}

static int in_order(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static double microseconds(double share) {
    if (!answered) return 0;
    long at = (long)(share * (double)answered);
    return (double)latencies[at < answered ? at : answered - 1] / 1e3;
}

int main(int count, char **words) {
    int whole = count == 6;
    double rate = whole ? atof(words[2]) : 0, seconds = whole ? atof(words[3]) : 0, grace = whole ? atof(words[5]) : 0;
    total = whole ? atol(words[4]) : 0;
    if (!(rate * seconds >= 1 && rate * seconds <= 1e8 && grace > 0 && grace < 1000 && total > 0 && total <= 10000)) {
        fprintf(stderr, "usage: paced PORT RATE SECONDS CONNECTIONS GRACE\n");
        return 2;
    }
    long requests = (long)(rate * seconds);
    server.sin_port = htons((uint16_t)atoi(words[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    request_size = (size_t)snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n",
                                    ntohs(server.sin_port));
    all = calloc((size_t)total, sizeof *all);
    idle = calloc((size_t)total, sizeof *idle);
    latencies = calloc((size_t)requests, sizeof *latencies);
    queue = epoll_create1(EPOLL_CLOEXEC);
    if (!all || !idle || !latencies || queue < 0) die("paced");
    prctl(PR_SET_TIMERSLACK, 1UL); /* a sleep is not to be 50 microseconds longer than asked for */
    for (long i = 0; i < total; i++) open_connection(&all[i]);

    struct epoll_event events[256];
    int64_t start = now(), end = start + (int64_t)((double)requests / rate * 1e9 + grace * 1e9);
    for (long sent = 0; answered + failed < requests;) {
        int64_t at = now(), due = start + due_after(sent, rate);
        if (at >= end) break;
        for (; sent < requests && idle_count && due <= at; due = start + due_after(sent, rate)) {
            ask(due);
            sent++;
        }
        int64_t wait = (sent < requests && idle_count ? due : end) - now();
        if (wait < 0) wait = 0;
        struct timespec timeout = {.tv_sec = wait / SECOND, .tv_nsec = wait % SECOND};
        int ready = epoll_pwait2(queue, events, 256, &timeout, NULL);
        if (ready < 0 && errno != EINTR) die("epoll_pwait2");
        for (int i = 0; i < ready; i++) receive(events[i].data.ptr);
    }
    double took = (double)(now() - start) / 1e9;
    qsort(latencies, (size_t)answered, sizeof *latencies, in_order);
    printf("{\"requests\": %ld, \"answered\": %ld, \"failed\": %ld, \"seconds\": %.3f, "
           "\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}\n",
           requests, answered, failed, took, microseconds(0.5), microseconds(0.99), microseconds(1));
    return 0;
}
