//! Ports with an owner.

use crate::{Bound, Status};
use core::fmt;
use xen_hypercall::{DomId, Errno, Platform, Port, ops::event_channel as op};
use xen_sys::xen::Virq;

/// An open port of this domain, closed when dropped.
///
/// A port that was opened before the domain was suspended and resumed as a new one is not closed:
/// its number can be another owner's ([`Claims::epoch`](xen_hypercall::Claims::epoch)).
///
/// New ports are masked: an event on one becomes pending and makes no upcall until
/// [`unmask`](Self::unmask), so that a driver that polls needs no handler. A port that
/// [`EventChannels`](crate::EventChannels) never masked is the exception. The platform is notified
/// of each port that is opened and closed.
pub struct Channel<P: Platform> {
    platform: P,
    port: Port,
    end: End,
    /// The epoch of the domain in which the port was opened.
    epoch: u32,
}

/// Work of a drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The port is closed.
    Close,
    /// The platform is notified, and the port stays open.
    Leave,
    /// Nothing.
    None,
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
        Self::opened(platform, port, 0)
    }

    /// Opens a port bound to `remote_port`, which domain `remote` opened for this one. The new port
    /// is pending at once.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the remote port is not waiting for this domain, `ESRCH` if there is no such
    /// domain, `ENOSPC`.
    #[doc(alias = "EVTCHNOP_bind_interdomain")]
    pub fn bind_interdomain(platform: P, remote: DomId, remote_port: Port) -> Result<Self, Errno> {
        let port = op::bind_interdomain(&platform, remote, remote_port)?;
        Self::opened(platform, port, 0)
    }

    /// Opens a port for virtual interrupt `virq` (`VIRQ_*`) of `vcpu`.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the interrupt is bound already, `EINVAL` for an unknown interrupt or a global
    /// one on another vCPU than 0, `ENOENT`, `ENOSPC`.
    #[doc(alias = "EVTCHNOP_bind_virq")]
    pub fn bind_virq(platform: P, virq: Virq, vcpu: u32) -> Result<Self, Errno> {
        let port = op::bind_virq(&platform, virq, vcpu)?;
        Self::opened(platform, port, vcpu)
    }

    /// Opens a port whose notifications go to `vcpu` of this domain.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `ENOSPC`.
    #[doc(alias = "EVTCHNOP_bind_ipi")]
    pub fn bind_ipi(platform: P, vcpu: u32) -> Result<Self, Errno> {
        let port = op::bind_ipi(&platform, vcpu)?;
        Self::opened(platform, port, vcpu)
    }

    /// Opens a port for physical interrupt `pirq`, on vCPU 0.
    ///
    /// In an HVM guest the interrupt is an emulated device's, in a PV dom0 the machine's.
    /// `PHYSDEVOP_map_pirq` returns its number. `will_share` allows other domains to bind the
    /// interrupt too. After each event, the driver serves the device and issues `PHYSDEVOP_eoi`.
    ///
    /// # Errors
    ///
    /// `EEXIST` if the interrupt is bound already, `EINVAL` for an unknown one, `EPERM` if this
    /// domain has no access to it, `ENOSPC`.
    #[doc(alias = "EVTCHNOP_bind_pirq")]
    pub fn bind_pirq(platform: P, pirq: u32, will_share: bool) -> Result<Self, Errno> {
        let port = op::bind_pirq(&platform, pirq, will_share)?;
        Self::opened(platform, port, 0)
    }

    /// Notifies the platform of a new port. If the platform cannot use the port, it is closed
    /// again.
    fn opened(platform: P, port: Port, vcpu: u32) -> Result<Self, Errno> {
        let epoch = platform.claims().epoch();
        let this = Self { platform, port, end: End::Close, epoch };
        this.platform.port_opened(port, vcpu)?;
        Ok(this)
    }

    /// Takes a port of the system's static configuration (`xen,evtchn-v1` of a device tree): Xen
    /// connected it to another domain before the domain started. The port stays open when this
    /// value is dropped, as nothing could connect it again, and can be taken again.
    ///
    /// The port's number is a part of the same configuration, and Xen does not describe it to the
    /// domain. An event can be pending although the other domain has sent none.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the port is not connected to another domain; those of
    /// [`Platform::port_opened`].
    #[doc(alias = "IOCTL_EVTCHN_BIND_STATIC")]
    pub fn bind_static(platform: P, port: Port) -> Result<Self, Errno> {
        let status = Status::query(&platform, port)?;
        if !matches!(status.bound, Bound::Interdomain { .. }) {
            return Err(Errno::EINVAL);
        }
        let epoch = platform.claims().epoch();
        platform.port_opened(port, status.vcpu)?;
        Ok(Self { platform, port, end: End::Leave, epoch })
    }

    /// Takes a port that the toolstack opened before the domain started. The port stays open when
    /// this value is dropped.
    pub fn from_toolstack(platform: P, port: Port) -> Self {
        let epoch = platform.claims().epoch();
        Self { platform, port, end: End::None, epoch }
    }

    /// Drops a port without closing it.
    ///
    /// The domain was suspended and resumed elsewhere: there the number belongs to no port, or to a
    /// port of another owner.
    pub fn forget(mut self) {
        self.end = End::None;
    }

    /// Returns the port's number.
    pub fn port(&self) -> Port {
        self.port
    }

    /// Sends an event to the remote end.
    ///
    /// # Errors
    ///
    /// `EINVAL` if events cannot be sent on a port of this kind. If the remote end is closed, the
    /// event is dropped without an error.
    #[doc(alias = "EVTCHNOP_send")]
    pub fn notify(&self) -> Result<(), Errno> {
        op::send(&self.platform, self.port)
    }

    /// Clears the mask by hypercall, from any vCPU and in either format.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the port is beyond those that Xen has ever opened. A closed port is no error.
    #[doc(alias = "EVTCHNOP_unmask")]
    pub fn unmask(&self) -> Result<(), Errno> {
        op::unmask(&self.platform, self.port)
    }

    /// Returns what the port is bound to.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the port is none of this domain's, as after a resume elsewhere.
    #[doc(alias = "EVTCHNOP_status")]
    pub fn status(&self) -> Result<Status, Errno> {
        Status::query(&self.platform, self.port)
    }

    /// Sets the port's priority, from 0 (highest) to 15. New ports have priority 7.
    ///
    /// # Errors
    ///
    /// `ENOSYS` in the 2-level format, `EINVAL` for a priority out of range.
    #[doc(alias = "EVTCHNOP_set_priority")]
    pub fn set_priority(&self, priority: u32) -> Result<(), Errno> {
        op::set_priority(&self.platform, self.port, priority)
    }
}

impl<P: Platform> Drop for Channel<P> {
    fn drop(&mut self) {
        if self.end == End::None || self.platform.claims().epoch() != self.epoch {
            return;
        }
        self.platform.port_closing(self.port);
        if self.end == End::Close {
            // The port is open, since only this value closes it. There is no recovery from a
            // refusal.
            let _ = op::close(&self.platform, self.port);
        }
    }
}

impl<P: Platform> fmt::Debug for Channel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("port", &self.port)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
