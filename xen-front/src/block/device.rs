//! The poll core of a disk.

use super::connection::{Answer, Connection, Zeroed};
use super::list::device_number;
use super::request::check_buffer;
use super::requests::{DEFAULT_DEPTH, ring_order};
use super::size_watch::SizeWatch;
use super::unanswered::Unanswered;
use super::{
    BlockError, Broken, Completion, DeviceNumber, DiskInfo, FlushMethod, IoError, Refusal, Request,
    SubmitError, Token,
};
use core::fmt;
use core::time::Duration;
use heapless::Vec;
use xen_grant::GrantTable;
use xen_hypercall::{Instant, Platform, Port};
use xen_store::xenbus::{Frontend, FrontendEvent, XenbusError, XenbusState};
use xen_store::{StoreError, XenStore};
use xen_sys::io::blkif::BlkifOp;

/// The layout of requests and responses that this build of the driver uses.
#[doc(alias = "XEN_IO_PROTO_ABI_NATIVE")]
const PROTOCOL: &str =
    if cfg!(any(target_arch = "aarch64", target_arch = "arm")) { "arm-abi" } else { "x86_64-abi" };

/// Nodes of earlier connections, of this driver's or of another one's before it, that a backend
/// would take for this connection's unless they are written again.
///
/// `feature-large-sector-size` is among them: the header deprecates it (note 12) and this driver
/// never writes it, but some backends count in units of `sector-size` where it is 1.
const STALE_KEYS: [&str; 21] = [
    "ring-page-order",
    "num-ring-pages",
    "multi-queue-num-queues",
    "feature-large-sector-size",
    "ring-ref",
    "ring-ref0",
    "ring-ref1",
    "ring-ref2",
    "ring-ref3",
    "ring-ref4",
    "ring-ref5",
    "ring-ref6",
    "ring-ref7",
    "ring-ref8",
    "ring-ref9",
    "ring-ref10",
    "ring-ref11",
    "ring-ref12",
    "ring-ref13",
    "ring-ref14",
    "ring-ref15",
];

/// Where the references of a larger ring are named, page by page.
const RING_REFS: &[&str] = STALE_KEYS.split_at(5).1;

/// How far a disk's connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockState {
    /// The two ends come together.
    Connecting,
    /// Requests are taken.
    Connected,
    /// The device is being closed, by either end. Requests in flight still complete.
    Closing,
    /// Both ends are closed. Take what is left to complete; then [`Block::reopen`] or drop the
    /// device.
    Closed,
    /// The device was removed. Take what is left to complete, and drop it.
    Unplugged,
}

/// A disk, as a poll core: requests go in, completions come out, nothing waits.
///
/// The caller's pages are granted as they are and come back with the completion, so nothing is
/// copied. [`submit`](Self::submit) queues, [`kick`](Self::kick) publishes what was queued and
/// notifies the backend at most once; so does [`poll`](Self::poll), which also keeps the
/// connection. Before waiting for an event of [`port`](Self::port) and of the store's port: `poll`,
/// then [`complete`](Self::complete) until it returns `None`; while the device closes, `poll` once
/// more after the last completion, which lets it go on.
///
/// A backend that breaks the protocol marks the device broken: its ring is not touched again, every
/// request in flight completes with an error, and pages that the backend has not let go of are kept
/// back by the grant table.
///
/// A device that was closed, or whose backend was replaced, is taken up again by
/// [`reopen`](Self::reopen); one that was moved to another host with its domain, by
/// [`resume`](Self::resume). Requests that have no answer by then are made again, under the tokens
/// that they have, unless they were [cancelled](Self::cancel). Each token completes exactly once,
/// whatever the backend and the toolstack do.
///
/// A trusted backend gets the pages of a read as they are. If it answers without writing them, they
/// hold what the caller had left there: zero them first where that is not to be taken for the
/// disk's content. An untrusted backend gets them zeroed, and so does each backend but the first
/// that a read is sent to.
///
/// [`close`](Self::close) it before dropping it; a device that is just dropped looks to its backend
/// as if the domain had died. If it is dropped while it closes, its state becomes Closed, so that
/// the backend releases the ring.
///
/// At most `DEPTH` requests are in flight, completions that were not taken included: a power of
/// two, 32 (a ring of one page) to [`MAX_DEPTH`](super::MAX_DEPTH) (16 pages). A backend that takes
/// no ring that large gets the largest that it takes. What is kept of each request is part of this
/// value: about 180 bytes each, and a stack that it is moved on needs room for it. A kernel with
/// small stacks boxes it.
pub struct Block<P: Platform, const DEPTH: usize = DEFAULT_DEPTH> {
    grants: GrantTable<P>,
    frontend: Frontend<P>,
    id: u32,
    number: DeviceNumber,
    info: DiskInfo,
    state: BlockState,
    closing: bool,
    /// What is known of the device is from before it was to be opened again.
    stale: bool,
    /// The next request's token.
    next: u64,
    link: Link<Connection<P, DEPTH>>,
    /// Requests of earlier connections: to be made again or, as their peer kept the pages, at
    /// their end.
    unanswered: Unanswered<P, DEPTH>,
    size: SizeWatch<P>,
}

