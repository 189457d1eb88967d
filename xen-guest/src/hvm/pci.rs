//! The platform device of HVM guests, found by PCI configuration space.

use super::PortIo;
use core::fmt;
use core::ops::Range;
use xen_evtchn::Callback;
use xen_hypercall::Gfn;

/// Vendor and device of the platform device.
const PLATFORM: u32 = 0x0001_5853;
/// The largest size of its memory, which is 16 MiB in QEMU.
const MEMORY: u64 = 16 << 20;

/// Registers, in bytes.
const ID: u8 = 0x00;
const HEADER: u8 = 0x0c;
const BARS: [u8; 6] = [0x10, 0x14, 0x18, 0x1c, 0x20, 0x24];
const INTERRUPT: u8 = 0x3c;

/// Address of a PCI function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PciAddress {
    /// Bus.
    pub bus: u8,
    /// Device, at most 31.
    pub device: u8,
    /// Function, at most 7.
    pub function: u8,
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}:{:02x}.{}", self.bus, self.device, self.function)
    }
}

/// Reading access to PCI configuration space: the kernel's own, or [`Mechanism1`].
pub trait PciConfig {
    /// Reads the four bytes at `register`, a multiple of 4; all ones if there is no function.
    fn read(&self, address: PciAddress, register: u8) -> u32;
}

/// Configuration mechanism 1: ports 0xcf8 and 0xcfc.
#[derive(Clone, Copy, Debug)]
pub struct Mechanism1<I> {
    ports: I,
}

impl<I: PortIo> Mechanism1<I> {
    /// Creates the access.
    ///
    /// # Safety
    ///
    /// No other code may use the two ports during a read.
    pub const unsafe fn new(ports: I) -> Self {
        Self { ports }
    }
}

impl<I: PortIo> PciConfig for Mechanism1<I> {
    fn read(&self, address: PciAddress, register: u8) -> u32 {
        let PciAddress { bus, device, function } = address;
        let place = u32::from(bus) << 16
            | u32::from(device & 31) << 11
            | u32::from(function & 7) << 8
            | u32::from(register & !3);
        // SAFETY: the ports of this mechanism, without another user; a read changes nothing.
        unsafe {
            self.ports.write32(0xcf8, 1 << 31 | place);
            self.ports.read32(0xcfc)
        }
    }
}

/// Platform device of an HVM guest: an interrupt for events, and addresses without RAM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformDevice {
    /// Address of the function.
    pub address: PciAddress,
    /// Memory of the device. It has nothing behind it: shared info and grant frames can be placed
    /// there, and other domains' pages. Empty if the firmware assigned none.
    pub memory: Range<u64>,
    /// Interrupt pin: 0 for INTA. `None` if the device has none.
    pub pin: Option<u8>,
}

impl PlatformDevice {
    /// Finds the device on the first bus, where device models place it; `None` in a PVH guest.
    pub fn find(config: &impl PciConfig) -> Option<Self> {
        let mut addresses = (0..32).flat_map(|device| {
            let address = move |function| PciAddress { bus: 0, device, function };
            let is_multiple = config.read(address(0), HEADER) >> 16 & 0x80 != 0;
            (0..if is_multiple { 8 } else { 1 }).map(address)
        });
        let address = addresses.find(|&address| config.read(address, ID) == PLATFORM)?;
        let pin = (config.read(address, INTERRUPT) >> 8) as u8;
        Some(Self { address, memory: memory(config, address), pin: pin.checked_sub(1) })
    }

    /// Returns the callback for events by the device's interrupt. Prefer a vector.
    pub fn callback(&self) -> Option<Callback> {
        let PciAddress { bus, device, .. } = self.address;
        self.pin.filter(|&pin| pin < 4).map(|pin| Callback::PciIntx {
            segment: 0,
            bus,
            device,
            pin,
        })
    }

    /// Returns the frames of the device's memory.
    pub fn frames(&self) -> Range<Gfn> {
        Gfn::containing(self.memory.start)..Gfn::containing(self.memory.end)
    }
}

/// Returns the first memory range of a function.
fn memory(config: &impl PciConfig, address: PciAddress) -> Range<u64> {
    let mut bars = BARS.iter();
    while let Some(&bar) = bars.next() {
        let low = config.read(address, bar);
        let is_memory = low & 1 == 0;
        let is_wide = is_memory && low & 0b110 == 0b100;
        let high = match is_wide.then(|| bars.next()).flatten() {
            Some(&bar) => config.read(address, bar),
            None => 0,
        };
        let start = u64::from(high) << 32 | u64::from(low & !0xf);
        if is_memory && start != 0 && low != u32::MAX {
            // A range is at a multiple of its size, so it is no larger than this.
            let size = MEMORY.min(start & start.wrapping_neg());
            return start..start.saturating_add(size);
        }
    }
    0..0
}
