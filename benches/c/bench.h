/* What the C half of the benchmarks shares. Each case is run as `program CASE ROUNDS` and prints what it did. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdlib.h>

/* What a case did in its rounds. */
struct outcome {
    uint64_t units;         /* requests, ports, references or operations */
    uint64_t notifications; /* events that were sent */
    uint64_t nanoseconds;   /* of the rounds alone */
};

struct bench {
    const char *name;
    void (*run)(uint64_t rounds, struct outcome *outcome);
};

/* Lets the compiler know nothing of a variable: what used it stays, and it lies in memory as a whole. */
#define OPAQUE(variable) __asm__ volatile("" : "+m"(variable))

uint64_t nanoseconds(void);

/* Page-aligned memory of zeroes. */
void *pages(size_t bytes);

/* Ends with a message. */
_Noreturn void fail(const char *what);

/* Ends with a message unless the case came out as it has to. */
static inline void expect(int condition, const char *what)
{
    if (__builtin_expect(!condition, 0))
        fail(what);
}

extern const struct bench ring_benches[], event_benches[], grant_benches[], thread_benches[], store_benches[];

#endif
