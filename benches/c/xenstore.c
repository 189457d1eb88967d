/* A client of xenstore: Xen's own library, of whose requests one is under way at a time. Its server is that of XENSTORED_PATH. */
#include "bench.h"
#include <string.h>
#include <xenstore.h>

/* How many children the directory has, and how many operations are timed together. */
enum { CHILDREN = 10, RUN = 60 };

static struct xs_handle *connect_store(void)
{
    struct xs_handle *store = xs_open(0);
    char path[] = "/bench/d/0";

    expect(store != NULL, "a connection to XENSTORED_PATH");
    expect(xs_write(store, XBT_NULL, "/bench/a", "value", 5), "a write");
    for (char *digit = path + sizeof(path) - 2, i = 0; i < CHILDREN; i++) {
        *digit = '0' + i;
        expect(xs_write(store, XBT_NULL, path, "x", 1), "a write");
    }
    return store;
}

static void read_node(struct xs_handle *store, xs_transaction_t transaction)
{
    unsigned int len;
    char *value = xs_read(store, transaction, "/bench/a", &len);

    expect(value != NULL && len == 5, "a read");
    free(value);
}

static void write_node(struct xs_handle *store, xs_transaction_t transaction)
{
    expect(xs_write(store, transaction, "/bench/a", "value", 5), "a write");
}

static void one_read(struct xs_handle *store)
{
    read_node(store, XBT_NULL);
}

static void one_write(struct xs_handle *store)
{
    write_node(store, XBT_NULL);
}

static void one_directory(struct xs_handle *store)
{
    unsigned int count;
    char **names = xs_directory(store, XBT_NULL, "/bench/d", &count);

    expect(names != NULL && count == CHILDREN, "a directory");
    free(names);
}

static void one_transaction(struct xs_handle *store)
{
    xs_transaction_t transaction = xs_transaction_start(store);

    expect(transaction != XBT_NULL, "a transaction");
    read_node(store, transaction);
    write_node(store, transaction);
    expect(xs_transaction_end(store, transaction, 0), "the end of a transaction");
}

static void run(uint64_t rounds, struct outcome *outcome, void (*operation)(struct xs_handle *store))
{
    struct xs_handle *store = connect_store();
    uint64_t runs = (rounds + RUN - 1) / RUN, least = UINT64_MAX;

    for (uint64_t run = 0; run < runs; run++) {
        uint64_t start = nanoseconds(), taken;

        for (int round = 0; round < RUN; round++)
            operation(store);
        taken = nanoseconds() - start;
        if (taken < least)
            least = taken;
    }
    outcome->units = runs * RUN;
    /* Two processes take turns, so whatever else the machine does adds to it: what counts is the quickest run. */
    outcome->nanoseconds = least * runs;
    xs_close(store);
}

static void run_read(uint64_t rounds, struct outcome *outcome)
{
    run(rounds, outcome, one_read);
}

static void run_write(uint64_t rounds, struct outcome *outcome)
{
    run(rounds, outcome, one_write);
}

static void run_directory(uint64_t rounds, struct outcome *outcome)
{
    run(rounds, outcome, one_directory);
}

static void run_transaction(uint64_t rounds, struct outcome *outcome)
{
    run(rounds, outcome, one_transaction);
}

/* What compilers call on systems whose C library is newer than the one here; the library was built there. */
__attribute__((weak)) long __isoc23_strtol(const char *text, char **end, int base)
{
    return strtol(text, end, base);
}

__attribute__((weak)) unsigned long __isoc23_strtoul(const char *text, char **end, int base)
{
    return strtoul(text, end, base);
}

const struct bench store_benches[] = {
    { "xenstore/read", run_read },
    { "xenstore/write", run_write },
    { "xenstore/directory", run_directory },
    { "xenstore/transaction", run_transaction },
    /* The library has no more to offer to whoever wants many values than one after the other. */
    { "xenstore/pipelined", run_read },
    { NULL, NULL },
};
