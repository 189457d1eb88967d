//! A queue of a disk: a table of requests, and the ring of its connection.

use super::buffer::Zeroed;
use super::connection::{Completed, Connection};
use super::request::Command;
use super::requests::{Moved, Requests};
use super::segments::Segments;
use super::{
    Completion, DeviceState, DiskInfo, FlushMethod, IoError, ProtocolError, Request, RequestError,
    SECTOR_SIZE, SubmitError, Token,
};
use crate::IoMemory;
use xen_grant::{DmaBuffer, GrantError};
use xen_hypercall::{OutOfMemory, Platform, Port};
use xen_sys::io::blkif::BlkifOp;

/// The connection of a queue, if there is one. It is created when the backend is ready for it, and
/// the pages of the one before are free by then.
#[derive(Debug)]
enum CurrentConnection<C> {
    None,
    /// The connection in use.
    Current(C),
    /// The one before, until its requests can be requeued.
    Previous(C),
}

/// A queue of a disk.
#[derive(Debug)]
pub(super) struct Queue<P: Platform, B: IoMemory<Platform = P>> {
    /// The parameters of the disk.
    pub(super) info: DiskInfo,
    /// The state of the device.
    pub(super) state: DeviceState,
    /// The caller has closed the device: requests of earlier connections are not issued again.
    pub(super) closed: bool,
    /// The disk cannot be used: requests of earlier connections are not issued again.
    pub(super) refused: bool,
    /// The requests of another queue, which has no ring, wait for a slot.
    pub(super) reserved: bool,
    /// The index of the queue.
    index: usize,
    /// The connections so far.
    connections: u32,
    /// The other queues are marked as broken too.
    break_reported: bool,
    /// The number of the next request.
    next: u64,
    link: CurrentConnection<Connection<P>>,
    pub(super) requests: Requests<P, B>,
}

impl<P: Platform, B: IoMemory<Platform = P>> Queue<P, B> {
    /// Allocates a queue of at most `depth` requests.
    pub(super) fn alloc(platform: P, index: usize, depth: u16) -> Result<Self, OutOfMemory> {
        Ok(Self {
            info: DiskInfo::NONE,
            state: DeviceState::Connecting,
            closed: false,
            refused: false,
            reserved: false,
            index,
            connections: 0,
            break_reported: false,
            next: 0,
            link: CurrentConnection::None,
            requests: Requests::alloc(platform, depth)?,
        })
    }

    /// Returns the connection in use.
    pub(super) fn connection(&self) -> Option<&Connection<P>> {
        if let CurrentConnection::Current(connection) = &self.link {
            Some(connection)
        } else {
            None
        }
    }

    pub(super) fn connection_mut(&mut self) -> Option<&mut Connection<P>> {
        if let CurrentConnection::Current(connection) = &mut self.link {
            Some(connection)
        } else {
            None
        }
    }

    pub(super) fn broken(&self) -> Option<ProtocolError> {
        self.connection().and_then(Connection::broken)
    }

    pub(super) fn port(&self) -> Option<Port> {
        self.connection().and_then(Connection::port)
    }

    /// Returns the number of requests that fit; none while requests of earlier connections wait.
    pub(super) fn free_slots(&self) -> usize {
        if self.requests.has_requeued() || self.reserved || self.state != DeviceState::Connected {
            return 0;
        }
        self.connection().map_or(0, Connection::free_requests).min(self.requests.free())
    }

