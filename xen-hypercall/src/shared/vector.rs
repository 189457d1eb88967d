//! Copies between shared and private memory by vector registers, on targets with them: most kernels
//! are built without.

use super::before_load;
use core::arch::{asm, x86_64::__m128i};

/// Size of a register.
const BYTES: usize = size_of::<__m128i>();

/// Minimum size for vectors: a shorter value is cheaper in general registers, where it usually is
/// already.
const WORTH_IT: usize = 2 * BYTES;

/// Calls a function for each register's worth of `$whole` bytes, with the constant part of the
/// address as its parameter.
macro_rules! each_vector {
    ($whole:expr, $copy:ident, $source:expr, $target:expr) => {
        for block in (0..$whole).step_by(8 * BYTES) {
           each_vector!(
                $whole - block,
                $copy,
                $source.add(block),
                $target.add(block),
                0 1 2 3 4 5 6 7
            );
        }
    };
    ($left:expr, $copy:ident, $source:expr, $target:expr, $($index:literal)*) => {
        $(if $left > $index * BYTES {
            $copy::<BASE, { $index * BYTES }>($source, $target);
        })*
    };
}

/// Copies the whole vectors of a value, and returns their length.
///
/// # Safety
///
/// `source + BASE` must be valid shared memory and `target` valid private memory, `len` bytes each.
#[inline(always)]
pub(super) unsafe fn load<const BASE: usize>(
    source: *mut u8,
    target: *mut u8,
    len: usize,
) -> usize {
    let whole = whole(len);
    // SAFETY: every vector lies within both ranges, by the caller's obligation.
    unsafe { each_vector!(whole, load_one, source, target) };
    whole
}

/// Copies the whole vectors of a value, and returns their length.
///
/// # Safety
///
/// `source` must be valid private memory and `target + BASE` valid shared memory, `len` bytes each.
#[inline(always)]
pub(super) unsafe fn store<const BASE: usize>(
    source: *const u8,
    target: *mut u8,
    len: usize,
) -> usize {
    let whole = whole(len);
    // SAFETY: every vector lies within both ranges, by the caller's obligation.
    unsafe { each_vector!(whole, store_one, source, target) };
    whole
}

#[inline(always)]
fn whole(len: usize) -> usize {
    if len < WORTH_IT { 0 } else { len - len % BYTES }
}

/// Copies one vector out of shared memory.
///
/// # Safety
///
/// 16 bytes must be valid: shared ones at `source + BASE + AT`, private ones at `target + AT`.
#[inline(always)]
unsafe fn load_one<const BASE: usize, const AT: usize>(source: *mut u8, target: *mut u8) {
    // SAFETY: within the source, by the caller's obligation.
    before_load(unsafe { source.add(BASE + AT) }, BYTES);
    let value: __m128i;
    // SAFETY: one opaque load that the compiler cannot repeat, then a store to private memory.
    unsafe {
        asm!(
            "movups {value}, [{source} + {at}]",
            source = in(reg) source,
            at = const BASE + AT,
            value = out(xmm_reg) value,
            options(readonly, nostack, preserves_flags),
        );
        target.add(AT).cast::<__m128i>().write_unaligned(value);
    }
}

/// Copies one vector into shared memory.
///
/// # Safety
///
/// 16 bytes must be valid: private ones at `source + AT`, shared ones at `target + BASE + AT`.
#[inline(always)]
unsafe fn store_one<const BASE: usize, const AT: usize>(source: *const u8, target: *mut u8) {
    // SAFETY: a load from private memory, then one opaque store.
    unsafe {
        let value = source.add(AT).cast::<__m128i>().read_unaligned();
        asm!(
            "movups [{target} + {at}], {value}",
            target = in(reg) target,
            at = const BASE + AT,
            value = in(xmm_reg) value,
            options(nostack, preserves_flags),
        );
    }
}
