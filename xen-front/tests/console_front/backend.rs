//! A console backend in the test that follows the states of `io/xenbus.h`, unless its
//! [`Misbehaviour`] differs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use xen_evtchn::Channel;
use xen_grant::{GrantMapArea, GrantMapping, ReadWrite};
use xen_hypercall::{GrantRef, Port};
use xen_ring::{ByteConsumer, ByteProducer};
use xen_sim::{Device, Domain, Step, Store, World};

/// Deviation of the backend from the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Misbehaviour {
    #[default]
    None,
    /// No offer of the device.
    NeverReady,
    /// A ring that stays mapped after the close.
    KeepMapped,
}

/// State of the backend that the test reads and sets.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) misbehaviour: Misbehaviour,
    /// Bytes from the guest.
    pub(crate) received: Vec<u8>,
    /// Bytes for the guest.
    pub(crate) to_send: VecDeque<u8>,
    link: Option<Link>,
    kept: Option<Link>,
}

impl State {
    /// Writes an impossible producer index of the guest's input.
    pub(crate) fn corrupt_input(&self) {
        let link = self.link.as_ref().unwrap();
        link.page.as_ref().write(3076, &5000u32).unwrap();
        link.channel.notify().unwrap();
    }

    /// Unmaps the ring that was kept.
    pub(crate) fn unmap(&mut self) {
        self.kept = None;
    }
}

/// The backend's ends of a connection: offsets of `xencons_interface`.
struct Link {
    page: GrantMapping<Domain, ReadWrite>,
    channel: Channel<Domain>,
    output: ByteConsumer<1024, 2048, 3080, 3084>,
    input: ByteProducer<0, 1024, 3072, 3076>,
}

#[derive(Clone)]
pub(crate) struct Backend(Arc<Mutex<State>>);

impl Backend {
    /// Starts a backend for `device` in its domain.
    pub(crate) fn start(world: &World, device: &Device) -> Self {
        let backend = Self(Arc::new(Mutex::new(State::default())));
        backend.serve(world, device);
        backend
    }

    /// Serves `device`, which takes the place of an earlier one.
    pub(crate) fn serve(&self, world: &World, device: &Device) {
        let domain = world.domain(device.backend).unwrap();
        let store = domain.store();
        store.watch(format!("{}/state", device.frontend_path()), "front").unwrap();
        let (state, device) = (self.clone(), *device);
        self.state().link = None;
        domain.spawn(move |domain: &Domain| state.poll(domain, &store, &device));
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn poll(&self, domain: &Domain, store: &Store, device: &Device) -> Step {
        while store.next_event().is_some() {}
        let (back, front) = (device.backend_path(), device.frontend_path());
        let mut state = self.state();
        let Some(own) = store.read_number::<u32>(format!("{back}/state")) else {
            state.link = None;
            return Step::Done;
        };
        let peer: u32 = store.read_number(format!("{front}/state")).unwrap_or(0);
        let switch = |state: u32| store.write(format!("{back}/state"), state).unwrap();
        match (own, peer) {
            (1, _) | (6, 1) if state.misbehaviour != Misbehaviour::NeverReady => switch(2),
            (2, 3) => {
                state.link = Some(Link::connect(domain, store, device));
                switch(4);
            }
            (2 | 4, 5) => switch(5),
            (4 | 5, 6) => {
                let link = state.link.take();
                if state.misbehaviour == Misbehaviour::KeepMapped {
                    state.kept = link;
                }
                switch(6);
            }
            _ => {}
        }
        let State { link, received, to_send, .. } = &mut *state;
        link.as_mut().map_or(Step::Idle, |link| link.transfer(domain, received, to_send))
    }
}

impl Link {
    fn connect(domain: &Domain, store: &Store, device: &Device) -> Self {
        let number =
            |key: &str| store.read_number(format!("{}/{key}", device.frontend_path())).unwrap();
        let area = GrantMapArea::reserve(domain.clone(), 1).unwrap();
        let page = area.map(device.frontend, &[GrantRef(number("ring-ref"))]).unwrap();
        let port = Port(number("port"));
        let channel = Channel::bind_interdomain(domain.clone(), device.frontend, port).unwrap();
        let output = ByteConsumer::attach(page.as_ref());
        let input = ByteProducer::attach(page.as_ref());
        Self { page, channel, output, input }
    }

    fn transfer(
        &mut self,
        domain: &Domain,
        received: &mut Vec<u8>,
        to_send: &mut VecDeque<u8>,
    ) -> Step {
        domain.take_event(self.channel.port());
        let mut buffer = [0; 300];
        let Ok(count) = self.output.read(self.page.as_ref(), &mut buffer) else {
            return Step::Idle;
        };
        received.extend_from_slice(&buffer[..count]);
        let Ok(sent) = self.input.write(self.page.as_ref(), to_send.make_contiguous()) else {
            return Step::Idle;
        };
        to_send.drain(..sent);
        if count + sent == 0 {
            return Step::Idle;
        }
        self.channel.notify().unwrap();
        Step::Worked
    }
}
