//! Hostile backend: it takes part in the handshake, and otherwise follows a [`ChoiceSource`].

use super::ChoiceSource;
use super::held::Held;
use super::kinds::{BackendProtocol, MAX_RINGS};
use crate::{Device, Domain, Step, Store, World};
use core::time::Duration;
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use xen_hypercall::ops::event_channel;
use xen_hypercall::{GrantRef, Platform, Port};

/// Maximum number of actions of one turn, so that the frontend runs in between.
const DEEDS_PER_TURN: usize = 4;

/// First entry of a grant table after those of the toolstack.
const FIRST_GRANT: u32 = 8;

/// Backend that misbehaves by a [`ChoiceSource`]: wrong IDs, states, indices and nodes, pages that
/// it keeps mapped, responses without a request, requests without a response. When the choices end
/// it behaves, and responds to all requests.
///
/// ```
/// use xen_sim::{ChoiceSource, Disk, DomainConfig, HostileBackend, World};
///
/// let world = World::new(1);
/// let guest = world.create_guest(DomainConfig::new("guest"));
/// let disks = world.create_guest(DomainConfig::new("disks"));
/// let device = world.attach_disk(&guest, &disks, &Disk::new("xvda"));
/// let backend = HostileBackend::start(&world, &device, ChoiceSource::seeded(42, 500));
/// // ... the driver in `guest` returns errors, and neither panics nor hangs ...
/// world.run_for(core::time::Duration::from_secs(1));
/// assert!(backend.is_good());
/// ```
#[derive(Clone, Debug)]
pub struct HostileBackend {
    choices: Arc<Mutex<ChoiceSource>>,
}

impl HostileBackend {
    /// Starts the backend of a device as a task of its backend domain, which ends with the domain.
    ///
    /// For a device that is neither a disk nor a network interface it changes states alone;
    /// [`start_protocol`](Self::start_protocol) takes a protocol.
    pub fn start(world: &World, device: &Device, choices: ChoiceSource) -> Self {
        Self::start_protocol(world, device, BackendProtocol::of(device.kind), choices)
    }

    /// Starts the backend of a device of any kind with its protocol.
    ///
    /// # Panics
    ///
    /// If the protocol has more than three rings, or a ring without a slot size.
    pub fn start_protocol(
        world: &World,
        device: &Device,
        protocol: &'static BackendProtocol,
        choices: ChoiceSource,
    ) -> Self {
        assert!(protocol.rings.len() <= MAX_RINGS && protocol.rings.len() == protocol.slots.len());
        let choices = Arc::new(Mutex::new(choices));
        let domain = world.domain(device.backend).expect("a device has a backend domain");
        let store = domain.store();
        for path in [device.frontend_path(), device.backend_path()] {
            // The watch wakes the task at changes of the frontend's state.
            let _ = store.watch(format!("{path}/state"), "state");
        }
        let mut end = End {
            protocol,
            device: *device,
            store,
            choices: Arc::clone(&choices),
            rings: Vec::new(),
            answered: [0; MAX_RINGS],
            port: None,
            kept: Vec::new(),
            domain: domain.clone(),
        };
        domain.spawn(move |_: &Domain| end.poll());
        Self { choices }
    }

    /// Ends the misbehaviour. Pages that it keeps mapped stay mapped.
    pub fn behave(&self) {
        locked(&self.choices).clear();
    }

    /// Returns whether the misbehaviour has ended.
    pub fn is_good(&self) -> bool {
        locked(&self.choices).is_empty()
    }
}

fn locked(choices: &Mutex<ChoiceSource>) -> MutexGuard<'_, ChoiceSource> {
    choices.lock().unwrap_or_else(PoisonError::into_inner)
}

struct End {
    protocol: &'static BackendProtocol,
    device: Device,
    domain: Domain,
    store: Store,
    choices: Arc<Mutex<ChoiceSource>>,
    rings: Vec<Held>,
    answered: [u32; MAX_RINGS],
    port: Option<Port>,
    kept: Vec<Held>,
}

impl End {
    fn poll(&mut self) -> Step {
        while self.store.next_event().is_some() {}
        if let Some(port) = self.port {
            self.domain.take_event(port);
        }
        if locked(&self.choices).is_empty() {
            self.behave();
            return Step::Idle;
        }
        for _ in 0..DEEDS_PER_TURN {
            if !self.act() {
                break;
            }
        }
        self.handshake();
        Step::Sleep(self.domain.now() + Duration::from_millis(1))
    }

    /// Executes the handshake of a sound backend.
    fn handshake(&mut self) {
        let state =
            |path: String| self.store.read_number::<u32>(format!("{path}/state")).unwrap_or(0);
        match (state(self.device.backend_path()), state(self.device.frontend_path())) {
            (0, _) => self.release(),
            (1, _) | (6, 1) => {
                for (key, value) in self.protocol.nodes {
                    if self.store.read(self.node(key)).is_none() {
                        // The device may have been removed.
                        let _ = self.store.write(self.node(key), value);
                    }
                }
                self.switch(2);
            }
            (2 | 3, 3 | 4) => {
                self.connect();
                self.switch(4);
            }
            (_, 5) => self.switch(5),
            (4 | 5, 6) => {
                self.release();
                self.switch(6);
            }
            _ => {}
        }
    }

    fn behave(&mut self) {
        self.kept.clear();
        self.handshake();
        for ring in 0..self.rings.len() {
            self.answer(ring, 64, 0, 0);
        }
    }

