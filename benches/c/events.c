/* Scans for pending events, in both formats, as a kernel in C does it: a locked operation takes each event's bit. */
#include "bench.h"
#include <string.h>
#include <xen/xen.h>
#include <xen/event_channel.h>

#define QUEUE 7 /* of the default priority */

/* What stands for handlers. A kernel calls them by pointers, so the compiler must not know which registers this one leaves alone. */
static __attribute__((noipa)) void handle(uint64_t *sum, uint32_t port)
{
    OPAQUE(port);
    *sum += port;
}

static __attribute__((noinline)) void scan_two_level(shared_info_t *info, unsigned *start, uint64_t *sum)
{
    vcpu_info_t *vcpu = &info->vcpu_info[0];
    unsigned first = *start;
    uint64_t selector;

    vcpu->evtchn_upcall_pending = 0;
    selector = __atomic_exchange_n(&vcpu->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    if (first)
        selector = selector >> first | selector << (64 - first);
    if (selector)
        *start = (first + 1 + __builtin_ctzll(selector)) % 64;
    while (selector) {
        unsigned word = (first + __builtin_ctzll(selector)) % 64;
        uint64_t bits = *(volatile xen_ulong_t *)&info->evtchn_pending[word] &
                        ~*(volatile xen_ulong_t *)&info->evtchn_mask[word];

        selector &= selector - 1;
        while (bits) {
            unsigned bit = __builtin_ctzll(bits);

            bits &= bits - 1;
            __atomic_fetch_and(&info->evtchn_pending[word], ~(1ull << bit), __ATOMIC_SEQ_CST);
            handle(sum, word * 64 + bit);
        }
    }
}

static void two_level(uint64_t rounds, unsigned pending, struct outcome *outcome)
{
    shared_info_t *info = pages(4096);
    uint64_t image[64], selector = 0, sum = 0;
    unsigned start = 0, words = (pending + 63) / 64;

    for (unsigned word = 0; word < words; word++) {
        image[word] = pending < 64 ? 1 : ~0ull;
        selector |= 1ull << word;
    }
    uint64_t begin = nanoseconds();
    for (uint64_t round = 0; round < rounds; round++) {
        memcpy(info->evtchn_pending, image, words * sizeof(*image));
        info->vcpu_info[0].evtchn_pending_sel = selector;
        info->vcpu_info[0].evtchn_upcall_pending = 1;
        scan_two_level(info, &start, &sum);
        outcome->units += pending;
    }
    outcome->nanoseconds = nanoseconds() - begin;
    expect(sum == rounds * pending * (pending - 1) / 2, "every event told once");
}

struct fifo {
    evtchn_fifo_control_block_t *control;
    event_word_t *array[8];
    uint32_t head[EVTCHN_FIFO_MAX_QUEUES]; /* where this vCPU is in each queue */
};

static event_word_t *event_word(struct fifo *fifo, uint32_t port)
{
    return &fifo->array[port / 1024][port % 1024];
}

/* Takes the word off its queue; returns the port behind it. */
static uint32_t clear_linked(event_word_t *word)
{
    event_word_t old = __atomic_load_n(word, __ATOMIC_RELAXED);

    while (!__atomic_compare_exchange_n(word, &old, old & ~((1u << EVTCHN_FIFO_LINKED) | EVTCHN_FIFO_LINK_MASK), 0,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
    return old & EVTCHN_FIFO_LINK_MASK;
}

static __attribute__((noinline)) void scan_fifo(struct fifo *fifo, vcpu_info_t *vcpu, uint64_t *sum)
{
    uint32_t ready;

    vcpu->evtchn_upcall_pending = 0;
    ready = __atomic_exchange_n(&fifo->control->ready, 0, __ATOMIC_SEQ_CST);
    while (ready) {
        unsigned queue = __builtin_ctz(ready);
        uint32_t port = fifo->head[queue];
        event_word_t *word;

        if (!port) {
            /* A queue that was empty: Xen has written where it begins. */
            port = __atomic_load_n(&fifo->control->head[queue], __ATOMIC_ACQUIRE);
        }
        word = event_word(fifo, port);
        fifo->head[queue] = clear_linked(word);
        if (!fifo->head[queue])
            ready &= ~(1u << queue);
        if ((*(volatile event_word_t *)word & ((1u << EVTCHN_FIFO_PENDING) | (1u << EVTCHN_FIFO_MASKED))) ==
            1u << EVTCHN_FIFO_PENDING) {
            __atomic_fetch_and(word, ~(1u << EVTCHN_FIFO_PENDING), __ATOMIC_SEQ_CST);
            handle(sum, port);
        }
        ready |= __atomic_exchange_n(&fifo->control->ready, 0, __ATOMIC_SEQ_CST);
    }
}

static void fifo(uint64_t rounds, unsigned pending, struct outcome *outcome)
{
    struct fifo fifo = { .control = pages(4096) };
    shared_info_t *info = pages(4096);
    event_word_t *image = pages(5 * 4096);
    unsigned words = pending + 1;
    uint64_t sum = 0;

    for (unsigned port = 1; port <= pending; port++)
        image[port] = 1u << EVTCHN_FIFO_PENDING | 1u << EVTCHN_FIFO_LINKED | (port == pending ? 0 : port + 1);
    for (unsigned page = 0; page * 1024 < words; page++)
        fifo.array[page] = pages(4096);
    uint64_t begin = nanoseconds();
    for (uint64_t round = 0; round < rounds; round++) {
        for (unsigned page = 0; page * 1024 < words; page++) {
            unsigned left = words - page * 1024;
            memcpy(fifo.array[page], image + page * 1024, (left < 1024 ? left : 1024) * sizeof(*image));
        }
        fifo.control->head[QUEUE] = 1;
        fifo.control->ready = 1u << QUEUE;
        scan_fifo(&fifo, &info->vcpu_info[0], &sum);
        outcome->units += pending;
    }
    outcome->nanoseconds = nanoseconds() - begin;
    expect(sum == rounds * pending * (pending + 1) / 2, "every event told once");
}

static void two_level_1(uint64_t rounds, struct outcome *outcome) { two_level(rounds, 1, outcome); }
static void two_level_64(uint64_t rounds, struct outcome *outcome) { two_level(rounds, 64, outcome); }
static void two_level_4096(uint64_t rounds, struct outcome *outcome) { two_level(rounds, 4096, outcome); }
static void fifo_1(uint64_t rounds, struct outcome *outcome) { fifo(rounds, 1, outcome); }
static void fifo_64(uint64_t rounds, struct outcome *outcome) { fifo(rounds, 64, outcome); }
static void fifo_4096(uint64_t rounds, struct outcome *outcome) { fifo(rounds, 4096, outcome); }

const struct bench event_benches[] = {
    { "scan-2level/1", two_level_1 }, { "scan-2level/64", two_level_64 }, { "scan-2level/4096", two_level_4096 },
    { "scan-fifo/1", fifo_1 },        { "scan-fifo/64", fifo_64 },        { "scan-fifo/4096", fifo_4096 },
    { 0 },
};
