//! The block protocol's part of a device's lifecycle.

use super::connection::{Connection, Zeroed};
use super::request::Command;
use super::requests::Requests;
use super::segments::Segments;
use super::{
    BlkFrontConfig, BlkFrontError, Completion, DiskInfo, FlushMethod, IoError, ProtocolError,
    Request, RequestError, SubmitError, Token, VbdNumber,
};
use crate::IoMemory;
use core::fmt;
use xen_grant::GrantTable;
use xen_hypercall::{Instant, Platform, Port};
use xen_store::wire::parse_number;
use xen_sys::io::blkif::BlkifOp;
use xenbus::{Cause, FrontendDriver, KeyList, NodeWriter, Peer, XenbusState};

/// The layout of requests and responses that this build of the driver uses.
#[doc(alias = "XEN_IO_PROTO_ABI_NATIVE")]
const PROTOCOL: &str =
    if cfg!(any(target_arch = "aarch64", target_arch = "arm")) { "arm-abi" } else { "x86_64-abi" };

/// Nodes of earlier connections, of this driver or of an earlier one, that a backend would read as
/// nodes of this connection. The driver removes those that it does not write again.
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

/// The connection of a disk, if there is one. It is created when the backend is ready for it, and
/// the pages of the one before are free by then.
#[derive(Debug)]
enum CurrentConnection<C> {
    None,
    /// The connection in use.
    Current(C),
    /// The one before, until its requests can be requeued.
    Previous(C),
}

/// The driver of a disk: its ring, and the requests.
pub(super) struct Vbd<P: Platform, B: IoMemory<Platform = P>> {
    pub(super) grants: GrantTable<P>,
    pub(super) config: BlkFrontConfig,
    pub(super) number: VbdNumber,
    pub(super) info: DiskInfo,
    link: CurrentConnection<Connection<P>>,
    /// The disk cannot be used: requests of earlier connections are not issued again.
    pub(super) refused: bool,
    pub(super) requests: Requests<P, B>,
}

