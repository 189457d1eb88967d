//! A network backend in the test that follows `io/netif.h`, unless its [`Misbehaviour`] differs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use xen_evtchn::Channel;
use xen_grant::{GrantMapArea, GrantMapping, ReadOnly, ReadWrite};
use xen_hypercall::{DomId, GrantRef, Port};
use xen_ring::{BackRing, Notify};
use xen_sim::{Device, Domain, Step, Store, World};
use xen_sys::io::netif::{
    NetRxFlags, NetTxFlags, NetifExtraInfo, NetifExtraType, NetifRxRequest, NetifRxResponse,
    NetifStatus, NetifTxRequest, NetifTxResponse, XenNetifCtrlRequest, XenNetifCtrlResponse,
};
use xenbus::net::Segmentation;
use xenbus::net::control::{self, ControlRequest};

type Page = GrantMapping<Domain, ReadWrite>;

/// Deviation of the backend from the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Misbehaviour {
    #[default]
    None,
    /// Neither ring is read.
    Silent,
    /// Packets are sent and none is taken.
    NoTransmit,
    /// Responses to an id with these bits changed.
    WrongId(u16),
    /// Rings and used buffers that stay mapped after the close.
    KeepMapped,
    /// Responses for packets that were not written.
    WritesNothing,
    /// No offer of the device.
    NeverReady,
}

/// State of the backend that a test reads and sets.
pub(crate) struct State {
    pub(crate) misbehaviour: Misbehaviour,
    /// Nodes of the backend's directory.
    pub(crate) nodes: Vec<(&'static str, String)>,
    /// Packets from the guest.
    pub(crate) received: VecDeque<(Vec<u8>, NetTxFlags)>,
    /// Queue of each of these, and its segmentation if it has one.
    pub(crate) received_info: VecDeque<(usize, Option<Segmentation>)>,
    /// Packets for the guest.
    pub(crate) to_send: VecDeque<(Vec<u8>, NetRxFlags)>,
    /// Queue of the packets for the guest.
    pub(crate) send_queue: usize,
    /// Segmentation of packets for the guest that are longer than 1514 bytes.
    pub(crate) segmentation: Option<Segmentation>,
    /// The guest's directory when it connected.
    pub(crate) seen: Vec<(String, String)>,
    /// The events of the guest's port that were taken.
    pub(crate) events: u32,
    /// Responses to a control request.
    pub(crate) respond: fn(&XenNetifCtrlRequest) -> Vec<XenNetifCtrlResponse>,
    pub(crate) control_requests: Vec<XenNetifCtrlRequest>,
    /// Keys and mappings that the guest has set.
    pub(crate) control_pages: Vec<Vec<u8>>,
    kept: Option<Link>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            misbehaviour: Misbehaviour::None,
            nodes: Vec::new(),
            received: VecDeque::new(),
            received_info: VecDeque::new(),
            to_send: VecDeque::new(),
            send_queue: 0,
            segmentation: None,
            seen: Vec::new(),
            events: 0,
            respond,
            control_requests: Vec::new(),
            control_pages: Vec::new(),
            kept: None,
        }
    }
}

/// Returns the response of Linux's netback.
pub(crate) fn respond(request: &XenNetifCtrlRequest) -> Vec<XenNetifCtrlResponse> {
    let data = match ControlRequest::from_wire(request) {
        Some(ControlRequest::GetHashFlags) => 15,
        Some(ControlRequest::GetHashMappingSize) => 128,
        _ => 0,
    };
    vec![control::response(request, Ok(data))]
}

impl State {
    pub(crate) fn set(&mut self, name: &'static str, value: u32) {
        self.nodes.retain(|node| node.0 != name);
        self.nodes.push((name, value.to_string()));
    }

