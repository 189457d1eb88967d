//! A stand-in for Xen that writes down what it is asked: the operation, the five arguments, and the
//! bytes of the structure that one of them points to. It can answer with a result and other bytes.

use crate::Hypercall;
use core::cell::{Cell, RefCell};
use std::vec::Vec;
use zerocopy::{Immutable, IntoBytes};

#[derive(Debug, Default)]
pub(super) struct Recorder {
    /// Which argument points to the structure.
    at: usize,
    /// How long the structure is.
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

    /// Will return `result`.
    pub(super) fn returning(self, result: isize) -> Self {
        Self { result, ..self }
    }

    /// Will overwrite the structure with `answer`.
    pub(super) fn answering<T: IntoBytes + Immutable>(self, answer: &T) -> Self {
        Self { answer: answer.as_bytes().to_vec(), ..self }
    }

    /// The hypercall's number.
    pub(super) fn op(&self) -> usize {
        self.op.get()
    }

    pub(super) fn args(&self) -> [usize; 5] {
        self.args.get()
    }

    /// The structure as it came.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }

    /// How many hypercalls there were.
    pub(super) fn calls(&self) -> usize {
        self.calls.get()
    }
}

// SAFETY: it touches no memory but the structure that the test says is there.
unsafe impl Hypercall for Recorder {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        self.calls.set(self.calls.get() + 1);
        self.op.set(op);
        self.args.set(args);
        if self.size > 0 {
            let structure = core::ptr::with_exposed_provenance_mut::<u8>(args[self.at]);
            assert!(!structure.is_null(), "no structure at argument {}", self.at);
            let mut bytes = std::vec![0; self.size];
            // SAFETY: the test states the structure's size; an answer is no longer.
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

/// Asserts what functions issue, one line each: `call => hypercall, first arguments..., at INDEX
/// structure`.
///
/// The structure, if there is one, is expected at argument INDEX; the arguments before it are
/// compared as numbers.
macro_rules! issues {
    ($($call:ident($($arg:expr),* $(,)?) => $op:expr, [$($number:expr),*] $(, $structure:expr)?;)+) => {$({
        let before: &[usize] = &[$($number as usize),*];
        issues!(@one $call($($arg),*), $op, before $(, $structure)?);
    })+};
    (@one $call:ident($($arg:expr),*), $op:expr, $before:expr, $structure:expr) => {
        let structure = $structure;
        let xen = $crate::ops::recorder::Recorder::expecting($before.len(), size_of_val(&structure));
        #[allow(unused_unsafe, reason = "some of the functions are unsafe")]
        // SAFETY: the recorder touches nothing but the structure.
        let _ = unsafe { $call(&xen, $($arg),*) };
        assert_eq!(xen.op(), $op, "hypercall of {}", stringify!($call));
        assert_eq!(xen.args()[..$before.len()], *$before, "arguments of {}", stringify!($call));
        assert_eq!(xen.bytes(), zerocopy::IntoBytes::as_bytes(&structure), "structure of {}", stringify!($call));
    };
    (@one $call:ident($($arg:expr),*), $op:expr, $before:expr) => {
        let xen = $crate::ops::recorder::Recorder::default();
        #[allow(unused_unsafe, reason = "some of the functions are unsafe")]
        // SAFETY: the recorder touches nothing.
        let _ = unsafe { $call(&xen, $($arg),*) };
        assert_eq!(xen.op(), $op, "hypercall of {}", stringify!($call));
        assert_eq!(xen.args()[..$before.len()], *$before, "arguments of {}", stringify!($call));
    };
}
pub(super) use issues;
