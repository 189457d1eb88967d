/*
 * A plugin of QEMU's TCG: counts executed instructions by owner, between marks.
 *
 * Owners are dom0, the guest, its driver domain and its peer, and Xen while it works for one of them.
 * dom0 is a PV domain on x86, so it runs without VMRUN; what Xen enters by VMRUN is one of the others.
 * On Arm, Xen enters each domain by ERET, and dom0 has the memory from its first instruction on, of as
 * many MiB as the argument dom0= says: Xen loads the kernel at the start of its one bank.
 * Their pages tell these apart: a page that is executed before MARK_PEER and MARK_ENTRY is the
 * driver domain's, one between these marks is the peer's, and a page that is executed right after
 * one of a domain is that domain's; the guest has all other pages.
 *
 * A mark is the instruction `nopl 0x4e4558NN(%rax)` or `movz xzr, #0x58NN`, in any domain; NN is
 * MARK_BEGIN, MARK_END, MARK_ENTRY, MARK_HANDLER or MARK_PEER. The file that the argument out= names gets the counts since the mark
 * before:
 *
 *   phase NN XEN... DOMAIN... EXITS...
 *   handlers COUNT INSTRUCTIONS
 *   block ADDRESS XEN... DOMAIN... ENTRIES...
 *
 * Each `...` is four numbers: for dom0, the guest, its driver domain and its peer.
 * MARK_HANDLER in the guest ends no phase. The line `handlers` has the number of these marks, and
 * all instructions, of any owner, from the first one of the guest after its last `hlt` to the mark.
 * The lines of blocks follow that of their phase, and have the instructions by owner and, for
 * blocks of Xen, how often each was entered.
 * After MARK_ENTRY the counts begin anew at the first instruction of the guest.
 *
 * The declarations are those of QEMU 7.2's plugin interface of version 1, which Debian's packages
 * have no header of.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS };
typedef void (*vcpu_callback)(unsigned int vcpu, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t,
                                           void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, vcpu_callback,
                                          enum qemu_plugin_cb_flags, void *);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, vcpu_callback,
                                            enum qemu_plugin_cb_flags, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
void *qemu_plugin_insn_haddr(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

enum { MARK_BEGIN = 0, MARK_END = 1, MARK_ENTRY = 2, MARK_HANDLER = 3, MARK_PEER = 4 };
enum { DOM0, GUEST, DRIVER_DOMAIN, PEER, DOMAINS };

/* Xen's own text and data on x86-64 (asm/config.h: XEN_VIRT_START and what is below 1 GiB more). */
#define XEN_START UINT64_C(0xffff82d000000000)
#define XEN_END UINT64_C(0xffff830000000000)

/* The same on arm64: XEN_VIRT_START of Xen 4.17, and of 4.20. Programs are linked above the one, and
 * lie far from the other. */
static const uint64_t arm_xen[][2] = {
    { UINT64_C(0x200000), UINT64_C(0x400000) },
    { UINT64_C(0xa0000200000), UINT64_C(0xa0000a00000) },
};

/* A page of the machine, and the domain that executes it, if that is known; never dom0. */
struct page {
    struct page *next;
    uintptr_t number;
    int owner;
};

/* A translated block: those of one address, length and page are one entry. */
struct block {
    struct block *next;
    struct page *page;
    uint64_t address;
    uint64_t length;
    bool is_xen;
    /* By domain; those of Xen are for it. */
    uint64_t instructions[DOMAINS];
    uint64_t entries[DOMAINS];
};

#define BUCKETS (1u << 18)
static struct block *buckets[BUCKETS];
static struct page *pages[BUCKETS];
static uint64_t xen_sums[DOMAINS];
static uint64_t sums[DOMAINS];
static uint64_t exits[DOMAINS];
static FILE *out;

/* Pages of dom0's memory on Arm, and the number of the first one; 0 until its first instruction. */
static uintptr_t dom0_pages;
static uintptr_t dom0_first;

