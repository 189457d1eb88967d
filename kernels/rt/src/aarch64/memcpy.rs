//! `memcpy` by pairs of registers.
//!
//! Rust's own for this target makes no access without alignment, and takes 20 instructions for 8
//! bytes of ranges with different alignments, such as the data of packets. `arm64_entry!` enables
//! the MMU before any code of Rust, maps memory as normal and leaves alignment checks off.

core::arch::global_asm!(
    ".section .text.memcpy, \"ax\"",
    ".globl memcpy",
    "memcpy:",
    "mov x3, x0",
    "b 3f",
    "2:",
    "ldp x4, x5, [x1], #16",
    "ldp x6, x7, [x1], #16",
    "ldp x8, x9, [x1], #16",
    "ldp x10, x11, [x1], #16",
    "stp x4, x5, [x3], #16",
    "stp x6, x7, [x3], #16",
    "stp x8, x9, [x3], #16",
    "stp x10, x11, [x3], #16",
    "3:",
    "subs x2, x2, #64",
    "b.hs 2b",
    "add x2, x2, #64",
    "b 5f",
    "4:",
    "ldr x4, [x1], #8",
    "str x4, [x3], #8",
    "5:",
    "subs x2, x2, #8",
    "b.hs 4b",
    "add x2, x2, #8",
    "b 7f",
    "6:",
    "ldrb w4, [x1], #1",
    "strb w4, [x3], #1",
    "7:",
    "subs x2, x2, #1",
    "b.hs 6b",
    "ret",
);
