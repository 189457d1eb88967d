//! The block protocol's part of a device's lifecycle.

use super::connection::{Connection, Zeroed};
use super::request::check_buffer;
use super::requests::ring_order;
use super::requeue::RequeueList;
use super::{
    BlkFrontError, Completion, DiskInfo, FlushMethod, IoError, ProtocolError, Request,
    RequestError, SubmitError, VbdNumber,
};
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

/// The protocol's side of a disk: its ring, and the requests in it.
pub(super) struct Vbd<P: Platform, const DEPTH: usize> {
    pub(super) grants: GrantTable<P>,
    pub(super) number: VbdNumber,
    pub(super) info: DiskInfo,
    link: CurrentConnection<Connection<P, DEPTH>>,
    /// The disk cannot be used: requests of earlier connections are not issued again.
    pub(super) refused: bool,
    /// Requests of earlier connections: to be issued again or, as their peer kept the pages,
    /// completed.
    pub(super) requeued: RequeueList<P, DEPTH>,
}

impl<P: Platform, const DEPTH: usize> Vbd<P, DEPTH> {
    /// The order of the ring that has `DEPTH` slots.
    const ORDER: u32 = ring_order(DEPTH);

    pub(super) fn new(grants: &GrantTable<P>, id: u32) -> Self {
        Self {
            grants: grants.clone(),
            number: VbdNumber(id),
            info: DiskInfo::NONE,
            link: CurrentConnection::None,
            refused: false,
            requeued: RequeueList::new(),
        }
    }

    /// Returns the connection in use.
    pub(super) fn connection(&self) -> Option<&Connection<P, DEPTH>> {
        if let CurrentConnection::Current(connection) = &self.link {
            Some(connection)
        } else {
            None
        }
    }

    pub(super) fn connection_mut(&mut self) -> Option<&mut Connection<P, DEPTH>> {
        if let CurrentConnection::Current(connection) = &mut self.link {
            Some(connection)
        } else {
            None
        }
    }

    /// Returns the connection in use, or the one before it.
    pub(super) fn any_connection_mut(&mut self) -> Option<&mut Connection<P, DEPTH>> {
        match &mut self.link {
            CurrentConnection::None => None,
            CurrentConnection::Current(connection) | CurrentConnection::Previous(connection) => {
                Some(connection)
            }
        }
    }

    pub(super) fn broken(&self) -> Option<ProtocolError> {
        self.connection().and_then(Connection::broken)
    }

    pub(super) fn port(&self) -> Option<Port> {
        self.connection().and_then(Connection::port)
    }

    /// Returns the number of requests that have not completed.
    pub(super) fn in_flight(&self) -> usize {
        let linked = match &self.link {
            CurrentConnection::None => 0,
            CurrentConnection::Current(connection) | CurrentConnection::Previous(connection) => {
                connection.in_flight()
            }
        };
        linked + self.requeued.len()
    }

    /// Returns how many requests fit, those of earlier connections counted.
    pub(super) fn free_slots(&self) -> usize {
        let connection = self.connection().filter(|_| !self.requeued.has_requests());
        connection.map_or(0, Connection::free_slots).min(DEPTH.saturating_sub(self.in_flight()))
    }

    pub(super) fn check(&self, request: &Request<P>) -> Result<(), RequestError> {
        if let Some(broken) = self.broken() {
            return Err(RequestError::Broken(broken));
        }
        if self.requeued.has_requests() || self.in_flight() >= DEPTH {
            return Err(RequestError::Full);
        }
        check(&self.info, request)
    }

    pub(super) fn kick(&mut self) {
        if let Some(connection) = self.connection_mut() {
            connection.kick();
        }
    }

    /// Notes that the backend does not support an operation. It answers so once, and is not asked
    /// again.
    pub(super) fn unsupported(&mut self, operation: BlkifOp) {
        match operation {
            BlkifOp::FLUSH_DISKCACHE => self.info.flush = false,
            BlkifOp::WRITE_BARRIER => self.info.barrier = false,
            _ => {}
        }
    }

