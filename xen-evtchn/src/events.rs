//! Event words of a domain in either format: masks, and the dispatch of an upcall.

mod dump;

use crate::fifo::{self, FIFO_PORTS, Queues, WORDS};
use crate::growth::Growth;
use crate::layout::{Layout, VcpuWords};
use crate::owners::{FOREIGN, Owners};
use crate::two_level::{self, Alone, Beside, PORTS, TwoLevel};
use core::array;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32};
use xen_hypercall::ops::{self, event_channel as op};
use xen_hypercall::sync::Ordering;
use xen_hypercall::{Errno, EventPages, Platform, Port, SharedMem, SharedU32};
use xen_sys::event_channel::{EVTCHN_FIFO_LINK_MASK, EVTCHN_FIFO_PRIORITY_MIN};

/// Maximum number of vCPUs of a domain, as for an HVM or PVH guest of Xen 4.20.
#[doc(alias = "HVM_MAX_VCPUS")]
pub const MAX_VCPUS: usize = 128;

/// Maximum number of vCPU pages; a model has two vCPUs.
const VCPU_PAGES: usize = if cfg!(loom) { 2 } else { MAX_VCPUS };

/// Maximum number of pages of event words; a model has one.
const ARRAY: usize = if cfg!(loom) { 1 } else { (FIFO_PORTS / WORDS) as usize };

/// Offset in a vCPU's page, behind the FIFO control block, of the `vcpu_info` of a vCPU that shared
/// info has no entry for.
const INFO: usize = 256;
/// Offset in a vCPU's page of the port that was opened to raise an upcall, until that upcall; zero
/// for none.
const RAISED: usize = 512;

/// Attempts of a reset while other domains use the remote ends.
const RESET_ATTEMPTS: usize = 1000;

/// State of a vCPU: it takes no events yet.
const ABSENT: u8 = 0;
/// State of a vCPU: it is being added.
const ADDING: u8 = 1;
/// State of a vCPU: it takes events.
const ADDED: u8 = 2;
/// State of a vCPU: it was added, and Xen accepts its `vcpu_info` only from the vCPU itself.
const AGAIN: u8 = 3;

/// Format of the event words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// Bits in shared info: up to [`PORTS`] ports, all of one priority.
    TwoLevel,
    /// Queues: up to [`FIFO_PORTS`] ports, in 16 priorities, in the order of their events.
    Fifo,
}

/// Event words of this domain: masks, and the dispatch of an upcall.
///
/// `M` is the shared info page, as [`xen_hypercall::boot::shared_info`] maps it.
///
/// All that an upcall calls is lock-free and does not allocate: [`on_upcall`](Self::on_upcall),
/// masks, and reads of pending events. A call that opens a port or adds a vCPU may allocate.
pub struct EventChannels<P: Platform, M: AsRef<SharedMem>> {
    platform: P,
    shared_info: M,
    fifo: AtomicBool,
    /// Pages of event words, filled from index 0.
    array: EventPages<P, ARRAY>,
    /// One page for each added vCPU.
    vcpus: EventPages<P, VCPU_PAGES>,
    growth: Growth,
    owners: Owners,
    /// State of each vCPU.
    states: [AtomicU8; MAX_VCPUS],
    /// First word of each vCPU's next scan, so that low ports do not always precede high ones.
    start: [AtomicU32; MAX_VCPUS],
}

impl<P: Platform, M: AsRef<SharedMem>> EventChannels<P, M> {
    /// Initializes the event words in the 2-level format and masks every port. It must be called
    /// once, before ports are opened.
    pub fn new(platform: P, shared_info: M) -> Self {
        let this = Self {
            array: EventPages::new(platform.clone()),
            vcpus: EventPages::new(platform.clone()),
            platform,
            shared_info,
            fifo: AtomicBool::new(false),
            growth: Growth::new(),
            owners: Owners::new(),
            states: array::from_fn(|_| AtomicU8::new(ABSENT)),
            start: array::from_fn(|_| AtomicU32::new(0)),
        };
        this.two_level().mask_all();
        // The flag of an upcall before the first handler is still set, and Xen raises no upcall
        // while it is. The port's event stays pending.
        this.clear_upcalls();
        this
    }

