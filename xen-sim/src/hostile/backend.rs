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

/// The most deeds of one turn: the other end has to get on with whatever was done.
const DEEDS_PER_TURN: usize = 4;

/// The first entry of a grant table that is not the toolstack's.
const FIRST_GRANT: u32 = 8;

/// A backend that answers, announces and forgets as its [`ChoiceSource`] say: wrong ids, states,
/// indices and nodes, pages that it keeps, answers to nothing and none to something. When the
/// choices end it behaves, and answers everything.
///
/// ```
/// use xen_sim::{Disk, DomainConfig, HostileBackend, ChoiceSource, World};
///
/// let world = World::new(1);
/// let guest = world.create_guest(DomainConfig::new("guest"));
/// let disks = world.create_guest(DomainConfig::new("disks"));
/// let device = world.attach_disk(&guest, &disks, &Disk::new("xvda"));
/// let backend = HostileBackend::start(&world, &device, ChoiceSource::seeded(42, 500));
/// // ... open the disk in `guest`, use it, and expect errors, but nothing worse ...
/// world.run_for(core::time::Duration::from_secs(1));
/// assert!(backend.is_good());
/// ```
#[derive(Clone, Debug)]
pub struct HostileBackend {
    choices: Arc<Mutex<ChoiceSource>>,
}

impl HostileBackend {
    /// Starts the backend of a device, as a task of its backend domain. It is gone with that
    /// domain.
    ///
    /// Of a device that is neither a disk nor a network interface it knows the states alone:
    /// [`start_protocol`](Self::start_protocol).
    pub fn start(world: &World, device: &Device, choices: ChoiceSource) -> Self {
        Self::start_protocol(world, device, BackendProtocol::of(device.kind), choices)
    }

    /// Starts the backend of a device of any kind, which speaks `protocol`.
    ///
    /// # Panics
    ///
    /// If the protocol has more than two rings, or not one slot size for each.
    pub fn start_protocol(
        world: &World,
        device: &Device,
        protocol: &'static BackendProtocol,
        choices: ChoiceSource,
    ) -> Self {
        assert!(protocol.rings.len() <= MAX_RINGS && protocol.rings.len() == protocol.slots.len());
        let choices = Arc::new(Mutex::new(choices));
        let domain =
            world.domain(device.backend).expect("a device's backend domain was created once");
        let store = domain.store();
        for path in [device.frontend_path(), device.backend_path()] {
            // Without the watch it would only look when it has an event otherwise.
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

    /// Lets it behave from now on: it still keeps the pages that it kept.
    pub fn behave(&self) {
        locked(&self.choices).clear();
    }

    /// Tells whether it has nothing bad in mind any more.
    pub fn is_good(&self) -> bool {
        locked(&self.choices).is_over()
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
        if locked(&self.choices).is_over() {
            self.behave();
            return Step::Idle;
        }
        for _ in 0..DEEDS_PER_TURN {
            if !self.act() {
                break;
            }
        }
        self.follow();
        Step::Sleep(self.domain.now() + Duration::from_millis(1))
    }

    /// The handshake, as a backend does it.
    fn follow(&mut self) {
        let state =
            |path: String| self.store.read_number::<u32>(format!("{path}/state")).unwrap_or(0);
        match (state(self.device.backend_path()), state(self.device.frontend_path())) {
            (0, _) => self.let_go(),
            (1, _) | (6, 1) => {
                for (key, value) in self.protocol.nodes {
                    if self.store.read(self.node(key)).is_none() {
                        // The device may be gone by now.
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
                self.let_go();
                self.switch(6);
            }
            _ => {}
        }
    }

    fn behave(&mut self) {
        self.kept.clear();
        self.follow();
        for ring in 0..self.rings.len() {
            self.answer(ring, 64, 0, 0);
        }
    }

    /// Does one deed; `false` ends the turn.
    fn act(&mut self) -> bool {
        let mut choices = locked(&self.choices);
        if choices.is_over() {
            return false;
        }
        let deed = choices.u8() % 16;
        let ring = usize::from(choices.u8()) % self.rings.len().max(1);
        match deed {
            // Answers a request with up to four bytes of the answer changed.
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
            // One of the indices moves.
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
            // Keeps a page of the frontend's.
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
                    self.let_go();
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
        // The device may be gone by now.
        let _ = self.store.write(self.node("state"), state);
    }

    fn notify(&self) {
        if let Some(port) = self.port {
            // The frontend may have closed its end.
            let _ = event_channel::send(&self.domain, port);
        }
    }

    fn let_go(&mut self) {
        self.rings.clear();
        if let Some(port) = self.port.take() {
            // Refused only where the domain, and the port with it, is gone.
            let _ = event_channel::close(&self.domain, port);
        }
    }

    fn connect(&mut self) {
        self.let_go();
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

    /// Answers up to `limit` requests; `bits` change the word at byte `at` of each.
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
        self.let_go();
    }
}

impl ChoiceSource {
    /// What a node can hold: a number, a large one, or any bytes.
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
