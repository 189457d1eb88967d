//! The table of watches, and each one's queue of events.
//!
//! A server lets a domain have only so many watches: 128 with xenstored, 100 with oxenstored. So
//! watches on nodes below a common one can share a single watch at the server, on that one. Events
//! are then sorted out here, and there is no bound but that of memory, which is added in chunks.
//!
//! A shared watch does not see all that a watch on the node itself sees: if a node above both is
//! removed, a server sends an event only for watched nodes that the domain may read, and a guest
//! may read the directory of its own backend, but none above it. So with each shared watch goes a
//! sentinel, a watch on the parent of one of the nodes that share it. Whatever removes nodes above
//! the shared watch removes that one too.

use super::Buffer;
use crate::ErrorKind;
use crate::wire::{self, EventText, Part, ServerError};
use core::fmt::{self, Display, Write};
use heapless::{String, Vec};
use zerocopy::native_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The bits of a token that say which watch it is of.
const INDEX_BITS: u32 = 13;
/// The most watches that a connection can have.
pub const MAX_WATCHES: usize = 1 << INDEX_BITS;
/// The most chunks of memory that are added. Each doubles what there is.
const MAX_CHUNKS: usize = INDEX_BITS as usize;
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

    /// Returns whether more changed than the queue could hold: anything at or below the path, which
    /// is the watched one.
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
#[repr(u8)]
enum State {
    Free = 0,
    Live,
    /// In use, but not set at the server any more.
    Unset,
    /// The server refused to set it again; the queue has nothing but the server's error, until that
    /// is taken.
    Failed,
    /// Dropped, and not yet ended at the server.
    Dropped,
}

/// Purpose of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// A caller's, set at the server.
    Own = 0,
    /// A caller's, which a shared one serves: the group's.
    Member,
    /// One at the server that others share. Its group is itself.
    Shared,
    /// One at the server, on the parent of a node of the group.
    Sentinel,
}

/// Request that the server needs about a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Set,
    End,
}

/// State of a watch, in front of its queue and its path. All zero is a free one.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Record {
    token: U32,
    /// The shared watch that this one belongs to.
    group: U32,
    path_len: U16,
    queue_len: U16,
    /// Levels below the path that it covers; [`ALL`] for all.
    depth: U16,
    state: u8,
    kind: u8,
    overflow: u8,
    /// The event that every new watch causes is still to come. A sentinel's only.
    fresh: u8,
}

impl Record {
    fn state(&self) -> State {
        [State::Live, State::Unset, State::Failed, State::Dropped]
            .into_iter()
            .find(|&state| state as u8 == self.state)
            .unwrap_or(State::Free)
    }

    fn is_free(&self) -> bool {
        self.state == State::Free as u8
    }

    fn is(&self, kind: Kind) -> bool {
        self.kind == kind as u8
    }

    fn is_in(&self, group: usize) -> bool {
        !self.is_free() && self.group.get() as usize == group
    }

    /// Takes whether there is an event that is not in the queue.
    fn take_overflow(&mut self) -> bool {
        core::mem::take(&mut self.overflow) != 0
    }
}

/// No limit of depth.
const ALL: u16 = u16::MAX;
const QUEUE_BYTES: usize = WATCH_BYTES - MAX_PATH - size_of::<Record>();

/// A watch. Its queue is a run of NUL-terminated texts, each what comes behind the watched path.
struct Slot<'b> {
    head: &'b mut Record,
    queue: &'b mut [u8],
    path: &'b mut [u8],
}

impl<'b> Slot<'b> {
    fn new(bytes: &'b mut [u8]) -> Option<Self> {
        let (head, rest) = Record::mut_from_prefix(bytes).ok()?;
        let (queue, path) = rest.split_at_mut_checked(QUEUE_BYTES)?;
        Some(Self { head, queue, path })
    }