/* The domain that Xen ran last, and whether the CPU is in guest mode. */
static int domain;
static bool in_guest;
/* Guest mode has begun, and no instruction was executed in it. */
static bool entered;
/* The owner of pages that are executed first when guest mode begins. */
static int newest = DRIVER_DOMAIN;
static bool awaits_entry;

/* The guest has halted, and executed no instruction since. */
static bool halted;
/* All instructions until the guest continued, and those until its handlers. */
static uint64_t awake_at;
static uint64_t handlers;
static uint64_t until_handlers;

static void clear(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct block *b = buckets[i]; b; b = b->next) {
            memset(b->instructions, 0, sizeof b->instructions);
            memset(b->entries, 0, sizeof b->entries);
        }
    }
    memset(xen_sums, 0, sizeof xen_sums);
    memset(sums, 0, sizeof sums);
    memset(exits, 0, sizeof exits);
    awake_at = handlers = until_handlers = 0;
}

/* Returns all instructions since the last mark. */
static uint64_t total(void)
{
    uint64_t sum = 0;

    for (int i = 0; i < DOMAINS; i++)
        sum += xen_sums[i] + sums[i];
    return sum;
}

/* Returns the domain that executes a page, after Xen has entered a domain of its kind. */
static int owner(struct page *page)
{
    if (dom0_pages) {
        if (!dom0_first) {
            /* Xen aligns the bank to 2 MiB, and QEMU the memory. */
            dom0_first = page->number & ~(uintptr_t)0x1ff;
        }
        if (page->number - dom0_first < dom0_pages)
            return DOM0;
    }
    if (!page->owner) {
        page->owner = entered ? newest : domain;
    }
    return page->owner;
}

static void executed(unsigned int vcpu, void *data)
{
    struct block *b = data;

    (void)vcpu;
    if (b->is_xen) {
        in_guest = false;
        b->entries[domain]++;
        xen_sums[domain] += b->length;
    } else {
        domain = in_guest ? owner(b->page) : DOM0;
        if (awaits_entry && domain == GUEST) {
            awaits_entry = false;
            clear();
        }
        if (in_guest && entered)
            exits[domain]++;
        if (halted && domain == GUEST) {
            halted = false;
            awake_at = total();
        }
        entered = false;
        sums[domain] += b->length;
    }
    b->instructions[domain] += b->length;
}

static void enter(unsigned int vcpu, void *data)
{
    (void)vcpu;
    (void)data;
    in_guest = true;
    entered = true;
}

static void halt(unsigned int vcpu, void *data)
{
    (void)vcpu;
    (void)data;
    halted |= in_guest && domain == GUEST;
}

static void print(const uint64_t *numbers)
{
    for (int i = 0; i < DOMAINS; i++)
        fprintf(out, " %" PRIu64, numbers[i]);
}

static void mark(unsigned int vcpu, void *data)
{
    static const uint64_t none[DOMAINS];
    int number = (int)(intptr_t)data;

    (void)vcpu;
    if (number == MARK_HANDLER) {
        if (in_guest && domain == GUEST) {
            handlers++;
            until_handlers += total() - awake_at;
        }
        return;
    }
    fprintf(out, "phase %d", number);
    print(xen_sums);
    print(sums);
    print(exits);
    fprintf(out, "\n");
    if (number == MARK_END) {
        fprintf(out, "handlers %" PRIu64 " %" PRIu64 "\n", handlers, until_handlers);
        for (size_t i = 0; i < BUCKETS; i++) {
            for (struct block *b = buckets[i]; b; b = b->next) {
                if (!memcmp(b->instructions, none, sizeof none))
                    continue;
                fprintf(out, "block %" PRIx64, b->address);
                print(b->is_xen ? b->instructions : none);
                print(b->is_xen ? none : b->instructions);
                print(b->entries);
                fprintf(out, "\n");
            }
        }
    }
    fflush(out);
    awaits_entry = number == MARK_ENTRY;
    if (number == MARK_PEER)
        newest = PEER;
    else if (awaits_entry)
        newest = GUEST;
    clear();
}

static size_t bucket_of(uint64_t number)
{
    return (number * UINT64_C(0x9e3779b97f4a7c15)) >> 46;
}

