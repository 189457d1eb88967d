/* Block requests through the front end, the back end and the front end again, in one thread. */
#include "bench.h"
#include "blkring.h"

/* Sends each request on its way again, with the next id and sector. */
static __attribute__((noinline)) int submit(blkif_front_ring_t *front, blkif_request_t *shadow, unsigned batch, uint64_t *next)
{
    int notify;

    for (unsigned i = 0; i < batch; i++) {
        blkif_request_t *request = &shadow[i];

        request->id = ++*next;
        request->sector_number += 8;
        OPAQUE(*request);
        *RING_GET_REQUEST(front, front->req_prod_pvt) = *request;
        front->req_prod_pvt++;
    }
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(front, notify);
    return notify;
}

static __attribute__((noinline)) uint64_t serve(blkif_back_ring_t *back)
{
    int notify, more;
    uint64_t notifications = 0;

    do {
        RING_IDX cons = back->req_cons, prod = back->sring->req_prod;
        xen_rmb();
        while (cons != prod) {
            blkif_request_t request;
            blkif_response_t *response;

            RING_COPY_REQUEST(back, cons, &request);
            OPAQUE(request);
            back->req_cons = ++cons;
            response = RING_GET_RESPONSE(back, back->rsp_prod_pvt);
            response->id = request.id;
            response->operation = request.operation;
            response->status = request.nr_segments == 11 ? BLKIF_RSP_OKAY : BLKIF_RSP_ERROR;
            back->rsp_prod_pvt++;
        }
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(back, notify);
        notifications += notify;
        RING_FINAL_CHECK_FOR_REQUESTS(back, more);
    } while (more);
    return notifications;
}

static __attribute__((noinline)) uint64_t complete(blkif_front_ring_t *front, uint64_t *sum)
{
    int more;
    uint64_t done = 0;

    do {
        RING_IDX cons = front->rsp_cons, prod = front->sring->rsp_prod;
        xen_rmb();
        for (; cons != prod; cons++) {
            blkif_response_t response;

            RING_COPY_RESPONSE(front, cons, &response);
            OPAQUE(response);
            *sum += response.id + response.status;
            done++;
        }
        front->rsp_cons = cons;
        RING_FINAL_CHECK_FOR_RESPONSES(front, more);
    } while (more);
    return done;
}

static void run(uint64_t rounds, unsigned batch, struct outcome *outcome)
{
    blkif_sring_t *shared = pages(4096);
    blkif_front_ring_t front;
    blkif_back_ring_t back;
    blkif_request_t shadow[32] = { 0 };
    uint64_t next = 0, sum = 0, count = rounds * batch;

    XEN_FRONT_RING_INIT(&front, shared, 4096);
    BACK_RING_INIT(&back, shared, 4096);
    for (unsigned i = 0; i < 32; i++) {
        shadow[i].operation = BLKIF_OP_WRITE;
        shadow[i].nr_segments = 11;
    }
    uint64_t start = nanoseconds();
    for (uint64_t round = 0; round < rounds; round++) {
        outcome->notifications += submit(&front, shadow, batch, &next);
        outcome->notifications += serve(&back);
        outcome->units += complete(&front, &sum);
    }
    outcome->nanoseconds = nanoseconds() - start;
    expect(outcome->units == count && sum == count * (count + 1) / 2, "every request answered once");
}

static void batch_1(uint64_t rounds, struct outcome *outcome) { run(rounds, 1, outcome); }
static void batch_8(uint64_t rounds, struct outcome *outcome) { run(rounds, 8, outcome); }
static void batch_32(uint64_t rounds, struct outcome *outcome) { run(rounds, 32, outcome); }

const struct bench ring_benches[] = {
    { "ring/1", batch_1 }, { "ring/8", batch_8 }, { "ring/32", batch_32 }, { 0 },
};