    fn path(&self) -> &str {
        let path = self.path.get(..usize::from(self.head.path_len.get()));
        path.and_then(|path| core::str::from_utf8(path).ok()).unwrap_or_default()
    }

    fn is_wanted(&self) -> bool {
        matches!(self.head.state(), State::Live | State::Unset)
    }

    /// Queues an event for the node that `behind` is behind the path of, unless it is queued
    /// already.
    fn queue(&mut self, behind: &str) {
        let used = usize::from(self.head.queue_len.get());
        let queued = self.queue.get(..used).unwrap_or_default();
        if queued
            .split_inclusive(|&byte| byte == 0)
            .any(|one| one.strip_suffix(b"\0") == Some(behind.as_bytes()))
        {
            return;
        }
        let room = self.queue.get_mut(used..).and_then(|free| free.get_mut(..=behind.len()));
        match room.and_then(|room| room.split_last_mut()) {
            Some((end, room)) => {
                room.copy_from_slice(behind.as_bytes());
                *end = 0;
                self.head.queue_len += behind.len() as u16 + 1;
            }
            None => self.head.overflow = 1,
        }
    }

    /// Queues an event of the shared watch if it is about the node or one below, or about one
    /// above, with which the node may have gone.
    fn sort_in(&mut self, path: &str) {
        let below =
            path.strip_prefix(self.path()).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        match below {
            Some(behind) => self.queue(behind),
            None if is_at_or_below(self.path(), path) => self.queue(""),
            None => {}
        }
    }

    fn fail(&mut self, refusal: ServerError) {
        let name = refusal.name().as_bytes();
        if let Some(room) = self.queue.get_mut(..name.len()) {
            room.copy_from_slice(name);
            self.head.queue_len.set(name.len() as u16);
            (self.head.state, self.head.overflow) = (State::Failed as u8, 0);
        }
    }
}

/// Returns whether `path` is `node` or below it.
fn is_at_or_below(path: &str, node: &str) -> bool {
    path.strip_prefix(node).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A watch at the server that others share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    pub(super) index: usize,
    /// The token to set the shared watch with, if the caller has to.
    pub set: Option<u32>,
}

/// The table. Each method gets the memory of the first `first` watches, and has that of all others.
#[derive(Debug)]
pub(super) struct Watches<B> {
    first: usize,
    more: Vec<B, MAX_CHUNKS>,
    /// Number of watches that there is memory for.
    count: usize,
    /// Those in use have indices below this.
    end: usize,
    /// The most that callers may have.
    limit: usize,
    /// Counts up, as a part of the tokens.
    generation: u32,
    /// `true` if a request about a watch may be due.
    changed: bool,
}

impl<B: Buffer> Watches<B> {
    pub(super) fn new(first: usize, seed: u32) -> Self {
        let first = first.min(MAX_WATCHES);
        let limit = MAX_WATCHES;
        let (count, end, generation) = (first, 0, seed);
        Self { first, more: Vec::new(), count, end, limit, generation, changed: false }
    }