    /// Initializes the event words in the FIFO format. Falls back to the 2-level format if Xen has
    /// no FIFO format or refuses it. Every port is masked.
    ///
    /// It must be called once, on vCPU 0, before ports are opened. Events that are pending on the
    /// toolstack's ports are kept.
    ///
    /// # Errors
    ///
    /// - `ENOMEM` if the platform has no page.
    /// - `EEXIST` if another kernel left the FIFO format in use: call [`reset`](Self::reset) on the
    ///   result of [`new`](Self::new).
    /// - Xen's error for the first page of event words, after Xen took the format.
    #[doc(alias("EVTCHNOP_init_control", "EVTCHNOP_expand_array"))]
    pub fn with_fifo(platform: P, shared_info: M) -> Result<Self, Errno> {
        let mut this = Self::new(platform, shared_info);
        if this.xen_has_queues() {
            // The 2-level format would miss every event.
            return Err(Errno::EEXIST);
        }
        this.array.fill(0, fifo::ONLY_MASKED)?;
        if this.switch_to_fifo()? {
            this.array.expand_array(0)?;
            this.growth.reset(1);
        } else {
            // The 2-level format has no pages of event words.
            this.array = EventPages::new(this.platform.clone());
        }
        Ok(this)
    }

    /// Changes to the FIFO format, permanently, and returns whether it is in use now: `false` if
    /// Xen has no FIFO format or refuses it.
    ///
    /// For vCPU 0, with no upcall meanwhile and none on any other vCPU. All ports are masked, and
    /// their events are lost: open ports must be closed before. The vCPUs stay
    /// [added](Self::add_vcpu). A new value by [`with_fifo`](Self::with_fifo) would need their
    /// `vcpu_info` at another place, which Xen refuses.
    ///
    /// # Errors
    ///
    /// As for [`with_fifo`](Self::with_fifo).
    #[doc(alias("EVTCHNOP_init_control", "EVTCHNOP_expand_array"))]
    pub fn use_fifo(&self) -> Result<bool, Errno> {
        if self.is_fifo() {
            return Ok(true);
        }
        if self.xen_has_queues() {
            return Err(Errno::EEXIST);
        }
        self.two_level().mask_all();
        self.array.fill(0, fifo::ONLY_MASKED)?;
        if !self.switch_to_fifo()? {
            return Ok(false);
        }
        self.array.expand_array(0)?;
        self.growth.reset(1);
        self.clear_upcalls();
        for (vcpu, state) in (0..).zip(&self.states).skip(1) {
            if state.load(Ordering::Relaxed) == ADDED {
                self.init_queues(vcpu)?;
            }
        }
        Ok(true)
    }

    /// Returns the format in use.
    pub fn abi(&self) -> Abi {
        if self.is_fifo() { Abi::Fifo } else { Abi::TwoLevel }
    }

    /// Returns the shared info page, which also has the clock.
    pub fn shared_info(&self) -> &M {
        &self.shared_info
    }

    /// Returns the memory that has the `vcpu_info` of `vcpu`, and the offset there: shared info, or
    /// the page that [`add_vcpu`](Self::add_vcpu) has registered. `None` before that.
    #[inline]
    pub fn vcpu_info_at(&self, vcpu: u32) -> Option<(&SharedMem, usize)> {
        match Layout::NATIVE.legacy(vcpu as usize) {
            Some(base) => Some((self.shared_info.as_ref().first_page(), base)),
            None => Some((self.vcpus.memory(vcpu as usize)?, INFO)),
        }
    }