/* Returns the page of an address of the emulator. */
static struct page *find_page(const void *address)
{
    uintptr_t number = (uintptr_t)address >> 12;
    size_t bucket = bucket_of(number);
    struct page *page;

    for (page = pages[bucket]; page; page = page->next) {
        if (page->number == number)
            return page;
    }
    page = calloc(1, sizeof *page);
    if (!page)
        abort();
    page->next = pages[bucket];
    page->number = number;
    pages[bucket] = page;
    return page;
}

static bool is_xen(uint64_t address)
{
    if (!dom0_pages)
        return address >= XEN_START && address < XEN_END;
    for (size_t i = 0; i < sizeof arm_xen / sizeof *arm_xen; i++) {
        if (address >= arm_xen[i][0] && address < arm_xen[i][1])
            return true;
    }
    return false;
}

static struct block *find(uint64_t address, uint64_t length, struct page *page)
{
    size_t bucket = bucket_of(address);
    struct block *b;

    for (b = buckets[bucket]; b; b = b->next) {
        if (b->address == address && b->length == length && b->page == page)
            return b;
    }
    b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->next = buckets[bucket];
    b->page = page;
    b->address = address;
    b->length = length;
    b->is_xen = is_xen(address);
    buckets[bucket] = b;
    return b;
}

/* Kinds of instructions. */
enum { NONE, ENTER, HALT, A_MARK };

static int kind_x86(const uint8_t *code, size_t size, bool is_xen, int *number)
{
    static const uint8_t vmrun_code[] = { 0x0f, 0x01, 0xd8 };
    static const uint8_t mark_code[] = { 0x0f, 0x1f, 0x80, 0, 0x58, 0x45, 0x4e };

    if (is_xen && size == sizeof vmrun_code && !memcmp(code, vmrun_code, size))
        return ENTER;
    if (!is_xen && size == 1 && code[0] == 0xf4)
        return HALT;
    if (size != sizeof mark_code || memcmp(code, mark_code, 3) ||
        memcmp(code + 4, mark_code + 4, 3))
        return NONE;
    *number = code[3];
    return A_MARK;
}

static int kind_arm(const uint8_t *code, bool is_xen, int *number)
{
    uint32_t word;

    memcpy(&word, code, sizeof word);
    if (is_xen && word == UINT32_C(0xd69f03e0))
        return ENTER;
    if (!is_xen && word == UINT32_C(0xd503207f))
        return HALT;
    if ((word & UINT32_C(0xffffe01f)) != UINT32_C(0xd28b001f))
        return NONE;
    *number = word >> 5 & 0xff;
    return A_MARK;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t length = qemu_plugin_tb_n_insns(tb);
    struct page *page = find_page(qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0)));
    struct block *b = find(qemu_plugin_tb_vaddr(tb), length, page);

    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS, b);
    for (size_t i = 0; i < length; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        const uint8_t *code = qemu_plugin_insn_data(insn);
        size_t size = qemu_plugin_insn_size(insn);
        int number = 0;
        int kind = dom0_pages ? kind_arm(code, b->is_xen, &number)
                              : kind_x86(code, size, b->is_xen, &number);
        vcpu_callback call = kind == ENTER ? enter : kind == HALT ? halt : mark;

        if (kind != NONE)
            qemu_plugin_register_vcpu_insn_exec_cb(insn, call, QEMU_PLUGIN_CB_NO_REGS,
                                                   (void *)(intptr_t)number);
    }
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
                               char **argv)
{
    const char *path = NULL;
    bool is_wrong = false;

    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "out=", 4))
            path = argv[i] + 4;
        else if (!strncmp(argv[i], "dom0=", 5))
            dom0_pages = (uintptr_t)strtoul(argv[i] + 5, NULL, 10) << 8;
        else
            is_wrong = true;
    }
    if (!path || is_wrong) {
        fprintf(stderr, "counts: the arguments are out=FILE and, on Arm, dom0=MIB\n");
        return 1;
    }
    out = fopen(path, "w");
    if (!out) {
        perror(path);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