/// A connection, if there is one. It is made when the backend is ready for it, and by then its
/// predecessor's pages are free.
#[derive(Debug)]
enum Link<C> {
    None,
    /// The connection in use.
    Current(C),
    /// The one before, until its requests can be taken back.
    Previous(C),
}

impl<C> Link<C> {
    fn current(&self) -> Option<&C> {
        if let Self::Current(connection) = self { Some(connection) } else { None }
    }

    fn current_mut(&mut self) -> Option<&mut C> {
        if let Self::Current(connection) = self { Some(connection) } else { None }
    }
}

impl<P: Platform> Block<P> {
    /// Opens disk `id` ([`list`](super::list()) knows which there are); [`poll`](Self::poll)
    /// connects it.
    ///
    /// # Errors
    ///
    /// [`BlockError::Xenbus`]; its store error [is "not found"](StoreError::is_not_found) if there
    /// is no such device.
    pub fn open(store: &XenStore<P>, grants: &GrantTable<P>, id: u32) -> Result<Self, BlockError> {
        Self::open_deep(store, grants, id)
    }

    /// Opens disk `id` and waits until it is connected.
    ///
    /// # Errors
    ///
    /// [`BlockError`]; [`XenbusError::Timeout`] at `deadline` says what was awaited. The device is
    /// closed again then.
    pub fn connect(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        deadline: Instant,
    ) -> Result<Self, BlockError> {
        Self::connect_deep(store, grants, id, deadline)
    }
}

impl<P: Platform, const DEPTH: usize> Block<P, DEPTH> {
    /// What the ring is made for.
    const ORDER: u32 = ring_order(DEPTH);

    /// Opens disk `id` as [`open`](Block::open) does, for up to `DEPTH` requests in flight.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Block::open).
    pub fn open_deep(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
    ) -> Result<Self, BlockError> {
        let frontend = Frontend::open(store, "vbd", id)?;
        let number = device_number(store, id)?;
        let size = SizeWatch::new(&frontend)?;
        Ok(Self {
            grants: grants.clone(),
            frontend,
            id,
            number,
            info: DiskInfo::NONE,
            state: BlockState::Connecting,
            closing: false,
            stale: false,
            next: 0,
            link: Link::None,
            unanswered: Unanswered::new(),
            size,
        })
    }

    /// Opens disk `id` as [`connect`](Block::connect) does, for up to `DEPTH` requests in flight.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Block::connect).
    pub fn connect_deep(
        store: &XenStore<P>,
        grants: &GrantTable<P>,
        id: u32,
        deadline: Instant,
    ) -> Result<Self, BlockError> {
        let mut block = Self::open_deep(store, grants, id)?;
        match block.wait_until(BlockState::Connected, deadline) {
            Ok(()) => Ok(block),
            Err(error) => {
                // So that the backend lets go of the ring, and another try finds the device in
                // order. What stands in the way of that is what stood in the way of
                // connecting.
                let _ =
                    block.close_now().and_then(|()| block.wait_until(BlockState::Closed, deadline));
                Err(error)
            }
        }
    }