    /// Adds `vcpu` to those that take events, before any port is bound to it. vCPU 0 is added from
    /// the start.
    ///
    /// After a [`resume`](Self::resume), each vCPU must call it again on itself: Xen before 4.18
    /// accepts the `vcpu_info` of a vCPU that shared info has no entry for only from that vCPU, or
    /// while the vCPU is down. The call has no effect if there is nothing to do.
    ///
    /// # Errors
    ///
    /// - `ENOENT` if there is no such vCPU.
    /// - `ENOMEM` if the platform has no page.
    /// - `EAGAIN` if another call adds the vCPU now.
    /// - Xen's error, among them `EINVAL` if Xen is older than 4.18 and the vCPU is neither down
    ///   nor the caller.
    pub fn add_vcpu(&self, vcpu: u32) -> Result<(), Errno> {
        let state = self.states.get(vcpu as usize).ok_or(Errno::ENOENT)?;
        self.vcpus.fill(0, 0)?;
        if vcpu == 0 {
            return Ok(());
        }
        match state.compare_exchange(ABSENT, ADDING, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {}
            Err(ADDED) => return Ok(()),
            Err(AGAIN) => return self.register_own(vcpu, state),
            Err(_) => return Err(Errno::EAGAIN),
        }
        let added = self.vcpus.fill(vcpu as usize, 0).and_then(|()| {
            self.owners.take_over(&self.vcpus, vcpu as usize);
            self.register(vcpu)
        });
        state.store(if added.is_ok() { ADDED } else { ABSENT }, Ordering::Relaxed);
        added
    }

    /// Registers the `vcpu_info` of the calling vCPU `vcpu` after a resume.
    fn register_own(&self, vcpu: u32, state: &AtomicU8) -> Result<(), Errno> {
        match self.vcpus.register_vcpu_info(vcpu as usize, vcpu, INFO) {
            // Xen refuses a call of the vCPU itself only if it is registered already: the domain is
            // the old one.
            Ok(()) | Err(Errno::EINVAL | Errno::EBUSY) => {}
            refused => return refused,
        }
        // The flag that Xen set stays: its interrupt comes here and finds the events that were
        // pending.
        state.store(ADDED, Ordering::Relaxed);
        Ok(())
    }

    /// Makes `port`, whose events go to `vcpu`, usable: [`Platform::port_opened`] of a kernel with
    /// upcalls calls it. Grows the array of event words while events come.
    ///
    /// A handler may call it, since no call waits for another. A call during the growth of the
    /// array returns at once: the port can be used, and its events come when the other call has
    /// added the new pages to Xen. The call may allocate a page.
    ///
    /// In the 2-level format, the events of a port that was not opened here are handled by the
    /// first vCPU that sees them.
    ///
    /// # Errors
    ///
    /// - `EINVAL` if the port is beyond those of the format.
    /// - `ENOMEM` if the platform has no page.
    /// - `EAGAIN` if `vcpu` must be [added again](Self::add_vcpu) first.
    /// - Xen's error.
    pub fn opened(&self, port: Port, vcpu: u32) -> Result<(), Errno> {
        let state = self.states.get(vcpu as usize).map(|state| state.load(Ordering::Relaxed));
        if state == Some(AGAIN) {
            return Err(Errno::EAGAIN);
        }
        if self.is_fifo() {
            return self.grow(port);
        }
        if port.0 >= PORTS {
            return Err(Errno::EINVAL);
        }
        self.owners.set(&self.vcpus, port, vcpu);
        Ok(())
    }

    /// Masks `port` before it is closed, so that the next owner of the number finds a masked port:
    /// [`Platform::port_closing`] of a kernel with upcalls calls it.
    pub fn closing(&self, port: Port) {
        self.mask(port);
    }

    /// Moves the upcalls of `port` to `vcpu`.
    ///
    /// A handler that runs now may continue while the other vCPU takes the next event. In the
    /// 2-level format, a pending event moves to the new vCPU. In the FIFO format, an event that is
    /// in a queue of the old vCPU stays there, as do all further ones until it is handled: a vCPU
    /// that goes down needs [`drain_vcpu`](Self::drain_vcpu).
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU or it was not [added](Self::add_vcpu), `EINVAL` if the
    /// port is permanently bound to a vCPU, `EAGAIN` as for [`opened`](Self::opened). The port is
    /// then unchanged.
    #[doc(alias = "EVTCHNOP_bind_vcpu")]
    pub fn bind_vcpu(&self, port: Port, vcpu: u32) -> Result<(), Errno> {
        let state = self.states.get(vcpu as usize).ok_or(Errno::ENOENT)?;
        match state.load(Ordering::Relaxed) {
            AGAIN => return Err(Errno::EAGAIN),
            ADDED => {}
            _ if vcpu == 0 => {}
            _ => return Err(Errno::ENOENT),
        }
        op::bind_vcpu(&self.platform, port, vcpu)?;
        self.opened(port, vcpu)?;
        if !self.is_fifo() && self.two_level().redeliver(port).ok_or(Errno::EINVAL)? {
            self.unmask_by_xen(port)?;
        }
        Ok(())
    }

