//! A connected frontend: its queues and their common state.

use super::config::MAX_QUEUES;
use super::control::{Control, QueueGrants, spread};
use super::credit::{Credit, Rate};
use super::error::RingViolation;
use super::multicast::MulticastFilter;
use super::queue_nodes::{ControlNodes, QueueNodes, QueuePorts};
use super::rx::{FrontendFeatures, Rx, RxRing};
use super::static_grants::StaticGrants;
use super::tx::{Policy, Tx, TxRing};
use super::{NetBackConfig, NetBackError, Packet, PacketSink, QueueStatistics};
use crate::queue::{QueueError, QueuesError, bind_port, map_ring};
use core::time::Duration;
use heapless::Vec;
use xen_evtchn::Channel;
use xen_grant::{GrantMapping, ReadWrite};
use xen_hypercall::{DomId, ForeignFrames, Instant, PageBox, Port};
use xen_ring::{BackRing, Notify};

/// Batches that one poll takes from the transmit rings of all queues, so that a busy guest leaves
/// time for others.
const BATCHES: u32 = 4;

/// The time between polls for pages of a guest that sends no event for them.
const LOOK_AGAIN: Duration = Duration::from_millis(30);

type Ring<P> = GrantMapping<P, ReadWrite>;

/// Counters of each queue.
pub(super) type Statistics = [QueueStatistics; MAX_QUEUES];

/// Event channels of a queue.
enum Channels<P: ForeignFrames> {
    Shared(Channel<P>),
    Split { tx: Channel<P>, rx: Channel<P> },
}

impl<P: ForeignFrames> Channels<P> {
    fn bind(platform: &P, guest: DomId, ports: QueuePorts) -> Result<Self, QueueError> {
        let bind = |port| bind_port(platform, guest, port);
        Ok(match ports {
            QueuePorts::Shared(port) => Self::Shared(bind(port)?),
            QueuePorts::Split { tx, rx } => Self::Split { tx: bind(tx)?, rx: bind(rx)? },
        })
    }

    fn tx(&self) -> &Channel<P> {
        match self {
            Self::Shared(channel) | Self::Split { tx: channel, .. } => channel,
        }
    }

    fn rx(&self) -> &Channel<P> {
        match self {
            Self::Shared(channel) | Self::Split { rx: channel, .. } => channel,
        }
    }

    fn ports(&self) -> impl Iterator<Item = Port> {
        let second = match self {
            Self::Shared(_) => None,
            Self::Split { rx, .. } => Some(rx.port()),
        };
        core::iter::once(self.tx().port()).chain(second)
    }
}

/// The rings of a queue.
struct Queue<P: ForeignFrames> {
    channels: Channels<P>,
    tx_ring: TxRing<Ring<P>>,
    rx_ring: RxRing<Ring<P>>,
    rx: Rx<P>,
}

impl<P: ForeignFrames> Queue<P> {
    /// Maps the rings and binds the ports.
    fn new(platform: &P, guest: DomId, nodes: &QueueNodes, rx: Rx<P>) -> Result<Self, QueueError> {
        let tx_ring = BackRing::attach(map_ring(platform, guest, &[nodes.tx_ref])?)?;
        let rx_ring = BackRing::attach(map_ring(platform, guest, &[nodes.rx_ref])?)?;
        let channels = Channels::bind(platform, guest, nodes.ports)?;
        Ok(Self { channels, tx_ring: TxRing::new(tx_ring), rx_ring, rx })
    }

    /// Takes a batch of packets. Returns whether there was one.
    fn receive(
        &mut self,
        tx: &mut Tx<P>,
        policy: &mut Policy,
        grants: Option<&StaticGrants<P>>,
        sink: &mut (impl PacketSink + ?Sized),
        statistics: &mut QueueStatistics,
    ) -> Result<bool, RingViolation> {
        let done = tx.process_ring(&mut self.tx_ring, policy, grants, sink, &mut statistics.tx);
        // What was answered before a violation still is to be seen.
        if self.tx_ring.ring.publish() == Notify::Send {
            // A port whose other end is gone has no receiver.
            let _ = self.channels.tx().notify();
        }
        done
    }

