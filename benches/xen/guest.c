/*
 * What a Linux guest does beside its devices, and dom0's end of a resume.
 *
 * In the guest, `guest HOST INDEX:KIND:COUNT...` does cases and prints their times. In dom0,
 * `guest await` waits for a datagram of the guest, without work meanwhile, and
 * `guest unpause DOMAIN INDEX DATAGRAMS` unpauses a restored domain, waits for its first datagrams
 * and prints the time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"

/* Port of dom0 for datagrams. */
#define NOTIFIED 7006
#define BALLOON "/sys/devices/system/xen_memory/xen_memory0/"
#define TICK 1000000

static _Noreturn void fail(const char *what)
{
    printf("bench: error %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static void report(unsigned index, uint64_t count, uint64_t ns)
{
    printf("bench: %u count=%llu ns=%llu\n", index, (unsigned long long)count,
           (unsigned long long)ns);
}

/* Returns the function of the vDSO, without the library's call around it. */
static int (*vdso_clock(void))(clockid_t, struct timespec *)
{
    const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
    const Elf64_Shdr *sections = (const Elf64_Shdr *)(image + (image ? header->e_shoff : 0));

    for (int i = 0; image && i < header->e_shnum; i++) {
        if (sections[i].sh_type != SHT_DYNSYM)
            continue;
        const char *names = image + sections[sections[i].sh_link].sh_offset;
        const Elf64_Sym *symbols = (const Elf64_Sym *)(image + sections[i].sh_offset);
        for (size_t n = 0; n < sections[i].sh_size / sizeof *symbols; n++) {
            if (!strcmp(names + symbols[n].st_name, "__vdso_clock_gettime"))
                return (int (*)(clockid_t, struct timespec *))(image + symbols[n].st_value);
        }
    }
    fail("no clock_gettime in the vDSO");
}

static void read_clock(unsigned index, uint64_t count)
{
    int (*clock)(clockid_t, struct timespec *) = vdso_clock();
    struct timespec t;

    clock(CLOCK_MONOTONIC, &t);
    uint64_t begin = now();
    MARK_BEGIN;
    for (uint64_t n = 0; n < count; n++)
        clock(CLOCK_MONOTONIC, &t);
    MARK_END;
    report(index, count, now() - begin);
}

/* As cyclictest does: a thread of real-time priority sleeps until a moment. */
static void timer(unsigned index, uint64_t count)
{
    struct sched_param param = { .sched_priority = 50 };
    uint64_t late = 0;

    if (sched_setscheduler(0, SCHED_FIFO, &param))
        fail("SCHED_FIFO");
    for (uint64_t n = 0; n < count + 16; n++) {
        if (n == 16) {
            late = 0;
            MARK_BEGIN;
        }
        uint64_t at = now() + TICK;
        struct timespec t = { at / 1000000000, at % 1000000000 };
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
        MARK_HANDLER;
        late += now() - at;
    }
    MARK_END;
    param.sched_priority = 0;
    sched_setscheduler(0, SCHED_OTHER, &param);
    report(index, count, late);
}

static uint64_t current_kb(void)
{
    char text[32] = "";
    int fd = open(BALLOON "info/current_kb", O_RDONLY);

    if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
        fail(BALLOON "info/current_kb");
    close(fd);
    return strtoull(text, NULL, 10);
}

static void balloon(unsigned index, int64_t mib)
{
    uint64_t start = current_kb(), end = start + mib * 1024;
    char text[32];
    int fd = open(BALLOON "target_kb", O_WRONLY);

    if (fd < 0)
        fail(BALLOON "target_kb");
    int length = snprintf(text, sizeof text, "%llu", (unsigned long long)end);
    uint64_t begin = now();
    MARK_BEGIN;
    if (write(fd, text, length) != length)
        fail(BALLOON "target_kb");
    while (current_kb() != end) {
        if (now() - begin > UINT64_C(60000000000))
            fail("the balloon does not reach its target");
        usleep(500);
    }
    MARK_END;
    report(index, (mib < 0 ? -mib : mib) * 256, now() - begin);
}

/* Reads the disk and sends a datagram, again and again, until dom0 answers. */
static void resume(const char *host)
{
    static char block[4096] __attribute__((aligned(4096)));
    struct sockaddr_in dom0 = { .sin_family = AF_INET, .sin_port = htons(NOTIFIED) };
    int disk = open("/dev/xvda", O_RDONLY | O_DIRECT), s = socket(AF_INET, SOCK_DGRAM, 0);
    char answer;

    if (disk < 0 || s < 0 || !inet_aton(host, &dom0.sin_addr))
        fail("disk or socket");
    do {
        if (pread(disk, block, sizeof block, 0) != sizeof block)
            fail("read");
        sendto(s, "", 1, 0, (void *)&dom0, sizeof dom0);
        usleep(1000);
    } while (recv(s, &answer, 1, MSG_DONTWAIT) != 1);
}

/* `DOMCTL` of any version of its interface. */
static int unpause(uint16_t domain)
{
    static struct {
        uint32_t cmd, version;
        uint16_t domain, pad[3];
        uint8_t data[128];
    } domctl;
    struct {
        uint64_t op, arg[5];
    } call = { 36, { (uintptr_t)&domctl } };
    int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);

    if (fd < 0 || mlock(&domctl, sizeof domctl))
        fail("privcmd");
    for (uint32_t version = 0x13; version < 0x1c; version++) {
        domctl.cmd = 4;
        domctl.version = version;
        domctl.domain = domain;
        if (ioctl(fd, _IOC(_IOC_NONE, 'P', 0, sizeof call), &call) == 0)
            return 0;
    }
    return -1;
}

/* Returns a socket for the datagrams of the guest. */
static int notified(void)
{
    struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(NOTIFIED) };
    struct timeval limit = { .tv_sec = 300 };
    int s = socket(AF_INET, SOCK_DGRAM, 0);

    if (s < 0 || bind(s, (void *)&own, sizeof own))
        fail("socket");
    setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return s;
}

/* The first datagram of a Linux guest may be of a read before its suspend. */
static void resumed(uint16_t domain, unsigned index, int datagrams)
{
    struct sockaddr_in guest;
    socklen_t size = sizeof guest;
    int s = notified();
    char data[64];

    uint64_t begin = now();
    MARK_ENTRY;
    if (unpause(domain))
        fail("unpause");
    for (int n = 0; n < datagrams; n++) {
        if (recvfrom(s, data, sizeof data, 0, (void *)&guest, &size) < 0)
            fail("no datagram came");
    }
    MARK_END;
    report(index, 1, now() - begin);
    sendto(s, "", 1, 0, (void *)&guest, size);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && !strcmp(argv[1], "await")) {
        char data[64];
        if (recv(notified(), data, sizeof data, 0) < 0)
            fail("no datagram came");
        return 0;
    }
    if (argc == 5 && !strcmp(argv[1], "unpause")) {
        resumed(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
        return 0;
    }
    for (int i = 2; i < argc; i++) {
        char kind[16];
        unsigned index;
        unsigned long long count;
        if (sscanf(argv[i], "%u:%15[a-z-]:%llu", &index, kind, &count) != 3)
            return 2;
        if (!strcmp(kind, "clock"))
            read_clock(index, count);
        else if (!strcmp(kind, "timer"))
            timer(index, count);
        else if (!strcmp(kind, "balloon-down"))
            balloon(index, -(int64_t)count);
        else if (!strcmp(kind, "balloon-up"))
            balloon(index, count);
        else if (!strcmp(kind, "resume"))
            resume(argv[1]);
        else
            fail("unknown case");
    }
    return argc < 3 ? 2 : 0;
}
