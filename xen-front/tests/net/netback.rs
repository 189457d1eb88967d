//! A network backend in the test that follows `io/netif.h`, unless its [`Misbehaviour`] differs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use xen_evtchn::Channel;
use xen_grant::{GrantMapArea, GrantMapping, ReadOnly, ReadWrite};
use xen_hypercall::{DomId, GrantRef, Port};
use xen_ring::{BackRing, Notify};
use xen_sim::{Device, Domain, Step, Store, World};
use xen_sys::io::netif::{
    NetRxFlags, NetTxFlags, NetifRxRequest, NetifRxResponse, NetifStatus, NetifTxRequest,
    NetifTxResponse,
};

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
#[derive(Default)]
pub(crate) struct State {
    pub(crate) misbehaviour: Misbehaviour,
    /// Nodes of the backend's directory.
    pub(crate) nodes: Vec<(&'static str, String)>,
    /// Packets from the guest.
    pub(crate) received: VecDeque<(Vec<u8>, NetTxFlags)>,
    /// Packets for the guest.
    pub(crate) to_send: VecDeque<(Vec<u8>, NetRxFlags)>,
    /// The guest's directory when it connected.
    pub(crate) seen: Vec<(String, String)>,
    /// The events of the guest's port that were taken.
    pub(crate) events: u32,
    kept: Option<Link>,
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
        state.set("multi-queue-max-queues", 4);
        state.set("feature-split-event-channels", 1);
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
    tx: BackRing<Page, NetifTxRequest, NetifTxResponse>,
    rx: BackRing<Page, NetifRxRequest, NetifRxResponse>,
    channel: Channel<Domain>,
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
        let number = |key: &str| self.store.read_number::<u32>(format!("{front}/{key}")).unwrap();
        let owner = self.device.frontend;
        let ring = |key| map(domain, owner, GrantRef(number(key)));
        let channel =
            Channel::bind_interdomain(domain.clone(), owner, Port(number("event-channel")))
                .unwrap();
        let tx = BackRing::attach(ring("tx-ring-ref")).unwrap();
        let rx = BackRing::attach(ring("rx-ring-ref")).unwrap();
        self.link = Some(Link { tx, rx, channel, buffers: Vec::new(), sent: Vec::new() });
        self.switch(4);
    }
}

fn map(domain: &Domain, owner: DomId, reference: GrantRef) -> Page {
    GrantMapArea::reserve(domain.clone(), 1).unwrap().map(owner, &[reference]).unwrap()
}

impl Link {
    fn serve(&mut self, domain: &Domain, owner: DomId, state: &mut State) -> Step {
        state.events += u32::from(domain.take_event(self.channel.port()));
        if state.misbehaviour == Misbehaviour::Silent {
            return Step::Idle;
        }
        let takes = state.misbehaviour != Misbehaviour::NoTransmit;
        while takes && let Ok(Some(request)) = self.tx.pop() {
            let window = match GrantMapArea::reserve(domain.clone(), 1)
                .unwrap()
                .map::<ReadWrite>(owner, &[request.gref])
            {
                Ok(_) => panic!("a transmit buffer was granted for writing"),
                Err(failed) => failed.area.unwrap(),
            };
            let page = window.map::<ReadOnly>(owner, &[request.gref]).unwrap();
            let mut packet = vec![0; usize::from(request.size)];
            page.as_ref().copy_to(usize::from(request.offset), &mut packet).unwrap();
            state.received.push_back((packet, request.flags));
            if state.misbehaviour == Misbehaviour::KeepMapped {
                self.sent.push(page);
            }
            let id = if let Misbehaviour::WrongId(bits) = state.misbehaviour {
                request.id ^ bits
            } else {
                request.id
            };
            self.tx.push(&NetifTxResponse { id, status: NetifStatus::OKAY }).unwrap();
        }
        while !state.to_send.is_empty()
            && let Ok(Some(request)) = self.rx.pop()
        {
            let Some((packet, flags)) = state.to_send.pop_front() else { break };
            if state.misbehaviour != Misbehaviour::WritesNothing {
                let page = map(domain, owner, request.gref);
                page.as_ref().copy_from(0, &packet).unwrap();
                if state.misbehaviour == Misbehaviour::KeepMapped {
                    self.buffers.push(page);
                }
            }
            let id = if let Misbehaviour::WrongId(bits) = state.misbehaviour {
                request.id ^ bits
            } else {
                request.id
            };
            let status = packet.len() as i16;
            self.rx.push(&NetifRxResponse { id, offset: 0, flags, status }).unwrap();
        }
        let sent = [self.tx.publish(), self.rx.publish()];
        if sent.contains(&Notify::Send) {
            self.channel.notify().unwrap();
        }
        // Events about free buffers are asked for only while packets wait for them.
        let more = takes && self.tx.final_check() == Ok(true)
            || !state.to_send.is_empty() && self.rx.final_check() == Ok(true);
        if more { Step::Worked } else { Step::Idle }
    }
}
