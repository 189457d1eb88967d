/* A page shared and taken back, with the list of free references behind a spin lock. */
#include "bench.h"
#include <xen/xen.h>
#include <xen/grant_table.h>

#define REFERENCES 512
#define NONE 0xffffffffu

struct table {
    volatile char lock;
    uint32_t free;
    uint32_t next[REFERENCES];
    grant_entry_v1_t *entries;
};

static void lock(struct table *table)
{
    while (__atomic_test_and_set(&table->lock, __ATOMIC_ACQUIRE))
        __builtin_ia32_pause();
}

static void unlock(struct table *table)
{
    __atomic_clear(&table->lock, __ATOMIC_RELEASE);
}

static uint32_t share(struct table *table, domid_t peer, uint32_t frame)
{
    uint32_t ref;

    lock(table);
    ref = table->free;
    if (ref != NONE)
        table->free = table->next[ref];
    unlock(table);
    if (ref == NONE)
        return NONE;
    table->entries[ref].frame = frame;
    table->entries[ref].domid = peer;
    __atomic_store_n(&table->entries[ref].flags, GTF_permit_access, __ATOMIC_RELEASE);
    return ref;
}

static int reclaim(struct table *table, uint32_t ref)
{
    uint16_t flags = __atomic_load_n(&table->entries[ref].flags, __ATOMIC_RELAXED);

    do {
        if (flags & (GTF_reading | GTF_writing))
            return 0;
    } while (!__atomic_compare_exchange_n(&table->entries[ref].flags, &flags, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    lock(table);
    table->next[ref] = table->free;
    table->free = ref;
    unlock(table);
    return 1;
}

static __attribute__((noinline)) void share_and_reclaim(struct table *table, void *page, uint64_t *sum)
{
    uint32_t ref = share(table, 7, (uintptr_t)page / 4096);

    expect(ref != NONE, "a reference is free");
    OPAQUE(ref);
    *sum += ref;
    expect(reclaim(table, ref), "nobody uses it");
}

static void run(uint64_t rounds, struct outcome *outcome)
{
    static struct table table;
    void *page = pages(4096);
    uint64_t sum = 0;

    table.entries = pages(4096);
    for (uint32_t ref = 8; ref < REFERENCES; ref++)
        table.next[ref] = ref + 1 < REFERENCES ? ref + 1 : NONE;
    table.free = 8;
    uint64_t start = nanoseconds();
    for (uint64_t round = 0; round < rounds; round++)
        share_and_reclaim(&table, page, &sum);
    outcome->nanoseconds = nanoseconds() - start;
    outcome->units = rounds;
    expect(sum >= 8 * rounds, "the first eight references are Xen's");
}

const struct bench grant_benches[] = { { "grant/1", run }, { 0 } };
