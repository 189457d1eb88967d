//! Shutdown and suspend requests of the toolstack.
//!
//! A toolstack writes a request to the domain's node `control/shutdown`; the domain acknowledges it
//! by an empty value. A request to suspend comes from `xl save` and `xl migrate`: see
//! [`ShutdownWatcher::suspend`]. Source: `xenstore-paths.pandoc`.

use super::request::{Invalid, RequestNode};
use core::fmt;
use heapless::Vec;
use thiserror::Error;
use xen_evtchn::Channel;
use xen_grant::{GrantError, GrantTable};
use xen_hypercall::boot::BootError;
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{DomId, Errno, Platform};
use xen_store::{ErrorKind, StoreError, XenStore, XsOps};
use xen_sys::sched::ShutdownReason;

const SHUTDOWN: &str = "control/shutdown";

/// Request of a toolstack to a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShutdownRequest {
    /// Power off.
    Poweroff,
    /// Halt, without a power-off.
    Halt,
    /// Reboot.
    Reboot,
    /// Suspend.
    Suspend,
    /// Crash, so that the domain's memory can be examined.
    Crash,
    /// Enter ACPI state S3: suspend to RAM.
    S3,
    /// Enter ACPI state S4: suspend to disk, then power off.
    S4,
}

impl ShutdownRequest {
    /// All requests.
    pub const ALL: [Self; 7] =
        [Self::Poweroff, Self::Halt, Self::Reboot, Self::Suspend, Self::Crash, Self::S3, Self::S4];

    /// Returns the value of `control/shutdown` for the request.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Poweroff => "poweroff",
            Self::Halt => "halt",
            Self::Reboot => "reboot",
            Self::Suspend => "suspend",
            Self::Crash => "crash",
            Self::S3 => "s3",
            Self::S4 => "s4",
        }
    }

    /// Returns the reason to shut the domain down with; `None` for a suspend of any kind.
    pub const fn reason(self) -> Option<ShutdownReason> {
        match self {
            Self::Poweroff | Self::Halt => Some(ShutdownReason::POWEROFF),
            Self::Reboot => Some(ShutdownReason::REBOOT),
            Self::Crash => Some(ShutdownReason::CRASH),
            Self::Suspend | Self::S3 | Self::S4 => None,
        }
    }

    /// Returns the node by which a domain advertises support for the request, if there is one.
    pub const fn feature(self) -> Option<&'static str> {
        match self {
            Self::Poweroff => Some("control/feature-poweroff"),
            Self::Reboot => Some("control/feature-reboot"),
            Self::Suspend => Some("control/feature-suspend"),
            Self::S3 => Some("control/feature-s3"),
            Self::S4 => Some("control/feature-s4"),
            Self::Halt | Self::Crash => None,
        }
    }
}

impl fmt::Display for ShutdownRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Error of a suspend or a resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SuspendError {
    /// Requests to xenstored stayed in progress; nothing has changed.
    #[error("not suspended: {0}")]
    Store(ErrorKind),
    /// The kernel's part failed, or Xen refused; nothing has changed.
    #[error("not suspended: {0}")]
    Xen(Errno),
    /// The domain is resumed elsewhere, and the kernel's part failed there. The store is still
    /// suspended. Set the kernel's part up, then call [`ShutdownWatcher::resume`];
    /// or shut the domain down.
    #[error("resumed, but the kernel is not set up: {0}")]
    NotSetUp(Errno),
    /// The domain is resumed elsewhere without a grant table.
    #[error("resumed without grants: {0}")]
    Grants(GrantError),
    /// The domain is resumed elsewhere without xenstore.
    #[error("resumed without xenstore: {0}")]
    Ring(BootError),
}

/// Watcher of `control/shutdown`: the toolstack's requests to this domain.
#[derive(Debug)]
pub struct ShutdownWatcher<P: Platform> {
    node: RequestNode<P>,
    /// Requests that the domain supports, each once.
    supported: Vec<ShutdownRequest, { ShutdownRequest::ALL.len() }>,
    /// The supported requests are advertised.
    is_advertised: bool,
}

