//! The table of watches, and each one's queue of events.

use crate::Reason;
use crate::wire::{self, EventText, Part, ServerError};
use core::fmt::{self, Display, Write};
use heapless::{String, Vec};

/// The most watches that a connection can have.
pub const MAX_WATCHES: usize = 128;
/// The bytes of buffer that each watch takes: half for its path, half for its events.
pub const WATCH_BYTES: usize = 512;
/// The most bytes that a watched path can have.
pub const MAX_PATH: usize = WATCH_BYTES / 2;

/// A watch has fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchEvent {
    path: String<WATCH_BYTES>,
    overflow: bool,
}

impl WatchEvent {
    /// Returns the path that changed: the watched one or one below; relative if the watch was.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether more changed than the queue could hold: anything at or below the path, which is the watched one.
    pub fn is_overflow(&self) -> bool {
        self.overflow
    }
}

impl Display for WatchEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if self.overflow { f.write_str(" (and others)") } else { Ok(()) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Free,
    Live,
    /// Events are wanted, but the server knows nothing of it any more.
    Unset,
    /// The server refused to set it again; the queue has nothing but its word for why, until that is taken.
    Failed,
    /// Nobody wants events; the server is still to be told.
    Dropped,
}

/// What the server is to be told about a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Set,
    End,
}

#[derive(Clone, Copy, Debug)]
struct Watch {
    state: State,
    token: u32,
    path_len: u16,
    queue_len: u16,
    /// How many levels below the path it reaches; [`ALL`] for all.
    depth: u16,
    overflow: bool,
}

/// No limit of depth.
const ALL: u16 = u16::MAX;

/// A queue is a run of NUL-terminated texts, each what comes behind the watched path.
#[derive(Debug)]
pub(super) struct Watches {
    table: Vec<Watch, MAX_WATCHES>,
    last_token: u32,
    /// The server may have to be told something.
    changed: bool,
}

fn path_of(bytes: &mut [u8], watch: usize) -> Option<&mut [u8]> {
    bytes.get_mut(watch * WATCH_BYTES..)?.get_mut(..MAX_PATH)
}

fn queue_of(bytes: &mut [u8], watch: usize) -> Option<&mut [u8]> {
    bytes.get_mut(watch * WATCH_BYTES + MAX_PATH..)?.get_mut(..WATCH_BYTES - MAX_PATH)
}

impl Watches {
    pub(super) fn new(count: usize, seed: u32) -> Self {
        let free =
            Watch { state: State::Free, token: 0, path_len: 0, queue_len: 0, depth: ALL, overflow: false };
        Self {
            table: core::iter::repeat_n(free, count.min(MAX_WATCHES)).collect(),
            last_token: seed,
            changed: false,
        }
    }

    pub(super) fn add(
        &mut self,
        bytes: &mut [u8],
        path: &dyn Display,
        depth: Option<u16>,
    ) -> Result<usize, Reason> {
        let free =
            self.table.iter().position(|watch| watch.state == State::Free).ok_or(Reason::TooManyWatches)?;
        // The NUL that ends a path on the wire is not kept, but takes a byte here.
        let room = path_of(bytes, free).ok_or(Reason::TooManyWatches)?;
        let len =
            wire::build(room, &[Part::Path(format_args!("{path}"))]).map_err(|reason| match reason {
                Reason::TooLong { limit } => Reason::TooLong { limit: limit - 1 },
                other => other,
            })?;
        self.last_token = self.last_token.wrapping_add(1);
        let token = self.last_token;
        if let Some(watch) = self.table.get_mut(free) {
            *watch = Watch {
                state: State::Live,
                token,
                path_len: len as u16 - 1,
                queue_len: 0,
                depth: depth.unwrap_or(ALL),
                overflow: false,
            };
        }
        Ok(free)
    }

