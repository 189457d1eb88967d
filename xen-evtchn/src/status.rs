//! What a port is bound to.

use xen_hypercall::{DomId, Errno, Hypercall, Port, ops::event_channel as op};
use xen_sys::event_channel::EvtchnStat;
use xen_sys::xen::Virq;

/// What a port of this domain is.
#[doc(alias = "evtchn_status")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// What it is bound to.
    pub bound: Bound,
    /// The vCPU that takes its upcalls.
    pub vcpu: u32,
}

/// What a port is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It is not open.
    Closed,
    /// It waits for domain `remote`.
    Unbound {
        /// The domain that may bind to it.
        remote: DomId,
    },
    /// It is connected. Whoever was given a port by a third party looks here whether it leads where
    /// it should.
    Interdomain {
        /// The domain at the other end.
        remote: DomId,
        /// The port at the other end.
        port: Port,
    },
    /// It is a physical interrupt's.
    Pirq(u32),
    /// It is a virtual interrupt's.
    Virq(Virq),
    /// It is for events between vCPUs of this domain.
    Ipi,
    /// It is something that Xen has and this crate does not know, by its number.
    Other(EvtchnStat),
}

impl Status {
    /// Asks Xen about `port` of this domain.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the number is out of range.
    #[doc(alias = "EVTCHNOP_status")]
    pub fn query<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<Self, Errno> {
        let status = op::status(xen, port)?;
        let [first, second] = status.u;
        // The domain is 16 bits wide, and what stands beside it is not said.
        let remote = DomId(first as u16);
        let bound = match status.status {
            EvtchnStat::CLOSED => Bound::Closed,
            EvtchnStat::UNBOUND => Bound::Unbound { remote },
            EvtchnStat::INTERDOMAIN => Bound::Interdomain { remote, port: Port(second) },
            EvtchnStat::PIRQ => Bound::Pirq(first),
            EvtchnStat::VIRQ => Bound::Virq(Virq(first)),
            EvtchnStat::IPI => Bound::Ipi,
            other => Bound::Other(other),
        };
        Ok(Self { bound, vcpu: status.vcpu })
    }
}