    /// Places waiting packets in the guest's pages, with one event at most.
    fn flush(
        &mut self,
        grants: Option<&StaticGrants<P>>,
        statistics: &mut QueueStatistics,
        now: Instant,
    ) -> Result<(), RingViolation> {
        let mut result = Ok(true);
        // Bounded by what waits: nothing is queued meanwhile.
        while matches!(result, Ok(true)) && !self.rx.is_empty() {
            result = self.rx.process_ring(&mut self.rx_ring, grants, &mut statistics.rx, now);
        }
        if self.rx_ring.publish() == Notify::Send {
            let _ = self.channels.rx().notify();
        }
        Ok(result.map(drop)?)
    }
}

/// A connected frontend.
pub(super) struct Connection<P: ForeignFrames> {
    // In pages of their own, as their tables are large.
    queues: Vec<PageBox<P, Queue<P>>, MAX_QUEUES>,
    tx: PageBox<P, Tx<P>>,
    policy: Policy,
    control: Option<PageBox<P, Control<P>>>,
    grants: QueueGrants<P>,
    /// The queue whose packets are taken next.
    turn: usize,
}

/// The nodes of a frontend, checked.
pub(super) struct FrontendNodes {
    pub(super) features: FrontendFeatures,
    pub(super) multicast: bool,
    pub(super) queues: Vec<QueueNodes, MAX_QUEUES>,
    pub(super) control: Option<ControlNodes>,
}

impl<P: ForeignFrames> Connection<P> {
    /// Maps the rings and binds the ports that the frontend has published.
    pub(super) fn new(
        platform: &P,
        guest: DomId,
        nodes: &FrontendNodes,
        rate: Option<Rate>,
        config: &NetBackConfig,
    ) -> Result<Self, NetBackError> {
        let count = nodes.queues.len();
        let mut queues = Vec::new();
        for (index, found) in (0..).zip(&nodes.queues) {
            let rx = Rx::new(platform, guest, nodes.features, count, config.stall_timeout)?;
            let queue = Queue::new(platform, guest, found, rx);
            let queue = queue.map_err(|error| {
                NetBackError::Queues(QueuesError::Queue { queue: index, error })
            })?;
            // There is room: the nodes were checked.
            let _ = queues.push(PageBox::new(platform.clone(), queue)?);
        }
        let tx = PageBox::new(platform.clone(), Tx::new(platform, guest)?)?;
        let control = match nodes.control {
            Some(found) => {
                let control = Control::new(platform, guest, found, count as u32);
                let control = control.map_err(NetBackError::Control)?;
                Some(PageBox::new(platform.clone(), control)?)
            }
            None => None,
        };
        let policy = Policy {
            credit: rate.map(|rate| Credit::new(rate, platform.now())),
            multicast: MulticastFilter::new(nodes.multicast),
        };
        let mut grants = QueueGrants::new();
        if control.is_some() && config.static_grants > 0 {
            for _ in 0..count {
                let of_queue = StaticGrants::new(platform, guest, config.static_grants);
                // There is room: the nodes were checked.
                let _ = grants.push(PageBox::new(platform.clone(), of_queue)?);
            }
        }
        Ok(Self { queues, tx, policy, control, grants, turn: 0 })
    }

    /// Turns the multicast filter on or off. Its addresses stay.
    pub(super) fn set_multicast_filter(&mut self, enabled: bool) {
        self.policy.multicast.set_enabled(enabled);
    }

    /// Leaves so many bytes free before each packet to the guest.
    pub(super) fn set_headroom(&mut self, headroom: u16, statistics: &mut Statistics) {
        for (queue, statistics) in self.queues.iter_mut().zip(statistics) {
            queue.rx.set_headroom(headroom, &mut statistics.rx);
        }
    }

    /// Returns the number of queues.
    pub(super) fn queues(&self) -> usize {
        self.queues.len()
    }

    /// Returns the ports of each queue, and of the control ring.
    pub(super) fn ports(&self) -> impl Iterator<Item = Port> {
        let control = self.control.as_ref().map(|control| control.port());
        self.queues.iter().flat_map(|queue| queue.channels.ports()).chain(control)
    }

