//! The memory ranges of PCI devices: read from their configuration space, which is left as it
//! is.

use alloc::vec::Vec;
use core::ops::Range;
use xen_guest::hvm::{Mechanism1, PciAddress, PciConfig, Ports};

/// Registers, in bytes.
const ID: u8 = 0x00;
const HEADER: u8 = 0x0c;
const FIRST_BAR: u8 = 0x10;
const BRIDGE_BUSES: u8 = 0x18;

/// Configuration space.
// SAFETY: one vCPU reads it at a time: at the boot, and to place frames, before the others start.
pub(crate) const CONFIG: Mechanism1<Ports> = unsafe { Mechanism1::new(Ports) };

fn read(bus: u8, device: u8, function: u8, register: u8) -> u32 {
    CONFIG.read(PciAddress { bus, device, function }, register)
}

/// Returns the addresses that devices may have, of all buses that lead from the first one. Without
/// PCI there are none.
pub(crate) fn memory() -> Vec<Range<u64>> {
    let (mut ranges, mut buses) = (Vec::new(), Vec::from([0]));
    let mut seen = [false; 256];
    while let Some(bus) = buses.pop() {
        // A bridge that was not set up can lead anywhere.
        if core::mem::replace(&mut seen[usize::from(bus)], true) {
            continue;
        }
        for device in 0..32 {
            let many = read(bus, device, 0, HEADER) >> 16 & 0x80 != 0;
            for function in 0..if many { 8 } else { 1 } {
                if read(bus, device, function, ID) as u16 != u16::MAX {
                    scan(bus, device, function, &mut ranges, &mut buses);
                }
            }
        }
    }
    ranges
}

fn scan(bus: u8, device: u8, function: u8, ranges: &mut Vec<Range<u64>>, buses: &mut Vec<u8>) {
    let bars = match read(bus, device, function, HEADER) >> 16 & 0x7f {
        0 => 6,
        1 => {
            buses.push((read(bus, device, function, BRIDGE_BUSES) >> 8) as u8);
            2
        }
        _ => 0,
    };
    let mut bar = 0;
    while bar < bars {
        let low = read(bus, device, function, FIRST_BAR + 4 * bar);
        let is_wide = low & 0b111 == 0b100;
        let high = if is_wide { read(bus, device, function, FIRST_BAR + 4 * (bar + 1)) } else { 0 };
        let start = u64::from(high) << 32 | u64::from(low & !0xf);
        // Memory, not I/O ports. A region lies at a multiple of its size, so it is no larger than
        // this.
        if low & 1 == 0 && start != 0 {
            ranges.push(start..start.saturating_add(start & start.wrapping_neg()));
        }
        bar += if is_wide { 2 } else { 1 };
    }
}
