//! A port that has an owner.

use core::fmt;
use xen_hypercall::{DomId, Errno, Platform, Port, ops::event_channel as op};
use xen_sys::xen::Virq;

/// An open port of this domain, closed when dropped.
///
/// New ports are masked, except those that [`EventChannels`](crate::EventChannels) never got to mask: an event on one becomes pending but makes
/// no upcall until [`unmask`](Self::unmask). A driver that is polled needs no more than that.
pub struct Channel<P: Platform> {
    platform: P,
    port: Port,
    close: bool,
}

impl<P: Platform> Channel<P> {
    /// Opens a port that domain `remote` may bind to.
    ///
    /// # Errors
    ///
    /// `ENOSPC` if the domain has no free port.
    #[doc(alias = "EVTCHNOP_alloc_unbound")]
    pub fn alloc_unbound(platform: P, remote: DomId) -> Result<Self, Errno> {
        let port = op::alloc_unbound(&platform, remote)?;
        Ok(Self { platform, port, close: true })
    }

    /// Opens a port bound to `remote_port`, which domain `remote` opened for this one. It is pending at once.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the remote port is not waiting for this domain, `ESRCH` if there is no such domain, `ENOSPC`.
    #[doc(alias = "EVTCHNOP_bind_interdomain")]
    pub fn bind_interdomain(platform: P, remote: DomId, remote_port: Port) -> Result<Self, Errno> {
        let port = op::bind_interdomain(&platform, remote, remote_port)?;
        Ok(Self { platform, port, close: true })
    }

    /// Opens a port for virtual interrupt `virq` (`VIRQ_*`) of `vcpu`.
    ///
    /// # Errors
    ///
    /// `EEXIST` if it is bound already, `EINVAL` for an unknown one or a global one on another vCPU than 0, `ENOENT`, `ENOSPC`.
    #[doc(alias = "EVTCHNOP_bind_virq")]
    pub fn bind_virq(platform: P, virq: Virq, vcpu: u32) -> Result<Self, Errno> {
        let port = op::bind_virq(&platform, virq, vcpu)?;
        Ok(Self { platform, port, close: true })
    }

    /// Opens a port whose notifications go to `vcpu` of this domain.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `ENOSPC`.
    #[doc(alias = "EVTCHNOP_bind_ipi")]
    pub fn bind_ipi(platform: P, vcpu: u32) -> Result<Self, Errno> {
        let port = op::bind_ipi(&platform, vcpu)?;
        Ok(Self { platform, port, close: true })
    }

    /// Takes a port that the toolstack opened before the domain started; it stays open when this is dropped.
    pub fn of_start_of_day(platform: P, port: Port) -> Self {
        Self { platform, port, close: false }
    }

    /// Returns the port's number.
    pub fn port(&self) -> Port {
        self.port
    }

    /// Sends an event to the other end.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the port is of a kind that can't send. A port whose other end is gone sends to nobody, without an error.
    #[doc(alias = "EVTCHNOP_send")]
    pub fn notify(&self) -> Result<(), Errno> {
        op::send(&self.platform, self.port)
    }

    /// Clears the mask, by hypercall: from any vCPU, with any event ABI.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the port is not open.
    #[doc(alias = "EVTCHNOP_unmask")]
    pub fn unmask(&self) -> Result<(), Errno> {
        op::unmask(&self.platform, self.port)
    }

    /// Makes `vcpu` the one that takes the port's upcalls.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `EINVAL` if the port is bound to a vCPU for good.
    #[doc(alias = "EVTCHNOP_bind_vcpu")]
    pub fn bind_vcpu(&self, vcpu: u32) -> Result<(), Errno> {
        op::bind_vcpu(&self.platform, self.port, vcpu)
    }
}

impl<P: Platform> Drop for Channel<P> {
    fn drop(&mut self) {
        if self.close {
            // The port is open, as only this value closes it; a refusal would leave nothing to do about it.
            let _ = op::close(&self.platform, self.port);
        }
    }
}

impl<P: Platform> fmt::Debug for Channel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("port", &self.port)
            .field("close", &self.close)
            .finish_non_exhaustive()
    }
}