    /// Returns the device's id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Returns what the disk is called.
    pub fn number(&self) -> DeviceNumber {
        self.number
    }

    /// Returns what is known of the disk; all zero before it is connected.
    pub fn info(&self) -> &DiskInfo {
        &self.info
    }

    /// Returns how far the connection was at the last [`poll`](Self::poll).
    pub fn state(&self) -> BlockState {
        self.state
    }

    /// Returns how the backend broke the protocol, if it did.
    pub fn broken(&self) -> Option<Broken> {
        self.link.current().and_then(Connection::broken)
    }

    /// Returns the port whose events announce completions, to wait for, to unmask or to bind to a
    /// vCPU; none while there is no ring.
    pub fn port(&self) -> Option<Port> {
        self.link.current().and_then(Connection::port)
    }

    /// Returns how many pages the ring has; none while there is no ring.
    pub fn ring_pages(&self) -> usize {
        self.link.current().map_or(0, |connection| connection.ring_refs().len())
    }

    /// Returns the store that the disk was found in.
    pub fn store(&self) -> &XenStore<P> {
        self.frontend.store()
    }

    /// Returns the grant table that its pages are granted by.
    pub fn grants(&self) -> &GrantTable<P> {
        &self.grants
    }

    /// Returns how many requests are neither answered nor given up.
    pub fn in_flight(&self) -> usize {
        let linked = match &self.link {
            Link::None => 0,
            Link::Current(connection) | Link::Previous(connection) => connection.in_flight(),
        };
        linked + self.unanswered.len()
    }

    /// Returns how many requests can be submitted now.
    pub fn room(&self) -> usize {
        let connected =
            self.state == BlockState::Connected && !self.unanswered.is_to_be_made_again();
        let connection = self.link.current().filter(|_| connected);
        // Each request that has not completed has a place, wherever it is: in the ring, or among
        // those of earlier connections.
        connection.map_or(0, Connection::room).min(DEPTH.saturating_sub(self.in_flight()))
    }

    /// Queues a request for the next [`kick`](Self::kick).
    ///
    /// # Errors
    ///
    /// [`SubmitError`] has the request, and why it was not taken.
    pub fn submit(&mut self, request: Request<P>) -> Result<Token, SubmitError<P>> {
        self.submit_zeroed(request, Zeroed::None)
    }

    /// Queues a request as [`submit`](Self::submit) does; its pages held data of other requests
    /// before, and a read that the backend does not carry out must not show them.
    pub(super) fn submit_reused(&mut self, request: Request<P>) -> Result<Token, SubmitError<P>> {
        self.submit_zeroed(request, Zeroed::Reads)
    }

    fn submit_zeroed(
        &mut self,
        request: Request<P>,
        zeroed: Zeroed,
    ) -> Result<Token, SubmitError<P>> {
        if let Err(reason) = self.check(&request) {
            return Err(request.refused(reason));
        }
        // Only flushes care, and the check found a method for those.
        let flush = self.info.flush_method().unwrap_or(FlushMethod::Flush);
        match self.link.current_mut() {
            Some(connection) => {
                let token = Token(self.next);
                let zeroed = if self.info.trusted { zeroed } else { Zeroed::All };
                connection.submit(token, request, flush, zeroed)?;
                self.next += 1;
                Ok(token)
            }
            None => Err(request.refused(Refusal::NotConnected)),
        }
    }

    fn check(&self, request: &Request<P>) -> Result<(), Refusal> {
        if let Some(broken) = self.broken() {
            return Err(Refusal::Broken(broken));
        }
        if self.state != BlockState::Connected {
            return Err(Refusal::NotConnected);
        }
        if self.unanswered.is_to_be_made_again() || self.in_flight() >= DEPTH {
            return Err(Refusal::Full);
        }
        check(&self.info, request)
    }