    /// Handles the upcall of `vcpu`: calls `handle` for each unmasked pending port, after its event
    /// is cleared.
    ///
    /// An event during its port's handler is therefore pending again, and this or the next upcall
    /// handles it. In the FIFO format, events come by priority, then in the order of their arrival.
    /// In the 2-level format, each port is delivered once, and the first word of the scan rotates.
    /// A handler may open, close, mask and unmask any port. A port that a handler masks or closes
    /// may be delivered once more.
    ///
    /// The number of calls is bounded, however fast peers send: by the number of ports in the
    /// 2-level format, by the number of event words in the FIFO format (1,024, or more if there are
    /// more ports). Xen raises another upcall for the rest, through a port that is opened for that
    /// time. Only if the domain has no free port, or queues of all 16 priorities are left, the call
    /// continues instead.
    ///
    /// A polling kernel calls this from its loop. Different vCPUs may call it at the same time,
    /// each for itself. A vCPU that was not [added](Self::add_vcpu) takes no events.
    #[inline]
    pub fn on_upcall(&self, vcpu: u32, mut handle: impl FnMut(Port)) {
        let mut left = self.dispatch(vcpu, &mut handle);
        while left != 0 && !self.raise(vcpu, left) {
            left = self.dispatch(vcpu, &mut handle);
        }
    }

    /// Handles the pending events of `vcpu`, which is down, from another vCPU. It must be called
    /// after the vCPU is down and its ports were [moved](Self::bind_vcpu).
    ///
    /// In the FIFO format, an event in a queue of the vCPU stays there, and its port delivers
    /// nothing on any vCPU, until the queue is drained. An event of a port that was not moved is
    /// handled here too.
    pub fn drain_vcpu(&self, vcpu: u32, mut handle: impl FnMut(Port)) {
        // Beyond as many events as there are words, events are of ports that were not moved.
        self.dispatch(vcpu, &mut handle);
    }

    /// Delivers the events of `vcpu`, and returns the queues that are not empty.
    #[inline(always)]
    fn dispatch(&self, vcpu: u32, handle: &mut impl FnMut(Port)) -> u32 {
        let index = vcpu as usize;
        let (Some(info), Some(start)) = (self.vcpu_info(index), self.start.get(index)) else {
            return 0;
        };
        // Cleared first: a later event sets the flag again and raises another interrupt. The
        // exchange of the selector or of the ready word below makes this visible to Xen.
        info.upcall_pending.store(0, Ordering::Relaxed);
        match self.vcpus.memory(index) {
            Some(page) if self.is_fifo() => {
                let raised = || self.end_raise(page);
                raised();
                return Queues(page).run(|number| self.words(number), raised, handle);
            }
            Some(page) => {
                let others = Beside { mem: page, at: FOREIGN };
                self.two_level().scan(info.pending_sel.swap(0), start, &others, handle);
            }
            // vCPU 0 has a page as soon as there is another vCPU.
            None if vcpu == 0 => {
                self.two_level().scan(info.pending_sel.swap(0), start, &Alone, handle);
            }
            None => {}
        }
        0
    }

    /// Makes Xen raise an upcall of `vcpu`, whose queues in `left` are not empty. Xen raises no
    /// upcall for those, so an event is sent to another queue.
    #[cold]
    fn raise(&self, vcpu: u32, left: u32) -> bool {
        let (Some(page), Some(queue)) = (self.vcpus.memory(vcpu as usize), fifo::spare(left))
        else {
            return false;
        };
        // The port of an upcall that interrupted this one, which has queues of its own.
        self.end_raise(page);
        let Ok(port) = op::bind_ipi(&self.platform, vcpu) else { return false };
        let Some(word) = self.event_word(port.0) else {
            // The port was opened just now, so Xen cannot refuse.
            let _ = op::close(&self.platform, port);
            return false;
        };
        page.u32::<RAISED>().store(port.0, Ordering::Relaxed);
        fifo::clear_mask(word);
        // If no event was sent, the dispatch that continues closes the port.
        let has_queue = op::set_priority(&self.platform, port, queue).is_ok();
        has_queue && op::send(&self.platform, port).is_ok()
    }

