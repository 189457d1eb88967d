/*
 * A plugin of QEMU's TCG: counts executed instructions by owner, between marks.
 *
 * Owners are dom0 and the guest, and Xen while it works for the one or the other.
 * dom0 is a PV domain, so it runs without VMRUN; what Xen enters by VMRUN is the guest.
 *
 * A mark is the instruction `nopl 0x4e4558NN(%rax)`, in any domain; NN is MARK_BEGIN, MARK_END or
 * MARK_ENTRY. The file that the argument out= names gets the counts since the mark before:
 *
 *   phase NN XEN-FOR-DOM0 XEN-FOR-GUEST DOM0 GUEST EXITS
 *   block ADDRESS XEN-FOR-DOM0 XEN-FOR-GUEST DOM0 GUEST ENTRIES-FOR-DOM0 ENTRIES-FOR-GUEST
 *
 * The lines of blocks follow that of their phase, and have the instructions by owner and, for
 * blocks of Xen, how often each was entered.
 * After MARK_ENTRY the counts begin anew at the next instruction of the guest.
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
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);

#define EXPORT __attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

enum { MARK_BEGIN = 0, MARK_END = 1, MARK_ENTRY = 2 };
enum { XEN_FOR_DOM0, XEN_FOR_GUEST, DOM0, GUEST, OWNERS };

/* Xen's own text and data on x86-64 (asm/config.h: XEN_VIRT_START and what is below 1 GiB more). */
#define XEN_START UINT64_C(0xffff82d000000000)
#define XEN_END UINT64_C(0xffff830000000000)

/* A translated block: those of one address and length are one entry. */
struct block {
    struct block *next;
    uint64_t address;
    uint64_t length;
    bool is_xen;
    uint64_t instructions[OWNERS];
    uint64_t entries[2];
};

#define BUCKETS (1u << 18)
static struct block *buckets[BUCKETS];
static uint64_t sums[OWNERS];
static uint64_t exits;
static FILE *out;

/* The domain that Xen ran last, 1 for the guest, and whether the CPU is in guest mode. */
static int domain;
static bool in_guest;
static bool awaits_entry;

static void clear(void)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct block *b = buckets[i]; b; b = b->next) {
            memset(b->instructions, 0, sizeof b->instructions);
            memset(b->entries, 0, sizeof b->entries);
        }
    }
    memset(sums, 0, sizeof sums);
    exits = 0;
}

static void executed(unsigned int vcpu, void *data)
{
    struct block *b = data;
    int owner;

    (void)vcpu;
    if (b->is_xen) {
        in_guest = false;
        owner = domain;
        b->entries[domain]++;
    } else {
        domain = in_guest;
        owner = DOM0 + in_guest;
        if (awaits_entry && in_guest) {
            awaits_entry = false;
            clear();
        }
    }
    b->instructions[owner] += b->length;
    sums[owner] += b->length;
}

static void vmrun(unsigned int vcpu, void *data)
{
    (void)vcpu;
    (void)data;
    exits++;
    in_guest = true;
    domain = 1;
}

static void mark(unsigned int vcpu, void *data)
{
    int number = (int)(intptr_t)data;

    (void)vcpu;
    fprintf(out, "phase %d", number);
    for (int i = 0; i < OWNERS; i++)
        fprintf(out, " %" PRIu64, sums[i]);
    fprintf(out, " %" PRIu64 "\n", exits);
    if (number == MARK_END) {
        for (size_t i = 0; i < BUCKETS; i++) {
            for (struct block *b = buckets[i]; b; b = b->next) {
                const uint64_t *n = b->instructions;

                if (!(n[0] | n[1] | n[2] | n[3]))
                    continue;
                fprintf(out,
                        "block %" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                        " %" PRIu64 " %" PRIu64 "\n",
                        b->address, n[0], n[1], n[2], n[3], b->entries[0], b->entries[1]);
            }
        }
    }
    fflush(out);
    awaits_entry = number == MARK_ENTRY;
    clear();
}

static struct block *find(uint64_t address, uint64_t length)
{
    size_t bucket = (address * UINT64_C(0x9e3779b97f4a7c15)) >> 46;
    struct block *b;

    for (b = buckets[bucket]; b; b = b->next) {
        if (b->address == address && b->length == length)
            return b;
    }
    b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->next = buckets[bucket];
    b->address = address;
    b->length = length;
    b->is_xen = address >= XEN_START && address < XEN_END;
    buckets[bucket] = b;
    return b;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    static const uint8_t vmrun_code[] = { 0x0f, 0x01, 0xd8 };
    static const uint8_t mark_code[] = { 0x0f, 0x1f, 0x80, 0, 0x58, 0x45, 0x4e };
    size_t length = qemu_plugin_tb_n_insns(tb);
    struct block *b = find(qemu_plugin_tb_vaddr(tb), length);

    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS, b);
    for (size_t i = 0; i < length; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        const uint8_t *code = qemu_plugin_insn_data(insn);
        size_t size = qemu_plugin_insn_size(insn);

        if (b->is_xen && size == sizeof vmrun_code && !memcmp(code, vmrun_code, size)) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, vmrun, QEMU_PLUGIN_CB_NO_REGS, NULL);
        } else if (size == sizeof mark_code && !memcmp(code, mark_code, 3) &&
                   !memcmp(code + 4, mark_code + 4, 3)) {
            qemu_plugin_register_vcpu_insn_exec_cb(insn, mark, QEMU_PLUGIN_CB_NO_REGS,
                                                   (void *)(intptr_t)code[3]);
        }
    }
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
                               char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4)) {
        fprintf(stderr, "counts: the one argument is out=FILE\n");
        return 1;
    }
    out = fopen(argv[0] + 4, "w");
    if (!out) {
        perror(argv[0] + 4);
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