    /// Cancels a request: if its connection ends before the backend has answered, it is not made
    /// again on another one and completes with [`IoError::Closed`]. Returns whether the request
    /// had neither been answered nor completed.
    ///
    /// For a request that the caller has given up on: made again later, it would undo what was
    /// written since. The protocol has no way to take a request back from the backend that has
    /// it, so that backend may still carry it out. The request's completion and its buffer come
    /// as ever.
    pub fn cancel(&mut self, token: Token) -> bool {
        let linked = match &mut self.link {
            Link::None => false,
            Link::Current(connection) | Link::Previous(connection) => connection.cancel(token),
        };
        linked || self.unanswered.cancel(token)
    }

    /// Publishes what was queued, and notifies the backend if it sleeps.
    pub fn kick(&mut self) {
        if let Some(connection) = self.link.current_mut() {
            connection.kick();
        }
    }

    /// Takes the next request that is done with. After `None` the backend announces the next one by
    /// an event.
    pub fn complete(&mut self) -> Option<Completion<P>> {
        if let Some(ended) = self.unanswered.next_ended() {
            return Some(ended);
        }
        if self.closing
            && let Some(closed) = self.next_closed()
        {
            return Some(closed);
        }
        let Some(Answer { completion, operation }) =
            self.link.current_mut().and_then(Connection::complete)
        else {
            // The completions before have made room in a ring that is smaller than that of an
            // earlier connection, and the caller waits for an event now.
            self.submit_again();
            return self.complete_closed();
        };
        if completion.outcome == Err(IoError::Unsupported) {
            // Backends may find out late; they say so once, and are not asked again.
            match operation {
                BlkifOp::FLUSH_DISKCACHE => self.info.flush = false,
                BlkifOp::WRITE_BARRIER => self.info.barrier = false,
                _ => {}
            }
        }
        Some(completion)
    }

    /// Gives back what was left of a device that is closed.
    fn complete_closed(&mut self) -> Option<Completion<P>> {
        if !matches!(self.state, BlockState::Closed | BlockState::Unplugged) {
            return self.unanswered.next_ended();
        }
        self.take_back();
        self.link = Link::None;
        self.unanswered.next_ended().or_else(|| self.next_closed())
    }

    /// Gives back a request that was to be made again, and is not any more.
    fn next_closed(&mut self) -> Option<Completion<P>> {
        let (token, request) = self.unanswered.next_again()?;
        Some(Completion { token, outcome: Err(IoError::Closed), buffer: request.into_buffer() })
    }

    /// Publishes what was queued and keeps the connection: connects, notices a new size, follows
    /// the backend when it closes. Never waits for the backend; steps of connecting take some
    /// exchanges with xenstored.
    ///
    /// # Errors
    ///
    /// [`BlockError`]; the device can be polled on, and closed.
    pub fn poll(&mut self, now: Instant) -> Result<BlockState, BlockError> {
        if self.stale {
            self.look_up()?;
        }
        if self.state == BlockState::Unplugged {
            return Ok(self.state);
        }
        self.kick();
        if self.closing && self.is_idle() {
            self.leave()?;
        }
        // A step at most leads to the next; the last ones wait for the backend.
        for _ in 0..4 {
            match self.frontend.poll(now)? {
                FrontendEvent::Wait => break,
                // What is in flight is awaited.
                FrontendEvent::Connected if self.closing => break,
                FrontendEvent::Publish => self.publish()?,
                FrontendEvent::Connect => self.take_up()?,
                FrontendEvent::Connected => {
                    self.state = BlockState::Connected;
                    self.submit_again();
                    if let Some(sectors) = self.size.poll(self.frontend.backend_path())? {
                        self.info.resize(sectors)?;
                    }
                    break;
                }
                // Disks don't know the last two.
                FrontendEvent::Close | FrontendEvent::Reconfigure | FrontendEvent::Resume => {
                    self.state = BlockState::Closing;
                    self.close_when_idle()?;
                }
                FrontendEvent::Closed => {
                    self.end(BlockState::Closed);
                    break;
                }
                FrontendEvent::Unplugged => {
                    self.end(BlockState::Unplugged);
                    break;
                }
            }
        }
        Ok(self.state)
    }

