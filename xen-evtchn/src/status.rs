//! Status of a port.

use xen_hypercall::{DomId, Errno, Hypercall, Port, ops::event_channel as op};
use xen_sys::event_channel::EvtchnStat;
use xen_sys::xen::Virq;

/// Status of a port of this domain.
#[doc(alias = "evtchn_status")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Kind and remote end of the port.
    pub bound: Bound,
    /// vCPU that takes the port's upcalls.
    pub vcpu: u32,
}

/// Kind and remote end of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The port is not open.
    Closed,
    /// The port waits for domain `remote` to bind.
    Unbound {
        /// Domain that may bind to the port.
        remote: DomId,
    },
    /// The port is connected. A driver that received a port number from a third party can check its
    /// remote end here.
    Interdomain {
        /// Domain at the remote end.
        remote: DomId,
        /// Port at the remote end.
        port: Port,
    },
    /// Port of a physical interrupt.
    Pirq(u32),
    /// Port of a virtual interrupt.
    Virq(Virq),
    /// Port for events between vCPUs of this domain.
    Ipi,
    /// Kind that this crate does not support, by its number.
    Other(EvtchnStat),
}

impl Status {
    /// Reads the status of `port` of this domain from Xen.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the number is out of range.
    #[doc(alias = "EVTCHNOP_status")]
    pub fn query<H: Hypercall + ?Sized>(xen: &H, port: Port) -> Result<Self, Errno> {
        let status = op::status(xen, port)?;
        let [first, second] = status.u;
        // The domain is 16 bits wide, and the bits beside it are unspecified.
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
