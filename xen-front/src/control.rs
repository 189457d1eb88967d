//! What the toolstack asks of the whole domain, and the way through a suspend.
//!
//! A toolstack writes a word to the domain's node `control/shutdown`, and the domain empties the
//! node to say that it was heard. A request to suspend comes from `xl save` and `xl migrate`: see
//! [`Control::suspend`]. Source: `xenstore-paths.pandoc`.

use core::fmt;
use heapless::Vec;
use xen_evtchn::Channel;
use xen_grant::{GrantError, GrantTable};
use xen_hypercall::ops::sched::Resumed;
use xen_hypercall::start::StartError;
use xen_hypercall::{DomId, Errno, Platform};
use xen_store::{ErrorKind, StoreError, Watch, XenStore, XsOps};

const SHUTDOWN: &str = "control/shutdown";

/// How often one [`Control::poll`] reads the node again because it changed meanwhile.
const MAX_READS: u32 = 4;

/// What a toolstack asks of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// To end, and turn off.
    Poweroff,
    /// To end, with nothing that turns off.
    Halt,
    /// To end, and start anew.
    Reboot,
    /// To suspend.
    Suspend,
    /// To end as if by a mistake, so that what is in its memory can be looked at.
    Crash,
}

impl Request {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Poweroff, Self::Halt, Self::Reboot, Self::Suspend, Self::Crash];

    /// Returns the word that stands for it in `control/shutdown`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Poweroff => "poweroff",
            Self::Halt => "halt",
            Self::Reboot => "reboot",
            Self::Suspend => "suspend",
            Self::Crash => "crash",
        }
    }

    /// Returns the node by which a domain says that it heeds the request, if there is one.
    pub const fn feature(self) -> Option<&'static str> {
        match self {
            Self::Poweroff => Some("control/feature-poweroff"),
            Self::Reboot => Some("control/feature-reboot"),
            Self::Suspend => Some("control/feature-suspend"),
            Self::Halt | Self::Crash => None,
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why a domain was not suspended, or could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspendError {
    /// Xenstore did not come to rest; nothing has happened.
    Store(ErrorKind),
    /// The kernel's part failed, or Xen refused; nothing has happened.
    Xen(Errno),
    /// The domain is resumed elsewhere, but the kernel's part failed then and is not set up there.
    /// The store is still suspended. Set the kernel's part up, then call [`Control::resume`];
    /// or shut the domain down.
    NotSetUp(Errno),
    /// The domain is resumed elsewhere, and has no grant table there (yet).
    Grants(GrantError),
    /// The domain is resumed elsewhere, and has no xenstore there (yet).
    Ring(StartError),
}

impl fmt::Display for SuspendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(reason) => write!(f, "not suspended: {reason}"),
            Self::Xen(errno) => write!(f, "not suspended: found {errno}, expected Xen to do it"),
            Self::NotSetUp(errno) => write!(f, "resumed, but the kernel is not set up: {errno}"),
            Self::Grants(error) => write!(f, "resumed without grants: {error}"),
            Self::Ring(error) => write!(f, "resumed without xenstore: {error}"),
        }
    }
}

impl core::error::Error for SuspendError {}

/// The toolstack's requests to this domain.
#[derive(Debug)]
pub struct Control<P: Platform> {
    store: XenStore<P>,
    watch: Watch<P>,
    /// Requests that the domain supports, each once.
    supported: Vec<Request, { Request::ALL.len() }>,
    /// The node may have changed since it was last read.
    changed: bool,
    /// The supported requests are advertised.
    announced: bool,
}

impl<P: Platform> Control<P> {
    /// Watches `control/shutdown` and advertises the requests of `supported`, which the caller
    /// supports. Unsupported requests are not acknowledged.
    ///
    /// A feature node that xenstore refuses to write is logged, and its request is still received:
    /// not all toolstacks make these nodes, and in a `control` directory that is read-only a
    /// domain can't.
    ///
    /// Of an HVM or PVH domain a toolstack asks nothing unless it has told Xen how its events come
    /// (`set_upcall_vector` or `set_callback` of `xen-evtchn`): else it refuses to end it, and
    /// suspends it where it is.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if xenstore refuses the watch.
    pub fn new(store: &XenStore<P>, supported: &[Request]) -> Result<Self, StoreError> {
        let watch = store.watch(SHUTDOWN)?;
        let mut own = Vec::new();
        for &request in supported {
            if !own.contains(&request) {
                // There is room for each request once.
                let _ = own.push(request);
            }
        }
        let store = store.clone();
        let mut this = Self { store, watch, supported: own, changed: true, announced: false };
        this.announce();
        Ok(this)
    }

