//! The event words of a domain, in either format: masks, and the dispatch that an upcall runs.

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

/// vCPUs that a domain can have here; as many as an HVM or PVH guest of Xen 4.20.
#[doc(alias = "HVM_MAX_VCPUS")]
pub const MAX_VCPUS: usize = 128;

/// Places for vCPUs' pages; a model has two vCPUs.
const VCPU_PAGES: usize = if cfg!(loom) { 2 } else { MAX_VCPUS };

/// Pages of event words, at most; a model has one.
const ARRAY: usize = if cfg!(loom) { 1 } else { (FIFO_PORTS / WORDS) as usize };

/// In a vCPU's page, behind what the FIFO format has there: its information, if shared info has no
/// place for it.
const INFO: usize = 256;
/// In a vCPU's page: a port that was opened to raise an upcall, until that has come; zero for none.
const RAISED: usize = 512;

/// How often a reset is tried while other domains are busy with the other ends.
const RESET_ATTEMPTS: usize = 1000;

/// How far a vCPU has come: it takes no events yet.
const ABSENT: u8 = 0;
/// It is being added.
const ADDING: u8 = 1;
/// It takes events.
const ADDED: u8 = 2;
/// It was added, but Xen takes its information only from itself.
const AGAIN: u8 = 3;

/// A format of the event words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// Bits in shared info: up to [`PORTS`] ports, all of one priority.
    TwoLevel,
    /// Queues: up to [`FIFO_PORTS`] ports, in 16 priorities, in the order of their events.
    Fifo,
}

/// The event words of this domain: masks, and the dispatch that an upcall runs.
///
/// `M` is the shared info page, as [`xen_hypercall::boot::shared_info`] maps it. What an upcall
/// touches is lock-free and allocates nothing: [`on_upcall`](Self::on_upcall), masks, and looks at
/// pending events. Opening ports and adding vCPUs may allocate and wait for each other.
pub struct EventChannels<P: Platform, M: AsRef<SharedMem>> {
    platform: P,
    shared_info: M,
    fifo: AtomicBool,
    /// The pages of event words, filled from the start.
    array: EventPages<P, ARRAY>,
    /// A page for each vCPU that was added.
    vcpus: EventPages<P, VCPU_PAGES>,
    growth: Growth,
    owners: Owners,
    /// How far each vCPU has come.
    states: [AtomicU8; MAX_VCPUS],
    /// The word that each vCPU's next scan starts with, so that low ports don't always come before
    /// high ones.
    start: [AtomicU32; MAX_VCPUS],
}

