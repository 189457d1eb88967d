//! A xenstored that lives in the test, and the domain that talks to it.
//!
//! The server runs only inside the domain's `wait`, and only once it was notified, as the real one
//! does; so a notification that is missing shows as a timeout, and one too many is counted.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

mod server;

pub use server::*;
use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use xen_hypercall::{Claims, Gfn, Hypercall, Instant, Page, Platform, Port, SharedMem};
use xen_store::{Limits, RingTransport, XenStore};
use xen_sys::{event_channel::EVTCHNOP_SEND, xen::HYPERVISOR_EVENT_CHANNEL_OP};

pub const PORT: Port = Port(3);
pub type Store<'w> = XenStore<Guest<'w>, RingTransport<Guest<'w>, &'w SharedMem>>;
type Hook = Box<dyn FnMut(&SharedMem, &mut Server)>;

pub struct World<'m> {
    pub mem: &'m SharedMem,
    pub server: RefCell<Server>,
    /// Runs at each wait, before the server.
    pub hook: RefCell<Option<Hook>>,
    pub now: Cell<u64>,
    /// Minimum length of each wait, in nanoseconds.
    pub tick: Cell<u64>,
    /// Number of notifications by the guest, and of waits.
    pub notified: Cell<u32>,
    pub waits: Cell<u32>,
    /// The guest's platform has no pages any more.
    pub exhausted: Cell<bool>,
    server_pending: Cell<bool>,
    guest_pending: Cell<bool>,
    pages: Cell<isize>,
    claims: Claims,
}

#[derive(Clone, Copy)]
pub struct Guest<'w>(&'w World<'w>);

/// Runs a test with a server on a page whose four indices start at `start`.
pub fn with_page(start: u32, test: impl FnOnce(&World<'_>)) {
    let mut pages = Box::new([Page::ZERO]);
    let mem = SharedMem::from_pages(&mut pages);
    for offset in [2048, 2052, 2056, 2060] {
        mem.u32_at(offset).unwrap().store(start, std::sync::atomic::Ordering::Relaxed);
    }
    let world = World {
        mem,
        server: RefCell::new(Server::new(mem)),
        hook: RefCell::new(None),
        now: Cell::new(1_000_000_007),
        tick: Cell::new(0),
        notified: Cell::new(0),
        waits: Cell::new(0),
        exhausted: Cell::new(false),
        server_pending: Cell::new(false),
        guest_pending: Cell::new(false),
        pages: Cell::new(0),
        claims: Claims::new(),
    };
    test(&world);
    assert_eq!(world.pages.get(), 0, "pages were lost");
}

/// Runs a test with a store that is connected to a server on an ordinary page.
pub fn with_store(test: impl FnOnce(&World<'_>, &Store<'_>)) {
    with_page(0xffff_ff80, |world| test(world, &world.store()));
}

impl<'w> World<'w> {
    pub fn store(&'w self) -> Store<'w> {
        self.store_with(Limits { requests: 4, ..Limits::default() })
    }

    pub fn store_with(&'w self, limits: Limits) -> Store<'w> {
        let transport = RingTransport::new(Guest(self), self.mem, PORT);
        XenStore::with_transport(Guest(self), transport, PORT, limits).unwrap()
    }

    /// Returns the number of pages that the guest has allocated.
    pub fn pages(&self) -> isize {
        self.pages.get()
    }

    pub fn hook(&self, hook: impl FnMut(&SharedMem, &mut Server) + 'static) {
        *self.hook.borrow_mut() = Some(Box::new(hook));
    }

    pub fn set(&self, path: &str, value: &str) {
        self.server.borrow_mut().set(path, value.as_bytes());
        self.server_pending.set(true);
    }

    pub fn get(&self, path: &str) -> Option<String> {
        self.server.borrow().get(path)
    }

    /// Gives the server one turn. Returns whether anything moved.
    pub fn run_one_turn(&self) -> bool {
        let moved = self.server.borrow_mut().step(self.mem);
        self.guest_pending.set(moved);
        moved
    }

    /// Gives the server turns until nothing moves, as something outside of the domain does.
    pub fn run_server(&self) {
        let mut server = self.server.borrow_mut();
        while server.step(self.mem) {
            self.guest_pending.set(true);
        }
    }
}

impl<'w> Guest<'w> {
    pub fn mem(self) -> &'w SharedMem {
        self.0.mem
    }
}

// SAFETY: no hypercall touches memory but its own argument structure, which is not even read.
unsafe impl Hypercall for Guest<'_> {
    unsafe fn hypercall(&self, op: usize, args: [usize; 5]) -> isize {
        assert_eq!(
            (op as u64, args[0] as u64),
            (HYPERVISOR_EVENT_CHANNEL_OP as u64, EVTCHNOP_SEND as u64)
        );
        self.0.notified.set(self.0.notified.get() + 1);
        self.0.server_pending.set(true);
        0
    }
}

// SAFETY: pages come from Box, zeroed, aligned by their type, and go back to it; no frame is ever
// named.
unsafe impl Platform for Guest<'_> {
    fn alloc_pages(&self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        if self.0.exhausted.get() {
            return None;
        }
        self.0.pages.set(self.0.pages.get() + count.get() as isize);
        let pages = vec![Page::ZERO; count.get()].into_boxed_slice();
        NonNull::new(Box::into_raw(pages).cast())
    }

    unsafe fn free_pages(&self, pages: NonNull<u8>, count: NonZeroUsize) {
        self.0.pages.set(self.0.pages.get() - count.get() as isize);
        let slice = std::ptr::slice_from_raw_parts_mut(pages.as_ptr().cast::<Page>(), count.get());
        // SAFETY: pointer and length are those of `alloc_pages`, by the caller's word.
        drop(unsafe { Box::from_raw(slice) });
    }

    fn virt_to_gfn(&self, _: NonNull<u8>) -> Gfn {
        unreachable!("the client shares none of its pages")
    }

    unsafe fn map_frames(&self, _: Gfn, _: NonZeroUsize) -> Option<NonNull<u8>> {
        None
    }

    fn claims(&self) -> &Claims {
        &self.0.claims
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.now.get())
    }

    fn wait(&self, ports: &[Port], deadline: Option<Instant>) {
        assert_eq!(ports, [PORT]);
        let world = self.0;
        world.waits.set(world.waits.get() + 1);
        world.now.set(world.now.get() + world.tick.get());
        if !world.guest_pending.get() {
            if let Some(hook) = world.hook.borrow_mut().as_mut() {
                hook(world.mem, &mut world.server.borrow_mut());
            }
            let mut server = world.server.borrow_mut();
            if world.server_pending.get() || server.has_own_business() {
                // It continues without a notification while it makes progress.
                let moved = server.step(world.mem);
                world.server_pending.set(moved);
                world.guest_pending.set(moved);
            }
        }
        if !world.guest_pending.replace(false) {
            world.now.set(deadline.expect("every wait has a deadline").as_nanos());
        }
    }
}
