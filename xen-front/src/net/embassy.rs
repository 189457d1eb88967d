//! A driver of embassy-net.

use super::{ChecksumState, MAX_QUEUES, NetFront, PacketMeta, RxToken, TxToken, queues::Queues};
use atomic_waker::AtomicWaker;
use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use core::task::Context;
use embassy_net_driver::{Capabilities, Checksum, Driver, HardwareAddress, LinkState};
use heapless::Vec;
use log::warn;
use xen_hypercall::{Instant, OutOfMemory, PageArc, Platform, Port};
use xenbus::net::ETHERNET_HEADER;

/// The most ports of a device and its store.
const PORTS: usize = 2 * MAX_QUEUES as usize + 1;

/// No deadline, and no request.
const NEVER: u64 = u64::MAX;
const NOTHING: u8 = 0;
const REOPEN: u8 = 1;
const RESUME: u8 = 2;

/// State that a driver and its events share.
#[derive(Debug)]
struct Shared {
    waker: AtomicWaker,
    /// Nanoseconds of the time of the next poll without an event.
    deadline: AtomicU64,
    request: AtomicU8,
}

/// A network device as a driver of embassy-net: its argument `driver`.
///
/// Create it of a device that is connected: embassy-net reads address and MTU once. The link is up
/// while the device is connected. The checksums of TCP and UDP are handled as by
/// [`NetFront::phy`](super::Phy): embassy-net neither computes nor checks them.
///
/// [`link_state`](Driver::link_state), which embassy-net calls at the end of each poll, polls the
/// device and publishes what was sent, with at most one event. The task is woken for a packet, for
/// room after there was none, and for changes of the link, provided that the kernel calls
/// [`EmbassyEvents::wake`].
pub struct EmbassyDriver<P: Platform> {
    net: NetFront<P>,
    shared: PageArc<P, Shared>,
}

/// The part of an [`EmbassyDriver`] that stays with the kernel, as embassy-net owns the driver.
///
/// The kernel's idle loop waits for [`ports`](Self::ports) until
/// [`poll_timeout`](Self::poll_timeout), and then calls [`wake`](Self::wake).
pub struct EmbassyEvents<P: Platform> {
    queues: PageArc<P, Queues<P>>,
    shared: PageArc<P, Shared>,
    store_port: Port,
}

impl<P: Platform> EmbassyDriver<P> {
    /// Creates the driver of a device.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`].
    pub fn new(net: NetFront<P>) -> Result<(Self, EmbassyEvents<P>), OutOfMemory> {
        let store = net.store();
        let shared = Shared {
            waker: AtomicWaker::new(),
            deadline: AtomicU64::new(NEVER),
            request: AtomicU8::new(NOTHING),
        };
        let shared = PageArc::new(store.platform().clone(), shared)?;
        let (queues, store_port) = (net.queues.clone(), store.port());
        let events = EmbassyEvents { queues, shared: shared.clone(), store_port };
        Ok((Self { net, shared }, events))
    }

    /// Returns the device, to close it.
    pub fn into_inner(self) -> NetFront<P> {
        self.net
    }

    /// Has events of the device wake the task of `cx`, at once if there is work.
    fn arm(&mut self, cx: &Context<'_>) {
        self.shared.waker.register(cx.waker());
        // The next poll returns an error.
        if self.net.final_check() != Ok(false) {
            cx.waker().wake_by_ref();
        }
    }
}

impl<P: Platform> EmbassyEvents<P> {
    /// Returns the ports to wait for: the port of the store, and those of the device, which change
    /// with each connection.
    pub fn ports(&self) -> Vec<Port, PORTS> {
        let mut ports = Vec::new();
        for index in self.queues.own() {
            if let Some(queue) = self.queues.lock(index) {
                ports.extend(queue.connection.iter().flat_map(|connection| connection.ports()));
            }
        }
        // There is room for it.
        let _ = ports.push(self.store_port);
        ports
    }

    /// Returns when to call [`wake`](Self::wake) if no event comes before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let nanos = self.shared.deadline.load(Ordering::Relaxed);
        (nanos != NEVER).then(|| Instant::from_nanos(nanos))
    }

    /// Wakes the task that polls the driver. It can be called in an upcall, and for events of
    /// others.
    pub fn wake(&self) {
        self.shared.waker.wake();
    }

    /// Has the driver call [`NetFront::reopen`].
    pub fn reopen(&self) {
        self.request(REOPEN);
    }

    /// Has the driver call [`NetFront::resume`], after the domain was resumed elsewhere.
    pub fn resume(&self) {
        self.request(RESUME);
    }

    fn request(&self, request: u8) {
        self.shared.request.store(request, Ordering::Release);
        self.wake();
    }
}

impl<P: Platform> Driver for EmbassyDriver<P> {
    type RxToken<'t>
        = RxToken<'t>
    where
        Self: 't;
    type TxToken<'t>
        = TxToken<'t, P>
    where
        Self: 't;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_, P>)> {
        // The next poll returns an error.
        match self.net.receive_packet() {
            Ok(Some(packet)) => self.net.tokens(packet),
            Ok(None) | Err(_) => {
                self.arm(cx);
                None
            }
        }
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<TxToken<'_, P>> {
        if self.net.has_room() {
            return self.net.transmit_token().ok();
        }
        self.arm(cx);
        None
    }

    fn link_state(&mut self, cx: &mut Context<'_>) -> LinkState {
        match self.shared.request.swap(NOTHING, Ordering::Acquire) {
            REOPEN => self.net.reopen(),
            RESUME => self.net.resume(),
            _ => {}
        }
        let now = self.net.store().platform().now();
        if let Err(error) = self.net.poll(now) {
            warn!("{}: {error}", self.net.vif());
        }
        let deadline = self.net.poll_timeout(now).map_or(NEVER, Instant::as_nanos);
        self.shared.deadline.store(deadline, Ordering::Relaxed);
        self.arm(cx);
        if self.net.has_carrier() { LinkState::Up } else { LinkState::Down }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = usize::from(self.net.mtu()) + ETHERNET_HEADER;
        capabilities.max_burst_size = Some(usize::from(self.net.config().rx_slots));
        (capabilities.checksum.tcp, capabilities.checksum.udp) = (Checksum::None, Checksum::None);
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.net.mac().0)
    }
}

impl embassy_net_driver::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(mut self, f: F) -> R {
        f(self.packet())
    }
}

impl<P: Platform> embassy_net_driver::TxToken for TxToken<'_, P> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        self.transmit(len, PacketMeta::new(ChecksumState::Partial), f)
    }
}

impl<P: Platform + fmt::Debug> fmt::Debug for EmbassyDriver<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbassyDriver").field("net", &self.net).finish_non_exhaustive()
    }
}

impl<P: Platform> fmt::Debug for EmbassyEvents<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbassyEvents").field("shared", &*self.shared).finish_non_exhaustive()
    }
}
