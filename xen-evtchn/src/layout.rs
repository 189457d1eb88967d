//! Offsets of the event words in shared info, by architecture.

use core::mem::offset_of;
use xen_hypercall::{SharedMem, SharedU8, SharedU64};

/// Offsets in shared info and in `vcpu_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// `vcpu_info` of the first vCPU, followed by the others.
    pub(crate) vcpu_info: usize,
    /// Size of `vcpu_info`.
    pub(crate) vcpu_info_size: usize,
    /// Number of vCPUs whose `vcpu_info` is in shared info. Other vCPUs have it in their page.
    pub(crate) legacy_vcpus: usize,
    /// Upcall flag, in `vcpu_info`.
    pub(crate) upcall_pending: usize,
    /// Selector of words, in `vcpu_info`.
    pub(crate) pending_sel: usize,
    /// Pending bits, one for each port.
    pub(crate) pending: usize,
    /// Mask bits, one for each port.
    pub(crate) mask: usize,
}

macro_rules! layout {
    ($($module:ident)::+) => {
        Layout {
            vcpu_info: offset_of!($($module)::+::SharedInfo, vcpu_info),
            vcpu_info_size: size_of::<$($module)::+::VcpuInfo>(),
            legacy_vcpus: $($module)::+::XEN_LEGACY_MAX_VCPUS,
            upcall_pending: offset_of!($($module)::+::VcpuInfo, evtchn_upcall_pending),
            pending_sel: offset_of!($($module)::+::VcpuInfo, evtchn_pending_sel),
            pending: offset_of!($($module)::+::SharedInfo, evtchn_pending),
            mask: offset_of!($($module)::+::SharedInfo, evtchn_mask),
        }
    };
}

impl Layout {
    /// Layout of this target.
    pub(crate) const NATIVE: Self = layout!(xen_sys::xen);
    /// Layout of x86-64.
    #[cfg(all(test, not(loom)))]
    pub(crate) const X86_64: Self = layout!(xen_sys::arch_x86);
    /// Layout of arm64.
    #[cfg(all(test, not(loom)))]
    pub(crate) const AARCH64: Self = layout!(xen_sys::arch_arm);

    /// Returns the offset of the `vcpu_info` of `vcpu` in shared info; `None` if it is in a page of
    /// its own.
    #[inline(always)]
    pub(crate) const fn legacy(self, vcpu: usize) -> Option<usize> {
        if vcpu < self.legacy_vcpus {
            Some(self.vcpu_info + vcpu * self.vcpu_info_size)
        } else {
            None
        }
    }
}

/// Words of `vcpu_info` for events.
#[derive(Clone, Copy)]
pub(crate) struct VcpuWords<'a> {
    pub(crate) upcall_pending: SharedU8<'a>,
    pub(crate) pending_sel: SharedU64<'a>,
}

impl<'a> VcpuWords<'a> {
    /// Returns the words of the `vcpu_info` at byte `base` of `mem`.
    #[inline(always)]
    pub(crate) fn at(layout: Layout, mem: &'a SharedMem, base: usize) -> Option<Self> {
        let fields = [layout.upcall_pending, layout.pending_sel];
        let [flag, selector] = fields.map(|field| base + field);
        Some(Self { upcall_pending: mem.u8_at(flag)?, pending_sel: mem.u64_at(selector)? })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::two_level::{Alone, TwoLevel};
    use core::sync::atomic::AtomicU32;
    use core::sync::atomic::Ordering::Relaxed;
    use std::boxed::Box;
    use std::collections::BTreeMap;
    use std::vec::Vec;
    use xen_hypercall::{Page, Port};

    /// Returns offsets of fields, sizes of structures and constants by name, as a C compiler
    /// computed them from Xen's headers.
    fn computed(data: &'static str) -> BTreeMap<&'static str, usize> {
        let mut values = BTreeMap::new();
        for line in data.lines() {
            let words: Vec<_> = line.split(' ').collect();
            if let (["struct" | "field" | "const", name, value, ..], true) =
                (&words[..], words.len() > 3)
            {
                // Other constants are not needed here.
                if let Ok(value) = value.parse() {
                    values.insert(*name, value);
                }
            }
        }
        values
    }

    fn expected(data: &'static str) -> Layout {
        let values = computed(data);
        Layout {
            vcpu_info: values["shared_info.vcpu_info"],
            vcpu_info_size: values["vcpu_info"],
            legacy_vcpus: values["XEN_LEGACY_MAX_VCPUS"],
            upcall_pending: values["vcpu_info.evtchn_upcall_pending"],
            pending_sel: values["vcpu_info.evtchn_pending_sel"],
            pending: values["shared_info.evtchn_pending"],
            mask: values["shared_info.evtchn_mask"],
        }
    }

    const X86_64: [&str; 2] = [
        include_str!("../../xen-sys/abi/4.17-x86_64.txt"),
        include_str!("../../xen-sys/abi/4.20-x86_64.txt"),
    ];
    const AARCH64: [&str; 2] = [
        include_str!("../../xen-sys/abi/4.17-aarch64.txt"),
        include_str!("../../xen-sys/abi/4.20-aarch64.txt"),
    ];

    #[test]
    fn layout_matches_the_headers() {
        for (layout, data) in [(Layout::X86_64, X86_64), (Layout::AARCH64, AARCH64)] {
            assert!(data.iter().all(|data| expected(data) == layout), "{layout:?}");
        }
        let native = if cfg!(target_arch = "aarch64") { Layout::AARCH64 } else { Layout::X86_64 };
        assert_eq!(Layout::NATIVE, native);
    }

    #[test]
    fn event_is_delivered_in_either_layout() {
        for (layout, data) in [(Layout::X86_64, X86_64[1]), (Layout::AARCH64, AARCH64[1])] {
            // Xen's side uses the offsets of the headers, this side the layout.
            let xen = expected(data);
            let mut page = Box::new([Page::ZERO]);
            let mem = SharedMem::from_pages(&mut page);
            let words = TwoLevel { mem, layout };
            words.mask_all();
            for port in [3, 700, 4095] {
                let (word, bit) = (port as usize / 64 * 8, 1 << (port % 64));
                mem.u64_at(xen.pending + word).unwrap().fetch_or(bit);
                assert!(mem.u64_at(xen.mask + word).unwrap().load(Relaxed) & bit != 0, "masked");
                assert_eq!(
                    words.unmask(Port(port)),
                    Some(true),
                    "pending, so Xen has to unmask it"
                );
                mem.u64_at(xen.mask + word).unwrap().fetch_and(!bit);
                mem.u64_at(xen.vcpu_info + xen.pending_sel).unwrap().fetch_or(1 << (port / 64));
                mem.u8_at(xen.vcpu_info + xen.upcall_pending).unwrap().store(1, Relaxed);
            }
            let info = VcpuWords::at(layout, mem, layout.legacy(0).unwrap()).unwrap();
            assert_eq!(info.upcall_pending.load(Relaxed), 1);
            let mut delivered = Vec::new();
            let start = AtomicU32::new(0);
            words.scan(info.pending_sel.swap(0), &start, &Alone, &mut |port: Port| {
                delivered.push(port.0);
            });
            assert_eq!(delivered, [3, 700, 4095]);
        }
    }

    #[test]
    fn vcpu_beyond_legacy_has_no_offset() {
        assert_eq!(Layout::AARCH64.legacy(0), Some(0));
        assert_eq!(Layout::AARCH64.legacy(1), None);
        assert_eq!(Layout::X86_64.legacy(31), Some(31 * 64));
        assert_eq!(Layout::X86_64.legacy(32), None);
    }
}
