#include "bench.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

void *pages(size_t bytes)
{
    void *memory = aligned_alloc(4096, bytes);
    expect(memory != NULL, "memory");
    return memset(memory, 0, bytes);
}

void fail(const char *what)
{
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

int main(int argc, char **argv)
{
    const struct bench *const all[] = { ring_benches, thread_benches, event_benches, grant_benches,
                                        store_benches };
    struct outcome outcome = { 0 };

    expect(argc == 3, "usage: bench CASE ROUNDS");
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        for (const struct bench *bench = all[i]; bench->name; bench++)
            if (!strcmp(bench->name, argv[1])) {
                bench->run(strtoull(argv[2], NULL, 10), &outcome);
                printf("units=%llu notifications=%llu nanoseconds=%llu\n", (unsigned long long)outcome.units,
                       (unsigned long long)outcome.notifications, (unsigned long long)outcome.nanoseconds);
                return 0;
            }
    expect(0, "there is no such case");
}
