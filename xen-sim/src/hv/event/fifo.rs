//! FIFO ABI: an event word per port, linked into a queue per vCPU and priority.

use crate::machine::Machine;
use crate::pool::Mfn;
use core::sync::atomic::Ordering::SeqCst;
use xen_hypercall::{DomId, Errno, PAGE_SIZE, SharedU32};
use xen_sys::event_channel::*;

const WORDS: usize = PAGE_SIZE / size_of::<EventWord>();
const PENDING: u32 = 1 << EVTCHN_FIFO_PENDING;
const MASKED: u32 = 1 << EVTCHN_FIFO_MASKED;
const LINKED: u32 = 1 << EVTCHN_FIFO_LINKED;

/// Event array and control blocks of a domain.
#[derive(Debug, Default)]
pub(crate) struct Fifo {
    array: Vec<Mfn>,
    vcpus: Vec<Option<Control>>,
}

#[derive(Clone, Copy, Debug)]
struct Control {
    page: Mfn,
    offset: usize,
    /// Last port of each queue; 0 for none.
    tails: [u32; EVTCHN_FIFO_MAX_QUEUES as usize],
}

impl Fifo {
    /// Returns whether a page is part of the event array or a control block.
    pub(crate) fn holds(&self, page: Mfn) -> bool {
        self.array.contains(&page)
            || self.vcpus.iter().flatten().any(|control| control.page == page)
    }
}

impl Machine {
    pub(super) fn fifo_init_control(
        &mut self,
        id: DomId,
        arg: &mut EvtchnInitControl,
    ) -> Result<(), Errno> {
        arg.link_bits = EVTCHN_FIFO_LINK_BITS as u8;
        let vcpu = arg.vcpu as usize;
        if vcpu >= self.dom(id).vcpus.len() {
            return Err(Errno::ENOENT);
        }
        let last = PAGE_SIZE - size_of::<EvtchnFifoControlBlock>();
        let offset = arg.offset as usize;
        if offset > last || !offset.is_multiple_of(8) {
            return Err(Errno::EINVAL);
        }
        let page = self.dom(id).physmap.get(arg.control_gfn).ok_or(Errno::EINVAL)?.mfn;
        let first = self.dom(id).events.fifo.is_none();
        let vcpus = self.dom(id).vcpus.len();
        if !first
            && self.dom(id).events.fifo.as_ref().is_some_and(|fifo| fifo.vcpus[vcpu].is_some())
        {
            return Err(Errno::EINVAL);
        }
        if first {
            // Events that are pending in the 2-level format move to the new array.
            let open: Vec<u32> = self.dom(id).events.open().map(|(port, _)| port).collect();
            for port in open {
                let early = self.two_level_is_pending(id, port);
                let chan = &mut self.dom_mut(id).events.ports[port as usize];
                chan.early = early;
                chan.priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
            }
        }
        let fifo = self.dom_mut(id).events.fifo.get_or_insert_default();
        fifo.vcpus.resize(vcpus, None);
        let tails = [0; EVTCHN_FIFO_MAX_QUEUES as usize];
        fifo.vcpus[vcpu] = Some(Control { page, offset, tails });
        Ok(())
    }

    pub(super) fn fifo_expand_array(&mut self, id: DomId, gfn: u64) -> Result<(), Errno> {
        let domain = self.dom_mut(id);
        let fifo = domain.events.fifo.as_mut().ok_or(Errno::EOPNOTSUPP)?;
        if fifo.array.len() * WORDS >= EVTCHN_FIFO_NR_CHANNELS as usize {
            return Err(Errno::ENOSPC);
        }
        let page = domain.physmap.get(gfn).ok_or(Errno::EINVAL)?.mfn;
        let start = fifo.array.len() * WORDS;
        fifo.array.push(page);
        let early: Vec<u32> = (start..start + WORDS)
            .filter(|&port| domain.events.ports.get(port).is_some_and(|chan| chan.early))
            .map(|port| port as u32)
            .collect();
        for port in early {
            self.dom_mut(id).events.ports[port as usize].early = false;
            self.fifo_set_pending(id, port);
        }
        Ok(())
    }