    /// Advertises the supported requests, which is optional for the toolstack: whatever fails is
    /// logged.
    fn announce(&mut self) {
        if self.announced {
            return;
        }
        for feature in self.supported.iter().filter_map(|request| request.feature()) {
            let Err(error) = self.store.write(feature, "1") else { continue };
            log::warn!("the toolstack may not send a request that is supported: {error}");
            if !matches!(error.kind, ErrorKind::Server(_)) {
                // Only what the server refused is settled; the next poll tries again.
                return;
            }
        }
        self.announced = true;
    }

    /// Returns the pending request, if there is one, and acknowledges it to the toolstack. Call it
    /// after each event on the store's [`port`](XenStore::port).
    ///
    /// # Errors
    ///
    /// [`StoreError`]; no request is lost, call it again.
    pub fn poll(&mut self) -> Result<Option<Request>, StoreError> {
        self.announce();
        // To read the node waits for the store. A change meanwhile makes no further event of the
        // port, so look again.
        for _ in 0..MAX_READS {
            self.changed |= self.watch.try_clear()?;
            if !self.changed {
                break;
            }
            let request = self.read()?;
            self.changed = false;
            if request.is_some() {
                return Ok(request);
            }
        }
        Ok(None)
    }

    /// Reads the node, and acknowledges the request in it if that is supported.
    fn read(&self) -> Result<Option<Request>, StoreError> {
        // As one, because the toolstack may take its request back.
        self.store.transaction(|transaction| {
            let word = match transaction.read_string::<16>(SHUTDOWN) {
                Ok(word) => word,
                Err(StoreError {
                    kind: ErrorKind::BufferTooSmall { .. } | ErrorKind::NotText,
                    ..
                }) => {
                    return Ok(None);
                }
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => return Err(error),
            };
            let request = self.supported.iter().find(|request| request.word() == word);
            request.map_or(Ok(()), |_| transaction.write(SHUTDOWN, ""))?;
            Ok(request.copied())
        })
    }

    /// Suspends the domain, after [`Request::Suspend`]: waits until nothing is under way at
    /// xenstored, then lets `kernel` do its part, with
    /// [`sched::suspend`](xen_hypercall::ops::sched::suspend) in it.
    ///
    /// After [`Resumed::Cancelled`] all is as it was. After [`Resumed::Elsewhere`] the domain is a
    /// new one, with the old one's memory: the kernel's part has set up what is the kernel's
    /// (shared info, the way of upcalls, event words, the clock), the store still rests, and what
    /// comes next is [`resume`](Self::resume).
    ///
    /// # Errors
    ///
    /// [`SuspendError::Store`], [`SuspendError::Xen`]: nothing has happened. The toolstack gives up after a minute.
    /// [`SuspendError::NotSetUp`] if `kernel` fails after the domain was resumed elsewhere. Which
    /// of the two it is does not depend on what `kernel` returns: a port that is opened before,
    /// and that only this domain has, shows it. So `?` is right in all of `kernel`.
    pub fn suspend(
        &mut self,
        kernel: impl FnOnce() -> Result<Resumed, Errno>,
    ) -> Result<Resumed, SuspendError> {
        let witness = Channel::alloc_unbound(self.store.platform().clone(), DomId::SELF);
        let witness = witness.map_err(SuspendError::Xen)?;
        let before = witness.status().map_err(SuspendError::Xen)?;
        self.store.quiesce().map_err(SuspendError::Store)?;
        let resumed = kernel();
        // Where the domain is a new one, the port is closed. Even if its number was given out
        // again, then not to a port that waits for this domain itself.
        let moved = resumed != Ok(Resumed::Cancelled) && witness.status() != Ok(before);
        if moved {
            witness.abandon();
        }
        match resumed {
            Ok(Resumed::Elsewhere) => Ok(Resumed::Elsewhere),
            Err(errno) if moved => Err(SuspendError::NotSetUp(errno)),
            resumed => {
                self.store.unquiesce();
                resumed.map_err(SuspendError::Xen)
            }
        }
    }

    /// Sets up the grant table and the store of a domain that was resumed elsewhere. All watches
    /// are set again, and fire. Devices and the console follow, each by its own `resume`.
    ///
    /// # Errors
    ///
    /// [`SuspendError::Grants`], [`SuspendError::Ring`]: call it again.
    pub fn resume(&mut self, grants: &GrantTable<P>) -> Result<(), SuspendError> {
        grants.resume().map_err(SuspendError::Grants)?;
        self.store.resume().map_err(SuspendError::Ring)?;
        self.announced = false;
        Ok(())
    }
}