    pub(crate) fn seen(&self, key: &str) -> Option<&str> {
        self.seen.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Unmaps the memory that was kept.
    pub(crate) fn unmap(&mut self) {
        self.kept = None;
    }
}

#[derive(Clone)]
pub(crate) struct Backend(Arc<Mutex<State>>);

impl Backend {
    /// Starts a backend for `device` in its domain.
    pub(crate) fn start(world: &World, device: &Device) -> Self {
        let mut state = State::default();
        state.set("feature-rx-copy", 1);
        state.set("feature-rx-flip", 0);
        state.set("feature-sg", 1);
        state.set("feature-gso-tcpv4", 1);
        state.set("feature-gso-tcpv6", 1);
        state.set("feature-ipv6-csum-offload", 1);
        state.set("multi-queue-max-queues", 4);
        state.set("feature-split-event-channels", 1);
        state.set("feature-ctrl-ring", 1);
        let backend = Self(Arc::new(Mutex::new(state)));
        let domain = world.domain(device.backend).unwrap();
        let store = domain.store();
        store.watch(format!("{}/state", device.frontend_path()), "front").unwrap();
        let mut end = End { device: *device, state: backend.clone(), store, link: None };
        domain.spawn(move |domain: &Domain| end.poll(domain));
        backend
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

struct Link {
    queues: Vec<Queue>,
    control: Option<ControlEnd>,
}

type ControlRing = BackRing<Page, XenNetifCtrlRequest, XenNetifCtrlResponse>;

struct ControlEnd {
    ring: ControlRing,
    channel: Channel<Domain>,
}

impl ControlEnd {
    /// Answers all requests. Returns whether there are more.
    fn serve(&mut self, domain: &Domain, owner: DomId, state: &mut State) -> bool {
        domain.take_event(self.channel.port());
        let mut responses = Vec::new();
        while let Ok(Some(request)) = self.ring.pop() {
            let argument = match ControlRequest::from_wire(&request) {
                Some(ControlRequest::SetHashKey { page, len }) => Some((page, len)),
                Some(ControlRequest::SetHashMapping { page, entries, offset: 0 }) => {
                    Some((page, entries * 4))
                }
                _ => None,
            };
            if let Some((page, len)) = argument {
                let area = GrantMapArea::reserve(domain.clone(), 1).unwrap();
                let mapped = area.map::<ReadOnly>(owner, &[page]).unwrap();
                let mut bytes = vec![0; len as usize];
                mapped.as_ref().copy_to(0, &mut bytes).unwrap();
                state.control_pages.push(bytes);
            }
            state.control_requests.push(request);
            responses.extend((state.respond)(&request));
        }
        for response in responses {
            // There are no more responses than requests.
            let _ = self.ring.push(&response);
        }
        if self.ring.publish() == Notify::Send {
            self.channel.notify().unwrap();
        }
        self.ring.final_check() == Ok(true)
    }
}

/// The rings of a queue.
struct Queue {
    tx: BackRing<Page, NetifTxRequest, NetifTxResponse>,
    rx: BackRing<Page, NetifRxRequest, NetifRxResponse>,
    /// Those of the transmit and the receive ring, or one for both.
    channels: Vec<Channel<Domain>>,
    /// Receive buffers without a packet.
    posted: VecDeque<NetifRxRequest>,
    /// Buffers that stay mapped.
    buffers: Vec<Page>,
    sent: Vec<GrantMapping<Domain, ReadOnly>>,
}

struct End {
    device: Device,
    state: Backend,
    store: Store,
    link: Option<Link>,
}

impl End {
    fn poll(&mut self, domain: &Domain) -> Step {
        while self.store.next_event().is_some() {}
        let (back, front) = (self.device.backend_path(), self.device.frontend_path());
        let Some(own) = self.store.read_number::<u32>(format!("{back}/state")) else {
            self.link = None;
            return Step::Idle;
        };
        let peer: u32 = self.store.read_number(format!("{front}/state")).unwrap_or(0);
        let misbehaviour = self.state.state().misbehaviour;
        match (own, peer) {
            (1, _) | (6, 1) if misbehaviour != Misbehaviour::NeverReady => {
                for (name, value) in self.state.state().nodes.clone() {
                    self.store.write(format!("{back}/{name}"), value).unwrap();
                }
                self.switch(2);
            }
            // As in Linux, Initialised is not enough.
            (2, 4) => self.connect(domain, &front),
            (2 | 4, 5) => self.switch(5),
            (4 | 5, 6) => {
                let link = self.link.take();
                if misbehaviour == Misbehaviour::KeepMapped {
                    self.state.state().kept = link;
                }
                self.switch(6);
            }
            _ => {}
        }
        match &mut self.link {
            Some(link) => link.serve(domain, self.device.frontend, &mut self.state.state()),
            None => Step::Idle,
        }
    }

    fn switch(&mut self, state: u32) {
        self.store.write(format!("{}/state", self.device.backend_path()), state).unwrap();
    }

    fn connect(&mut self, domain: &Domain, front: &str) {
        let read =
            |key: String| self.store.read(format!("{front}/{key}")).map(|value| (key, value));
        self.state.state().seen = self.store.list(front).into_iter().filter_map(read).collect();
        let number = |key: &str| self.store.read_number::<u32>(format!("{front}/{key}"));
        let queues = number("multi-queue-num-queues");
        let prefixes: Vec<String> = match queues {
            None => vec![String::new()],
            Some(queues) => (0..queues).map(|index| format!("queue-{index}/")).collect(),
        };
        let owner = self.device.frontend;
        let queues = prefixes.iter().map(|prefix| {
            let number = |key: &str| number(&format!("{prefix}{key}"));
            let ring = |key| map(domain, owner, GrantRef(number(key).unwrap()));
            let bind = |port| Channel::bind_interdomain(domain.clone(), owner, Port(port)).unwrap();
            let split = ["event-channel-tx", "event-channel-rx"].map(number);
            let channels = match split {
                [Some(tx), Some(rx)] => vec![bind(tx), bind(rx)],
                _ => vec![bind(number("event-channel").unwrap())],
            };
            Queue {
                tx: BackRing::attach(ring("tx-ring-ref")).unwrap(),
                rx: BackRing::attach(ring("rx-ring-ref")).unwrap(),
                channels,
                posted: VecDeque::new(),
                buffers: Vec::new(),
                sent: Vec::new(),
            }
        });
        let queues = queues.collect();
        let control = number("ctrl-ring-ref").map(|reference| {
            let ring = BackRing::attach(map(domain, owner, GrantRef(reference))).unwrap();
            let port = Port(number("event-channel-ctrl").unwrap());
            let channel = Channel::bind_interdomain(domain.clone(), owner, port).unwrap();
            ControlEnd { ring, channel }
        });
        self.link = Some(Link { queues, control });
        self.switch(4);
    }
}

fn map(domain: &Domain, owner: DomId, reference: GrantRef) -> Page {
    GrantMapArea::reserve(domain.clone(), 1).unwrap().map(owner, &[reference]).unwrap()
}

impl Link {
    fn serve(&mut self, domain: &Domain, owner: DomId, state: &mut State) -> Step {
        let mut more = false;
        for (index, queue) in self.queues.iter_mut().enumerate() {
            for channel in &queue.channels {
                state.events += u32::from(domain.take_event(channel.port()));
            }
            if state.misbehaviour != Misbehaviour::Silent {
                more |= queue.serve(index, domain, owner, state);
            }
        }
        if let Some(control) = &mut self.control {
            more |= control.serve(domain, owner, state);
        }
        if more { Step::Worked } else { Step::Idle }
    }
}

impl Queue {
    /// Returns whether there is more to do.
    fn serve(&mut self, index: usize, domain: &Domain, owner: DomId, state: &mut State) -> bool {
        let takes = state.misbehaviour != Misbehaviour::NoTransmit;
        while takes && self.take_packet(index, domain, owner, state) {}
        let sends = state.send_queue == index;
        while sends && self.send_packet(domain, owner, state) {}
        let sent = [self.tx.publish(), self.rx.publish()];
        match &self.channels[..] {
            [both] if sent.contains(&Notify::Send) => both.notify().unwrap(),
            [_] => {}
            split => split
                .iter()
                .zip(sent)
                .filter(|(_, sent)| *sent == Notify::Send)
                .for_each(|(channel, _)| channel.notify().unwrap()),
        }
        // Events about free buffers are asked for only while packets wait for them.
        takes && self.tx.final_check() == Ok(true)
            || sends && !state.to_send.is_empty() && self.rx.final_check() == Ok(true)
    }

    /// Takes a packet from the guest.
    fn take_packet(
        &mut self,
        index: usize,
        domain: &Domain,
        owner: DomId,
        state: &mut State,
    ) -> bool {
        let Ok(Some(first)) = self.tx.pop() else { return false };
        let mut segmentation = None;
        let mut extras = 0;
        if first.flags.contains(NetTxFlags::EXTRA_INFO) {
            let slot = self.tx.pop().unwrap().unwrap();
            let [low, high, rest]: [u32; 3] = zerocopy::transmute!(slot);
            let info: NetifExtraInfo = zerocopy::transmute!([low, high]);
            assert_eq!((info.type_, info.flags.bits(), rest), (NetifExtraType::GSO, 0, 0));
            segmentation = Segmentation::from_gso(zerocopy::transmute!(info.u));
            assert!(segmentation.is_some() && first.flags.contains(NetTxFlags::CSUM_BLANK));
            extras += 1;
        }
        let mut requests = vec![first];
        while requests.last().unwrap().flags.contains(NetTxFlags::MORE_DATA) {
            requests.push(self.tx.pop().unwrap().unwrap());
        }
        assert!(requests.len() <= 18);
        let rest: usize = requests[1..].iter().map(|request| usize::from(request.size)).sum();
        let mut packet = Vec::new();
        for (number, request) in requests.iter().enumerate() {
            let window = match GrantMapArea::reserve(domain.clone(), 1)
                .unwrap()
                .map::<ReadWrite>(owner, &[request.gref])
            {
                Ok(_) => panic!("a transmit buffer was granted for writing"),
                Err(failed) => failed.area.unwrap(),
            };
            let page = window.map::<ReadOnly>(owner, &[request.gref]).unwrap();
            let size = usize::from(request.size) - if number == 0 { rest } else { 0 };
            let start = packet.len();
            packet.resize(start + size, 0);
            page.as_ref().copy_to(usize::from(request.offset), &mut packet[start..]).unwrap();
            if state.misbehaviour == Misbehaviour::KeepMapped {
                self.sent.push(page);
            }
        }
        let part = NetTxFlags::MORE_DATA | NetTxFlags::EXTRA_INFO;
        state.received.push_back((packet, NetTxFlags(first.flags.bits() & !part.bits())));
        state.received_info.push_back((index, segmentation));
        for (number, request) in requests.iter().enumerate() {
            let id = wrong(request.id, state);
            self.tx.push(&NetifTxResponse { id, status: NetifStatus::OKAY }).unwrap();
            for _ in 0..if number == 0 { extras } else { 0 } {
                // As in Linux, the rest of the slot has its old content.
                let response = NetifTxResponse { id: 0x5a5a, status: NetifStatus::NULL };
                self.tx.push(&response).unwrap();
            }
        }
        true
    }

    /// Sends a packet to the guest if there are buffers for all of it.
    fn send_packet(&mut self, domain: &Domain, owner: DomId, state: &mut State) -> bool {
        let Some((packet, flags)) = state.to_send.front().cloned() else { return false };
        let segmentation = state.segmentation.filter(|_| packet.len() > 1514);
        let slots = packet.len().div_ceil(4096) + usize::from(segmentation.is_some());
        while self.posted.len() < slots {
            let Ok(Some(request)) = self.rx.pop() else { return false };
            self.posted.push_back(request);
        }
        state.to_send.pop_front();
        let parts: Vec<&[u8]> = packet.chunks(4096).collect();
        for (number, part) in parts.iter().enumerate() {
            let request = self.posted.pop_front().unwrap();
            if state.misbehaviour != Misbehaviour::WritesNothing {
                let page = map(domain, owner, request.gref);
                page.as_ref().copy_from(0, part).unwrap();
                if state.misbehaviour == Misbehaviour::KeepMapped {
                    self.buffers.push(page);
                }
            }
            let mut flags = if number == 0 { flags } else { NetRxFlags::empty() };
            if number + 1 < parts.len() {
                flags |= NetRxFlags::MORE_DATA;
            }
            let extra = segmentation.filter(|_| number == 0);
            if extra.is_some() {
                flags |= NetRxFlags::EXTRA_INFO;
            }
            let (id, status) = (wrong(request.id, state), part.len() as i16);
            self.rx.push(&NetifRxResponse { id, offset: 0, flags, status }).unwrap();
            if let Some(extra) = extra {
                self.posted.pop_front();
                self.rx.push(&zerocopy::transmute!(extra.extra_info())).unwrap();
            }
        }
        true
    }
}

/// Returns the id of a response.
fn wrong(id: u16, state: &State) -> u16 {
    if let Misbehaviour::WrongId(bits) = state.misbehaviour { id ^ bits } else { id }
}