    pub(super) fn set_priority(
        &mut self,
        id: DomId,
        port: u32,
        priority: u32,
    ) -> Result<(), Errno> {
        let events = &mut self.dom_mut(id).events;
        events.get(port)?;
        if events.fifo.is_none() {
            return Err(Errno::ENOSYS);
        }
        if priority > EVTCHN_FIFO_PRIORITY_MIN {
            return Err(Errno::EINVAL);
        }
        events.ports[port as usize].priority = priority;
        Ok(())
    }

    fn event_word(&self, id: DomId, port: u32) -> Option<SharedU32<'_>> {
        let fifo = self.dom(id).events.fifo.as_ref()?;
        let page = *fifo.array.get(port as usize / WORDS)?;
        self.page(page).u32_at(port as usize % WORDS * size_of::<EventWord>())
    }

    pub(super) fn fifo_set_pending(&mut self, id: DomId, port: u32) {
        let Some(word) = self.event_word(id, port) else {
            self.dom_mut(id).events.ports[port as usize].early = true;
            return;
        };
        let before = word.fetch_or(PENDING);
        if before & (MASKED | LINKED) == 0 {
            self.fifo_link(id, port);
        }
    }

    /// Appends the port to the queue of its vCPU and priority.
    fn fifo_link(&mut self, id: DomId, port: u32) {
        let chan = self.dom(id).events.ports[port as usize];
        let control =
            self.dom(id).events.fifo.as_ref().and_then(|fifo| fifo.vcpus[chan.vcpu as usize]);
        let (Some(control), Some(word)) = (control, self.event_word(id, port)) else { return };
        if word.fetch_or(LINKED) & LINKED != 0 {
            return;
        }
        let queue = chan.priority as usize;
        // A queue whose last port is this one is empty: the guest has unlinked the port.
        let tail = if control.tails[queue] == port { 0 } else { control.tails[queue] };
        let appended = tail != 0 && self.fifo_set_link(id, tail, port);
        let block = self.page(control.page);
        if !appended && let Some(head) = block.u32_at(control.offset + 8 + queue * 4) {
            head.store(port, SeqCst);
        }
        let ready = block
            .u32_at(control.offset)
            .map_or(0, |ready| if appended { u32::MAX } else { ready.fetch_or(1 << queue) });
        if let Some(fifo) = &mut self.dom_mut(id).events.fifo {
            let tails = fifo.vcpus.iter_mut().flatten().flat_map(|control| &mut control.tails);
            tails.filter(|tail| **tail == port).for_each(|tail| *tail = 0);
            if let Some(control) = &mut fifo.vcpus[chan.vcpu as usize] {
                control.tails[queue] = port;
            }
        }
        if ready & (1 << queue) == 0 {
            self.mark_events_pending(id, chan.vcpu);
        }
    }

    /// Links the last event of a queue to the next one; fails if the guest has unlinked it
    /// meanwhile.
    fn fifo_set_link(&self, id: DomId, tail: u32, port: u32) -> bool {
        let Some(word) = self.event_word(id, tail) else { return false };
        let mut found = word.load(SeqCst);
        // The guest may change the word all the time; real Xen limits its attempts, too.
        for _ in 0..4 {
            if found & LINKED == 0 {
                return false;
            }
            match word.compare_exchange(found, found & !EVTCHN_FIFO_LINK_MASK | port) {
                Ok(_) => return true,
                Err(now) => found = now,
            }
        }
        false
    }

    pub(super) fn fifo_unmask(&mut self, id: DomId, port: u32) {
        let Some(word) = self.event_word(id, port) else { return };
        if word.fetch_and(!MASKED) & PENDING != 0 {
            self.fifo_set_pending(id, port);
        }
    }

    /// Returns whether a port is in a queue.
    pub(super) fn fifo_is_linked(&self, id: DomId, port: u32) -> bool {
        self.event_word(id, port).is_some_and(|word| word.load(SeqCst) & LINKED != 0)
    }

    pub(super) fn fifo_is_pending(&self, id: DomId, port: u32) -> bool {
        match self.event_word(id, port) {
            Some(word) => word.load(SeqCst) & PENDING != 0,
            None => self.dom(id).events.ports[port as usize].early,
        }
    }

    pub(super) fn fifo_clear_pending(&mut self, id: DomId, port: u32) -> bool {
        match self.event_word(id, port) {
            Some(word) => word.fetch_and(!PENDING) & PENDING != 0,
            None => core::mem::take(&mut self.dom_mut(id).events.ports[port as usize].early),
        }
    }
}
