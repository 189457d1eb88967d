//! Watches.

use super::{Core, Runtime, TxId, WatchEvent, XenStore, error_at};
use crate::connection::{MAX_WATCH_PATH, RingTransport, Transport};
use crate::error::{ErrorKind, StoreError};
use crate::text::PathText;
use crate::wire::{MessageType, Part, PathError};
use core::fmt::{self, Display, Write};
use heapless::String;
use xen_hypercall::Instant;

/// A watch on a node and all below, ended when dropped.
///
/// It fires once as soon as it is set, so there is always a first event that stands for what
/// happened before. Equal events are merged in the queue; events that do not fit the queue
/// leave an [overflow](WatchEvent::is_overflow). An event says that something changed, not
/// what: read it.
///
/// When the connection is reset, after a suspend or an error, it is set again by itself, and
/// fires.
pub struct Watch<P: Runtime, T: Transport = RingTransport<P>> {
    store: XenStore<P, T>,
    index: usize,
}

impl<P: Runtime, T: Transport> XenStore<P, T> {
    /// Sets a watch on `path` and all below: a path of at most 255 bytes, or `@introduceDomain`,
    /// `@releaseDomain`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooManyWatches`], [`ErrorKind::TooLong`], [`ErrorKind::Path`];
    /// [`ErrorKind::Server`] with [`NoSpace`](crate::wire::ServerError::NoSpace) if the domain's
    /// quota is used up; [`ErrorKind::Timeout`], [`ErrorKind::Connection`].
    #[doc(alias = "XS_WATCH")]
    pub fn watch(&self, path: impl Display) -> Result<Watch<P, T>, StoreError> {
        self.set_watch(&path, None)
    }

    /// Sets a [`watch`](Self::watch) on `path` and `depth` levels below: none with 0, the children
    /// with 1. Servers before Xen 4.22 do not support it; the ring page has the feature bit
    /// ([`page_features`](Self::page_features)).
    ///
    /// # Errors
    ///
    /// Those of [`watch`](Self::watch); [`ErrorKind::Server`] with
    /// [`Invalid`](crate::wire::ServerError::Invalid) from a server that can't. Some of them set
    /// a watch without a limit instead.
    pub fn watch_to_depth(
        &self,
        path: impl Display,
        depth: u16,
    ) -> Result<Watch<P, T>, StoreError> {
        self.set_watch(&path, Some(depth))
    }

    /// Queues a watch without waiting for the server: a later [`poll`](Self::poll) sets it. If the
    /// server rejects the watch, [`Watch::try_clear`] returns the error.
    ///
    /// With `above`, a node above `path`, the watch at the server is on `above` and is shared with
    /// all watches with the same `above`: a server limits the watches of a domain, to 128 in
    /// xenstored and to 100 in oxenstored. The server then sends an event for each change below
    /// `above` that this domain may read, so `above` should be the node of the devices and of
    /// little else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooManyWatches`], [`ErrorKind::TooLong`]; [`ErrorKind::Path`] if `path` is no
    /// path, or not below `above`.
    pub fn queue_watch(
        &self,
        above: Option<&str>,
        path: impl Display,
    ) -> Result<Watch<P, T>, StoreError> {
        let error = error_at(MessageType::WATCH, &path);
        let path = watched_path(&path).map_err(&error)?;
        if let Some(above) = above {
            check_below(above, &path).map_err(&error)?;
        }
        self.make_room();
        let index = self.connection().queue_watch(above, &path).map_err(&error)?;
        Ok(Watch { store: self.clone(), index })
    }

    /// Takes memory for another watch if there is none, without the lock.
    fn make_room(&self) {
        let wanted = self.connection().wanted_watch_memory();
        let memory = wanted.and_then(|len| self.inner.platform.memory(len).ok());
        // Another thread may have added some meanwhile; what is not taken is freed without the
        // lock.
        let _unused = memory.and_then(|memory| self.connection().add_watch_memory(memory));
    }

