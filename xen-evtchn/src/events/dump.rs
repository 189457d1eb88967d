//! Dump of all ports and vCPUs, for diagnosis.

use super::{EventChannels, FIFO_PORTS, MAX_VCPUS};
use core::fmt;
use xen_hypercall::sync::Ordering;
use xen_hypercall::{Platform, Port, SharedMem};
use xen_sys::event_channel::{EVTCHN_FIFO_LINKED, EVTCHN_FIFO_MASKED, EVTCHN_FIFO_PENDING};

/// State of a port.
struct State {
    pending: bool,
    masked: bool,
    linked: bool,
}

/// Result of [`EventChannels::dump`].
struct Dump<'e, P: Platform, M: AsRef<SharedMem>>(&'e EventChannels<P, M>);

impl<P: Platform, M: AsRef<SharedMem>> fmt::Display for Dump<'_, P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_dump(f)
    }
}

impl<P: Platform, M: AsRef<SharedMem>> EventChannels<P, M> {
    /// Returns the state of each vCPU that takes events and of each port that is pending or
    /// unmasked, one line each.
    ///
    /// It serves an administrator who sends `VIRQ_DEBUG` (`xl debug-keys q`) to a domain that
    /// hangs, to find an event without a handler. It changes nothing, and its values may be
    /// outdated on return.
    #[doc(alias = "VIRQ_DEBUG")]
    pub fn dump(&self) -> impl fmt::Display {
        Dump(self)
    }

    fn write_dump(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "events in the {:?} format", self.abi())?;
        for vcpu in 0..MAX_VCPUS {
            let page = self.vcpus.memory(vcpu);
            if vcpu == 0 || page.is_some() {
                self.dump_vcpu(f, vcpu, page)?;
            }
        }
        for port in (0..FIFO_PORTS).map(Port) {
            let Some(State { pending, masked, linked }) = self.state(port) else { break };
            if pending || !masked {
                let pending = if pending { "pending" } else { "idle" };
                let masked = if masked { ", masked" } else { "" };
                let linked = if linked { ", in a queue" } else { "" };
                writeln!(f, "port {port}: {pending}{masked}{linked}")?;
            }
        }
        Ok(())
    }

    fn dump_vcpu(
        &self,
        f: &mut fmt::Formatter<'_>,
        vcpu: usize,
        page: Option<&SharedMem>,
    ) -> fmt::Result {
        let Some(info) = self.vcpu_info(vcpu) else { return Ok(()) };
        let upcall = if info.upcall_pending.load(Ordering::Relaxed) == 0 {
            "no upcall"
        } else {
            "an upcall"
        };
        match page.filter(|_| self.is_fifo()) {
            Some(page) => {
                let ready = page.u32::<0>().load(Ordering::Relaxed);
                writeln!(f, "vCPU {vcpu}: {upcall}, queues {ready:#x}")
            }
            None => {
                let selector = info.pending_sel.load(Ordering::Relaxed);
                writeln!(f, "vCPU {vcpu}: {upcall}, words {selector:#x}")
            }
        }
    }

    fn state(&self, port: Port) -> Option<State> {
        if !self.is_fifo() {
            let (pending, masked) = self.two_level().port_bits(port)?;
            return Some(State { pending, masked, linked: false });
        }
        let word = self.event_word(port.0)?.load(Ordering::Relaxed);
        let has = |bit: u32| word & 1 << bit != 0;
        Some(State {
            pending: has(EVTCHN_FIFO_PENDING),
            masked: has(EVTCHN_FIFO_MASKED),
            linked: has(EVTCHN_FIFO_LINKED),
        })
    }
}
