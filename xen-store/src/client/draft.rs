//! Requests that are being formatted.

use super::{Runtime, XenStore};
use crate::connection::{RequestId, Transport};
use crate::error::ErrorKind;
use crate::wire::Part;
use core::fmt::{self, Write};

/// A request whose slot is taken and whose payload is being formatted into it.
///
/// The caller's `Display` code can use the store, or take locks whose holders use the store. The
/// store's lock is held for the copy of each piece only, not while that code runs. A buffer outside
/// of the lock is no alternative: a payload has up to 4096 bytes, too many for a kernel stack.
///
/// Dropping it, as when formatting fails or panics, frees the slot.
pub(super) struct Draft<'a, P: Runtime, T: Transport> {
    store: &'a XenStore<P, T>,
    id: RequestId,
    len: usize,
    refusal: Option<ErrorKind>,
}

impl<'a, P: Runtime, T: Transport> Draft<'a, P, T> {
    pub(super) fn new(store: &'a XenStore<P, T>, id: RequestId) -> Self {
        Self { store, id, len: 0, refusal: None }
    }

    /// Formats the payload.
    pub(super) fn fill(mut self, parts: &[Part<'_>]) -> Result<Self, ErrorKind> {
        for part in parts {
            let start = self.len;
            let (done, is_path) = match part {
                Part::Bytes(bytes) => (self.push(bytes), false),
                Part::Text(text) => (self.write_fmt(*text), false),
                Part::Path(path) => (self.write_fmt(*path), true),
                Part::Nul => (self.push(b"\0"), false),
            };
            if done.is_err() && self.refusal.is_none() {
                return Err(ErrorKind::Format);
            }
            if is_path {
                // As much as fits is longer than any path may be, unless it is the other parts that
                // fill the payload.
                self.store.connection().check_path(self.id, start)?;
            }
            let done = if is_path { done.and_then(|()| self.push(b"\0")) } else { done };
            if done.is_err() {
                return Err(self.refusal.unwrap_or(ErrorKind::Format));
            }
        }
        Ok(self)
    }

    /// Leaves the slot to the owner of the id.
    pub(super) fn keep(self) {
        core::mem::forget(self);
    }

    fn push(&mut self, bytes: &[u8]) -> fmt::Result {
        if let Err(refusal) = self.store.connection().append(self.id, bytes) {
            self.refusal = Some(refusal);
            return Err(fmt::Error);
        }
        self.len += bytes.len();
        Ok(())
    }
}

impl<P: Runtime, T: Transport> Write for Draft<'_, P, T> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes())
    }
}

impl<P: Runtime, T: Transport> Drop for Draft<'_, P, T> {
    fn drop(&mut self) {
        self.store.connection().forget(self.id);
    }
}