    /// Grants the pages of a request and queues it.
    #[inline(always)]
    pub(super) fn submit(
        &mut self,
        mut request: Request<B>,
        zeroed: Zeroed,
    ) -> Result<Token, SubmitError<B>> {
        let (token, connected) = (self.next_token(), self.state == DeviceState::Connected);
        let Self { link, requests, info, reserved, next, .. } = self;
        let CurrentConnection::Current(connection) = link else {
            return self.submit_for_other(request);
        };
        if let Some(broken) = connection.broken() {
            return Err(request.refused(RequestError::Broken(broken)));
        }
        if !connected || connection.is_ended() {
            return Err(request.refused(RequestError::NotConnected));
        }
        let slot = requests
            .next_free()
            .filter(|_| connection.free_slots() != 0 && !requests.has_requeued() && !*reserved)
            .ok_or(RequestError::Full);
        let mut segments = Segments::new();
        let copies = connection.copies().then(|| connection.copied_pages());
        let checked = slot.and_then(|slot| {
            segments.limit = connection.segment_limit(slot);
            check(info, &mut request, &mut segments, copies).map(|()| slot)
        });
        let slot = match checked {
            Ok(slot) => slot,
            Err(reason) => return Err(request.refused(reason)),
        };
        // The check found a method.
        let flush = || info.flush_method().unwrap_or(FlushMethod::Flush);
        let zeroed = if info.trusted { zeroed } else { Zeroed::All };
        let (command, buffer) = request.into_parts(flush);
        match connection.issue(slot, &command, buffer, &mut segments, zeroed) {
            Ok(in_flight) => {
                requests.add(token, command, in_flight);
                *next += 1;
                Ok(token)
            }
            Err((error, buffer)) => {
                let request = Request::from_parts(command, Some(buffer));
                Err(request.refused(error))
            }
        }
    }

    pub(super) fn kick(&mut self) {
        if let Some(connection) = self.connection_mut() {
            connection.kick();
        }
    }

    fn next_token(&self) -> Token {
        Token::new(self.next, self.index)
    }

    /// Accepts a request for a connection in which this queue has no ring: another queue issues it.
    #[cold]
    fn submit_for_other(&mut self, mut request: Request<B>) -> Result<Token, SubmitError<B>> {
        let slot = self.requests.next_free().map(drop).ok_or(RequestError::Full);
        let slot = if self.is_surplus() { slot } else { Err(RequestError::NotConnected) };
        let mut segments = Segments::new();
        let checked = slot.and_then(|()| check(&self.info, &mut request, &mut segments, None));
        if let Err(reason) = checked {
            return Err(request.refused(reason));
        }
        let flush = || self.info.flush_method().unwrap_or(FlushMethod::Flush);
        let (token, (command, buffer)) = (self.next_token(), request.into_parts(flush));
        self.requests.add_requeued(token, command, buffer);
        self.next += 1;
        Ok(token)
    }

    /// Returns whether the device is connected, and this queue has no ring.
    pub(super) fn is_surplus(&self) -> bool {
        self.state == DeviceState::Connected && matches!(self.link, CurrentConnection::None)
    }

    /// Takes the next completed request. A request of another queue can be among them.
    #[inline(always)]
    pub(super) fn complete(&mut self) -> Option<Completion<B>> {
        if let Some(completed) = self.requests.next_completed() {
            return Some(completed);
        }
        if (self.closed || self.refused)
            && let Some(closed) = self.requests.next_closed()
        {
            return Some(closed);
        }
        if let Some(completed) = self.next_response() {
            return Some(completed);
        }
        self.complete_idle()
    }

    /// Takes the next completed request, as [`complete`](Self::complete) does.
    #[cold]
    pub(super) fn complete_again(&mut self) -> Option<Completion<B>> {
        self.complete()
    }

    /// Takes the next completed request, and issues none.
    pub(super) fn complete_polled(&mut self) -> Option<Completion<B>> {
        self.requests.next_completed().or_else(|| self.next_answered(true))
    }

    /// Issues what waits for a slot, or ends what gets none any more.
    #[inline(never)]
    fn complete_idle(&mut self) -> Option<Completion<B>> {
        match self.state {
            // The completions before have made room in a ring that is smaller than that of an
            // earlier connection, and the caller waits for an event now.
            DeviceState::Connected => self.submit_requeued(),
            DeviceState::Closed | DeviceState::Unplugged => {
                self.release();
                return self.requests.next_completed().or_else(|| self.requests.next_closed());
            }
            _ => {}
        }
        self.requests.next_completed()
    }

    /// Takes all completed requests out of the ring, and leaves them in the table.
    #[cold]
    pub(super) fn store_completed(&mut self) {
        while let Some(completion) = self.next_response() {
            self.requests.insert(Moved::completed(completion));
        }
    }

    /// Takes the next request that the connection in use has completed, and requeues reads that the
    /// backend has not written.
    #[inline(never)]
    fn next_response(&mut self) -> Option<Completion<B>> {
        self.next_answered(false)
    }

