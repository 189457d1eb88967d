//! Stand-in for Xen that records each hypercall: the operation, the five arguments, and the bytes
//! of the structure that one of these points to. It can return a result and write other bytes.

use crate::Hypercall;
use core::cell::{Cell, RefCell};
use std::vec::Vec;
use zerocopy::{Immutable, IntoBytes};

#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// Index of the argument that points to the structure.
    at: usize,
    /// Size of the structure.
    size: usize,
    result: isize,
    answer: Vec<u8>,
    op: Cell<usize>,
    args: Cell<[usize; 5]>,
    bytes: RefCell<Vec<u8>>,
    calls: Cell<usize>,
}

impl Recorder {
    /// Expects a structure of `size` bytes at argument `at`.
    pub(super) fn expecting(at: usize, size: usize) -> Self {
        Self { at, size, ..Self::default() }
    }

    /// Sets the result of hypercalls.
    pub(super) fn returning(self, result: isize) -> Self {
        Self { result, ..self }
    }

    /// Sets the value that overwrites the structure.
    pub(super) fn answering<T: IntoBytes + Immutable>(self, answer: &T) -> Self {
        Self { answer: answer.as_bytes().to_vec(), ..self }
    }

    /// Returns the hypercall's number.
    pub(super) fn op(&self) -> usize {
        self.op.get()
    }

    pub(super) fn args(&self) -> [usize; 5] {
        self.args.get()
    }

    /// Returns the structure of the last hypercall.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }

    /// Returns the number of hypercalls.
    pub(super) fn calls(&self) -> usize {
        self.calls.get()
    }
}

// SAFETY: accesses no memory but the structure that the test names.
unsafe impl Hypercall for Recorder {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        self.calls.set(self.calls.get() + 1);
        self.op.set(op);
        self.args.set(args);
        if self.size > 0 {
            let structure = core::ptr::with_exposed_provenance_mut::<u8>(args[self.at]);
            assert!(!structure.is_null(), "no structure at argument {}", self.at);
            let mut bytes = std::vec![0; self.size];
            // SAFETY: the test gives the structure's size; a new value is no longer.
            unsafe {
                structure.copy_to_nonoverlapping(bytes.as_mut_ptr(), self.size);
                structure.copy_from_nonoverlapping(
                    self.answer.as_ptr(),
                    self.answer.len().min(self.size),
                );
            }
            *self.bytes.borrow_mut() = bytes;
        }
        self.result
    }
}

/// Asserts the hypercalls of functions, one line each: `call => hypercall, first arguments..., at
/// INDEX structure`.
///
/// The structure, if there is one, is expected at argument INDEX; the arguments before it are
/// compared as numbers.
macro_rules! issues {
    ($(
        $call:ident($($arg:expr),* $(,)?) => $op:expr, [$($number:expr),*] $(, $structure:expr)?;
    )+) => {$({
        let before: &[usize] = &[$($number as usize),*];
        issues!(@one $call($($arg),*), $op, before $(, $structure)?);
    })+};
    (@one $call:ident($($arg:expr),*), $op:expr, $before:expr, $structure:expr) => {
        let structure = $structure;
        let size = size_of_val(&structure);
        let xen = $crate::ops::recorder::Recorder::expecting($before.len(), size);
        #[allow(unused_unsafe, reason = "some of the functions are unsafe")]
        // SAFETY: the recorder accesses only the structure.
        let _ = unsafe { $call(&xen, $($arg),*) };
        assert_eq!(xen.op(), $op, "hypercall of {}", stringify!($call));
        assert_eq!(xen.args()[..$before.len()], *$before, "arguments of {}", stringify!($call));
        let bytes = zerocopy::IntoBytes::as_bytes(&structure);
        assert_eq!(xen.bytes(), bytes, "structure of {}", stringify!($call));
    };
    (@one $call:ident($($arg:expr),*), $op:expr, $before:expr) => {
        let xen = $crate::ops::recorder::Recorder::default();
        #[allow(unused_unsafe, reason = "some of the functions are unsafe")]
        // SAFETY: the recorder accesses no memory.
        let _ = unsafe { $call(&xen, $($arg),*) };
        assert_eq!(xen.op(), $op, "hypercall of {}", stringify!($call));
        assert_eq!(xen.args()[..$before.len()], *$before, "arguments of {}", stringify!($call));
    };
}
pub(super) use issues;
