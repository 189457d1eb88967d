//! The event words of a domain, in either format: masks, and the dispatch that an upcall runs.

mod dump;

use crate::fifo::{self, FIFO_PORTS, Queues, WORDS};
use crate::two_level::{Alone, Beside, PORTS, TwoLevel};
use core::array;
use core::fmt;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicU32};
use xen_hypercall::ops::{self, event_channel as op};
use xen_hypercall::sync::Ordering;
use xen_hypercall::{
    Errno, EventPage, EventPages, Platform, Port, SharedMem, SharedU8, SharedU32, SharedU64,
};
use xen_sys::event_channel::{EVTCHN_FIFO_LINK_MASK, EVTCHN_FIFO_PRIORITY_MIN};
use xen_sys::xen::{SharedInfo, VcpuInfo};

/// vCPUs that a domain can have here; as many as an HVM or PVH guest of Xen 4.20.
#[doc(alias = "HVM_MAX_VCPUS")]
pub const MAX_VCPUS: usize = 128;

/// vCPUs that have a place in shared info; others have it in their page.
#[doc(alias = "XEN_LEGACY_MAX_VCPUS")]
const LEGACY_VCPUS: usize = 32;

/// Pages of event words, at most.
const ARRAY: usize = (FIFO_PORTS / WORDS) as usize;

/// In a vCPU's page, behind what the FIFO format has there: its information, if shared info has no place for it.
const INFO: usize = 256;
/// In a vCPU's page: a bit for each port of the 2-level format that is another vCPU's.
const FOREIGN: usize = 1024;

/// How often a reset is tried while other domains are busy with the other ends.
const RESET_ATTEMPTS: usize = 1000;

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
/// `M` is the shared info page, as [`xen_hypercall::start::shared_info`] maps it. What an upcall touches is lock-free and allocates nothing:
/// [`on_upcall`](Self::on_upcall), masks, and looks at pending events. Opening ports and adding vCPUs may allocate and wait for each other.
pub struct EventChannels<P: Platform, M: AsRef<SharedMem>> {
    platform: P,
    shared_info: M,
    fifo: AtomicBool,
    /// The pages of event words, filled from the start.
    array: EventPages<P, ARRAY>,
    /// A page for each vCPU that was added.
    vcpus: EventPages<P, MAX_VCPUS>,
    /// The word that each vCPU's next scan starts with, so that low ports don't always come before high ones.
    start: [AtomicU32; MAX_VCPUS],
}

impl<P: Platform, M: AsRef<SharedMem>> EventChannels<P, M> {
    /// Takes over the event words in the 2-level format and masks every port. Do it once, before ports are opened.
    pub fn new(platform: P, shared_info: M) -> Self {
        TwoLevel(shared_info.as_ref()).mask_all();
        Self {
            platform,
            shared_info,
            fifo: AtomicBool::new(false),
            array: EventPages::default(),
            vcpus: EventPages::default(),
            start: array::from_fn(|_| AtomicU32::new(0)),
        }
    }