    /// Takes the next request that the connection in use has completed.
    #[inline(always)]
    fn next_answered(&mut self, polled: bool) -> Option<Completion<B>> {
        let CurrentConnection::Current(connection) = &mut self.link else { return None };
        let Completed { completion, command } = connection.complete(&mut self.requests, polled)?;
        if completion.outcome == Err(IoError::Unsupported) {
            self.unsupported(&command);
        }
        Some(completion)
    }

    /// Returns the number of connections so far.
    pub(super) fn connection_number(&self) -> u32 {
        self.connections
    }

    /// Returns how the connection was broken and its number, once.
    #[cold]
    pub(super) fn take_break(&mut self) -> Option<(ProtocolError, u32)> {
        let broken = self.broken().filter(|_| !self.break_reported)?;
        self.break_reported = true;
        Some((broken, self.connections))
    }

    /// Marks connection `number` as broken by another queue.
    pub(super) fn mark_broken(&mut self, broken: ProtocolError, number: u32) {
        if self.connections == number
            && let Some(connection) = self.connection_mut()
        {
            connection.mark_broken(broken);
            self.break_reported = true;
        }
    }

    /// Marks an operation as unsupported: the backend responds so once, and gets none again.
    #[cold]
    fn unsupported(&mut self, command: &Command) {
        match (command.operation, &mut self.info.discard) {
            (BlkifOp::FLUSH_DISKCACHE, _) => self.info.flush = false,
            (BlkifOp::WRITE_BARRIER, _) => self.info.barrier = false,
            // A secure discard is more than a discard: the backend may support that.
            (BlkifOp::DISCARD, Some(discard)) if command.secure => discard.secure = false,
            (BlkifOp::DISCARD, discard) => *discard = None,
            _ => {}
        }
    }

    /// Releases the connection of a device that is closed or unplugged, and requeues its requests.
    fn release(&mut self) {
        self.requests.requeue();
        self.link = CurrentConnection::None;
    }

    /// Issues the requeued requests again, as far as there are slots.
    pub(super) fn submit_requeued(&mut self) {
        let Self { link, requests, info, .. } = self;
        let CurrentConnection::Current(connection) = link else { return };
        if !requests.has_requeued() {
            return;
        }
        let flush = info.flush_method();
        // The buffer of a read is zeroed again: an earlier backend may have written to it, and one
        // whose read is repeated may leave it unwritten once more.
        let zeroed = if info.trusted { Zeroed::Reads } else { Zeroed::All };
        while connection.free_slots() > 0
            && requests.issue_next(|slot, command, mut buffer| {
                let mut segments = Segments::new();
                segments.limit = connection.segment_limit(slot);
                let copies = connection.copies().then(|| connection.copied_pages());
                let checked = match (&mut buffer, flush) {
                    (Some(buffer), _) => {
                        check_command(info, command, buffer, &mut segments, copies)
                    }
                    (None, _) if command.operation == BlkifOp::DISCARD => {
                        info.check_discard(command.sector, command.sectors, command.secure)
                    }
                    // The new backend may not support the method of the earlier one.
                    (None, Some(flush)) => {
                        command.operation = flush.operation();
                        Ok(())
                    }
                    (None, None) => Err(RequestError::NoFlush),
                };
                match checked {
                    // Without a free reference or page, the next poll tries again.
                    Ok(()) => connection
                        .issue(slot, command, buffer, &mut segments, zeroed)
                        .map_err(|(error, buffer)| (never_granted(error), Some(buffer))),
                    Err(
                        RequestError::NoFlush
                        | RequestError::NoDiscard
                        | RequestError::NoSecureDiscard,
                    ) => Err((Some(IoError::Unsupported), buffer)),
                    // The new backend has another disk, one that is read-only, or is not trusted.
                    Err(_) => Err((Some(IoError::Failed), buffer)),
                }
            })
        {}
        self.kick();
    }

    /// Returns whether the buffer is granted for the connection in use.
    pub(super) fn is_granted(&self, buffer: &DmaBuffer<P>) -> bool {
        self.connection().is_some_and(|connection| connection.is_granted(buffer))
    }

    /// Returns whether the backend has no request that it can still answer.
    pub(super) fn is_idle(&self) -> bool {
        self.connection().is_none_or(|current| current.is_ended()) || self.requests.in_flight() == 0
    }

