/* Block requests from one thread to another and back, each asleep when there is nothing to do. */
#define _GNU_SOURCE
#include "bench.h"
#include "blkring.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/* An event channel: set by one side, awaited and cleared by the other. */
struct event {
    _Alignas(64) atomic_uint pending;
    uint64_t sent;
};

static void send_event(struct event *event)
{
    event->sent++;
    atomic_store(&event->pending, 1);
}

static void wait_event(struct event *event)
{
    for (unsigned spins = 0; !atomic_exchange(&event->pending, 0); spins++) {
        if (spins % 64 == 63)
            sched_yield();
        else
            __builtin_ia32_pause();
    }
}

struct world {
    void *shared;
    size_t bytes;
    uint64_t total;
    pthread_barrier_t ready;
    struct event to_back, to_front;
};

static void *back_end(void *argument)
{
    struct world *world = argument;
    blkif_back_ring_t back;
    uint64_t served = 0;

    BACK_RING_INIT(&back, (blkif_sring_t *)world->shared, world->bytes);
    pthread_barrier_wait(&world->ready);
    while (served < world->total) {
        RING_IDX cons = back.req_cons, prod = back.sring->req_prod;
        int notify, more;

        xen_rmb();
        while (cons != prod) {
            blkif_request_t request;
            blkif_response_t *response;

            RING_COPY_REQUEST(&back, cons, &request);
            OPAQUE(request);
            back.req_cons = ++cons;
            response = RING_GET_RESPONSE(&back, back.rsp_prod_pvt);
            response->id = request.id;
            response->operation = request.operation;
            response->status = BLKIF_RSP_OKAY;
            back.rsp_prod_pvt++;
            served++;
        }
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&back, notify);
        if (notify)
            send_event(&world->to_front);
        RING_FINAL_CHECK_FOR_REQUESTS(&back, more);
        if (!more && served < world->total)
            wait_event(&world->to_back);
    }
    return NULL;
}

static void run(uint64_t rounds, unsigned batch, size_t bytes, struct outcome *outcome)
{
    struct world world = { .shared = pages(bytes), .bytes = bytes, .total = rounds * batch };
    blkif_front_ring_t front;
    blkif_request_t shadow[32] = { 0 };
    uint64_t sent = 0, done = 0, sum = 0;
    pthread_t thread;

    XEN_FRONT_RING_INIT(&front, (blkif_sring_t *)world.shared, bytes);
    for (unsigned i = 0; i < 32; i++) {
        shadow[i].operation = BLKIF_OP_WRITE;
        shadow[i].nr_segments = 11;
    }
    pthread_barrier_init(&world.ready, NULL, 2);
    expect(!pthread_create(&thread, NULL, back_end, &world), "a thread");
    pthread_barrier_wait(&world.ready);
    uint64_t start = nanoseconds();
    while (done < world.total) {
        RING_IDX cons, prod;
        int notify, more;

        if (sent < world.total && RING_FREE_REQUESTS(&front) >= batch) {
            for (unsigned i = 0; i < batch; i++) {
                blkif_request_t *request = &shadow[i];

                request->id = ++sent;
                request->sector_number += 8;
                OPAQUE(*request);
                *RING_GET_REQUEST(&front, front.req_prod_pvt) = *request;
                front.req_prod_pvt++;
            }
            RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&front, notify);
            if (notify)
                send_event(&world.to_back);
        }
        cons = front.rsp_cons, prod = front.sring->rsp_prod;
        xen_rmb();
        for (; cons != prod; cons++) {
            blkif_response_t response;

            RING_COPY_RESPONSE(&front, cons, &response);
            OPAQUE(response);
            sum += response.id;
            done++;
        }
        front.rsp_cons = cons;
        if (done == world.total || (sent < world.total && RING_FREE_REQUESTS(&front) >= batch))
            continue;
        RING_FINAL_CHECK_FOR_RESPONSES(&front, more);
        if (!more)
            wait_event(&world.to_front);
    }
    outcome->nanoseconds = nanoseconds() - start;
    pthread_join(thread, NULL);
    outcome->units = done;
    outcome->notifications = world.to_back.sent + world.to_front.sent;
    expect(sum == done * (done + 1) / 2, "every request answered once");
}

static void batch_8_order_0(uint64_t rounds, struct outcome *outcome) { run(rounds, 8, 4096, outcome); }
static void batch_8_order_2(uint64_t rounds, struct outcome *outcome) { run(rounds, 8, 4 * 4096, outcome); }
static void batch_32_order_0(uint64_t rounds, struct outcome *outcome) { run(rounds, 32, 4096, outcome); }
static void batch_32_order_2(uint64_t rounds, struct outcome *outcome) { run(rounds, 32, 4 * 4096, outcome); }

const struct bench thread_benches[] = {
    { "threads/8/0", batch_8_order_0 },
    { "threads/8/2", batch_8_order_2 },
    { "threads/32/0", batch_32_order_0 },
    { "threads/32/2", batch_32_order_2 },
    { 0 },
};