    /// Takes over the event words in the FIFO format, or in the 2-level one where Xen has no other or refuses. Every port is masked.
    ///
    /// Do it once, on vCPU 0, before ports are opened: what is pending on those that the toolstack opened is kept.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if the platform has no page; `EEXIST` if another kernel left the format in use: see [`reset`](Self::reset), on what
    /// [`new`](Self::new) returns; Xen's refusal of the first page of event words after it took the format.
    #[doc(alias("EVTCHNOP_init_control", "EVTCHNOP_expand_array"))]
    pub fn with_fifo(platform: P, shared_info: M) -> Result<Self, Errno> {
        let this = Self::new(platform, shared_info);
        if this.xen_has_queues() {
            // Going on in the 2-level format would miss every event.
            return Err(Errno::EEXIST);
        }
        let array = this.new_page()?;
        if this.switch_to_fifo()? {
            array.expand_array()?;
            this.array.fill(0, || Ok::<_, Errno>(array));
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

    /// Makes `vcpu` one that takes events, before any port is bound to it. vCPU 0 does from the start.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `ENOMEM` if the platform has no page; Xen's refusal.
    pub fn add_vcpu(&self, vcpu: u32) -> Result<(), Errno> {
        if vcpu as usize >= MAX_VCPUS {
            return Err(Errno::ENOENT);
        }
        self.vcpus.fill(0, || self.new_page()).transpose()?;
        let add = || {
            let page = self.new_page()?;
            self.hand_over(vcpu, &page, false)?;
            Ok(page)
        };
        self.vcpus.fill(vcpu as usize, add).transpose().map(drop)
    }

    /// Makes `port` usable, whose events go to `vcpu`: what [`Platform::port_opened`] of a kernel with upcalls hands on to. Grows the array of
    /// event words, while events come.
    ///
    /// In the 2-level format a port that nobody told of is handled by whichever vCPU sees its event first.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the port is beyond the format's, `ENOMEM` if the platform has no page; Xen's refusal.
    pub fn opened(&self, port: Port, vcpu: u32) -> Result<(), Errno> {
        if self.is_fifo() {
            return self.grow(port);
        }
        if port.0 >= PORTS {
            return Err(Errno::EINVAL);
        }
        let (at, bit) = (FOREIGN + port.0 as usize / 64 * 8, 1 << (port.0 % 64));
        for (index, page) in self.vcpus.iter() {
            let Some(word) = page.as_ref().u64_at(at) else { continue };
            if index == vcpu as usize {
                word.fetch_and(!bit);
            } else {
                word.fetch_or(bit);
            }
        }
        Ok(())
    }

    /// Masks `port`, which is about to be closed, so that whoever is given the number next finds a masked port: what
    /// [`Platform::port_closing`] of a kernel with upcalls hands on to.
    pub fn closing(&self, port: Port) {
        self.mask(port);
    }

    /// Makes `vcpu` the one that takes the upcalls of `port`; an event that is pending goes there.
    ///
    /// A handler that is running may still run when the other vCPU takes the next event.
    ///
    /// # Errors
    ///
    /// `ENOENT` if there is no such vCPU, `EINVAL` if the port is bound to a vCPU for good; the port is as it was then.
    #[doc(alias = "EVTCHNOP_bind_vcpu")]
    pub fn bind_vcpu(&self, port: Port, vcpu: u32) -> Result<(), Errno> {
        let was_masked = self.set_mask(port).ok_or(Errno::EINVAL)?;
        let moved = op::bind_vcpu(&self.platform, port, vcpu).and_then(|()| self.opened(port, vcpu));
        if !was_masked {
            self.unmask(port)?;
        }
        moved
    }

    /// Handles the upcall of `vcpu`: calls `handle` for each unmasked port that is pending, its event cleared *before*.
    ///
    /// An event that comes while its port is being handled is therefore pending again, and seen by this or the next upcall. In the FIFO format
    /// the most urgent come first, those of one priority in the order of their events; in the 2-level format each port is told once, and where
    /// the scan starts rotates. A handler may open, close, mask and unmask any port; one that it masks or closes may be told once more.
    ///
    /// A polling kernel calls this from its loop instead. Different vCPUs may call it at the same time, each for itself; one that was not
    /// [added](Self::add_vcpu) takes no events.
    #[inline]
    pub fn on_upcall(&self, vcpu: u32, mut handle: impl FnMut(Port)) {
        let index = vcpu as usize;
        let (Some(info), Some(start)) = (self.vcpu_info(index), self.start.get(index)) else { return };
        // Cleared first: whatever is raised from here on sets the flag, and with it the interrupt, again. The step below that takes the
        // selector, or the queues that are ready, is what Xen sees it by.
        info.upcall_pending.store(0, Ordering::Relaxed);
        match self.vcpus.memory(index) {
            Some(page) if self.is_fifo() => Queues(page).run(|number| self.words(number), &mut handle),
            Some(page) => {
                let others = Beside { mem: page, at: FOREIGN };
                self.two_level().scan(info.pending_sel.swap(0), start, &others, &mut handle);
            }
            // vCPU 0 has a page as soon as there is another.
            None if vcpu == 0 => self.two_level().scan(info.pending_sel.swap(0), start, &Alone, &mut handle),
            None => {}
        }
    }

    /// Masks `port`: its events become pending, but make no upcall. A port that the format has no place for is ignored.
    pub fn mask(&self, port: Port) {
        self.set_mask(port);
    }

    /// Clears the mask of `port`; an event that is pending is delivered now.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the format has no place for the port, or if an event is pending and the port is not open.
    #[doc(alias = "EVTCHNOP_unmask")]
    pub fn unmask(&self, port: Port) -> Result<(), Errno> {
        let missed = if self.is_fifo() {
            self.event_word(port.0).map(fifo::unmask)
        } else {
            self.two_level().unmask(port)
        };
        if missed.ok_or(Errno::EINVAL)? {
            op::unmask(&self.platform, port)?;
        }
        Ok(())
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

    /// Clears the event that is pending on `port` and tells whether there was one: how a masked port is polled.
    pub fn take_pending(&self, port: Port) -> bool {
        let pending = if self.is_fifo() {
            self.event_word(port.0).map(fifo::take_pending)
        } else {
            self.two_level().take_pending(port)
        };
        pending.unwrap_or(false)
    }

    /// Masks `port` and makes an event pending on it, as if it had come only now: for an event that nobody was there to handle.
    pub fn keep(&self, port: Port) {
        // In this order: on a port that is not masked, a pending event that Xen doesn't know of would stay for ever.
        self.mask(port);
        if self.is_fifo() {
            self.event_word(port.0).into_iter().for_each(fifo::set_pending);
        } else {
            self.two_level().set_pending(port);
        }
    }

    /// Sets the event words up anew after the domain was suspended and went on as a new one: no port is open but the toolstack's, all are masked.
    ///
    /// Shared info has to be in its place again. Run it on vCPU 0, with the others stopped. A suspend that was cancelled needs none of this.
    /// Where the domain is told that it is a new one but finds all that it had, ports are masked, and open until they are closed.
    ///
    /// # Errors
    ///
    /// Xen's refusal. If the Xen that the domain is on now has no FIFO format, that is none: the 2-level one is used from then on.
    pub fn resume(&self) -> Result<(), Errno> {
        self.mask_all();
        for index in 0..MAX_VCPUS {
            if let Some(info) = self.vcpu_info(index) {
                // Nothing is unmasked, so nothing is lost; and a flag that stays set is never raised again.
                info.upcall_pending.store(0, Ordering::Relaxed);
                info.pending_sel.store(0, Ordering::Relaxed);
            }
        }
        if self.is_fifo() && self.xen_has_queues() {
            return Ok(());
        }
        let fifo = self.is_fifo() && self.switch_to_fifo()?;
        for (vcpu, page) in self.vcpus.iter() {
            for offset in (FOREIGN..FOREIGN + PORTS as usize / 8).step_by(8) {
                if let Some(word) = page.as_ref().u64_at(offset) {
                    word.store(0, Ordering::Relaxed);
                }
            }
            if vcpu != 0 {
                self.hand_over(vcpu as u32, page, true)?;
            }
        }
        if fifo {
            for (_, page) in self.array.iter() {
                page.expand_array()?;
            }
        }
        Ok(())
    }

    /// Masks all ports, lets Xen close them, and sets the event words up anew: for a kernel that takes over from another one in the same domain.
    ///
    /// Those that the toolstack opened for console and xenstore are closed as well. No other vCPU may use ports meanwhile, and no
    /// [`Channel`](crate::Channel) may be left.
    ///
    /// # Errors
    ///
    /// Xen's refusal; every port is masked then.
    #[doc(alias = "EVTCHNOP_reset")]
    pub fn reset(&self) -> Result<(), Errno> {
        self.mask_all();
        ops::retry(&self.platform, RESET_ATTEMPTS, || op::reset(&self.platform))?;
        self.resume()
    }

    fn mask_all(&self) {
        self.two_level().mask_all();
        for number in 0..FIFO_PORTS {
            match self.event_word(number) {
                Some(word) => fifo::mask(word),
                None => break,
            };
        }
    }

    fn set_mask(&self, port: Port) -> Option<bool> {
        if self.is_fifo() { self.event_word(port.0).map(fifo::mask) } else { self.two_level().mask(port) }
    }

    /// Sets up vCPU 0's queues; `false` if Xen has none.
    fn switch_to_fifo(&self) -> Result<bool, Errno> {
        let page = self.vcpus.fill(0, || self.new_page()).transpose()?;
        let taken = page.is_some_and(|page| page.init_control(0).is_ok());
        self.fifo.store(taken, Ordering::Relaxed);
        Ok(taken)
    }

    /// Tells whether Xen is in the FIFO format: only then does it find fault with a priority, and not with there being one.
    fn xen_has_queues(&self) -> bool {
        let refusal = op::set_priority(&self.platform, Port(0), EVTCHN_FIFO_PRIORITY_MIN + 1);
        refusal.is_err_and(|errno| errno != Errno::ENOSYS)
    }

    /// Tells Xen of a vCPU's page; it may know of it already if that is done `again`.
    fn hand_over(&self, vcpu: u32, page: &EventPage<P>, again: bool) -> Result<(), Errno> {
        if vcpu as usize >= LEGACY_VCPUS {
            match page.register_vcpu_info(vcpu, INFO) {
                // Xen moves a vCPU's information once in a domain's life: it is there still, unless the domain is a new one.
                Err(Errno::EINVAL | Errno::EBUSY) if again => {}
                registered => registered?,
            }
        }
        if self.is_fifo() {
            page.init_control(vcpu)?;
        }
        Ok(())
    }

    /// Adds pages of event words until `port` has one. Each waits for the one before it, whoever adds that.
    fn grow(&self, port: Port) -> Result<(), Errno> {
        if port.0 >= FIFO_PORTS {
            return Err(Errno::EINVAL);
        }
        for index in 0..=(port.0 / WORDS) as usize {
            let add = || {
                let page = self.new_page()?;
                page.expand_array()?;
                Ok::<_, Errno>(page)
            };
            self.array.fill(index, add).transpose()?;
        }
        Ok(())
    }

    fn new_page(&self) -> Result<EventPage<P>, Errno> {
        EventPage::alloc(self.platform.clone()).map_err(|_| Errno::ENOMEM)
    }

    #[inline(always)]
    fn is_fifo(&self) -> bool {
        // It changes only while nothing else runs.
        self.fifo.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn two_level(&self) -> TwoLevel<'_> {
        TwoLevel(self.shared_info.as_ref().first_page())
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
        let (mem, base) = if vcpu < LEGACY_VCPUS {
            (
                self.shared_info.as_ref().first_page(),
                offset_of!(SharedInfo, vcpu_info) + vcpu * size_of::<VcpuInfo>(),
            )
        } else {
            (self.vcpus.memory(vcpu)?, INFO)
        };
        Some(VcpuWords {
            upcall_pending: mem.u8_at(base + offset_of!(VcpuInfo, evtchn_upcall_pending))?,
            pending_sel: mem.u64_at(base + offset_of!(VcpuInfo, evtchn_pending_sel))?,
        })
    }
}

struct VcpuWords<'a> {
    upcall_pending: SharedU8<'a>,
    pending_sel: SharedU64<'a>,
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