impl<P: Platform, B: IoMemory<Platform = P>> Vbd<P, B> {
    pub(super) fn new(
        grants: &GrantTable<P>,
        id: u32,
        config: BlkFrontConfig,
    ) -> Result<Self, BlkFrontError> {
        Ok(Self {
            grants: grants.clone(),
            config,
            number: VbdNumber(id),
            info: DiskInfo::NONE,
            link: CurrentConnection::None,
            refused: false,
            requests: Requests::alloc(grants.platform().clone(), config.valid_depth())?,
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

    fn connection_mut(&mut self) -> Option<&mut Connection<P>> {
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
        if self.requests.has_requeued() {
            return 0;
        }
        self.connection().map_or(0, Connection::free_slots).min(self.requests.free())
    }

    /// Grants the pages of a request and queues it.
    pub(super) fn submit(
        &mut self,
        token: Token,
        request: Request<B>,
        connected: bool,
        zeroed: Zeroed,
    ) -> Result<(), SubmitError<B>> {
        let Self { link, requests, info, .. } = self;
        let CurrentConnection::Current(connection) = link else {
            return Err(request.refused(RequestError::NotConnected));
        };
        if let Some(broken) = connection.broken() {
            return Err(request.refused(RequestError::Broken(broken)));
        }
        if !connected || connection.is_ended() {
            return Err(request.refused(RequestError::NotConnected));
        }
        let slot = requests
            .next_free()
            .filter(|_| connection.free_slots() != 0 && !requests.has_requeued())
            .ok_or(RequestError::Full);
        let mut segments = Segments::NONE;
        let checked = slot.and_then(|slot| check(info, &request, &mut segments).map(|()| slot));
        let slot = match checked {
            Ok(slot) => slot,
            Err(reason) => return Err(request.refused(reason)),
        };
        // Only flushes use it, and the check found a method for those.
        let flush = info.flush_method().unwrap_or(FlushMethod::Flush);
        let zeroed = if info.trusted { zeroed } else { Zeroed::All };
        let (command, buffer) = request.into_parts(flush);
        match connection.issue(slot, &command, buffer, &mut segments, zeroed) {
            Ok(in_flight) => {
                requests.add(token, command, in_flight);
                Ok(())
            }
            Err((error, buffer)) => {
                let request = Request::from_parts(command, Some(buffer));
                Err(request.refused(RequestError::Grant(error)))
            }
        }
    }

    pub(super) fn kick(&mut self) {
        if let Some(connection) = self.connection_mut() {
            connection.kick();
        }
    }

    /// Takes the next request that the connection in use has completed.
    pub(super) fn complete(&mut self) -> Option<Completion<B>> {
        let CurrentConnection::Current(connection) = &mut self.link else { return None };
        let completed = connection.complete(&mut self.requests)?;
        if completed.completion.outcome == Err(IoError::Unsupported) {
            self.unsupported(completed.operation);
        }
        Some(completed.completion)
    }

    /// Marks an operation as unsupported: the backend responds so once, and gets none again.
    fn unsupported(&mut self, operation: BlkifOp) {
        match operation {
            BlkifOp::FLUSH_DISKCACHE => self.info.flush = false,
            BlkifOp::WRITE_BARRIER => self.info.barrier = false,
            _ => {}
        }
    }

    /// Releases the connection of a device that is closed or unplugged, and requeues its requests.
    pub(super) fn release(&mut self) {
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
        // An earlier backend may have written to the buffer of a read, which is zeroed again.
        let zeroed = if info.trusted { Zeroed::Reads } else { Zeroed::All };
        while connection.free_slots() > 0
            && requests.issue_next(|slot, command, buffer| {
                let mut segments = Segments::NONE;
                let checked = match (&buffer, flush) {
                    (Some(buffer), _) => check_command(info, command, buffer, &mut segments),
                    // The new backend may not support the method of the earlier one.
                    (None, Some(flush)) => {
                        command.operation = flush.operation();
                        Ok(())
                    }
                    (None, None) => Err(RequestError::NoFlush),
                };
                match checked {
                    // Without a free reference, the next poll tries again.
                    Ok(()) => connection
                        .issue(slot, command, buffer, &mut segments, zeroed)
                        .map_err(|(_, buffer)| (None, Some(buffer))),
                    Err(RequestError::NoFlush) => Err((Some(IoError::Unsupported), buffer)),
                    // The new backend has another disk, one that is read-only, or is not trusted.
                    Err(_) => Err((Some(IoError::Failed), buffer)),
                }
            })
        {}
        self.kick();
    }

    /// Returns whether the backend has no request that it can still answer.
    fn is_idle(&self) -> bool {
        self.connection().is_none_or(|current| current.is_ended()) || self.requests.in_flight() == 0
    }

    fn end(&mut self) {
        if let Some(connection) = self.connection_mut() {
            connection.end();
        }
    }
}

impl<P: Platform, B: IoMemory<Platform = P>> FrontendDriver for Vbd<P, B> {
    const KIND: &'static str = "vbd";
    const STALE_NODES: &'static [&'static str] = &STALE_KEYS;
    const WATCHED_NODE: Option<&'static str> = Some("sectors");

    type Error = BlkFrontError;

    fn setup_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&["max-ring-page-order", "max-ring-pages", "mode"]);
        for key in ["virtual-device", "virtual-device-ext", "device-type", "trusted"] {
            keys.own(key);
        }
    }

    fn setup(&mut self, peer: &Peer<'_>) -> Result<(), BlkFrontError> {
        let nodes = &peer.nodes;
        let extended = nodes.own_number("virtual-device-ext")?;
        let number = nodes.own_number("virtual-device")?.or(extended);
        self.number = number.map_or(self.number, VbdNumber);
        self.info = DiskInfo::configured(nodes)?;
        // Backends publish the largest ring by either of two names.
        let pages: u32 = nodes.number_or("max-ring-pages", 1)?;
        let order =
            nodes.number_or("max-ring-page-order", 0)?.max(pages.checked_ilog2().unwrap_or(0));
        let order = self.config.ring_order().min(order);
        let connection = Connection::new(&self.grants, peer.id, self.number.0 as u16, order)?;
        // The backend has released what it had of earlier connections, or never had it.
        self.requests.requeue();
        self.link = CurrentConnection::Current(connection);
        Ok(())
    }