    /// Executes one action; returns `false` to end the turn.
    fn act(&mut self) -> bool {
        let mut choices = locked(&self.choices);
        if choices.is_empty() {
            return false;
        }
        let deed = choices.u8() % 16;
        let ring = usize::from(choices.u8()) % self.rings.len().max(1);
        match deed {
            // Sends a response with up to four changed bytes.
            0..=2 => {
                let (at, bits) = (choices.u8() % 16, choices.u32());
                drop(choices);
                self.answer(ring, 1, at, bits);
            }
            3..=5 => {
                let count = choices.u8();
                drop(choices);
                self.answer(ring, u32::from(count), 0, 0);
            }
            6 => {
                let (at, value) = (usize::from(choices.u16()), choices.u32());
                self.change(ring, at, |_| value);
            }
            // Changes an index.
            7 => {
                let (at, step) = (choices.u8() % 16, choices.u8() as i8);
                self.change(ring, at.into(), |old| old.wrapping_add_signed(step.into()));
            }
            8 => self.notify(),
            9 => self.switch((choices.u8() % 10).into()),
            10 => {
                let key = self.key(choices.u8());
                let value = choices.node_value();
                let _ = self.store.write_bytes(self.node(key), &value);
            }
            11 => {
                let _ = match choices.u8() {
                    0 => self.store.remove(self.device.backend_path()),
                    which => self.store.remove(self.node(self.key(which))),
                };
            }
            // Keeps a page of the frontend mapped.
            12 => {
                let reference = GrantRef(FIRST_GRANT + u32::from(choices.u8()));
                let page = Held::map(&self.domain, self.device.frontend, reference);
                self.kept.extend(page);
            }
            13 => {
                let whole = choices.u8() < 32;
                drop(choices);
                self.kept.clear();
                if whole {
                    self.release();
                }
            }
            14 => {
                drop(choices);
                self.connect();
            }
            _ => return false,
        }
        true
    }

    fn key(&self, which: u8) -> &'static str {
        let nodes = self.protocol.nodes;
        nodes.get(usize::from(which) % nodes.len().max(1)).map_or("state", |(key, _)| key)
    }

    fn node(&self, key: &str) -> String {
        format!("{}/{key}", self.device.backend_path())
    }

    fn switch(&self, state: u32) {
        // The device may have been removed.
        let _ = self.store.write(self.node("state"), state);
    }

    fn notify(&self) {
        if let Some(port) = self.port {
            // The frontend may have closed its port.
            let _ = event_channel::send(&self.domain, port);
        }
    }

    fn release(&mut self) {
        self.rings.clear();
        if let Some(port) = self.port.take() {
            // It fails only after the end of the domain, which closes the port.
            let _ = event_channel::close(&self.domain, port);
        }
    }

    fn connect(&mut self) {
        self.release();
        let front = self.device.frontend_path();
        let number = |key: &str| self.store.read_number::<u32>(format!("{front}/{key}"));
        let references = self.protocol.rings.iter().filter_map(|key| number(key));
        self.rings = references
            .filter_map(|reference| {
                Held::map(&self.domain, self.device.frontend, GrantRef(reference))
            })
            .collect();
        let bind = |port| {
            event_channel::bind_interdomain(&self.domain, self.device.frontend, Port(port)).ok()
        };
        self.port = number(self.protocol.event_channel).and_then(bind);
        self.answered = [0; MAX_RINGS];
    }

    fn change(&self, ring: usize, at: usize, new: impl FnOnce(u32) -> u32) {
        let word = self.rings.get(ring).and_then(|page| page.mem().u32_at((at % 4096) & !3));
        if let Some(word) = word {
            word.store(new(word.load(Relaxed)), Relaxed);
        }
    }

    /// Responds to up to `limit` requests; `bits` are flipped in the word at byte `at` of each
    /// response.
    fn answer(&mut self, ring: usize, limit: u32, at: u8, bits: u32) {
        let (Some(page), Some(&size)) = (self.rings.get(ring), self.protocol.slots.get(ring))
        else {
            return;
        };
        let mem = page.mem();
        let fit = (4096 - 64) / size;
        let slots = 1 << fit.ilog2();
        let asked = mem.u32::<0>().load(Relaxed).wrapping_sub(self.answered[ring]).min(slots);
        for _ in 0..limit.min(asked) {
            let offset = 64 + (self.answered[ring] % slots) as usize * size;
            let mut slot = vec![0; size];
            mem.copy_to(offset, &mut slot);
            (self.protocol.respond)(ring, &mut slot);
            for (byte, bits) in slot.iter_mut().skip(usize::from(at)).zip(bits.to_le_bytes()) {
                *byte ^= bits;
            }
            mem.copy_from(offset, &slot);
            self.answered[ring] = self.answered[ring].wrapping_add(1);
        }
        mem.u32::<8>().store(self.answered[ring], Release);
        self.notify();
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.release();
    }
}

impl ChoiceSource {
    /// Returns a node's value: a number, a large number, or any bytes.
    fn node_value(&mut self) -> Vec<u8> {
        match self.u8() % 4 {
            0 => self.u8().to_string().into_bytes(),
            1 => self.u32().to_string().into_bytes(),
            2 => u64::from_le_bytes(self.take()).to_string().into_bytes(),
            _ => {
                let len = usize::from(self.u8()).min(self.bytes.len());
                self.bytes.drain(..len).collect()
            }
        }
    }
}