    /// Begins to close the device: no more requests are taken, those in flight complete, then both
    /// ends close. Requests of an earlier connection that were to be made again complete as
    /// closed. Go on with [`complete`](Self::complete) and [`poll`](Self::poll) until the state
    /// is [`BlockState::Closed`].
    pub fn close(&mut self) {
        self.closing = true;
        if self.state == BlockState::Connected {
            self.state = BlockState::Closing;
        }
    }

    /// Closes the device without waiting for requests in flight any longer. Go on with
    /// [`poll`](Self::poll).
    ///
    /// # Errors
    ///
    /// [`BlockError::Xenbus`] if the state could not be written.
    pub fn close_now(&mut self) -> Result<(), BlockError> {
        self.close();
        self.state = BlockState::Closing;
        self.leave()
    }

    /// Begins to connect the device again, as xenstore has it now: after it was closed, or removed
    /// and plugged in again, as when its backend's domain died and another one took its place.
    /// [`poll`](Self::poll) goes on with it.
    ///
    /// Requests that were not completed are made again once it is connected. If there is no such
    /// device any more, its state is [`BlockState::Unplugged`], and they complete as closed.
    ///
    /// # Errors
    ///
    /// [`BlockError::Xenbus`] if xenstore could not be read; [`poll`](Self::poll) tries again.
    pub fn reopen(&mut self) -> Result<(), BlockError> {
        // Of the one before that nobody has anything any more.
        self.take_back();
        if let Link::Current(connection) = core::mem::replace(&mut self.link, Link::None) {
            self.link = Link::Previous(connection);
        }
        self.closing = false;
        self.state = BlockState::Connecting;
        self.stale = true;
        self.look_up()
    }

    /// Takes the device as xenstore has it now.
    fn look_up(&mut self) -> Result<(), BlockError> {
        let store = self.store();
        let opened = Frontend::open(store, "vbd", self.id)
            .and_then(|frontend| Ok((SizeWatch::new(&frontend)?, frontend)));
        match opened {
            Ok((size, frontend)) => (self.size, self.frontend) = (size, frontend),
            Err(XenbusError::Store(error)) if error.is_not_found() => {
                self.state = BlockState::Unplugged;
            }
            Err(error) => return Err(error.into()),
        }
        self.stale = false;
        Ok(())
    }

    /// Begins to connect the device again after the domain was suspended and is now resumed
    /// elsewhere: with another backend, and none of the ports and grants of before. The store
    /// and the grant table have to be resumed first.
    ///
    /// # Errors
    ///
    /// Those of [`reopen`](Self::reopen).
    pub fn resume(&mut self) -> Result<(), BlockError> {
        if let Link::Current(connection) | Link::Previous(connection) = &mut self.link {
            connection.abandon();
        }
        self.reopen()
    }

    /// Takes the requests of the connection before back, to be made again.
    fn take_back(&mut self) {
        let Link::Previous(previous) = &mut self.link else { return };
        while let Some(taken) = previous.take_back() {
            self.unanswered.add(taken);
        }
    }

