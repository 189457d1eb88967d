//! The hostile end of a device: it takes part in the handshake so that there is something to break, and follows its input otherwise.

use arbitrary::Arbitrary;
use core::time::Duration;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use xen_evtchn::Channel;
use xen_grant::{Mapping, ReadWrite, Window};
use xen_hypercall::{GrantRef, Platform, Port};
use xen_sim::{Device, Domain, Step, Store, World};

type Page = Mapping<Domain, ReadWrite>;

/// The most deeds of one turn: the other end has to get on with whatever was done.
const DEEDS_PER_TURN: usize = 4;

/// What the hostile end does.
#[derive(Arbitrary, Clone, Debug)]
pub enum Deed {
    /// Answers the next request of a ring with these bits changed, at most four bytes of the answer.
    Answer { ring: u8, at: u8, bits: u32 },
    /// Answers this many requests as it should be.
    Good { ring: u8, count: u8 },
    /// Writes a word of a ring's page.
    Word { ring: u8, at: u16, value: u32 },
    /// Adds to a word of a ring's page.
    Add { ring: u8, at: u8, value: i8 },
    /// Sends an event.
    Notify,
    /// Goes to a state, valid or not.
    State(u8),
    /// Writes a node of its directory.
    Node { which: u8, value: NodeValue },
    /// Removes a node of its directory, or all of it.
    Remove { which: u8 },
    /// Maps a page of the other end for good, until the device ends.
    Keep { reference: u16 },
    /// Lets go of everything.
    LetGo,
    /// Connects, if the other end has said how.
    Connect,
    /// Does nothing this turn.
    Rest,
}

/// What a node can hold.
#[derive(Arbitrary, Clone, Debug)]
pub enum NodeValue {
    /// A number, as text.
    Number(u32),
    /// A large one.
    Large(u64),
    /// Any bytes.
    Bytes(Vec<u8>),
}

impl NodeValue {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Number(number) => number.to_string().into_bytes(),
            Self::Large(number) => number.to_string().into_bytes(),
            Self::Bytes(bytes) => bytes[..bytes.len().min(2000)].to_vec(),
        }
    }
}

/// What a kind of backend is made of.
#[derive(Clone, Copy, Debug)]
pub struct Back {
    /// The frontend's keys of its rings.
    pub rings: &'static [&'static str],
    /// The sizes of a slot in each ring.
    pub slots: &'static [usize],
    /// Nodes that a backend writes, and values that let the frontend connect.
    pub nodes: &'static [(&'static str, &'static str)],
    /// Makes an answer of a request, both as the bytes of a slot.
    pub answer: fn(ring: usize, slot: &mut [u8]),
}

/// A hostile backend.
pub struct Devil {
    deeds: Arc<Mutex<Vec<Deed>>>,
}

struct End {
    kind: Back,
    device: Device,
    store: Store,
    deeds: Arc<Mutex<Vec<Deed>>>,
    rings: Vec<Page>,
    answered: [u32; 2],
    channel: Option<Channel<Domain>>,
    kept: Vec<Page>,
}

impl Devil {
    /// Starts a backend that does `deeds`, first one first, four at each turn, and behaves from there on.
    pub fn start(world: &World, device: &Device, kind: Back, mut deeds: Vec<Deed>) -> Self {
        deeds.reverse();
        let deeds = Arc::new(Mutex::new(deeds));
        let domain = world.domain(device.backend).expect("the backend lives");
        let store = domain.store();
        for path in [device.frontend_path(), device.backend_path()] {
            store.watch(format!("{path}/state"), "state").expect("it may watch both");
        }
        let mut end = End {
            kind,
            device: *device,
            store,
            deeds: Arc::clone(&deeds),
            rings: Vec::new(),
            answered: [0; 2],
            channel: None,
            kept: Vec::new(),
        };
        domain.spawn(move |domain: &Domain| end.poll(domain));
        Self { deeds }
    }

    /// Lets it behave from now on.
    pub fn repent(&self) {
        *self.deeds.lock().expect("no panic elsewhere") = vec![Deed::LetGo];
    }
}

impl End {
    fn poll(&mut self, domain: &Domain) -> Step {
        while self.store.next_event().is_some() {}
        if let Some(channel) = &self.channel {
            domain.take_event(channel.port());
        }
        let mut acted = false;
        for _ in 0..DEEDS_PER_TURN {
            let Some(deed) = self.deeds.lock().expect("no panic elsewhere").pop() else { break };
            acted = true;
            if matches!(deed, Deed::Rest) {
                break;
            }
            self.act(domain, &deed);
        }
        if !acted {
            self.behave(domain);
            return Step::Idle;
        }
        self.follow(domain);
        Step::Sleep(domain.now() + Duration::from_millis(1))
    }