    pub(super) fn path<'b>(&self, bytes: &'b mut [u8], watch: usize) -> Option<&'b str> {
        let len = usize::from(self.table.get(watch)?.path_len);
        core::str::from_utf8(path_of(bytes, watch)?.get(..len)?).ok()
    }

    pub(super) fn depth(&self, watch: usize) -> Option<u16> {
        self.table.get(watch).map(|watch| watch.depth).filter(|&depth| depth != ALL)
    }

    pub(super) fn token(&self, watch: usize) -> Option<u32> {
        self.table.get(watch).map(|watch| watch.token)
    }

    pub(super) fn free(&mut self, watch: usize) {
        self.set_state(watch, State::Free);
    }

    /// Ends a watch; the server is to be told if it knows of it.
    pub(super) fn drop_later(&mut self, watch: usize) {
        let known = self.table.get(watch).is_some_and(|watch| watch.state == State::Live);
        self.set_state(watch, if known { State::Dropped } else { State::Free });
    }

    fn set_state(&mut self, watch: usize, state: State) {
        self.changed |= state == State::Dropped;
        if let Some(watch) = self.table.get_mut(watch) {
            watch.state = state;
        }
    }

    /// Prepares for a server that knows nothing of any watch.
    pub(super) fn restart(&mut self) {
        self.changed = true;
        for watch in &mut self.table {
            watch.state = match watch.state {
                State::Free | State::Dropped => State::Free,
                State::Live | State::Unset => State::Unset,
                State::Failed => {
                    watch.queue_len = 0;
                    State::Unset
                }
            };
        }
    }

    /// Tells whether the server may have to be told something.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Returns a watch that the server is to be told of, its token, and what to tell.
    pub(super) fn next_change(&mut self) -> Option<(usize, u32, Change)> {
        let change = self.table.iter().enumerate().find_map(|(index, watch)| match watch.state {
            State::Unset => Some((index, watch.token, Change::Set)),
            State::Dropped => Some((index, watch.token, Change::End)),
            _ => None,
        });
        self.changed = change.is_some();
        change
    }

    /// Notes that the server is being told.
    pub(super) fn told(&mut self, watch: usize, change: Change) {
        self.set_state(watch, if change == Change::Set { State::Live } else { State::Free });
    }

    /// Notes that the server refused to set a watch again.
    pub(super) fn fail(&mut self, bytes: &mut [u8], index: usize, refusal: ServerError) {
        let Some(watch) = self.table.get_mut(index).filter(|watch| watch.state == State::Live) else {
            return;
        };
        let name = refusal.name().as_bytes();
        if let Some(room) = queue_of(bytes, index).and_then(|queue| queue.get_mut(..name.len())) {
            room.copy_from_slice(name);
            *watch = Watch { state: State::Failed, queue_len: name.len() as u16, overflow: false, ..*watch };
        }
    }

    /// Returns, once, why the server refused to set a watch again.
    pub(super) fn take_failure(&mut self, bytes: &mut [u8], index: usize) -> Option<ServerError> {
        let watch = self.table.get_mut(index).filter(|watch| watch.state == State::Failed)?;
        let len = usize::from(core::mem::take(&mut watch.queue_len));
        let name = queue_of(bytes, index)?.get(..len).filter(|name| !name.is_empty())?;
        Some(ServerError::parse(name))
    }

    /// Queues an event with the watch whose token it has, unless the same is queued already.
    pub(super) fn push(&mut self, bytes: &mut [u8], event: &EventText<'_>) {
        let Ok(token) = wire::parse_number::<u32>(event.token) else { return };
        let live = |watch: &Watch| watch.state == State::Live && watch.token == token;
        let Some(index) = self.table.iter().position(live) else { return };
        let behind = self.path(bytes, index).and_then(|path| event.path.strip_prefix(path));
        let Some(watch) = self.table.get_mut(index) else { return };
        let Some(queue) = queue_of(bytes, index) else { return };
        // A path that is not below the watched one can only mean: look again.
        let Some(behind) = behind else {
            watch.overflow = true;
            return;
        };
        let used = usize::from(watch.queue_len);
        let queued = queue.get(..used).unwrap_or_default();
        if queued
            .split_inclusive(|&byte| byte == 0)
            .any(|one| one.strip_suffix(b"\0") == Some(behind.as_bytes()))
        {
            return;
        }
        match queue.get_mut(used..).and_then(|free| free.get_mut(..=behind.len())) {
            Some(room) => {
                for (to, from) in room.iter_mut().zip(behind.bytes().chain([0])) {
                    *to = from;
                }
                watch.queue_len += behind.len() as u16 + 1;
            }
            None => watch.overflow = true,
        }
    }

    /// Discards the events of a watch. Returns whether there were any.
    pub(super) fn clear(&mut self, index: usize) -> bool {
        let wanted = |watch: &&mut Watch| matches!(watch.state, State::Live | State::Unset);
        let Some(watch) = self.table.get_mut(index).filter(wanted) else { return false };
        let queued = core::mem::take(&mut watch.queue_len) > 0;
        core::mem::take(&mut watch.overflow) || queued
    }

    pub(super) fn pop(&mut self, bytes: &mut [u8], index: usize) -> Option<WatchEvent> {
        let mut path = String::new();
        path.push_str(self.path(bytes, index)?).ok()?;
        let wanted = |watch: &&mut Watch| matches!(watch.state, State::Live | State::Unset);
        let watch = self.table.get_mut(index).filter(wanted)?;
        let queue = queue_of(bytes, index)?;
        if watch.queue_len == 0 {
            return core::mem::take(&mut watch.overflow).then_some(WatchEvent { path, overflow: true });
        }
        let end = queue.iter().position(|&byte| byte == 0)?;
        let behind = queue.get(..end).and_then(|text| core::str::from_utf8(text).ok());
        // What was queued fits by construction.
        let _ = path.write_str(behind.unwrap_or_default());
        queue.copy_within(end + 1..usize::from(watch.queue_len), 0);
        watch.queue_len -= end as u16 + 1;
        Some(WatchEvent { path, overflow: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn event<'a>(path: &'a str, token: &'a str) -> EventText<'a> {
        EventText { path, token: token.as_bytes() }
    }

    #[test]
    fn equal_events_are_merged_and_order_is_kept() {
        let mut bytes = [0; 2 * WATCH_BYTES];
        let mut watches = Watches::new(2, 9);
        assert_eq!(watches.add(&mut bytes, &"other", None), Ok(0));
        let watch = watches.add(&mut bytes, &"device", None).unwrap();
        assert_eq!((watch, watches.token(watch)), (1, Some(11)));
        for path in ["device", "device/vbd", "device", "device/vbd", "device/vif"] {
            watches.push(&mut bytes, &event(path, "11"));
        }
        for path in ["device", "device/vbd", "device/vif"] {
            let event = watches.pop(&mut bytes, watch).unwrap();
            assert_eq!((event.path(), event.is_overflow()), (path, false));
        }
        assert_eq!((watches.pop(&mut bytes, watch), watches.pop(&mut bytes, 0)), (None, None));
    }

    #[test]
    fn what_does_not_fit_is_reported_as_overflow_after_what_did() {
        let mut bytes = [0; WATCH_BYTES];
        let mut watches = Watches::new(1, 0);
        let watch = watches.add(&mut bytes, &"/", None).unwrap();
        for number in 0..1000 {
            watches.push(&mut bytes, &event(&std::format!("/name{number}"), "1"));
        }
        let mut plain = 0;
        while let Some(event) = watches.pop(&mut bytes, watch) {
            if event.is_overflow() {
                assert_eq!(event.to_string(), "/ (and others)");
                assert_eq!(watches.pop(&mut bytes, watch), None);
                assert!(plain > 20);
                return;
            }
            assert_eq!(event.path(), std::format!("/name{plain}"));
            plain += 1;
        }
        panic!("the overflow was lost");
    }

    #[test]
    fn events_of_unknown_tokens_and_dropped_watches_are_dropped() {
        let mut bytes = [0; WATCH_BYTES];
        let mut watches = Watches::new(1, 0);
        let watch = watches.add(&mut bytes, &"a", None).unwrap();
        for token in ["", "2", "-1", "x", "99999999999"] {
            watches.push(&mut bytes, &event("a", token));
        }
        assert_eq!(watches.pop(&mut bytes, watch), None);
        watches.push(&mut bytes, &event("b", "1"));
        assert!(watches.pop(&mut bytes, watch).unwrap().is_overflow());
        watches.push(&mut bytes, &event("a", "1"));
        watches.drop_later(watch);
        assert_eq!(
            (watches.pop(&mut bytes, watch), watches.next_change()),
            (None, Some((0, 1, Change::End)))
        );
        assert_eq!(watches.add(&mut bytes, &"b", None), Err(Reason::TooManyWatches));
        watches.free(watch);
        assert_eq!(watches.add(&mut bytes, &"b", None), Ok(0));
        assert_eq!(watches.token(0), Some(2));
    }

    #[test]
    fn paths_of_256_bytes_are_too_long_to_watch() {
        let mut bytes = [0; WATCH_BYTES];
        let mut watches = Watches::new(1, 0);
        assert_eq!(watches.add(&mut bytes, &"a".repeat(256), None), Err(Reason::TooLong { limit: 255 }));
        assert_eq!(watches.add(&mut bytes, &"a".repeat(255), None), Ok(0));
    }
}
