//! Copies between shared and private memory.
//!
//! The shared side may change at any time, so it is accessed neither through a reference nor by
//! plain accesses that a compiler may repeat: small copies are words, bulk copies are opaque
//! machine instructions.

use super::access::Access;
use super::{before_load, vector};

macro_rules! load_words {
    ($int:ident, $source:expr, $target:expr, $len:expr) => {
        for at in (0..$len).step_by(size_of::<$int>()) {
            before_load($source.add(at), size_of::<$int>());
            let word = $int::load($source.add(at));
            $target.add(at).cast::<$int>().write_unaligned(word);
        }
    };
}

macro_rules! store_words {
    ($int:ident, $source:expr, $target:expr, $len:expr) => {
        for at in (0..$len).step_by(size_of::<$int>()) {
            let word = $source.add(at).cast::<$int>().read_unaligned();
            $int::store($target.add(at), word);
        }
    };
}

/// Copies a value of a size that the caller's compiler has, in the widest words that its address
/// permits.
///
/// The alignment of the address is known at compile time if `offset` is a multiple of a constant,
/// since memory begins at a page.
///
/// # Safety
///
/// `base + BASE + offset` must be valid shared memory and `target` valid private memory, `len`
/// bytes each. `base` must be page-aligned.
#[inline(always)]
pub(super) unsafe fn load_small<const BASE: usize>(
    base: *mut u8,
    offset: usize,
    target: *mut u8,
    len: usize,
) {
    // SAFETY: every vector and word lies within both ranges, by the caller's obligation, and is
    // aligned on the shared side.
    unsafe {
        let source = base.add(offset);
        let done = vector::load::<BASE>(source, target, len);
        let (source, target, len) = (source.add(BASE + done), target.add(done), len - done);
        let alignment = (BASE + offset + done) | len;
        if alignment.is_multiple_of(8) {
            load_words!(u64, source, target, len);
        } else if alignment.is_multiple_of(4) {
            load_words!(u32, source, target, len);
        } else {
            load_words!(u8, source, target, len);
        }
    }
}

/// Copies a value of a size that the caller's compiler has, in the widest words that its address
/// permits.
///
/// # Safety
///
/// `source` must be valid private memory and `base + BASE + offset` valid shared memory, `len`
/// bytes each. `base` must be page-aligned.
#[inline(always)]
pub(super) unsafe fn store_small<const BASE: usize>(
    source: *const u8,
    base: *mut u8,
    offset: usize,
    len: usize,
) {
    // SAFETY: every vector and word lies within both ranges, by the caller's obligation, and is
    // aligned on the shared side.
    unsafe {
        let target = base.add(offset);
        let done = vector::store::<BASE>(source, target, len);
        let (source, target, len) = (source.add(done), target.add(BASE + done), len - done);
        let alignment = (BASE + offset + done) | len;
        if alignment.is_multiple_of(8) {
            store_words!(u64, source, target, len);
        } else if alignment.is_multiple_of(4) {
            store_words!(u32, source, target, len);
        } else {
            store_words!(u8, source, target, len);
        }
    }
}

/// Copies any number of bytes out of shared memory.
///
/// # Safety
///
/// `source` must be valid shared memory and `target` valid private memory, `len` bytes each.
#[inline]
pub(super) unsafe fn load_bulk(source: *mut u8, target: *mut u8, len: usize) {
    cfg_if::cfg_if! {
        if #[cfg(all(target_arch = "x86_64", not(miri)))] {
            before_load(source, len);
            // SAFETY: the caller's obligation; private and shared memory never overlap.
            unsafe { rep_movs(source, target, len) }
        } else if #[cfg(all(target_arch = "aarch64", not(miri)))] {
            before_load(source, len);
            // SAFETY: the caller's obligation; private and shared memory never overlap.
            unsafe { load_store(source, target, len) }
        } else {
            let words = if source.addr().is_multiple_of(8) { len & !7 } else { 0 };
            // SAFETY: every word lies within both ranges, by the caller's obligation, and is
            // aligned on the shared side.
            unsafe {
                load_words!(u64, source, target, words);
                load_words!(u8, source.add(words), target.add(words), len - words);
            }
        }
    }
}