impl<P: Platform> ShutdownWatcher<P> {
    /// Watches `control/shutdown` and advertises the requests of `supported`, which the caller
    /// supports. Unsupported requests are not acknowledged.
    ///
    /// A feature node that xenstored refuses to write is logged, and its request is still received:
    /// not all toolstacks create these nodes, and a domain cannot in a read-only `control`
    /// directory.
    ///
    /// A toolstack sends no request to an HVM or PVH domain that has not set a way of upcalls
    /// (`set_upcall_vector` or `set_callback` of `xen-evtchn`): it refuses to shut the domain down,
    /// and suspends it without a request.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if xenstore refuses the watch.
    pub fn new(store: &XenStore<P>, supported: &[ShutdownRequest]) -> Result<Self, StoreError> {
        let node = RequestNode::new(store, SHUTDOWN)?;
        let mut own = Vec::new();
        for &request in supported {
            if !own.contains(&request) {
                // There is room for each request once.
                let _ = own.push(request);
            }
        }
        let mut this = Self { node, supported: own, is_advertised: false };
        this.advertise();
        Ok(this)
    }

    /// Advertises the supported requests. Toolstacks do not require it, so failures are logged.
    fn advertise(&mut self) {
        if self.is_advertised {
            return;
        }
        for feature in self.supported.iter().filter_map(|request| request.feature()) {
            let Err(error) = self.node.store().write(feature, "1") else { continue };
            log::warn!("the toolstack may not send a request that is supported: {error}");
            if !matches!(error.kind, ErrorKind::Server(_)) {
                // A refusal of the server is final; the next poll repeats the write otherwise.
                return;
            }
        }
        self.is_advertised = true;
    }

    /// Returns the pending request, if there is one, and acknowledges it to the toolstack. Call it
    /// after each event on the store's [`port`](XenStore::port).
    ///
    /// # Errors
    ///
    /// [`StoreError`]; no request is lost, call it again.
    pub fn poll(&mut self) -> Result<Option<ShutdownRequest>, StoreError> {
        self.advertise();
        let supported = &self.supported;
        self.node.poll(Invalid::Keep, |word| {
            supported.iter().find(|request| request.word() == word).copied()
        })
    }

    /// Suspends the domain, after [`ShutdownRequest::Suspend`]: waits for the requests in progress
    /// at xenstored, then calls `kernel`, which calls
    /// [`GuestServices::suspend`](crate::GuestServices::suspend) or
    /// [`sched::suspend`](xen_hypercall::ops::sched::suspend).
    ///
    /// After [`SuspendOutcome::Cancelled`] nothing has changed. After [`SuspendOutcome::Resumed`]
    /// the domain is a new one, with the old one's memory: `kernel` has set up shared info,
    /// upcalls, event words and the clock, and the store is still suspended. Call
    /// [`resume`](Self::resume) next.
    ///
    /// # Errors
    ///
    /// [`SuspendError::Store`], [`SuspendError::Xen`]: nothing has changed. The toolstack fails its
    /// command after a minute. [`SuspendError::NotSetUp`] if `kernel` fails after the domain was
    /// resumed elsewhere, which a port shows that is opened before: `kernel` may return its errors
    /// by `?`.
    pub fn suspend(
        &mut self,
        kernel: impl FnOnce() -> Result<SuspendOutcome, Errno>,
    ) -> Result<SuspendOutcome, SuspendError> {
        let witness = Channel::alloc_unbound(self.node.store().platform().clone(), DomId::SELF);
        let witness = witness.map_err(SuspendError::Xen)?;
        let before = witness.status().map_err(SuspendError::Xen)?;
        self.node.store().quiesce().map_err(SuspendError::Store)?;
        let resumed = kernel();
        // In a new domain the port is closed. If its number is in use again, that port does not
        // wait for an event of this domain.
        let moved = resumed != Ok(SuspendOutcome::Cancelled) && witness.status() != Ok(before);
        if moved {
            witness.forget();
        }
        match resumed {
            Ok(SuspendOutcome::Resumed) => Ok(SuspendOutcome::Resumed),
            Err(errno) if moved => Err(SuspendError::NotSetUp(errno)),
            resumed => {
                self.node.store().unquiesce();
                resumed.map_err(SuspendError::Xen)
            }
        }
    }

    /// Sets up the grant table and the store of a domain that was resumed elsewhere. All watches
    /// are set again, and fire. Then resume the devices and the console.
    ///
    /// # Errors
    ///
    /// [`SuspendError::Grants`], [`SuspendError::Ring`]: call it again.
    pub fn resume(&mut self, grants: &GrantTable<P>) -> Result<(), SuspendError> {
        grants.resume().map_err(SuspendError::Grants)?;
        self.node.store().resume().map_err(SuspendError::Ring)?;
        self.is_advertised = false;
        Ok(())
    }
}