    /// Returns whether no queue is stalled.
    pub(super) fn has_carrier(&self) -> bool {
        !self.queues.iter().any(|queue| queue.rx.is_stalled())
    }

    /// Returns when to poll again if no event comes before.
    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let look = self.queues.iter().any(|queue| queue.rx.needs_poll());
        let drain = self.queues.iter().filter_map(|queue| queue.rx.drain_deadline()).min();
        let delayed = self.queues.iter().any(|queue| queue.tx_ring.is_delayed());
        let credit = self.policy.credit.as_ref().filter(|_| delayed).map(Credit::next);
        [look.then_some(now + LOOK_AGAIN), drain, credit].into_iter().flatten().min()
    }

    /// Carries out control requests and takes some batches of packets, of the queues in turn.
    /// Returns whether to poll again soon.
    ///
    /// An event is requested of the frontend only once no packet was found: while packets come,
    /// another poll costs less than its notifications and the switches between domains.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        sink: &mut (impl PacketSink + ?Sized),
        statistics: &mut Statistics,
    ) -> Result<bool, NetBackError> {
        let Self { queues, tx, policy, control, grants, turn } = self;
        if let Some(credit) = &mut policy.credit {
            credit.refill(now);
        }
        let mut busy = match control {
            Some(control) => control
                .process_ring(grants)
                .map_err(|corrupt| NetBackError::Control(corrupt.into()))?,
            None => false,
        };
        let (mut taken, mut idle) = (0, 0);
        while taken < BATCHES && idle < queues.len() {
            let index = if *turn < queues.len() { *turn } else { 0 };
            *turn = index + 1;
            let (Some(queue), Some(statistics)) =
                (queues.get_mut(index), statistics.get_mut(index))
            else {
                break;
            };
            let grants = grants.get(index).map(|grants| &**grants);
            let found = queue.receive(tx, policy, grants, sink, statistics);
            if found.map_err(|error| error.of(index))? {
                (taken, idle) = (taken + 1, 0);
            } else {
                idle += 1;
            }
        }
        if taken > 0 {
            return Ok(true);
        }
        for (index, queue) in queues.iter_mut().enumerate() {
            // A queue that the rate limit delays is polled at its time.
            if !queue.tx_ring.is_delayed() {
                let found = queue.tx_ring.ring.final_check();
                busy |= found.map_err(|corrupt| RingViolation::from(corrupt).of(index))?;
            }
        }
        Ok(busy)
    }

    /// Queues a packet for the guest. Returns `false` if it was dropped.
    ///
    /// Once its queue is half full, what waits in it is placed first.
    pub(super) fn send(
        &mut self,
        mut packet: Packet<'_>,
        statistics: &mut Statistics,
        now: Instant,
    ) -> bool {
        let (index, hash) = match &self.control {
            Some(control) => control.steer(packet.bytes),
            None => (spread(packet.bytes, self.queues.len() as u32), None),
        };
        packet.meta.hash = hash;
        let index = index as usize;
        let (Some(queue), Some(statistics)) =
            (self.queues.get_mut(index), statistics.get_mut(index))
        else {
            return false;
        };
        if !self.policy.multicast.accepts(packet.destination()) {
            statistics.rx.filtered += 1;
            return false;
        }
        if queue.rx.is_half_full() {
            // A ring that was spoilt stays so: the next poll returns the error.
            let _ = queue.flush(self.grants.get(index).map(|grants| &**grants), statistics, now);
        }
        let Queue { rx, rx_ring, .. } = &mut **queue;
        rx.queue(packet, rx_ring, &mut statistics.rx, now)
    }

    /// Places packets that wait in the guest's pages, with one event of each queue at most.
    pub(super) fn flush(
        &mut self,
        statistics: &mut Statistics,
        now: Instant,
    ) -> Result<(), NetBackError> {
        for (index, (queue, statistics)) in self.queues.iter_mut().zip(statistics).enumerate() {
            let grants = self.grants.get(index).map(|grants| &**grants);
            queue.flush(grants, statistics, now).map_err(|error| error.of(index))?;
        }
        Ok(())
    }
}