    /// Takes the answer of the backend to the offer of persistent grants.
    pub(super) fn set_persistent(&mut self, supported: bool) {
        if let Some(connection) = self.connection_mut() {
            connection.set_persistent(supported);
        }
    }

    /// Takes the most segments of an indirect request that the backend accepts, for at most
    /// `requests` of them in flight.
    pub(super) fn set_indirect(&mut self, limit: u32, requests: u16) {
        if let Some(connection) = self.connection_mut() {
            connection.set_indirect(limit, requests);
        }
    }

    /// Ends the connection: no responses are taken any more.
    pub(super) fn end(&mut self) {
        if let Some(connection) = self.connection_mut() {
            connection.end();
        }
    }

    /// Takes a new connection, in which the queue has no ring if that is `None`. The backend has
    /// released what it had of earlier ones, or never had it: their requests are issued again on
    /// this one.
    pub(super) fn begin(&mut self, connection: Option<Connection<P>>) {
        self.requests.requeue();
        self.link = connection.map_or(CurrentConnection::None, CurrentConnection::Current);
        self.connections = self.connections.wrapping_add(1);
        self.break_reported = false;
    }

    /// Ends the connection of a device that is closed or removed, and releases it if no request
    /// has yet to complete.
    pub(super) fn finish(&mut self) {
        self.end();
        if self.requests.count() == 0 {
            self.link = CurrentConnection::None;
        }
    }

    /// Closes the port of a connection that the domain had before it was resumed.
    pub(super) fn close_port(&mut self) {
        match &mut self.link {
            CurrentConnection::None => {}
            CurrentConnection::Current(connection) | CurrentConnection::Previous(connection) => {
                connection.close_port();
            }
        }
    }

    /// Retires the connection: its requests are requeued when the next one begins.
    pub(super) fn retire(&mut self) {
        self.link = match core::mem::replace(&mut self.link, CurrentConnection::None) {
            CurrentConnection::Current(connection) => CurrentConnection::Previous(connection),
            CurrentConnection::Previous(_) | CurrentConnection::None => {
                self.requests.requeue();
                CurrentConnection::None
            }
        };
    }
}

/// Returns the outcome of a request whose buffer can never be granted.
#[cold]
fn never_granted(error: RequestError) -> Option<IoError> {
    let never = matches!(error, RequestError::Grant(GrantError::TooFewFrames { .. }));
    never.then_some(IoError::Failed)
}

/// Checks that a disk can carry out a request, and adds its segments.
#[inline(always)]
fn check<B: IoMemory>(
    info: &DiskInfo,
    request: &mut Request<B>,
    segments: &mut Segments,
    copies: Option<usize>,
) -> Result<(), RequestError> {
    let (operation, sector, sectors, buffer) = match request {
        Request::Read { sector, sectors, buffer } => (BlkifOp::READ, *sector, *sectors, buffer),
        Request::Write { sector, sectors, buffer } => (BlkifOp::WRITE, *sector, *sectors, buffer),
        Request::Flush => {
            return info.flush_method().map(drop).ok_or(RequestError::NoFlush);
        }
        &mut Request::Discard { sector, sectors, secure } => {
            return info.check_discard(sector, sectors, secure);
        }
    };
    check_command(info, &Command::new(operation, sector, sectors), buffer, segments, copies)
}

/// Checks that a disk can carry out a read or a write, and adds its segments: of the buffer itself,
/// or of pages that its data is copied through.
#[inline]
fn check_command<B: IoMemory>(
    info: &DiskInfo,
    command: &Command,
    buffer: &mut B,
    segments: &mut Segments,
    copies: Option<usize>,
) -> Result<(), RequestError> {
    let &Command { operation, sector, sectors, .. } = command;
    if operation == BlkifOp::WRITE && info.read_only {
        return Err(RequestError::ReadOnly);
    }
    // The number came from a `usize`.
    let count = sectors as usize;
    match copies {
        Some(pages) if buffer.dma_buffer().is_none() => {
            segments.add_copied(buffer, count, pages)?;
        }
        _ => segments.add(buffer, count, info.trusted)?,
    }
    info.check_range(sector, sectors)?;
    if segments.has_whole_parts(u64::from(info.sector_size) / SECTOR_SIZE as u64) {
        Ok(())
    } else {
        Err(RequestError::Misaligned { sector_size: info.sector_size })
    }
}