    /// Sets how many watches callers may have.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    fn slot<'b>(&'b mut self, bytes: &'b mut [u8], index: usize) -> Option<Slot<'b>> {
        let of = |memory: &'b mut [u8], index: usize| {
            memory.get_mut(index * WATCH_BYTES..)?.get_mut(..WATCH_BYTES).and_then(Slot::new)
        };
        let Some(mut index) = index.checked_sub(self.first) else { return of(bytes, index) };
        for chunk in &mut self.more {
            let memory = chunk.bytes();
            let count = memory.len() / WATCH_BYTES;
            if index < count {
                return of(memory, index);
            }
            index -= count;
        }
        None
    }

    /// Returns the watches in use and free ones between them, in the order of their indices.
    fn slots<'b>(&'b mut self, bytes: &'b mut [u8]) -> impl Iterator<Item = Slot<'b>> {
        let first = bytes.chunks_exact_mut(WATCH_BYTES).take(self.first);
        let more = self.more.iter_mut();
        let more = more.flat_map(|chunk| chunk.bytes().chunks_exact_mut(WATCH_BYTES));
        first.chain(more).take(self.end).filter_map(Slot::new)
    }

    fn find(&mut self, bytes: &mut [u8], test: impl Fn(&Slot<'_>) -> bool) -> Option<usize> {
        self.slots(bytes).position(|slot| test(&slot))
    }

    /// Counts the watches in use that `test` selects.
    fn count(&mut self, bytes: &mut [u8], test: impl Fn(&Record) -> bool) -> usize {
        self.slots(bytes).filter(|slot| !slot.head.is_free() && test(slot.head)).count()
    }

    /// Counts the watches of callers.
    fn count_callers(&mut self, bytes: &mut [u8]) -> usize {
        self.count(bytes, |head| head.kind <= Kind::Member as u8)
    }

    /// Returns how many bytes of memory would do for more watches, if there are too few free ones.
    pub(super) fn wanted_memory(&mut self, bytes: &mut [u8]) -> Option<usize> {
        // A caller's, a shared one and a sentinel.
        let few = self.count(bytes, |_| true) + 3 > self.count;
        let room = !self.more.is_full() && self.count < MAX_WATCHES;
        let wanted = few && room && self.count_callers(bytes) < self.limit;
        wanted.then(|| self.count.max(8) * WATCH_BYTES)
    }

    /// Takes memory for more watches, all zero. Gives it back if there is no use for it.
    pub(super) fn add_memory(&mut self, bytes: &mut [u8], mut memory: B) -> Option<B> {
        if self.wanted_memory(bytes).is_none() {
            return Some(memory);
        }
        memory.bytes().fill(0);
        let count = memory.bytes().len() / WATCH_BYTES;
        self.more.push(memory).err().or_else(|| {
            self.count = (self.count + count).min(MAX_WATCHES);
            None
        })
    }

    pub(super) fn add(
        &mut self,
        bytes: &mut [u8],
        path: &dyn Display,
        depth: Option<u16>,
    ) -> Result<usize, ErrorKind> {
        if self.count_callers(bytes) >= self.limit {
            return Err(ErrorKind::TooManyWatches);
        }
        let index = self.place(bytes, path, Kind::Own, State::Live)?;
        if let Some(slot) = self.slot(bytes, index) {
            slot.head.depth.set(depth.unwrap_or(ALL));
        }
        Ok(index)
    }

    /// Adds a watch on `path` to those that share the one on `above`.
    pub(super) fn add_member(
        &mut self,
        bytes: &mut [u8],
        above: &str,
        path: &str,
    ) -> Result<(usize, Group), ErrorKind> {
        let member = self.add(bytes, &path, None)?;
        let is_shared = |slot: &Slot<'_>| {
            let known = matches!(slot.head.state(), State::Live | State::Unset | State::Failed);
            known && slot.head.is(Kind::Shared) && slot.path() == above
        };
        let group = match self.find(bytes, is_shared) {
            Some(index) => {
                let failed =
                    self.slot(bytes, index).filter(|slot| slot.head.state() == State::Failed);
                let set = failed.map(|slot| {
                    slot.head.state = State::Live as u8;
                    slot.head.token.get()
                });
                Group { index, set }
            }
            None => match self.place(bytes, &above, Kind::Shared, State::Live) {
                Ok(index) => Group { index, set: self.token(bytes, index) },
                Err(kind) => {
                    self.free(bytes, member);
                    return Err(kind);
                }
            },
        };
        if let Some(slot) = self.slot(bytes, group.index) {
            slot.head.group.set(group.index as u32);
        }
        if let Some(mut slot) = self.slot(bytes, member) {
            slot.head.kind = Kind::Member as u8;
            slot.head.group.set(group.index as u32);
            // The event that every new watch causes.
            slot.queue("");
        }
        self.keep_sentinel(bytes, group.index);
        Ok((member, group))
    }

    fn place(
        &mut self,
        bytes: &mut [u8],
        path: &dyn Display,
        kind: Kind,
        state: State,
    ) -> Result<usize, ErrorKind> {
        let free = self.find(bytes, |slot| slot.head.is_free()).unwrap_or(self.end);
        if free >= self.count {
            return Err(ErrorKind::TooManyWatches);
        }
        self.generation = self.generation.wrapping_add(1);
        let token = (self.generation << INDEX_BITS) | free as u32;
        let slot = self.slot(bytes, free).ok_or(ErrorKind::TooManyWatches)?;
        // The NUL that ends a path on the wire is not kept, but takes a byte here.
        let room = slot.path.get_mut(..MAX_PATH).ok_or(ErrorKind::TooManyWatches)?;
        let len =
            wire::build(room, &[Part::Path(format_args!("{path}"))]).map_err(
                |kind| match kind {
                    ErrorKind::TooLong { limit } => ErrorKind::TooLong { limit: limit - 1 },
                    other => other,
                },
            )?;
        *slot.head = Record {
            token: token.into(),
            group: U32::MAX_VALUE,
            path_len: (len as u16 - 1).into(),
            queue_len: U16::ZERO,
            depth: ALL.into(),
            state: state as u8,
            kind: kind as u8,
            overflow: 0,
            fresh: 0,
        };
        self.end = self.end.max(free + 1);
        self.changed |= state == State::Unset;
        Ok(free)
    }

    /// Sees to it that a group has a sentinel on the parent of one of its nodes.
    fn keep_sentinel(&mut self, bytes: &mut [u8], group: usize) {
        let mut node = String::<MAX_PATH>::new();
        let sentinel = self.find(bytes, |slot| {
            slot.head.is(Kind::Sentinel)
                && slot.head.is_in(group)
                && slot.head.state() != State::Dropped
        });
        if let Some(index) = sentinel {
            let _ = self.slot(bytes, index).map(|slot| node.push_str(slot.path()));
            if self.find(bytes, |slot| slot.is_member_below(group, &node)).is_some() {
                return;
            }
            self.end(bytes, index);
        }
        let member = self.find(bytes, |slot| slot.head.is(Kind::Member) && slot.head.is_in(group));
        let Some(slot) = member.and_then(|member| self.slot(bytes, member)) else { return };
        let Some((parent, _)) = slot.path().rsplit_once('/') else { return };
        node.clear();
        let _ = node.push_str(parent);
        let above = self.slot(bytes, group).is_some_and(|slot| slot.path() == node);
        // Without room for it there is none; the next member tries again.
        if !above
            && let Ok(index) = self.place(bytes, &node, Kind::Sentinel, State::Unset)
            && let Some(slot) = self.slot(bytes, index)
        {
            slot.head.group.set(group as u32);
        }
    }

    pub(super) fn path<'b>(&'b mut self, bytes: &'b mut [u8], watch: usize) -> Option<&'b str> {
        let Slot { head, path, .. } = self.slot(bytes, watch)?;
        core::str::from_utf8(path.get(..usize::from(head.path_len.get()))?).ok()
    }

    pub(super) fn depth(&mut self, bytes: &mut [u8], watch: usize) -> Option<u16> {
        self.slot(bytes, watch).map(|slot| slot.head.depth.get()).filter(|&depth| depth != ALL)
    }

    pub(super) fn token(&mut self, bytes: &mut [u8], watch: usize) -> Option<u32> {
        self.slot(bytes, watch).map(|slot| slot.head.token.get())
    }

    pub(super) fn free(&mut self, bytes: &mut [u8], watch: usize) {
        if let Some(slot) = self.slot(bytes, watch) {
            slot.head.state = State::Free as u8;
        }
    }

    /// Ends a watch, also at the server if it was set there.
    pub(super) fn drop_later(&mut self, bytes: &mut [u8], watch: usize) {
        let Some(slot) = self.slot(bytes, watch) else { return };
        if !slot.head.is(Kind::Member) {
            return self.end(bytes, watch);
        }
        let group = slot.head.group.get() as usize;
        slot.head.state = State::Free as u8;
        if self.find(bytes, |slot| slot.head.is(Kind::Member) && slot.head.is_in(group)).is_some() {
            self.keep_sentinel(bytes, group);
        } else {
            self.end_group(bytes, group);
        }
    }

    /// Ends what a group without members has at the server.
    fn end_group(&mut self, bytes: &mut [u8], group: usize) {
        for index in 0..self.end {
            let ours = |slot: &Slot<'_>| {
                slot.head.is_in(group)
                    && (slot.head.is(Kind::Shared) || slot.head.is(Kind::Sentinel))
            };
            if self.slot(bytes, index).is_some_and(|slot| ours(&slot)) {
                self.end(bytes, index);
            }
        }
    }

    fn end(&mut self, bytes: &mut [u8], watch: usize) {
        let Some(slot) = self.slot(bytes, watch) else { return };
        let known = matches!(slot.head.state(), State::Live | State::Dropped);
        slot.head.state = if known { State::Dropped } else { State::Free } as u8;
        self.changed |= known;
    }

    /// Has a watch set that was just added.
    pub(super) fn set_later(&mut self, bytes: &mut [u8], watch: usize) {
        if let Some(slot) = self.slot(bytes, watch) {
            slot.head.state = State::Unset as u8;
            self.changed = true;
        }
    }

    /// Prepares for a server without any watch of this client.
    pub(super) fn restart(&mut self, bytes: &mut [u8]) {
        self.changed = true;
        for slot in self.slots(bytes) {
            if slot.head.state() == State::Failed {
                slot.head.queue_len.set(0);
            }
            let state = match slot.head.state() {
                State::Free | State::Dropped => State::Free,
                // Its event comes when the shared one is set again.
                _ if slot.head.is(Kind::Member) => State::Live,
                State::Live | State::Unset | State::Failed => State::Unset,
            };
            slot.head.state = state as u8;
        }
    }

    /// Returns whether a request about a watch may be due.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Returns a watch that needs a request, its token and the request. Watches to set come first,
    /// so that a sentinel is never missing.
    pub(super) fn next_change(&mut self, bytes: &mut [u8]) -> Option<(usize, u32, Change)> {
        let set = self.find(bytes, |slot| slot.head.state() == State::Unset);
        let change = match set {
            Some(index) => Some((index, Change::Set)),
            None => {
                let end = self.find(bytes, |slot| slot.head.state() == State::Dropped);
                end.map(|index| (index, Change::End))
            }
        };
        self.changed = change.is_some();
        change.and_then(|(index, change)| Some((index, self.token(bytes, index)?, change)))
    }

    /// Records that the request is being sent.
    pub(super) fn told(&mut self, bytes: &mut [u8], watch: usize, change: Change) {
        let Some(slot) = self.slot(bytes, watch) else { return };
        slot.head.fresh = u8::from(slot.head.is(Kind::Sentinel));
        slot.head.state = if change == Change::Set { State::Live } else { State::Free } as u8;
    }

    /// Notes that the server refused to set the watch with this token again.
    pub(super) fn fail(&mut self, bytes: &mut [u8], token: u32, refusal: ServerError) {
        let index = token as usize & (MAX_WATCHES - 1);
        // Its place may be another one's by now.
        let is_meant =
            |slot: &Slot<'_>| slot.head.state() == State::Live && slot.head.token.get() == token;
        let Some(mut slot) = self.slot(bytes, index).filter(is_meant) else { return };
        slot.fail(refusal);
        if slot.head.is(Kind::Shared) {
            let members = self.slots(bytes);
            members
                .filter(|slot| slot.head.is(Kind::Member) && slot.head.is_in(index))
                .for_each(|mut slot| slot.fail(refusal));
        }
    }

    /// Returns, once, why the server refused to set a watch again.
    pub(super) fn take_failure(&mut self, bytes: &mut [u8], index: usize) -> Option<ServerError> {
        let slot = self.slot(bytes, index).filter(|slot| slot.head.state() == State::Failed)?;
        let len = usize::from(slot.head.queue_len.get());
        slot.head.queue_len.set(0);
        let name = slot.queue.get(..len).filter(|name| !name.is_empty())?;
        Some(ServerError::parse(name))
    }

    /// Queues an event with the watch whose token it has, or with those that share it, unless the
    /// same is queued already.
    pub(super) fn push(&mut self, bytes: &mut [u8], event: &EventText<'_>) {
        let Ok(token) = wire::parse_number::<u32>(event.token) else { return };
        let index = token as usize & (MAX_WATCHES - 1);
        let Some(mut slot) = self.slot(bytes, index).filter(|slot| slot.head.token.get() == token)
        else {
            return;
        };
        let (live, head) = (slot.head.state() == State::Live, *slot.head);
        if head.is(Kind::Own) && live {
            match event.path.strip_prefix(slot.path()) {
                Some(behind) => slot.queue(behind),
                // A path that is not below the watched one can only mean: read the node again.
                None => slot.head.overflow = 1,
            }
        } else if head.is(Kind::Shared) && live {
            self.each_member(bytes, index, |slot| slot.sort_in(event.path));
        } else if head.is(Kind::Sentinel) && (live || head.state() == State::Dropped) {
            let first = core::mem::take(&mut slot.head.fresh) != 0;
            // Of what is below, the shared watch has an event too.
            if !first && is_at_or_below(slot.path(), event.path) {
                self.each_member(bytes, head.group.get() as usize, |slot| slot.queue(""));
            }
        }
    }

    fn each_member(&mut self, bytes: &mut [u8], group: usize, each: impl Fn(&mut Slot<'_>)) {
        self.slots(bytes)
            .filter(|slot| {
                slot.head.is(Kind::Member)
                    && slot.head.is_in(group)
                    && slot.head.state() == State::Live
            })
            .for_each(|mut slot| each(&mut slot));
    }

    /// Discards the events of a watch. Returns whether there were any.
    pub(super) fn clear(&mut self, bytes: &mut [u8], index: usize) -> bool {
        let Some(slot) = self.slot(bytes, index).filter(Slot::is_wanted) else { return false };
        let queued = slot.head.queue_len.get() > 0;
        slot.head.queue_len.set(0);
        slot.head.take_overflow() || queued
    }

    pub(super) fn pop(&mut self, bytes: &mut [u8], index: usize) -> Option<WatchEvent> {
        let slot = self.slot(bytes, index).filter(Slot::is_wanted)?;
        let mut path = String::new();
        path.push_str(slot.path()).ok()?;
        let len = usize::from(slot.head.queue_len.get());
        if len == 0 {
            return slot.head.take_overflow().then_some(WatchEvent { path, overflow: true });
        }
        let end = slot.queue.iter().position(|&byte| byte == 0)?;
        let behind = slot.queue.get(..end).and_then(|text| core::str::from_utf8(text).ok());
        // What was queued fits by construction.
        let _ = path.write_str(behind.unwrap_or_default());
        slot.queue.copy_within(end + 1..len, 0);
        slot.head.queue_len -= end as u16 + 1;
        Some(WatchEvent { path, overflow: false })
    }
}

impl Slot<'_> {
    fn is_member_below(&self, group: usize, node: &str) -> bool {
        self.head.is(Kind::Member) && self.head.is_in(group) && is_at_or_below(self.path(), node)
    }
}

#[cfg(test)]
mod tests;
