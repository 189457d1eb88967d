/* Pages granted, and the end of access, with the list of free references behind a spin lock. As a kernel's, the table is of either version,
 * grows when the list is empty, and a page that the peer still uses is deferred with its reference. */
#define __XEN_INTERFACE_VERSION__ 0x0003020a /* the first with version 2 */
#include "bench.h"
#include <xen/xen.h>
#include <xen/grant_table.h>

#define FRAMES 64
#define PER_FRAME (4096 / sizeof(grant_entry_v1_t))
#define NONE 0xffffffffu

struct table {
    volatile char lock;
    uint32_t free, frames;
    uint32_t *next; /* of each free reference, the one behind it */
    union {
        grant_entry_v1_t *v1;
        grant_entry_v2_t *v2;
    } entries;
    grant_status_t *status; /* of version 2 alone */
    struct deferred {
        struct deferred *next;
        uint32_t ref;
        void *page;
    } *deferred;
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

/* Adds a frame of entries to the free ones; the lock is held. Returns one of them, or NONE. */
static __attribute__((noinline, cold)) uint32_t grow(struct table *table)
{
    uint32_t first = table->frames * PER_FRAME;

    if (table->frames == FRAMES)
        return NONE;
    table->frames++;
    for (uint32_t ref = first + PER_FRAME; ref-- > (first ? first : GNTTAB_NR_RESERVED_ENTRIES);) {
        table->next[ref] = table->free;
        table->free = ref;
    }
    return table->free;
}

/* Defers a page and its reference until the peer releases them. */
static __attribute__((noinline, cold)) int defer(struct table *table, uint32_t ref, void *page)
{
    struct deferred *deferred = malloc(sizeof(*deferred));

    expect(deferred != NULL, "memory");
    lock(table);
    *deferred = (struct deferred){ .next = table->deferred, .ref = ref, .page = page };
    table->deferred = deferred;
    unlock(table);
    return 0;
}

static __attribute__((noinline, cold)) void permit_v2(struct table *table, uint32_t ref, domid_t peer, uint64_t frame)
{
    grant_entry_v2_t *entry = &table->entries.v2[ref];

    entry->full_page.frame = frame;
    entry->hdr.domid = peer;
    __atomic_store_n(&entry->hdr.flags, GTF_permit_access, __ATOMIC_RELEASE);
}

static __attribute__((noinline, cold)) int end_v2(struct table *table, uint32_t ref)
{
    __atomic_store_n(&table->entries.v2[ref].hdr.flags, 0, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return !(__atomic_load_n(&table->status[ref], __ATOMIC_ACQUIRE) & (GTF_reading | GTF_writing));
}

/* Grants a peer access to a frame. */
static inline void permit(struct table *table, uint32_t ref, domid_t peer, uint32_t frame)
{
    grant_entry_v1_t *entry = &table->entries.v1[ref];

    if (__builtin_expect(table->status != NULL, 0)) {
        permit_v2(table, ref, peer, frame);
        return;
    }
    entry->frame = frame;
    entry->domid = peer;
    __atomic_store_n(&entry->flags, GTF_permit_access, __ATOMIC_RELEASE);
}

/* Ends a peer's access; zero if it uses the frame. */
static inline int end(struct table *table, uint32_t ref)
{
    uint16_t *place = &table->entries.v1[ref].flags;
    uint16_t flags;

    if (__builtin_expect(table->status != NULL, 0))
        return end_v2(table, ref);
    flags = __atomic_load_n(place, __ATOMIC_RELAXED);
    do {
        if (flags & (GTF_reading | GTF_writing))
            return 0;
    } while (!__atomic_compare_exchange_n(place, &flags, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return 1;
}

static uint32_t grant(struct table *table, domid_t peer, uint32_t frame)
{
    uint32_t ref;

    lock(table);
    ref = table->free;
    if (ref == NONE)
        ref = grow(table);
    if (ref != NONE)
        table->free = table->next[ref];
    unlock(table);
    if (ref == NONE)
        return NONE;
    permit(table, ref, peer, frame);
    return ref;
}

static int end_access(struct table *table, uint32_t ref, void *page)
{
    if (!end(table, ref))
        return defer(table, ref, page);
    lock(table);
    table->next[ref] = table->free;
    table->free = ref;
    unlock(table);
    return 1;
}

/* Returns the page, or NULL if the peer still uses it. */
static __attribute__((noinline)) void *grant_and_end(struct table *table, void *page, uint64_t *sum)
{
    uint32_t ref = grant(table, 7, (uintptr_t)page / 4096);

    if (ref == NONE)
        return NULL;
    OPAQUE(ref);
    *sum += ref;
    return end_access(table, ref, page) ? page : NULL;
}

/* The same with several pages, for which the lock is taken once. */
static inline __attribute__((always_inline)) void *many(struct table *table, void *pages, uint64_t *sum, unsigned count)
{
    uint32_t refs[16], told;
    int all = 1;

    lock(table);
    for (unsigned i = 0; i < count; i++) {
        refs[i] = table->free;
        if (refs[i] == NONE && (refs[i] = grow(table)) == NONE) {
            while (i-- > 0) {
                table->next[refs[i]] = table->free;
                table->free = refs[i];
            }
            unlock(table);
            return NULL;
        }
        table->free = table->next[refs[i]];
    }
    unlock(table);
    for (unsigned i = 0; i < count; i++)
        permit(table, refs[i], 7, (uintptr_t)pages / 4096 + i);
    told = refs[0];
    OPAQUE(told);
    *sum += told;
    for (unsigned i = 0; i < count; i++)
        if (!end(table, refs[i]))
            all = defer(table, refs[i], (char *)pages + 4096 * i);
    if (!all)
        return NULL;
    lock(table);
    for (unsigned i = count; i-- > 0;) {
        table->next[refs[i]] = table->free;
        table->free = refs[i];
    }
    unlock(table);
    return pages;
}

static __attribute__((noinline)) void *grant_and_end_11(struct table *table, void *pages, uint64_t *sum)
{
    return many(table, pages, sum, 11);
}

static __attribute__((noinline)) void *grant_and_end_16(struct table *table, void *pages, uint64_t *sum)
{
    return many(table, pages, sum, 16);
}

typedef void *grant_and_end_t(struct table *table, void *pages, uint64_t *sum);

static void run(uint64_t rounds, unsigned count, grant_and_end_t *grant_and_end, struct outcome *outcome)
{
    struct table table = { .free = NONE, .next = pages(FRAMES * 4096), .entries.v1 = pages(FRAMES * 4096) };
    void *memory = pages(count * 4096);
    uint64_t sum = 0;

    uint64_t start = nanoseconds();
    for (uint64_t round = 0; round < rounds && memory; round++)
        memory = grant_and_end(&table, memory, &sum);
    outcome->nanoseconds = nanoseconds() - start;
    outcome->units = rounds * count;
    expect(memory && sum >= 8 * rounds, "the pages came back, and the first eight references are Xen's");
}

static void run_1(uint64_t rounds, struct outcome *outcome) { run(rounds, 1, grant_and_end, outcome); }
static void run_11(uint64_t rounds, struct outcome *outcome) { run(rounds, 11, grant_and_end_11, outcome); }
static void run_16(uint64_t rounds, struct outcome *outcome) { run(rounds, 16, grant_and_end_16, outcome); }

const struct bench grant_benches[] = {
    { "grant/1", run_1 }, { "grant/16", run_16 }, { "grant-frames/1", run_1 }, { "grant-frames/11", run_11 }, { 0 },
};
