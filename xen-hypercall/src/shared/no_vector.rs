//! Substitute for vector registers on targets without them: nothing is copied.

/// Copies nothing.
///
/// # Safety
///
/// None.
#[inline(always)]
pub(super) unsafe fn load<const BASE: usize>(
    _source: *mut u8,
    _target: *mut u8,
    _len: usize,
) -> usize {
    0
}

/// Copies nothing.
///
/// # Safety
///
/// None.
#[inline(always)]
pub(super) unsafe fn store<const BASE: usize>(
    _source: *const u8,
    _target: *mut u8,
    _len: usize,
) -> usize {
    0
}
