//! Requests of `xl sysrq`.

use xen_hypercall::Platform;
use xen_store::{ErrorKind, StoreError, Watch, XenStore, XsOps};

const SYSRQ: &str = "control/sysrq";

/// Maximum number of reads in one [`SysrqWatcher::poll`], if the node changes meanwhile.
const MAX_READS: u32 = 4;

/// Watcher of `control/sysrq`: one letter, as Linux's magic key has them. Source:
/// `xenstore-paths.pandoc`.
#[derive(Debug)]
pub struct SysrqWatcher<P: Platform> {
    store: XenStore<P>,
    watch: Watch<P>,
    changed: bool,
}

impl<P: Platform> SysrqWatcher<P> {
    /// Watches `control/sysrq`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if xenstore refuses the watch.
    pub fn new(store: &XenStore<P>) -> Result<Self, StoreError> {
        Ok(Self { watch: store.watch(SYSRQ)?, store: store.clone(), changed: true })
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
        // The read waits for the store. A change meanwhile raises no further event of the port, so
        // the watch is checked again.
        for _ in 0..MAX_READS {
            self.changed |= self.watch.try_clear()?;
            if !self.changed {
                break;
            }
            let letter = self.read()?;
            self.changed = false;
            if letter.is_some() {
                return Ok(letter);
            }
        }
        Ok(None)
    }

    fn read(&self) -> Result<Option<char>, StoreError> {
        // In one transaction, because the toolstack may write another letter.
        self.store.transaction(|transaction| {
            let text = match transaction.read_string::<4>(SYSRQ) {
                Ok(text) => text,
                Err(StoreError {
                    kind: ErrorKind::BufferTooSmall { .. } | ErrorKind::NotText,
                    ..
                }) => heapless::String::try_from("...").unwrap_or_default(),
                Err(error) if error.is_not_found() => return Ok(None),
                Err(error) => return Err(error),
            };
            if text.is_empty() {
                return Ok(None);
            }
            transaction.write(SYSRQ, "")?;
            let mut letters = text.chars();
            let letter = letters.next().filter(char::is_ascii_graphic);
            if letter.is_some() && letters.next().is_none() {
                return Ok(letter);
            }
            log::warn!("{SYSRQ}: found '{}', expected one letter", text.escape_debug());
            Ok(None)
        })
    }
}
