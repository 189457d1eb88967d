/*
 * Network traffic of the benchmarks: `net serve` in dom0, and in the Linux guest
 * `net ADDRESS CASE...` with cases `INDEX:KIND:COUNT`, which it prints as our kernel does.
 *
 * Port 7001 takes a stream: 8 bytes of length, the bytes, and answers with one byte.
 * Port 7002 gives a stream: 8 bytes of length from the guest, then the bytes.
 * Port 7003 answers each byte of a stream.
 * Port 7004 counts datagrams; one of a single byte asks for the count since the last such one.
 * Port 7005 sends datagrams: 16 bytes from the guest begin it, 8 of their number and 8 zeroes, and
 * each datagram of 8 bytes from the same port has the number that the guest has received. At most
 * WINDOW are on the way.
 * Numbers have the byte order of the machine.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"

enum { SINK = 7001, SOURCE, ECHO, UDP_SINK, UDP_SOURCE };
/* Bytes of a datagram; datagrams on the way, and those for which the guest sends a number. */
enum { DATAGRAM = 64, WINDOW = 96, CREDIT = 32 };
/* Bytes of an operation of a stream, and of a call. */
enum { PIECE = 65536, CALL = 131072 };
enum { WAIT_MS = 3000 };

static char data[CALL];

static void fail(const char *what)
{
    printf("bench: error net: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static int opened(int type)
{
    int one = 1, buffer = 4 << 20, s = socket(AF_INET, type, 0);
    struct timeval wait = { .tv_sec = WAIT_MS / 1000 };
    if (s < 0)
        fail("socket");
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (type == SOCK_STREAM)
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    else
        setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return s;
}

static struct sockaddr_in address(const char *host, int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    a.sin_addr.s_addr = host ? inet_addr(host) : INADDR_ANY;
    return a;
}

static int served(int type, int port)
{
    struct sockaddr_in a = address(NULL, port);
    int s = opened(type);
    if (bind(s, (void *)&a, sizeof a) || (type == SOCK_STREAM && listen(s, 4)))
        fail("listen");
    return s;
}

static int connected(const char *host, int type, int port)
{
    struct sockaddr_in a = address(host, port);
    int s = opened(type);
    if (connect(s, (void *)&a, sizeof a))
        fail("connect");
    return s;
}

static int get(int s, void *buffer, size_t len)
{
    for (size_t n = 0; n < len;) {
        ssize_t r = read(s, (char *)buffer + n, len - n);
        if (r <= 0)
            return 0;
        n += r;
    }
    return 1;
}

static int put(int s, uint64_t len)
{
    while (len) {
        ssize_t r = write(s, data, len < CALL ? len : CALL);
        if (r <= 0)
            return 0;
        len -= r;
    }
    return 1;
}

static int take(int s, uint64_t len)
{
    while (len) {
        ssize_t r = read(s, data, len < CALL ? len : CALL);
        if (r <= 0)
            return 0;
        len -= r;
    }
    return 1;
}

static void serve_stream(int port)
{
    for (int listener = served(SOCK_STREAM, port);;) {
        int one = 1, s = accept(listener, NULL, NULL);
        struct timeval wait = { .tv_sec = WAIT_MS / 1000 };
        uint64_t len;
        if (s < 0)
            continue;
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        if (port == ECHO) {
            while (read(s, data, 1) == 1 && write(s, data, 1) == 1)
                ;
        } else if (get(s, &len, sizeof len)) {
            if (port == SINK ? take(s, len) && write(s, data, 1) == 1 : put(s, len))
                read(s, data, 1);
        }
        close(s);
    }
}

static void serve_count(void)
{
    uint64_t count = 0, last = 0;
    for (int s = served(SOCK_DGRAM, UDP_SINK);;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        ssize_t r = recvfrom(s, data, sizeof data, 0, (void *)&from, &size);
        if (r == 1) {
            if (count)
                last = count;
            count = 0;
            sendto(s, &last, sizeof last, 0, (void *)&from, size);
        } else if (r > 0) {
            count++;
        }
    }
}

static void serve_datagrams(void)
{
    uint64_t sent = 0, received = 0, total = 0;
    in_port_t port = 0;
    for (int s = served(SOCK_DGRAM, UDP_SOURCE);;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        uint64_t numbers[2];
        ssize_t r = recvfrom(s, numbers, sizeof numbers, 0, (void *)&from, &size);
        if (r == sizeof numbers)
            total = numbers[0], sent = received = 0, port = from.sin_port;
        else if (r == sizeof *numbers && from.sin_port == port && *numbers > received)
            received = *numbers;
        for (; from.sin_port == port && sent < total && sent < received + WINDOW; sent++)
            sendto(s, data, DATAGRAM, 0, (void *)&from, size);
        /* A guest that lost datagrams asks for no more. */
        struct pollfd fd = { .fd = s, .events = POLLIN };
        if (poll(&fd, 1, WAIT_MS) == 0)
            sent = total;
    }
}

static void serve(void)
{
    signal(SIGPIPE, SIG_IGN);
    for (int port = SINK; port <= ECHO; port++)
        if (!fork())
            serve_stream(port);
    if (!fork())
        serve_count();
    serve_datagrams();
}

/* Does a case; returns the number of operations that were done. */
static uint64_t run(const char *host, const char *kind, uint64_t count, int begin)
{
    uint64_t len = count * PIECE, number;
    if (!strcmp(kind, "tcp-out")) {
        int s = connected(host, SOCK_STREAM, SINK);
        if (begin)
            MARK_BEGIN;
        if (write(s, &len, sizeof len) != sizeof len || !put(s, len) || read(s, data, 1) != 1)
            fail("sink");
        close(s);
    } else if (!strcmp(kind, "tcp-in")) {
        int s = connected(host, SOCK_STREAM, SOURCE);
        if (begin)
            MARK_BEGIN;
        if (write(s, &len, sizeof len) != sizeof len || !take(s, len))
            fail("source");
        close(s);
    } else if (!strcmp(kind, "tcp-rr")) {
        int s = connected(host, SOCK_STREAM, ECHO);
        if (begin)
            MARK_BEGIN;
        for (uint64_t n = 0; n < count; n++)
            if (write(s, data, 1) != 1 || read(s, data, 1) != 1)
                fail("echo");
        close(s);
    } else if (!strcmp(kind, "udp-out")) {
        int s = connected(host, SOCK_DGRAM, UDP_SINK);
        if (begin)
            MARK_BEGIN;
        for (uint64_t n = 0; n < count; n++)
            if (send(s, data, DATAGRAM, 0) != DATAGRAM && errno != ENOBUFS)
                fail("send");
        if (send(s, data, 1, 0) != 1)
            fail("send");
        if (recv(s, &count, sizeof count, 0) != sizeof count)
            fail("no count came");
        close(s);
    } else if (!strcmp(kind, "udp-in")) {
        int s = connected(host, SOCK_DGRAM, UDP_SOURCE);
        if (begin)
            MARK_BEGIN;
        uint64_t request[2] = { count, 0 };
        if (send(s, request, sizeof request, 0) != sizeof request)
            fail("send");
        for (number = 1; number <= count; number++) {
            if (recv(s, data, DATAGRAM, 0) != DATAGRAM)
                fail("datagrams were lost");
            if (number % CREDIT == 0 && send(s, &number, sizeof number, 0) != sizeof number)
                fail("send");
        }
        close(s);
    } else {
        fail("unknown case");
    }
    return count;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && !strcmp(argv[1], "serve"))
        serve();
    for (int i = 2; i < argc; i++) {
        char kind[16];
        unsigned index;
        unsigned long long count;
        if (sscanf(argv[i], "%u:%15[a-z-]:%llu", &index, kind, &count) != 3)
            return 2;
        /* Neither end allocates later. */
        run(argv[1], kind, 200, 0);
        uint64_t begin = now();
        uint64_t done = run(argv[1], kind, count, 1);
        uint64_t end = now();
        MARK_END;
        printf("bench: %u count=%llu ns=%llu\n", index, (unsigned long long)done,
               (unsigned long long)(end - begin));
    }
    return argc < 3 ? 2 : 0;
}