/// Copies any number of bytes into shared memory.
///
/// # Safety
///
/// `source` must be valid private memory and `target` valid shared memory, `len` bytes each.
#[inline]
pub(super) unsafe fn store_bulk(source: *const u8, target: *mut u8, len: usize) {
    cfg_if::cfg_if! {
        if #[cfg(all(target_arch = "x86_64", not(miri)))] {
            // SAFETY: the caller's obligation; private and shared memory never overlap.
            unsafe { rep_movs(source, target, len) }
        } else if #[cfg(all(target_arch = "aarch64", not(miri)))] {
            // SAFETY: the caller's obligation; private and shared memory never overlap.
            unsafe { load_store(source, target, len) }
        } else {
            let words = if target.addr().is_multiple_of(8) { len & !7 } else { 0 };
            // SAFETY: every word lies within both ranges, by the caller's obligation, and is
            // aligned on the shared side.
            unsafe {
                store_words!(u64, source, target, words);
                store_words!(u8, source.add(words), target.add(words), len - words);
            }
        }
    }
}

/// Copies by the processor's string instruction, which the compiler can neither repeat nor split.
///
/// # Safety
///
/// Both ranges must be valid for `len` bytes and not overlap.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
unsafe fn rep_movs(source: *const u8, target: *mut u8, len: usize) {
    // SAFETY: the ranges are valid by the caller's obligation; the ABI keeps the direction flag
    // clear.
    unsafe {
        core::arch::asm!(
            "rep movsq",
            "mov ecx, {tail:e}",
            "rep movsb",
            tail = in(reg) len % 8,
            inout("rcx") len / 8 => _,
            inout("rsi") source => _,
            inout("rdi") target => _,
            options(nostack, preserves_flags),
        );
    }
}

/// Copies by loads and stores, each of which is one instruction that the compiler can neither
/// repeat nor split: 64 bytes a turn, then words, then bytes. Ranges without alignment are copied
/// by bytes: the processor may be set to refuse others, which Rust's target without an operating
/// system expects.
///
/// # Safety
///
/// Both ranges must be valid for `len` bytes and not overlap.
#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline]
unsafe fn load_store(source: *const u8, target: *mut u8, len: usize) {
    let words = if (source.addr() | target.addr()).is_multiple_of(8) { len & !7 } else { 0 };
    // SAFETY: the ranges are valid by the caller's obligation; the loops access `words` bytes of
    // each, in aligned words, then the others.
    unsafe {
        core::arch::asm!(
            "b 3f",
            "2:",
            "ldp {a}, {b}, [{source}], #16",
            "ldp {c}, {d}, [{source}], #16",
            "ldp {e}, {f}, [{source}], #16",
            "ldp {g}, {h}, [{source}], #16",
            "stp {a}, {b}, [{target}], #16",
            "stp {c}, {d}, [{target}], #16",
            "stp {e}, {f}, [{target}], #16",
            "stp {g}, {h}, [{target}], #16",
            "3:",
            "subs {words}, {words}, #64",
            "b.hs 2b",
            "add {words}, {words}, #64",
            "b 5f",
            "4:",
            "ldr {a}, [{source}], #8",
            "str {a}, [{target}], #8",
            "5:",
            "subs {words}, {words}, #8",
            "b.hs 4b",
            "b 7f",
            "6:",
            "ldrb {a:w}, [{source}], #1",
            "strb {a:w}, [{target}], #1",
            "7:",
            "subs {bytes}, {bytes}, #1",
            "b.hs 6b",
            a = out(reg) _, b = out(reg) _, c = out(reg) _, d = out(reg) _,
            e = out(reg) _, f = out(reg) _, g = out(reg) _, h = out(reg) _,
            words = inout(reg) words => _,
            bytes = inout(reg) len - words => _,
            source = inout(reg) source => _,
            target = inout(reg) target => _,
            options(nostack),
        );
    }
}