    /// The handshake, as a backend does it.
    fn follow(&mut self, domain: &Domain) {
        let state = |path: String| self.store.read_number::<u32>(format!("{path}/state")).unwrap_or(0);
        match (state(self.device.backend_path()), state(self.device.frontend_path())) {
            (0, _) => self.let_go(),
            (1, _) | (6, 1) => {
                for (key, value) in self.kind.nodes {
                    if self.store.read(self.node(key)).is_none() {
                        let _ = self.store.write(self.node(key), value);
                    }
                }
                self.switch(2);
            }
            (2 | 3, 3 | 4) => {
                self.connect(domain);
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

    fn behave(&mut self, domain: &Domain) {
        self.follow(domain);
        for ring in 0..self.rings.len() {
            self.answer(ring, 64, 0, 0);
        }
        if let Some(channel) = &self.channel {
            let _ = channel.notify();
        }
    }

    fn act(&mut self, domain: &Domain, deed: &Deed) {
        let count = self.rings.len().max(1);
        let ring = |ring: u8| usize::from(ring) % count;
        match deed {
            Deed::Answer { ring: which, at, bits } => self.answer(ring(*which), 1, *at, *bits),
            Deed::Good { ring: which, count } => self.answer(ring(*which), u32::from(*count), 0, 0),
            Deed::Word { ring: which, at, value } => self.change(ring(*which), usize::from(*at), |_| *value),
            Deed::Add { ring: which, at, value } => {
                self.change(ring(*which), usize::from(*at % 16), |old| {
                    old.wrapping_add_signed((*value).into())
                });
            }
            Deed::Notify => drop(self.channel.as_ref().map(Channel::notify)),
            Deed::State(state) => self.switch(u32::from(*state % 10)),
            Deed::Node { which, value } => {
                let key = self.key(*which);
                let _ = self.store.write_bytes(self.node(key), &value.bytes());
            }
            Deed::Remove { which: 0 } => drop(self.store.remove(self.device.backend_path())),
            Deed::Remove { which } => drop(self.store.remove(self.node(self.key(*which)))),
            Deed::Keep { reference } => {
                let page = self.map(domain, GrantRef(8 + u32::from(*reference % 64)));
                self.kept.extend(page);
            }
            Deed::LetGo => self.let_go(),
            Deed::Connect => self.connect(domain),
            Deed::Rest => {}
        }
    }

    fn key(&self, which: u8) -> &'static str {
        self.kind.nodes[usize::from(which) % self.kind.nodes.len()].0
    }

    fn node(&self, key: &str) -> String {
        format!("{}/{key}", self.device.backend_path())
    }

    fn switch(&self, state: u32) {
        let _ = self.store.write(self.node("state"), state);
    }

    fn let_go(&mut self) {
        (self.rings, self.channel) = (Vec::new(), None);
        self.kept.clear();
    }

    fn map(&self, domain: &Domain, reference: GrantRef) -> Option<Page> {
        Window::reserve(domain.clone(), 1).ok()?.map(self.device.frontend, &[reference]).ok()
    }

    fn connect(&mut self, domain: &Domain) {
        let front = self.device.frontend_path();
        let number = |key: &str| self.store.read_number::<u32>(format!("{front}/{key}"));
        let refs = self.kind.rings.iter().filter_map(|key| number(key));
        let rings: Vec<_> = refs.filter_map(|reference| self.map(domain, GrantRef(reference))).collect();
        let port = number("event-channel").map(Port);
        let channel =
            port.and_then(|port| Channel::bind_interdomain(domain.clone(), self.device.frontend, port).ok());
        (self.rings, self.channel, self.answered) = (rings, channel, [0; 2]);
    }

    fn change(&self, ring: usize, at: usize, new: impl FnOnce(u32) -> u32) {
        let word = self.rings.get(ring).and_then(|page| page.as_ref().u32_at((at % 4096) & !3));
        if let Some(word) = word {
            word.store(new(word.load(Relaxed)), Relaxed);
        }
    }

    /// Answers up to `limit` requests; `bits` change the word at byte `at` of each.
    fn answer(&mut self, ring: usize, limit: u32, at: u8, bits: u32) {
        let (Some(page), Some(&size)) = (self.rings.get(ring), self.kind.slots.get(ring)) else { return };
        let mem = page.as_ref();
        let slots = ((4096 - 64) / size).next_power_of_two();
        let slots = if slots * size + 64 > 4096 { slots / 2 } else { slots } as u32;
        let asked = mem.u32::<0>().load(Relaxed).wrapping_sub(self.answered[ring]).min(slots);
        for _ in 0..limit.min(asked) {
            let offset = 64 + (self.answered[ring] % slots) as usize * size;
            let mut slot = vec![0; size];
            mem.copy_to(offset, &mut slot);
            (self.kind.answer)(ring, &mut slot);
            for (byte, bits) in slot.iter_mut().skip(usize::from(at)).zip(bits.to_le_bytes()) {
                *byte ^= bits;
            }
            mem.copy_from(offset, &slot);
            self.answered[ring] = self.answered[ring].wrapping_add(1);
        }
        mem.u32::<8>().store(self.answered[ring], std::sync::atomic::Ordering::Release);
        if let Some(channel) = &self.channel {
            let _ = channel.notify();
        }
    }
}