    /// Closes the port that was opened to raise an upcall, if any, before its event is removed from
    /// the queue.
    #[inline(always)]
    fn end_raise(&self, page: &SharedMem) {
        let port = page.u32::<RAISED>();
        if port.load(Ordering::Relaxed) != 0 {
            self.close_raised(Port(port.swap(0)));
        }
    }

    #[cold]
    fn close_raised(&self, port: Port) {
        self.set_mask(port);
        // It clears the event as well. The port is off its queue before Xen reuses its number.
        let _ = op::close(&self.platform, port);
    }

    /// Masks `port`: its events become pending without an upcall. A port beyond those of the format
    /// is ignored.
    pub fn mask(&self, port: Port) {
        if !self.is_fifo() {
            self.owners.mask(port);
        }
        self.set_mask(port);
    }

    /// Clears the mask of `port`. A pending event is delivered now.
    ///
    /// The order is that of Xen: a mask that the handler of that event sets stays set.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the port is beyond those of the format, or if an event is pending and the port
    /// is beyond those that Xen has ever opened. Xen reports no error for a closed port.
    #[doc(alias = "EVTCHNOP_unmask")]
    pub fn unmask(&self, port: Port) -> Result<(), Errno> {
        if self.is_fifo() {
            if self.event_word(port.0).map(fifo::unmask).ok_or(Errno::EINVAL)? {
                op::unmask(&self.platform, port)?;
            }
            return Ok(());
        }
        self.owners.unmask(port);
        if self.two_level().unmask(port).ok_or(Errno::EINVAL)? {
            self.unmask_by_xen(port)
        } else {
            Ok(())
        }
    }

    /// Makes Xen unmask a port of the 2-level format and deliver its event. The port was masked for
    /// that.
    fn unmask_by_xen(&self, port: Port) -> Result<(), Errno> {
        loop {
            op::unmask(&self.platform, port)?;
            if !self.owners.is_masked(port) {
                return Ok(());
            }
            // A handler masked it meanwhile, maybe before Xen cleared the mask.
            self.set_mask(port);
            if self.owners.is_masked(port) {
                return Ok(());
            }
            // Unmasked again, maybe before the line above. The loop ends unless this kernel repeats
            // both; a peer cannot.
            if self.two_level().unmask(port) != Some(true) {
                return Ok(());
            }
        }
    }

    /// Returns whether an event is pending on `port`, masked or not.
    pub fn is_pending(&self, port: Port) -> bool {
        let pending = if self.is_fifo() {
            self.event_word(port.0).map(fifo::is_pending)
        } else {
            self.two_level().is_pending(port)
        };
        pending.unwrap_or(false)
    }

    /// Clears the pending event of `port` and returns whether there was one: the way to poll a
    /// masked port.
    pub fn take_pending(&self, port: Port) -> bool {
        let pending = if self.is_fifo() {
            self.event_word(port.0).map(fifo::take_pending)
        } else {
            self.two_level().take_pending(port)
        };
        pending.unwrap_or(false)
    }

    /// Masks `port` and makes an event pending on it, for an event that had no handler.
    pub fn set_pending_masked(&self, port: Port) {
        // In this order: on an unmasked port, a pending event that Xen did not set is never
        // delivered.
        self.mask(port);
        if self.is_fifo() {
            self.event_word(port.0).into_iter().for_each(fifo::set_pending);
        } else {
            self.two_level().set_pending(port);
        }
    }

    /// Initializes the event words again after a suspend from which the domain resumed as a new
    /// one: only the toolstack's ports are open, and all ports are masked.
    ///
    /// Shared info must be mapped again before. It must run on vCPU 0 while the other vCPUs are
    /// stopped. A cancelled suspend does not need it. If the suspend call reports a new domain and
    /// the old one's ports are there, these stay open and masked until the kernel
    /// closes each one.
    ///
    /// Each other vCPU then calls [`add_vcpu`](Self::add_vcpu) for itself: a vCPU that shared info
    /// has no entry for gets no event before that, unless it was down or Xen is 4.18 or newer.
    ///
    /// # Errors
    ///
    /// Xen's error. If this Xen has no FIFO format, the domain continues in the 2-level format
    /// without an error.
    pub fn resume(&self) -> Result<(), Errno> {
        self.initialize_again(false)
    }