    fn write_nodes(&self, nodes: &mut NodeWriter<'_>) {
        let Some(connection) = self.connection() else { return };
        let refs = connection.ring_refs();
        nodes.write("event-channel", connection.port().unwrap_or_default());
        nodes.write("protocol", PROTOCOL);
        nodes.write("feature-persistent", 0);
        // A backend reads the ring's size from one of two nodes (`io/blkif.h`, note 6), and a
        // backend that supports a single page reads neither.
        if let [reference] = refs {
            nodes.write("ring-ref", reference);
            return;
        }
        nodes.write("ring-page-order", refs.len().ilog2());
        nodes.write("num-ring-pages", refs.len());
        for (index, reference) in refs.iter().enumerate() {
            nodes.write(format_args!("ring-ref{index}"), reference);
        }
    }

    fn connect_keys(&self, keys: &mut KeyList<'_>) {
        keys.peers(&[
            "sectors",
            "sector-size",
            "physical-sector-size",
            "info",
            "feature-flush-cache",
            "feature-barrier",
        ]);
    }

    fn connect(&mut self, peer: &Peer<'_>) -> Result<(), BlkFrontError> {
        let info = self.info.published(&peer.nodes);
        self.refused = info.is_err();
        self.info = info?;
        Ok(())
    }

    fn run(&mut self, _now: Instant) -> Result<(), BlkFrontError> {
        self.submit_requeued();
        Ok(())
    }

    /// Takes a new size; what is no number is the end of a node that goes with its device.
    fn node_changed(&mut self, value: &[u8]) -> Result<(), BlkFrontError> {
        if let Ok(sectors) = parse_number(value) {
            self.info.resize(sectors)?;
        }
        Ok(())
    }

    /// Requests in flight are awaited as long as the backend can complete them.
    fn quiesce(&mut self, backend: XenbusState) -> bool {
        if !matches!(backend, XenbusState::CONNECTED | XenbusState::CLOSING) {
            self.end();
        }
        self.is_idle()
    }

    fn disconnect(&mut self, cause: Cause) {
        match cause {
            Cause::Closed | Cause::Unplugged => {
                self.end();
                if self.requests.count() == 0 {
                    self.link = CurrentConnection::None;
                }
                return;
            }
            Cause::Resumed => match &mut self.link {
                CurrentConnection::None => {}
                CurrentConnection::Current(connection)
                | CurrentConnection::Previous(connection) => connection.close_port(),
            },
            Cause::Reopened => {}
        }
        self.refused = false;
        self.link = match core::mem::replace(&mut self.link, CurrentConnection::None) {
            CurrentConnection::Current(connection) => CurrentConnection::Previous(connection),
            CurrentConnection::Previous(_) | CurrentConnection::None => {
                self.requests.requeue();
                CurrentConnection::None
            }
        };
    }
}

impl<P: Platform, B: IoMemory<Platform = P>> fmt::Debug for Vbd<P, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, info, .. } = self;
        let mut out = f.debug_struct("Vbd");
        out.field("number", number).field("info", info).field("in_flight", &self.requests.count());
        out.field("broken", &self.broken()).finish_non_exhaustive()
    }
}

/// Checks that a disk can carry out a request, and adds its segments.
#[inline]
fn check<B: IoMemory>(
    info: &DiskInfo,
    request: &Request<B>,
    segments: &mut Segments,
) -> Result<(), RequestError> {
    let (operation, &sector, &sectors, buffer) = match request {
        Request::Read { sector, sectors, buffer } => (BlkifOp::READ, sector, sectors, buffer),
        Request::Write { sector, sectors, buffer } => (BlkifOp::WRITE, sector, sectors, buffer),
        Request::Flush => {
            return info.flush_method().map(drop).ok_or(RequestError::NoFlush);
        }
    };
    check_command(info, &Command { operation, sector, sectors }, buffer, segments)
}

/// Checks that a disk can carry out a read or a write, and adds its segments.
#[inline]
fn check_command<B: IoMemory>(
    info: &DiskInfo,
    command: &Command,
    buffer: &B,
    segments: &mut Segments,
) -> Result<(), RequestError> {
    let &Command { operation, sector, sectors } = command;
    if operation == BlkifOp::WRITE && info.read_only {
        return Err(RequestError::ReadOnly);
    }
    segments.add(buffer, sectors, info.trusted)?;
    info.check_range(sector, sectors as u64)
}
