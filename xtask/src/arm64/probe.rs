//! Code for the check in `mod.rs`, compiled for arm64 and never run.

#![no_std]

use xen_hypercall::{Hypercall, arch::Hvc};

/// Issues the same call three times and returns the sum of the results.
///
/// Whatever of a call is in a register that is not declared as changed, an optimizing compiler
/// leaves there for the next one.
///
/// # Safety
///
/// That of the hypercall.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn three_hypercalls(
    op: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
) -> isize {
    // SAFETY: the caller's obligations are those of the hypercall.
    let call = || unsafe { Hvc.hypercall(op, [a, b, c, d, e]) };
    call().wrapping_add(call()).wrapping_add(call())
}
