//! `multicall`: many hypercalls by one exit to Xen. Source: `xen.h`.
//!
//! ```
//! use xen_hypercall::{Errno, Hypercall, Port, ops::multicall::Batch};
//! use xen_sys::event_channel::EvtchnSend;
//!
//! /// Notifies two peers at once.
//! fn notify<H: Hypercall>(xen: &H, a: Port, b: Port) -> Result<(), Errno> {
//!     let (mut a, mut b) = (EvtchnSend { port: a }, EvtchnSend { port: b });
//!     let mut batch = Batch::<2>::new();
//!     batch.send(&mut a)?;
//!     batch.send(&mut b)?;
//!     batch.issue(xen)?.try_for_each(|result| result.map(drop))
//! }
//! ```

use super::check;
use crate::{Errno, Hypercall};
use core::marker::PhantomData;
use xen_sys::event_channel::{EVTCHNOP_SEND, EVTCHNOP_UNMASK, EvtchnSend, EvtchnUnmask};
use xen_sys::vcpu::{VCPUOP_SET_SINGLESHOT_TIMER, VcpuSetSingleshotTimer};
use xen_sys::xen::{
    HYPERVISOR_EVENT_CHANNEL_OP, HYPERVISOR_MULTICALL, HYPERVISOR_VCPU_OP, MulticallEntry,
};

/// Up to `N` hypercalls that are issued together. The batch borrows their structures until then.
#[derive(Debug)]
pub struct Batch<'a, const N: usize> {
    entries: [MulticallEntry; N],
    len: usize,
    structures: PhantomData<&'a mut ()>,
}

impl<const N: usize> Default for Batch<'_, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, const N: usize> Batch<'a, N> {
    /// Creates an empty batch.
    pub fn new() -> Self {
        Self { entries: [MulticallEntry::default(); N], len: 0, structures: PhantomData }
    }

    /// Returns the number of hypercalls in the batch.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether the batch is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a hypercall.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if there are `N` already.
    ///
    /// # Safety
    ///
    /// That of [`Hypercall::hypercall`], at the time of [`issue`](Self::issue).
    pub unsafe fn push(&mut self, op: usize, args: [usize; 5]) -> Result<(), Errno> {
        let entry = self.entries.get_mut(self.len).ok_or(Errno::ENOSPC)?;
        let [a, b, c, d, e] = args.map(|arg| arg as u64);
        // A call that Xen does not process has failed.
        let result = (-i64::from(Errno::EINVAL.0)).cast_unsigned();
        *entry = MulticallEntry { op: op as u64, result, args: [a, b, c, d, e, 0] };
        self.len += 1;
        Ok(())
    }

    /// Adds an operation of the common form: a command number and a pointer to its structure.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    ///
    /// # Safety
    ///
    /// As [`push`](Self::push); `arg` must be the structure that the command works on.
    pub unsafe fn command<T>(
        &mut self,
        op: usize,
        command: u32,
        arg: &'a mut T,
    ) -> Result<(), Errno> {
        let address = core::ptr::from_mut(arg).expose_provenance();
        // SAFETY: the operation is the caller's obligation; the structure is borrowed as long as
        // the batch lives.
        unsafe { self.push(op, [command as usize, address, 0, 0, 0]) }
    }

    /// Adds [`super::event_channel::send`].
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn send(&mut self, arg: &'a mut EvtchnSend) -> Result<(), Errno> {
        // SAFETY: the command's own structure, which contains no pointer.
        unsafe { self.command(HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_SEND, arg) }
    }

    /// Adds [`super::event_channel::unmask`].
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn unmask(&mut self, arg: &'a mut EvtchnUnmask) -> Result<(), Errno> {
        // SAFETY: the command's own structure, which contains no pointer.
        unsafe { self.command(HYPERVISOR_EVENT_CHANNEL_OP, EVTCHNOP_UNMASK, arg) }
    }

    /// Adds [`super::vcpu::set_singleshot_timer`].
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn set_singleshot_timer(
        &mut self,
        vcpu: u32,
        arg: &'a mut VcpuSetSingleshotTimer,
    ) -> Result<(), Errno> {
        let address = core::ptr::from_mut(arg).expose_provenance();
        let args = [VCPUOP_SET_SINGLESHOT_TIMER as usize, vcpu as usize, address, 0, 0];
        // SAFETY: the command's own structure, which contains no pointer.
        unsafe { self.push(HYPERVISOR_VCPU_OP, args) }
    }

    /// Issues all hypercalls in order, and returns their results in the same order. A failed call
    /// does not stop the next one.
    ///
    /// # Errors
    ///
    /// Xen's error for the multicall: `ENOSYS` in a guest of a kind without multicalls. No call was
    /// issued then.
    #[doc(alias = "__HYPERVISOR_multicall")]
    pub fn issue<H: Hypercall + ?Sized>(
        mut self,
        xen: &H,
    ) -> Result<impl Iterator<Item = Result<usize, Errno>>, Errno> {
        let calls = self.entries.as_mut_ptr().expose_provenance();
        // SAFETY: `len` entries are filled in, and the caller of `push` met its obligations.
        check(unsafe { xen.hypercall(HYPERVISOR_MULTICALL, [calls, self.len, 0, 0, 0]) })?;
        let results = self.entries.into_iter().take(self.len);
        Ok(results.map(|entry| check(entry.result.cast_signed() as isize)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Port;
    use crate::ops::recorder::Recorder;
    use std::vec::Vec;
    use zerocopy::IntoBytes;

    const NOT_DONE: u64 = -22i64 as u64;

    #[test]
    fn batch_results_come_in_order() {
        let (mut send, mut unmask) = (EvtchnSend { port: Port(5) }, EvtchnUnmask { port: Port(6) });
        let mut timer = VcpuSetSingleshotTimer::default();
        let (a, b, c) = ((&raw mut send).addr(), (&raw mut unmask).addr(), (&raw mut timer).addr());
        let entry = |op: usize, args: [usize; 3]| {
            let [x, y, z] = args.map(|arg| arg as u64);
            MulticallEntry { op: op as u64, result: NOT_DONE, args: [x, y, z, 0, 0, 0] }
        };
        let expected = [
            entry(HYPERVISOR_EVENT_CHANNEL_OP, [4, a, 0]),
            entry(HYPERVISOR_EVENT_CHANNEL_OP, [9, b, 0]),
            entry(HYPERVISOR_VCPU_OP, [8, 3, c]),
        ];
        let mut answer = expected;
        (answer[0].result, answer[1].result) = (0, -1i64 as u64);

        let mut batch = Batch::<4>::new();
        batch.send(&mut send).unwrap();
        batch.unmask(&mut unmask).unwrap();
        batch.set_singleshot_timer(3, &mut timer).unwrap();
        let xen = Recorder::expecting(0, size_of_val(&expected)).answering(&answer);
        let results: Vec<_> = batch.issue(&xen).unwrap().collect();
        assert_eq!(results, [Ok(0), Err(Errno::EPERM), Err(Errno::EINVAL)]);
        assert_eq!((xen.op(), xen.args()[1]), (HYPERVISOR_MULTICALL, 3));
        assert_eq!(xen.bytes(), expected.as_bytes());
    }

    #[test]
    fn call_beyond_full_batch_is_refused() {
        let (mut a, mut b) = (EvtchnSend::default(), EvtchnSend::default());
        let mut batch = Batch::<1>::new();
        assert!(batch.is_empty());
        assert_eq!(batch.send(&mut a), Ok(()));
        assert_eq!((batch.send(&mut b), batch.len()), (Err(Errno::ENOSPC), 1));
    }
}