    /// Initializes the event words again. `same` states that the domain is the old one.
    fn initialize_again(&self, same: bool) -> Result<(), Errno> {
        self.mask_all();
        // All ports are masked, so no event is lost. Xen raises no upcall while a flag stays set.
        self.clear_upcalls();
        if self.is_fifo() && self.xen_has_queues() {
            // The queues are unchanged, and Xen raises no upcall for a queue that is not empty. No
            // event is delivered, since all ports are masked.
            for (_, page) in self.vcpus.iter() {
                self.end_raise(page);
                while Queues(page).run(|number| self.words(number), || {}, &mut |_| {}) != 0 {}
            }
            return Ok(());
        }
        for (_, page) in self.vcpus.iter() {
            page.u32::<RAISED>().store(0, Ordering::Relaxed);
        }
        let fifo = self.is_fifo() && self.switch_to_fifo()?;
        self.owners.reset(&self.vcpus);
        for (vcpu, state) in (0..).zip(&self.states).skip(1) {
            if matches!(state.load(Ordering::Relaxed), ADDED | AGAIN) {
                self.register_again(vcpu, same, state)?;
            }
        }
        if fifo {
            let mut added = 0;
            for (index, page) in self.array.iter() {
                for offset in (0..WORDS as usize * size_of::<u32>()).step_by(size_of::<u32>()) {
                    if let Some(word) = page.u32_at(offset) {
                        // Ordered by the hypercall: Xen reads no word before.
                        word.store(fifo::ONLY_MASKED, Ordering::Relaxed);
                    }
                }
                self.array.expand_array(index)?;
                added += 1;
            }
            self.growth.reset(added);
        }
        Ok(())
    }

    /// Clears the upcall flags and selectors of all vCPUs, while every port is masked.
    fn clear_upcalls(&self) {
        for index in 0..VCPU_PAGES {
            self.clear_upcall(index);
        }
    }

    fn clear_upcall(&self, vcpu: usize) {
        if let Some(info) = self.vcpu_info(vcpu) {
            info.upcall_pending.store(0, Ordering::Relaxed);
            info.pending_sel.store(0, Ordering::Relaxed);
        }
    }

    /// Masks all ports, makes Xen close them, and initializes the event words again: for a kernel
    /// that replaces another one in the same domain.
    ///
    /// The toolstack's ports for console and xenstore are closed too. No other vCPU may use ports
    /// meanwhile, and no [`Channel`](crate::Channel) may exist.
    ///
    /// # Errors
    ///
    /// Xen's error. Every port is masked then.
    #[doc(alias = "EVTCHNOP_reset")]
    pub fn reset(&self) -> Result<(), Errno> {
        self.mask_all();
        ops::retry(&self.platform, RESET_ATTEMPTS, || op::reset(&self.platform))?;
        self.initialize_again(true)
    }

    fn mask_all(&self) {
        self.two_level().mask_all();
        (0..FIFO_PORTS).map_while(|port| self.event_word(port)).for_each(fifo::mask);
    }

    fn set_mask(&self, port: Port) {
        if self.is_fifo() {
            self.event_word(port.0).into_iter().for_each(fifo::mask);
        } else {
            self.two_level().mask(port);
        }
    }

    /// Sets up the queues of vCPU 0. Returns `false` if Xen has none.
    fn switch_to_fifo(&self) -> Result<bool, Errno> {
        self.vcpus.fill(0, 0)?;
        let taken = self.vcpus.init_control(0, 0).is_ok();
        self.fifo.store(taken, Ordering::Relaxed);
        Ok(taken)
    }

    /// Returns whether Xen uses the FIFO format: only then it checks the priority instead of
    /// refusing the operation.
    fn xen_has_queues(&self) -> bool {
        let refusal = op::set_priority(&self.platform, Port(0), EVTCHN_FIFO_PRIORITY_MIN + 1);
        refusal.is_err_and(|errno| errno != Errno::ENOSYS)
    }