    /// Requeues the requests of the connection before.
    fn requeue(&mut self) {
        let CurrentConnection::Previous(previous) = &mut self.link else { return };
        while let Some(taken) = previous.requeue() {
            self.requeued.add(taken);
        }
    }

    /// Releases the connection of a device that is closed or unplugged, and requeues its requests.
    pub(super) fn release(&mut self) {
        self.requeue();
        self.link = CurrentConnection::None;
    }

    /// Completes a requeued request as closed.
    pub(super) fn next_closed(&mut self) -> Option<Completion<P>> {
        let (token, request) = self.requeued.next_request()?;
        Some(Completion { token, outcome: Err(IoError::Closed), buffer: request.into_buffer() })
    }

    /// Issues the requeued requests again, as far as there are slots.
    pub(super) fn submit_requeued(&mut self) {
        if !self.requeued.has_requests() {
            return;
        }
        let flush = self.info.flush_method().unwrap_or(FlushMethod::Flush);
        // An earlier backend may have written to the pages of a read: they are zeroed again.
        let zeroed = if self.info.trusted { Zeroed::Reads } else { Zeroed::All };
        while self.connection().is_some_and(|connection| connection.free_slots() > 0)
            && let Some((token, request)) = self.requeued.next_request()
            && let CurrentConnection::Current(connection) = &mut self.link
        {
            let submitted = match check(&self.info, &request) {
                Ok(()) => connection.submit(token, request, flush, zeroed),
                Err(reason) => Err(request.refused(reason)),
            };
            match submitted {
                Ok(()) => {}
                Err(SubmitError { reason: RequestError::Grant(_), request }) => {
                    // The next poll tries again.
                    self.requeued.add(Ok((token, request)));
                    break;
                }
                // The new backend's disk is another one, or can do less.
                Err(SubmitError { reason, request }) => {
                    let no_flush = reason == RequestError::NoFlush;
                    let error = if no_flush { IoError::Unsupported } else { IoError::Failed };
                    let buffer = request.into_buffer();
                    self.requeued.add(Err(Completion { token, outcome: Err(error), buffer }));
                }
            }
        }
        self.kick();
    }

    /// Returns whether the backend has no request that it can still answer.
    fn is_idle(&self) -> bool {
        self.connection().is_none_or(|current| current.in_flight() == 0 || current.is_ended())
    }

    fn end(&mut self) {
        if let Some(connection) = self.connection_mut() {
            connection.end();
        }
    }
}

impl<P: Platform, const DEPTH: usize> FrontendDriver for Vbd<P, DEPTH> {
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
        let order = Self::ORDER.min(order);
        let connection = Connection::new(&self.grants, peer.id, self.number.0 as u16, order)?;
        // The backend has released what it had of earlier connections, or never had it.
        self.requeue();
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
                if self.in_flight() == 0 {
                    self.link = CurrentConnection::None;
                }
                return;
            }
            Cause::Resumed => {
                if let Some(connection) = self.any_connection_mut() {
                    connection.close_port();
                }
            }
            Cause::Reopened => {}
        }
        self.refused = false;
        self.requeue();
        if let CurrentConnection::Current(connection) =
            core::mem::replace(&mut self.link, CurrentConnection::None)
        {
            self.link = CurrentConnection::Previous(connection);
        }
    }
}

impl<P: Platform, const DEPTH: usize> fmt::Debug for Vbd<P, DEPTH> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, info, .. } = self;
        let mut out = f.debug_struct("Vbd");
        out.field("number", number).field("info", info).field("in_flight", &self.in_flight());
        out.field("broken", &self.broken()).finish_non_exhaustive()
    }
}

/// Checks that a disk can do what a request asks for.
fn check<P: Platform>(info: &DiskInfo, request: &Request<P>) -> Result<(), RequestError> {
    match request {
        Request::Write { .. } if info.read_only => Err(RequestError::ReadOnly),
        Request::Read { sector, sectors, buffer } | Request::Write { sector, sectors, buffer } => {
            check_buffer(*sectors, buffer.count())?;
            info.check_range(*sector, *sectors as u64)
        }
        Request::Flush if info.flush_method().is_none() => Err(RequestError::NoFlush),
        Request::Flush => Ok(()),
    }
}