    /// Makes the requests again that earlier connections did not answer, as far as there is room.
    fn submit_again(&mut self) {
        if self.state != BlockState::Connected || !self.unanswered.is_to_be_made_again() {
            return;
        }
        let flush = self.info.flush_method().unwrap_or(FlushMethod::Flush);
        // What an earlier backend has written into the pages of a read is not this one's answer.
        let zeroed = if self.info.trusted { Zeroed::Reads } else { Zeroed::All };
        while let Some(connection) =
            self.link.current_mut().filter(|connection| connection.room() > 0)
            && let Some((token, request)) = self.unanswered.next_again()
        {
            let submitted = match check(&self.info, &request) {
                Ok(()) => connection.submit(token, request, flush, zeroed),
                Err(reason) => Err(request.refused(reason)),
            };
            match submitted {
                Ok(()) => {}
                Err(SubmitError { reason: Refusal::Grant(_), request }) => {
                    // The next poll tries again.
                    self.unanswered.add(Ok((token, request)));
                    break;
                }
                // The new backend's disk is another one, or can do less.
                Err(SubmitError { reason, request }) => {
                    let no_flush = reason == Refusal::NoFlush;
                    let error = if no_flush { IoError::Unsupported } else { IoError::Failed };
                    let buffer = request.into_buffer();
                    self.unanswered.add(Err(Completion { token, outcome: Err(error), buffer }));
                }
            }
        }
        self.kick();
    }

    /// Polls and waits until the device is in the state `wanted`.
    pub(super) fn wait_until(
        &mut self,
        wanted: BlockState,
        deadline: Instant,
    ) -> Result<(), BlockError> {
        let store = self.store().clone();
        let start = store.platform().now();
        self.frontend.set_timeout(deadline.saturating_duration_since(start));
        loop {
            let now = store.platform().now();
            let over = now >= deadline;
            match self.poll(now)? {
                state if state == wanted => return Ok(()),
                BlockState::Unplugged | BlockState::Closed => return Err(self.refused()),
                BlockState::Closing if wanted == BlockState::Connected => {
                    return Err(self.refused());
                }
                // However often the backend changes its state, that was the last look.
                _ if over => {
                    return Err(self.timed_out(wanted, now.saturating_duration_since(start)));
                }
                _ => store.wait(deadline),
            }
        }
    }

    fn timed_out(&self, wanted: BlockState, waited: Duration) -> BlockError {
        let path =
            xen_store::PathText::new(&format_args!("{}/state", self.frontend.backend_path()));
        let (found, own) = (self.frontend.backend_state(), self.frontend.own_state());
        let awaited = match wanted {
            BlockState::Connecting | BlockState::Connected => XenbusState::CONNECTED,
            _ => XenbusState::CLOSED,
        };
        BlockError::Xenbus(XenbusError::Timeout { path, awaited, found, own, waited })
    }

    fn refused(&self) -> BlockError {
        let path =
            xen_store::PathText::new(&format_args!("{}/state", self.frontend.backend_path()));
        let (found, own) = (self.frontend.backend_state(), self.frontend.own_state());
        BlockError::Xenbus(match self.state {
            BlockState::Unplugged => XenbusError::Unplugged { path },
            _ => XenbusError::Refused { path, found, own },
        })
    }

    /// Makes a ring and tells the backend of it.
    fn publish(&mut self) -> Result<(), BlockError> {
        if self.closing {
            return self.leave();
        }
        let order = Self::ORDER.min(largest_order(&self.frontend)?);
        let peer = self.frontend.backend_id();
        let connection = Connection::new(&self.grants, peer, self.number.0 as u16, order)?;
        let port = connection.port().unwrap_or_default();
        let pages = connection.ring_refs().len();
        let mut keys: Vec<(&str, &dyn fmt::Display), { RING_REFS.len() + 5 }> = Vec::new();
        let common: [(_, &dyn fmt::Display); 3] =
            [("event-channel", &port), ("protocol", &PROTOCOL), ("feature-persistent", &0)];
        let refs = connection.ring_refs();
        // Backends know the ring's size by one name or the other. One of before there were larger
        // rings knows neither.
        let sizes: [(_, &dyn fmt::Display); 2] =
            [("ring-page-order", &order), ("num-ring-pages", &pages)];
        let (names, sizes) =
            if order == 0 { (&["ring-ref"][..], &sizes[..0]) } else { (RING_REFS, &sizes[..]) };
        keys.extend(common.iter().chain(sizes).copied());
        keys.extend(
            names.iter().zip(refs).map(|(&name, reference)| (name, reference as &dyn fmt::Display)),
        );
        self.frontend.publish_only(XenbusState::INITIALISED, &keys, &STALE_KEYS)?;
        drop(keys);
        // The backend has let go of what it had of earlier ones, or never had it.
        self.take_back();
        self.link = Link::Current(connection);
        self.state = BlockState::Connecting;
        Ok(())
    }