impl<P: Platform, M: AsRef<SharedMem>> EventChannels<P, M> {
    /// Takes over the event words in the 2-level format and masks every port. Do it once, before
    /// ports are opened.
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
        // An upcall that came before anyone handled it left its flag set, and Xen raises none while
        // it is. The port's event stays pending.
        this.clear_upcalls();
        this
    }

    /// Takes over the event words in the FIFO format, or in the 2-level one where Xen has no other
    /// or refuses. Every port is masked.
    ///
    /// Do it once, on vCPU 0, before ports are opened: what is pending on those that the toolstack
    /// opened is kept.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the platform has no page; `EEXIST` if another kernel left the format in use: see
    /// [`reset`](Self::reset), on what [`new`](Self::new) returns; Xen's refusal of the first
    /// page of event words after it took the format.
    #[doc(alias("EVTCHNOP_init_control", "EVTCHNOP_expand_array"))]
    pub fn with_fifo(platform: P, shared_info: M) -> Result<Self, Errno> {
        let mut this = Self::new(platform, shared_info);
        if this.xen_has_queues() {
            // Going on in the 2-level format would miss every event.
            return Err(Errno::EEXIST);
        }
        this.array.fill(0, fifo::ONLY_MASKED)?;
        if this.switch_to_fifo()? {
            this.array.expand_array(0)?;
            this.growth.reset(1);
        } else {
            // No one looks for event words in the 2-level format.
            this.array = EventPages::new(this.platform.clone());
        }
        Ok(this)
    }

    /// Returns the format that is in use.
    pub fn abi(&self) -> Abi {
        if self.is_fifo() { Abi::Fifo } else { Abi::TwoLevel }
    }

    /// Returns the shared info page, which holds the clock as well.
    pub fn shared_info(&self) -> &M {
        &self.shared_info
    }

    /// Makes `vcpu` one that takes events, before any port is bound to it. vCPU 0 does from the
    /// start.
    ///
    /// After a [`resume`](Self::resume), each vCPU calls it again, on itself: Xen before 4.18 takes
    /// the information of a vCPU that shared info has no place for only from that vCPU, or
    /// while it is down. Where there is nothing to do, it does nothing.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `ENOMEM` if the platform has no page, `EAGAIN` if another
    /// call is adding it at this moment; Xen's refusal, `EINVAL` too if Xen is older than 4.18
    /// and the vCPU is neither down nor the caller.
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
            self.hand_over(vcpu)
        });
        state.store(if added.is_ok() { ADDED } else { ABSENT }, Ordering::Relaxed);
        added
    }

    /// Has Xen take the information of `vcpu`, which executes this, after a resume.
    fn register_own(&self, vcpu: u32, state: &AtomicU8) -> Result<(), Errno> {
        match self.vcpus.register_vcpu_info(vcpu as usize, vcpu, INFO) {
            // From the vCPU itself it is refused only if Xen has it already: the domain is the old
            // one.
            Ok(()) | Err(Errno::EINVAL | Errno::EBUSY) => {}
            refused => return refused,
        }
        // What Xen has set stays: the interrupt that goes with it comes here, and finds what was
        // pending.
        state.store(ADDED, Ordering::Relaxed);
        Ok(())
    }

    /// Makes `port` usable, whose events go to `vcpu`: what [`Platform::port_opened`] of a kernel
    /// with upcalls hands on to. Grows the array of event words, while events come.
    ///
    /// A handler may call it, whatever it has interrupted: no call waits for another. One that
    /// finds the array growing returns at once; the port can be used, and its events come when
    /// the other call has given Xen the new pages. It may allocate a page.
    ///
    /// In the 2-level format, events of a port that was not opened here are handled by the vCPU
    /// that sees them first.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the port is beyond the format's, `ENOMEM` if the platform has no page, `EAGAIN`
    /// if `vcpu` has to be [added again](Self::add_vcpu) first; Xen's refusal.
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

    /// Masks `port`, which is about to be closed, so that whoever is given the number next finds a
    /// masked port: what [`Platform::port_closing`] of a kernel with upcalls hands on to.
    pub fn closing(&self, port: Port) {
        self.mask(port);
    }

    /// Makes `vcpu` the one that takes the upcalls of `port`.
    ///
    /// A handler that is running may still run when the other vCPU takes the next event. An event
    /// that is pending goes to the new vCPU in the 2-level format. In the FIFO format it stays
    /// in the queue of the old one if it is in one already, and so do all that follow until it is
    /// handled: a vCPU that is taken down needs [`drain_vcpu`](Self::drain_vcpu).
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU or it was not [added](Self::add_vcpu), `EINVAL` if the
    /// port is bound to a vCPU for good, `EAGAIN` as for [`opened`](Self::opened); the port is
    /// as it was then.
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

    /// Handles the upcall of `vcpu`: calls `handle` for each unmasked port that is pending, its
    /// event cleared *before*.
    ///
    /// An event that comes while its port is being handled is therefore pending again, and seen by
    /// this or the next upcall. In the FIFO format the most urgent come first, those of one
    /// priority in the order of their events; in the 2-level format each port is delivered once,
    /// and where the scan starts rotates. A handler may open, close, mask and unmask any port;
    /// one that it masks or closes may be delivered once more.
    ///
    /// It is bounded, however fast peers send: in the 2-level format by the number of ports, in the
    /// FIFO format by that of event words (1,024, or more if there are more ports). For what is
    /// left then, Xen raises the next upcall: through a port that this opens for as long. Only if
    /// the domain has no port for that, or queues of all 16 priorities are left, this goes on
    /// instead.
    ///
    /// A polling kernel calls this from its loop instead. Different vCPUs may call it at the same
    /// time, each for itself; one that was not [added](Self::add_vcpu) takes no events.
    #[inline]
    pub fn on_upcall(&self, vcpu: u32, mut handle: impl FnMut(Port)) {
        let mut left = self.dispatch(vcpu, &mut handle);
        while left != 0 && !self.raise(vcpu, left) {
            left = self.dispatch(vcpu, &mut handle);
        }
    }

    /// Handles what waits for `vcpu`, which is down, from another vCPU. Call it once it is down and
    /// its ports were [moved](Self::bind_vcpu).
    ///
    /// In the FIFO format an event that is in a queue of the vCPU stays there, and its port is
    /// silent wherever it is bound, until the queue is taken off. An event of a port that was
    /// not moved is handled here as well.
    pub fn drain_vcpu(&self, vcpu: u32, mut handle: impl FnMut(Port)) {
        // What peers add after as many events as there are words is of ports that were not moved.
        self.dispatch(vcpu, &mut handle);
    }

    /// Delivers the events of `vcpu`. Returns the queues that are not empty.
    #[inline(always)]
    fn dispatch(&self, vcpu: u32, handle: &mut impl FnMut(Port)) -> u32 {
        let index = vcpu as usize;
        let (Some(info), Some(start)) = (self.vcpu_info(index), self.start.get(index)) else {
            return 0;
        };
        // Cleared first: whatever is raised from here on sets the flag, and with it the interrupt,
        // again. The step below that takes the selector, or the queues that are ready, is
        // what Xen sees it by.
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
            // vCPU 0 has a page as soon as there is another.
            None if vcpu == 0 => {
                self.two_level().scan(info.pending_sel.swap(0), start, &Alone, handle);
            }
            None => {}
        }
        0
    }

    /// Makes Xen raise an upcall of `vcpu`, whose queues in `left` are not empty. Xen raises none
    /// for those, so an event is sent in another one.
    #[cold]
    fn raise(&self, vcpu: u32, left: u32) -> bool {
        let (Some(page), Some(queue)) = (self.vcpus.memory(vcpu as usize), fifo::spare(left))
        else {
            return false;
        };
        // One of an upcall within this one, which has queues of its own.
        self.end_raise(page);
        let Ok(port) = op::bind_ipi(&self.platform, vcpu) else { return false };
        let Some(word) = self.event_word(port.0) else {
            // It was opened just now, so it can't be refused.
            let _ = op::close(&self.platform, port);
            return false;
        };
        page.u32::<RAISED>().store(port.0, Ordering::Relaxed);
        fifo::clear_mask(word);
        // A port that no event was sent on is closed by the dispatch that goes on instead.
        let has_queue = op::set_priority(&self.platform, port, queue).is_ok();
        has_queue && op::send(&self.platform, port).is_ok()
    }

    /// Closes the port that was opened to raise an upcall, if there is one: before its event is
    /// taken off its queue.
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
        // It clears the event as well; the port is off its queue before Xen gives its number out
        // again.
        let _ = op::close(&self.platform, port);
    }

    /// Masks `port`: its events become pending, but make no upcall. A port that the format has no
    /// place for is ignored.
    pub fn mask(&self, port: Port) {
        if !self.is_fifo() {
            self.owners.mask(port);
        }
        self.set_mask(port);
    }

    /// Clears the mask of `port`; an event that is pending is delivered now.
    ///
    /// It is done in Xen's order: a mask that is set by the handler of an event that this lets
    /// through stays.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the format has no place for the port, or if an event is pending and the port is
    /// beyond those that Xen has ever opened. A port that is closed is no error, as Xen reports
    /// none.
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

    /// Has Xen unmask a port of the 2-level format that was masked for that, and deliver its event.
    fn unmask_by_xen(&self, port: Port) -> Result<(), Errno> {
        loop {
            op::unmask(&self.platform, port)?;
            if !self.owners.is_masked(port) {
                return Ok(());
            }
            // By a handler that ran meanwhile, maybe before Xen cleared the mask.
            self.set_mask(port);
            if self.owners.is_masked(port) {
                return Ok(());
            }
            // And unmasked again, maybe before the line above. Whoever does both has no end of it;
            // a peer can't.
            if self.two_level().unmask(port) != Some(true) {
                return Ok(());
            }
        }
    }

    /// Tells whether an event is pending on `port`, masked or not.
    pub fn is_pending(&self, port: Port) -> bool {
        let pending = if self.is_fifo() {
            self.event_word(port.0).map(fifo::is_pending)
        } else {
            self.two_level().is_pending(port)
        };
        pending.unwrap_or(false)
    }

    /// Clears the event that is pending on `port` and tells whether there was one: how a masked
    /// port is polled.
    pub fn take_pending(&self, port: Port) -> bool {
        let pending = if self.is_fifo() {
            self.event_word(port.0).map(fifo::take_pending)
        } else {
            self.two_level().take_pending(port)
        };
        pending.unwrap_or(false)
    }

    /// Masks `port` and makes an event pending on it, as if it had come only now: for an event that
    /// nobody was there to handle.
    pub fn set_pending_masked(&self, port: Port) {
        // In this order: on a port that is not masked, a pending event that Xen doesn't know of
        // would stay for ever.
        self.mask(port);
        if self.is_fifo() {
            self.event_word(port.0).into_iter().for_each(fifo::set_pending);
        } else {
            self.two_level().set_pending(port);
        }
    }

    /// Sets the event words up anew after the domain was suspended and went on as a new one: no
    /// port is open but the toolstack's, all are masked.
    ///
    /// Shared info has to be in its place again. Run it on vCPU 0, with the others stopped. A
    /// suspend that was cancelled needs none of this. Where the domain is delivered that it is a
    /// new one but finds all that it had, ports are masked, and open until they are closed.
    ///
    /// Each other vCPU calls [`add_vcpu`](Self::add_vcpu) for itself when it goes on: one that
    /// shared info has no place for gets no event before that, unless it was down or Xen is
    /// 4.18 or newer.
    ///
    /// # Errors
    ///
    /// Xen's refusal. If the Xen that the domain is on now has no FIFO format, that is none: the
    /// 2-level one is used from then on.
    pub fn resume(&self) -> Result<(), Errno> {
        self.set_up_again(false)
    }

    /// Sets the event words up anew, where `same` says that the domain is the old one for sure.
    fn set_up_again(&self, same: bool) -> Result<(), Errno> {
        self.mask_all();
        // Nothing is unmasked, so nothing is lost; and a flag that stays set is never raised again.
        self.clear_upcalls();
        if self.is_fifo() && self.xen_has_queues() {
            // The queues are as they were, and Xen raises no upcall for one that is not empty. No
            // event is delivered, as all are masked.
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
                self.hand_over_again(vcpu, same, state)?;
            }
        }
        if fifo {
            let mut added = 0;
            for (index, page) in self.array.iter() {
                for offset in (0..WORDS as usize * size_of::<u32>()).step_by(size_of::<u32>()) {
                    if let Some(word) = page.u32_at(offset) {
                        // The hypercall orders it; Xen reads no word before.
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

    /// Masks all ports, lets Xen close them, and sets the event words up anew: for a kernel that
    /// takes over from another one in the same domain.
    ///
    /// Those that the toolstack opened for console and xenstore are closed as well. No other vCPU
    /// may use ports meanwhile, and no [`Channel`](crate::Channel) may be left.
    ///
    /// # Errors
    ///
    /// Xen's refusal; every port is masked then.
    #[doc(alias = "EVTCHNOP_reset")]
    pub fn reset(&self) -> Result<(), Errno> {
        self.mask_all();
        ops::retry(&self.platform, RESET_ATTEMPTS, || op::reset(&self.platform))?;
        self.set_up_again(true)
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

    /// Sets up vCPU 0's queues; `false` if Xen has none.
    fn switch_to_fifo(&self) -> Result<bool, Errno> {
        self.vcpus.fill(0, 0)?;
        let taken = self.vcpus.init_control(0, 0).is_ok();
        self.fifo.store(taken, Ordering::Relaxed);
        Ok(taken)
    }

    /// Tells whether Xen is in the FIFO format: only then does it find fault with a priority, and
    /// not with there being one.
    fn xen_has_queues(&self) -> bool {
        let refusal = op::set_priority(&self.platform, Port(0), EVTCHN_FIFO_PRIORITY_MIN + 1);
        refusal.is_err_and(|errno| errno != Errno::ENOSYS)
    }

    /// Gives Xen the page of a vCPU that is new to it.
    fn hand_over(&self, vcpu: u32) -> Result<(), Errno> {
        if self.has_own_info(vcpu) {
            self.vcpus.register_vcpu_info(vcpu as usize, vcpu, INFO)?;
            self.end_registration(vcpu);
        }
        self.init_queues(vcpu)
    }

    /// Gives Xen the page of a vCPU again, after a resume or a reset. Every port is masked.
    fn hand_over_again(&self, vcpu: u32, same: bool, state: &AtomicU8) -> Result<(), Errno> {
        if self.has_own_info(vcpu) {
            match self.vcpus.register_vcpu_info(vcpu as usize, vcpu, INFO) {
                Ok(()) => self.end_registration(vcpu),
                // Xen moves a vCPU's information once in a domain's life: the domain is the old
                // one.
                Err(Errno::EBUSY) => {}
                Err(Errno::EINVAL) if same => {}
                // Before Xen 4.18 the same, or that the vCPU is neither down nor the caller.
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

    /// Ends what Xen marks as pending with a vCPU's new information. On arm64 a vCPU that is down
    /// never gets the interrupt that goes with it, and Xen raises no other while the flag is
    /// set.
    fn end_registration(&self, vcpu: u32) {
        self.clear_upcall(vcpu as usize);
        // An event that came before, for want of a selector: no port is bound to the vCPU yet as a
        // rule, so there is none. In the FIFO format these words have all ports masked.
        for index in 0..two_level::WORDS {
            let mut bits = self.two_level().deliverable(index);
            while bits != 0 {
                let port = Port(index * 64 + bits.trailing_zeros());
                bits &= bits - 1;
                if self.two_level().redeliver(port) == Some(true) {
                    // The port may be a bit that no port stands behind, of which Xen makes nothing.
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
            // The words are there before Xen has them, so that a handler that interrupts this can
            // use them.
            self.array.fill(index as usize, fifo::ONLY_MASKED)?;
        }
        let present = |index: u32| self.words(index).is_some();
        self.growth.run(needed, present, |index| self.array.expand_array(index as usize))
    }

    #[inline(always)]
    fn is_fifo(&self) -> bool {
        // It changes only while nothing else runs.
        self.fifo.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn two_level(&self) -> TwoLevel<'_> {
        TwoLevel { mem: self.shared_info.as_ref().first_page(), layout: Layout::NATIVE }
    }

    fn event_word(&self, port: u32) -> Option<SharedU32<'_>> {
        self.words(port / WORDS)?.u32_at((port % WORDS) as usize * size_of::<u32>())
    }

    /// Returns page `number` of the array of event words.
    #[inline(always)]
    fn words(&self, number: u32) -> Option<&SharedMem> {
        self.array.memory(number as usize)
    }

    #[inline(always)]
    fn vcpu_info(&self, vcpu: usize) -> Option<VcpuWords<'_>> {
        let (mem, base) = match Layout::NATIVE.legacy(vcpu) {
            Some(base) => (self.shared_info.as_ref().first_page(), base),
            None => (self.vcpus.memory(vcpu)?, INFO),
        };
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
