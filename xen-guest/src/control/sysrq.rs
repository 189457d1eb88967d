//! Requests of `xl sysrq`.

use super::request::{Invalid, RequestNode};
use xen_hypercall::Platform;
use xen_store::{StoreError, XenStore};

/// Watcher of `control/sysrq`: one letter, as Linux's magic key has them. Source:
/// `xenstore-paths.pandoc`.
#[derive(Debug)]
pub struct SysrqWatcher<P: Platform>(RequestNode<P>);

impl<P: Platform> SysrqWatcher<P> {
    /// Watches `control/sysrq`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if xenstore refuses the watch.
    pub fn new(store: &XenStore<P>) -> Result<Self, StoreError> {
        Ok(Self(RequestNode::new(store, "control/sysrq")?))
    }

    /// Returns the pending letter, if there is one, and empties the node. Call it after each event
    /// on the store's [`port`](XenStore::port).
    ///
    /// A value other than one visible ASCII character is logged and removed.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; no request is lost, call it again.
    pub fn poll(&mut self) -> Result<Option<char>, StoreError> {
        self.0.poll(Invalid::Remove("one letter"), |text| {
            let mut letters = text.chars();
            let letter = letters.next().filter(char::is_ascii_graphic);
            letter.filter(|_| letters.next().is_none())
        })
    }
}