    fn set_watch(&self, path: &dyn Display, depth: Option<u16>) -> Result<Watch<P, T>, StoreError> {
        let error = error_at(MessageType::WATCH, path);
        // Formatted once, before the lock: the caller's Display can use the store, and the path
        // that is kept must be the one that is sent.
        let path = watched_path(path).map_err(&error)?;
        self.make_room();
        let added = || {
            let mut connection = self.connection();
            let index = connection.add_watch(&path, depth)?;
            Ok((index, connection.token(index).unwrap_or_default()))
        };
        let (index, token) = added().map_err(&error)?;
        let first = Part::Path(format_args!("{path}"));
        let set = match depth {
            None => self.call(
                MessageType::WATCH,
                TxId::NONE,
                &[first, Part::Text(format_args!("{token}\0"))],
            ),
            Some(depth) => {
                let rest = Part::Text(format_args!("{token}\0{depth}\0"));
                self.call(MessageType::WATCH, TxId::NONE, &[first, rest])
            }
        };
        match set {
            Ok(id) => self.forget(id),
            Err(kind) => {
                match kind {
                    // The server may have set it all the same.
                    ErrorKind::Timeout { .. } | ErrorKind::Interrupted { sent: true } => {
                        self.connection().drop_watch(index);
                    }
                    _ => self.connection().forget_watch(index),
                }
                return Err(error(kind));
            }
        }
        Ok(Watch { store: self.clone(), index })
    }
}

fn check_below(above: &str, path: &str) -> Result<(), ErrorKind> {
    let is_below = path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'));
    if is_below { Ok(()) } else { Err(ErrorKind::Path(PathError::EmptyName { at: above.len() })) }
}

/// The most bytes of a watched path; the NUL that ends it on the wire takes one of its room here.
const MAX_PATH: usize = MAX_WATCH_PATH - 1;

fn watched_path(path: &dyn Display) -> Result<String<MAX_PATH>, ErrorKind> {
    struct Bounded {
        text: String<MAX_PATH>,
        full: bool,
    }
    impl Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.text.push_str(text).map_err(|_| {
                self.full = true;
                fmt::Error
            })
        }
    }
    let mut out = Bounded { text: String::new(), full: false };
    match write!(out, "{path}") {
        Err(_) if out.full => Err(ErrorKind::TooLong { limit: MAX_PATH }),
        Err(_) => Err(ErrorKind::Format),
        Ok(()) => Ok(out.text),
    }
}

impl<P: Runtime, T: Transport> Watch<P, T> {
    /// Returns the next event, `None` if there is none now.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Connection`], once all events that came before are taken.
    /// [`ErrorKind::Server`], once, if the server refused to set the watch again after the
    /// connection was reset; there are no more events then.
    pub fn try_next(&self) -> Result<Option<WatchEvent>, StoreError> {
        let polled = self.store.poll();
        let event = self.store.connection().next_event(self.index);
        match event {
            Some(event) => event.map(Some).map_err(|refusal| self.error(refusal.into())),
            None => polled.map(|_| None).map_err(|kind| self.error(kind)),
        }
    }

    /// Receives, discards all events that have come, and returns whether there were any.
    ///
    /// A driver that reads its node again after any event calls this. One call has a bounded length
    /// even if the peer writes the node without a pause; a loop over
    /// [`try_next`](Self::try_next), which receives in each round, has none.
    ///
    /// # Errors
    ///
    /// Those of [`try_next`](Self::try_next).
    pub fn try_clear(&self) -> Result<bool, StoreError> {
        let polled = self.store.poll();
        let cleared = self.store.connection().clear_events(self.index);
        if cleared.map_err(|refusal| self.error(refusal.into()))? {
            return Ok(true);
        }
        polled.map(|_| false).map_err(|kind| self.error(kind))
    }

    /// Discards all events that were received, and returns whether there were any. Receives
    /// nothing; see [`XenStore::poll`].
    ///
    /// # Errors
    ///
    /// Those of [`try_next`](Self::try_next), but for those of receiving.
    pub fn clear(&self) -> Result<bool, StoreError> {
        let cleared = self.store.connection().clear_events(self.index);
        cleared.map_err(|refusal| self.error(refusal.into()))
    }

    /// Waits for the next event until `deadline`; `None` if there was none.
    ///
    /// # Errors
    ///
    /// Those of [`try_next`](Self::try_next).
    pub fn wait_next(&self, deadline: Instant) -> Result<Option<WatchEvent>, StoreError> {
        self.store
            .block_until(deadline, || self.store.connection().next_event(self.index))
            .and_then(|event| Ok(event.transpose()?))
            .map_err(|kind| self.error(kind))
    }

    fn path(&self) -> PathText {
        PathText::new(&self.store.connection().watched_path(self.index))
    }

    fn error(&self, kind: ErrorKind) -> StoreError {
        StoreError { operation: MessageType::WATCH, path: self.path(), kind }
    }
}

impl<P: Runtime, T: Transport> Drop for Watch<P, T> {
    fn drop(&mut self) {
        self.store.connection().drop_watch(self.index);
        // Ends it at the server now if possible; otherwise the next operation does.
        let _ = self.store.poll();
    }
}

impl<P: Runtime, T: Transport> fmt::Debug for Watch<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("path", &self.path()).finish_non_exhaustive()
    }
}