    /// Takes up what the backend says of the disk.
    fn take_up(&mut self) -> Result<(), BlockError> {
        match DiskInfo::read(&self.frontend) {
            Ok(info) => self.info = info,
            Err(error) => {
                // The administrator is told where the toolstack looks for it; that this fails too
                // is the lesser news.
                let _ = self.frontend.fatal(error);
                self.closing = true;
                self.state = BlockState::Closing;
                return Err(error);
            }
        }
        Ok(self.frontend.connected()?)
    }

    /// Returns whether the backend has no request that it can still answer.
    fn is_idle(&self) -> bool {
        self.link.current().is_none_or(|current| current.in_flight() == 0 || current.is_ended())
    }

    /// Closes our end. A backend that was offered no ring has nothing to release, so it is not
    /// waited for.
    fn leave(&mut self) -> Result<(), BlockError> {
        let unpublished =
            matches!(self.frontend.own_state(), XenbusState::UNKNOWN | XenbusState::INITIALISING);
        if unpublished {
            match self.frontend.switch(XenbusState::CLOSED) {
                // The next poll reports it.
                Err(XenbusError::Unplugged { .. }) => {}
                result => result?,
            }
        }
        Ok(self.frontend.close()?)
    }

    /// Closes our end once nothing is in flight, or nothing can be answered any more.
    fn close_when_idle(&mut self) -> Result<(), BlockError> {
        let backend = self.frontend.backend_state();
        if !matches!(backend, XenbusState::CONNECTED | XenbusState::CLOSING)
            && let Some(connection) = self.link.current_mut()
        {
            connection.end();
        }
        if self.is_idle() {
            self.frontend.close()?;
        }
        Ok(())
    }

    fn end(&mut self, state: BlockState) {
        self.state = state;
        if let Some(connection) = self.link.current_mut() {
            connection.end();
        }
        if self.in_flight() == 0 {
            self.link = Link::None;
        }
    }
}

/// Finishes a close that was begun: a backend serves a frontend in Closing, and keeps the ring
/// mapped.
impl<P: Platform, const DEPTH: usize> Drop for Block<P, DEPTH> {
    fn drop(&mut self) {
        if self.frontend.own_state() == XenbusState::CLOSING {
            // Without xenstore the device stays in Closing, and is closed when it is opened again.
            let _ = self.frontend.switch(XenbusState::CLOSED);
        }
    }
}

impl<P: Platform, const DEPTH: usize> fmt::Debug for Block<P, DEPTH> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, number, info, state, .. } = self;
        let mut out = f.debug_struct("Block");
        out.field("id", id).field("number", number).field("info", info).field("state", state);
        out.field("in_flight", &self.in_flight())
            .field("broken", &self.broken())
            .finish_non_exhaustive()
    }
}

/// Returns the order of the largest ring that the backend takes; it says so by either of two names.
fn largest_order<P: Platform>(frontend: &Frontend<P>) -> Result<u32, StoreError> {
    let pages: u32 = frontend.backend_number_or("max-ring-pages", 1)?;
    Ok(frontend
        .backend_number_or("max-ring-page-order", 0)?
        .max(pages.checked_ilog2().unwrap_or(0)))
}

/// Checks that a disk can do what a request asks for.
fn check<P: Platform>(info: &DiskInfo, request: &Request<P>) -> Result<(), Refusal> {
    match request {
        Request::Write { .. } if info.read_only => Err(Refusal::ReadOnly),
        Request::Read { sector, sectors, buffer } | Request::Write { sector, sectors, buffer } => {
            check_buffer(*sectors, buffer.count())?;
            info.check_range(*sector, *sectors as u64)
        }
        Request::Flush if info.flush_method().is_none() => Err(Refusal::NoFlush),
        Request::Flush => Ok(()),
    }
}
