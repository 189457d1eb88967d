//! 2-level ABI: bits in shared info.

use crate::machine::Machine;
use core::mem::offset_of;
use core::sync::atomic::Ordering::SeqCst;
use xen_hypercall::{DomId, SharedU64};
use xen_sys::xen::{SharedInfo, VcpuInfo};

const PENDING: usize = offset_of!(SharedInfo, evtchn_pending);
const MASK: usize = offset_of!(SharedInfo, evtchn_mask);
const SELECTOR: usize = offset_of!(VcpuInfo, evtchn_pending_sel);

impl Machine {
    fn word(&self, id: DomId, array: usize, port: u32) -> (SharedU64<'_>, u64) {
        let page = self.page(self.dom(id).shared_info);
        let word =
            page.u64_at(array + (port / 64) as usize * 8).expect("2-level ports are below 4096");
        (word, 1 << (port % 64))
    }

    pub(super) fn two_level_set_pending(&mut self, id: DomId, port: u32) {
        let (pending, bit) = self.word(id, PENDING, port);
        if pending.fetch_or(bit) & bit == 0 {
            self.two_level_deliver(id, port);
        }
    }

    /// Selects the port's word and interrupts its vCPU, unless the port is masked.
    fn two_level_deliver(&mut self, id: DomId, port: u32) {
        let (mask, bit) = self.word(id, MASK, port);
        if mask.load(SeqCst) & bit == 0 {
            self.two_level_select(id, port);
        }
    }

    fn two_level_select(&mut self, id: DomId, port: u32) {
        let vcpu = self.dom(id).events.ports[port as usize].vcpu;
        let Some((mfn, offset)) = self.dom(id).vcpus[vcpu as usize].info else { return };
        let Some(selector) = self.page(mfn).u64_at(offset + SELECTOR) else { return };
        let bit = 1 << (port / 64);
        if selector.fetch_or(bit) & bit == 0 {
            self.mark_events_pending(id, vcpu);
        }
    }

    pub(super) fn two_level_unmask(&mut self, id: DomId, port: u32) {
        let (mask, bit) = self.word(id, MASK, port);
        let was_masked = mask.fetch_and(!bit) & bit != 0;
        if was_masked && self.two_level_is_pending(id, port) {
            self.two_level_select(id, port);
        }
    }

    pub(super) fn two_level_is_pending(&self, id: DomId, port: u32) -> bool {
        let (pending, bit) = self.word(id, PENDING, port);
        pending.load(SeqCst) & bit != 0
    }

    pub(super) fn two_level_clear_pending(&mut self, id: DomId, port: u32) -> bool {
        let (pending, bit) = self.word(id, PENDING, port);
        pending.fetch_and(!bit) & bit != 0
    }
}
