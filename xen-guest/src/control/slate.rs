//! The form of a convertible computer, which the toolstack reports.

use super::request::{Invalid, RequestNode};
use xen_hypercall::Platform;
use xen_store::{ErrorKind, StoreError, XenStore, XsOps};

const FEATURE: &str = "control/feature-laptop-slate-mode";

/// Form of the host: a guest selects its user interface by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlateMode {
    /// With a keyboard.
    Laptop,
    /// Without a keyboard: a tablet.
    Slate,
}

/// Watcher of `control/laptop-slate-mode`. Source: `xenstore-paths.pandoc`.
#[derive(Debug)]
#[doc(alias = "laptop-slate-mode")]
pub struct SlateModeWatcher<P: Platform>(RequestNode<P>);

impl<P: Platform> SlateModeWatcher<P> {
    /// Watches `control/laptop-slate-mode`, and writes the feature's node
    /// (`control/feature-laptop-slate-mode`).
    ///
    /// `xl` makes neither node. A feature node that xenstored refuses to write is left out: a
    /// toolstack that uses the mode has made it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if xenstore refuses the watch, or does not answer.
    pub fn new(store: &XenStore<P>) -> Result<Self, StoreError> {
        let this = Self(RequestNode::new(store, "control/laptop-slate-mode")?);
        this.resume()?;
        Ok(this)
    }

    /// Writes the feature's node again, after this domain was resumed elsewhere.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if xenstore does not answer.
    pub fn resume(&self) -> Result<(), StoreError> {
        match self.0.store().write(FEATURE, "1") {
            Err(StoreError { kind: ErrorKind::Server(_), .. }) => Ok(()),
            written => written,
        }
    }

    /// Returns the mode that the toolstack has written since the last call, and empties the node,
    /// which acknowledges it. Call it after each event on the store's [`port`](XenStore::port).
    ///
    /// A value other than `laptop` and `slate` is logged and removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; no request is lost, call it again.
    pub fn poll(&mut self) -> Result<Option<SlateMode>, StoreError> {
        self.0.poll(Invalid::Remove("laptop or slate"), |text| match text {
            "laptop" => Some(SlateMode::Laptop),
            "slate" => Some(SlateMode::Slate),
            _ => None,
        })
    }
}