    /// Registers the page of a new vCPU with Xen.
    fn register(&self, vcpu: u32) -> Result<(), Errno> {
        if self.has_own_info(vcpu) {
            self.vcpus.register_vcpu_info(vcpu as usize, vcpu, INFO)?;
            self.end_registration(vcpu);
        }
        self.init_queues(vcpu)
    }

    /// Registers the page of a vCPU again, after a resume or a reset. Every port is masked.
    fn register_again(&self, vcpu: u32, same: bool, state: &AtomicU8) -> Result<(), Errno> {
        if self.has_own_info(vcpu) {
            match self.vcpus.register_vcpu_info(vcpu as usize, vcpu, INFO) {
                Ok(()) => self.end_registration(vcpu),
                // Xen moves a vCPU's `vcpu_info` once in the lifetime of a domain: the domain is
                // the old one.
                Err(Errno::EBUSY) => {}
                Err(Errno::EINVAL) if same => {}
                // Before Xen 4.18 also if the vCPU is neither down nor the caller.
                Err(Errno::EINVAL) => state.store(AGAIN, Ordering::Relaxed),
                refused => return refused,
            }
        }
        self.init_queues(vcpu)
    }

    fn has_own_info(&self, vcpu: u32) -> bool {
        Layout::NATIVE.legacy(vcpu as usize).is_none()
    }

    fn init_queues(&self, vcpu: u32) -> Result<(), Errno> {
        if self.is_fifo() {
            self.vcpus.init_control(vcpu as usize, vcpu)?;
        }
        Ok(())
    }

    /// Clears the flag that Xen sets with a new `vcpu_info`. On arm64, a vCPU that is down never
    /// receives its interrupt, and Xen raises no other one while the flag is set.
    fn end_registration(&self, vcpu: u32) {
        self.clear_upcall(vcpu as usize);
        // Events that came before without a selector bit. Usually no port is bound to the vCPU yet,
        // so there are none. In the FIFO format, all ports are masked in these words.
        for index in 0..two_level::WORDS {
            let mut bits = self.two_level().deliverable(index);
            while bits != 0 {
                let port = Port(index * 64 + bits.trailing_zeros());
                bits &= bits - 1;
                if self.two_level().redeliver(port) == Some(true) {
                    // The bit may belong to no port; Xen then does nothing.
                    let _ = self.unmask_by_xen(port);
                }
            }
        }
    }

    /// Adds pages of event words until `port` has one.
    fn grow(&self, port: Port) -> Result<(), Errno> {
        if port.0 >= FIFO_PORTS {
            return Err(Errno::EINVAL);
        }
        let needed = port.0 / WORDS + 1;
        for index in 0..needed {
            // The words are stored before Xen has them, so that a handler that interrupts this call
            // can use them.
            self.array.fill(index as usize, fifo::ONLY_MASKED)?;
        }
        let present = |index: u32| self.words(index).is_some();
        self.growth.run(needed, present, |index| self.array.expand_array(index as usize))
    }

    #[inline(always)]
    fn is_fifo(&self) -> bool {
        // Changes only while no other code runs.
        self.fifo.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn two_level(&self) -> TwoLevel<'_> {
        TwoLevel { mem: self.shared_info.as_ref().first_page(), layout: Layout::NATIVE }
    }

    fn event_word(&self, port: u32) -> Option<SharedU32<'_>> {
        self.words(port / WORDS)?.u32_at((port % WORDS) as usize * size_of::<u32>())
    }

    /// Returns page `number` of event words.
    #[inline(always)]
    fn words(&self, number: u32) -> Option<&SharedMem> {
        self.array.memory(number as usize)
    }

    #[inline(always)]
    fn vcpu_info(&self, vcpu: usize) -> Option<VcpuWords<'_>> {
        let (mem, base) = self.vcpu_info_at(vcpu as u32)?;
        VcpuWords::at(Layout::NATIVE, mem, base)
    }
}

const _: () = assert!(EVTCHN_FIFO_LINK_MASK == FIFO_PORTS - 1);

impl<P: Platform, M: AsRef<SharedMem>> fmt::Debug for EventChannels<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventChannels")
            .field("abi", &self.abi())
            .field("shared_info", &self.shared_info.as_ref())
            .finish_non_exhaustive()
    }
}
