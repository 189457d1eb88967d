//! The platform device of HVM guests and the unplug protocol, on a simulated device model.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use xen_guest::hvm::*;

/// One access to a port: its width in bytes, and the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read(u16, u8),
    Write(u16, u8, u32),
}

/// Device model: the unplug ports, and the configuration space of one PCI device.
#[derive(Debug, Default)]
struct DeviceModel {
    magic: Cell<u16>,
    version: u8,
    /// Product and build on the list of denied drivers.
    denied: Option<(u16, u32)>,
    product: Cell<u16>,
    accesses: RefCell<Vec<Access>>,
    log: RefCell<Vec<u8>>,
    /// Place in configuration space.
    selected: Cell<u32>,
    /// Registers of functions, by their place.
    functions: Vec<(u32, [u32; 16])>,
}

impl DeviceModel {
    fn new() -> Self {
        Self { magic: Cell::new(0x49d2), version: 1, ..Default::default() }
    }

    fn record(&self, access: Access) {
        self.accesses.borrow_mut().push(access);
    }

    fn unplugged(&self) -> Option<u32> {
        let accesses = self.accesses.borrow();
        accesses.iter().find_map(|access| match access {
            Access::Write(0x10, 2, devices) => Some(*devices),
            _ => None,
        })
    }
}

impl PortIo for &DeviceModel {
    unsafe fn read8(&self, port: u16) -> u8 {
        self.record(Access::Read(port, 1));
        if port == 0x12 { self.version } else { u8::MAX }
    }

    unsafe fn read16(&self, port: u16) -> u16 {
        self.record(Access::Read(port, 2));
        if port == 0x10 { self.magic.get() } else { u16::MAX }
    }

    unsafe fn read32(&self, port: u16) -> u32 {
        assert_eq!(port, 0xcfc);
        let place = self.selected.get();
        let function = self.functions.iter().find(|(at, _)| place & 0xffff_ff00 == at | 1 << 31);
        function.map_or(u32::MAX, |(_, registers)| registers[(place as usize & 0xff) / 4])
    }

    unsafe fn write8(&self, port: u16, value: u8) {
        assert_eq!(port, 0x12);
        self.log.borrow_mut().push(value);
    }

    unsafe fn write16(&self, port: u16, value: u16) {
        self.record(Access::Write(port, 2, value.into()));
        if port == 0x12 {
            self.product.set(value);
        }
    }

    unsafe fn write32(&self, port: u16, value: u32) {
        if port == 0xcf8 {
            return self.selected.set(value);
        }
        self.record(Access::Write(port, 4, value));
        if self.denied == Some((self.product.get(), value)) {
            self.magic.set(0xd249);
        }
    }
}

#[test]
fn protocol_has_documented_order() {
    let model = DeviceModel::new();
    let mut policy = UnplugPolicy::default();
    (policy.product, policy.build) = (3, 0x1234_5678);
    let mut log = unplug(&model, policy).unwrap();
    let expected = [
        Access::Read(0x10, 2),
        Access::Read(0x12, 1),
        Access::Write(0x12, 2, 3),
        Access::Write(0x10, 4, 0x1234_5678),
        Access::Read(0x10, 2),
        // Disks, network interfaces and NVMe disks.
        Access::Write(0x10, 2, 0b1011),
    ];
    assert_eq!(*model.accesses.borrow(), expected);
    writeln!(log, "line {}", 1).unwrap();
    assert_eq!(*model.log.borrow(), b"line 1\n");
}

#[test]
fn version_0_has_no_product() {
    let model = DeviceModel { version: 0, ..DeviceModel::new() };
    unplug(&model, UnplugPolicy::new(UnplugDevices::NICS)).unwrap();
    let expected = [Access::Read(0x10, 2), Access::Read(0x12, 1), Access::Write(0x10, 2, 0b10)];
    assert_eq!(*model.accesses.borrow(), expected);
}

/// D-K04: a device model without the protocol.
#[test]
fn other_magic_unplugs_nothing() {
    for found in [0, u16::MAX, 0xd249 ^ 1, 0xd249] {
        let model = DeviceModel { magic: Cell::new(found), ..DeviceModel::new() };
        let error = unplug(&model, UnplugPolicy::default()).unwrap_err();
        let expected = match found {
            0xd249 => UnplugError::Denied { product: UnplugPolicy::EXPERIMENTAL, build: 0 },
            found => UnplugError::Magic { found },
        };
        assert_eq!((error, model.unplugged()), (expected, None));
        assert_eq!(*model.accesses.borrow(), [Access::Read(0x10, 2)], "{found:#x}");
    }
}

/// D-K04: a product on the host's list.
#[test]
fn denied_product_unplugs_nothing() {
    let model = DeviceModel { denied: Some((3, 7)), ..DeviceModel::new() };
    let mut policy = UnplugPolicy::default();
    (policy.product, policy.build) = (3, 7);
    let error = unplug(&model, policy).unwrap_err();
    assert_eq!(error, UnplugError::Denied { product: 3, build: 7 });
    assert_eq!(error.to_string(), "unplug: the host denies product 0x0003, build 7");
    assert_eq!(model.unplugged(), None);
    // Another build of it may.
    let model = DeviceModel { denied: Some((3, 7)), ..DeviceModel::new() };
    policy.build = 8;
    unplug(&model, policy).unwrap();
    assert_eq!(model.unplugged(), Some(0b1011));
}

fn find(functions: Vec<(u32, [u32; 16])>) -> Option<PlatformDevice> {
    let model = DeviceModel { functions, ..DeviceModel::new() };
    // SAFETY: a simulated device.
    PlatformDevice::find(&unsafe { Mechanism1::new(&model) })
}

/// Registers of a function with an ID and BARs.
fn function(id: u32, bars: [u32; 3], pin: u32) -> [u32; 16] {
    let mut registers = [0; 16];
    registers[0] = id;
    registers[4..7].copy_from_slice(&bars);
    registers[15] = pin << 8;
    registers
}

#[test]
fn platform_device_is_found() {
    let other = function(0x1237_8086, [0; 3], 0);
    // QEMU's: ports, then memory that can be prefetched.
    let platform = function(0x0001_5853, [0xc001, 0xf200_0008, 0], 1);
    let device = find(vec![(0, other), (2 << 11, platform)]).unwrap();
    assert_eq!(device.address, PciAddress { bus: 0, device: 2, function: 0 });
    assert_eq!(device.address.to_string(), "00:02.0");
    assert_eq!(device.memory, 0xf200_0000..0xf300_0000);
    assert_eq!(device.frames().start.address(), 0xf200_0000);
    let intx = xen_guest::evtchn::Callback::PciIntx { segment: 0, bus: 0, device: 2, pin: 0 };
    assert_eq!(device.callback(), Some(intx));
    // Without PCI, as in a PVH guest; another device of the vendor.
    assert_eq!(find(vec![]), None);
    assert_eq!(find(vec![(0, function(0xc000_5853, [0; 3], 0))]), None);
}

#[test]
fn odd_platform_device_is_understood() {
    let mut first = function(0x7000_8086, [0; 3], 0);
    first[3] = 0x0080_0000;
    let wide = function(0x0001_5853, [0xf000_000c, 0x1, 0], 0);
    let device = find(vec![(1 << 11, first), (1 << 11 | 3 << 8, wide)]).unwrap();
    assert_eq!(device.address.to_string(), "00:01.3");
    assert_eq!((device.memory.clone(), device.pin), (0x1_f000_0000..0x1_f100_0000, None));
    assert_eq!(device.callback(), None);
    // A small range, none, and a pin that PCI has not.
    let small = find(vec![(0, function(0x0001_5853, [0xf000_1000, 0, 0], 9))]).unwrap();
    assert_eq!((small.memory.clone(), small.callback()), (0xf000_1000..0xf000_2000, None));
    let none = find(vec![(0, function(0x0001_5853, [0xc001, 0, 0], 1))]).unwrap();
    assert!(none.memory.is_empty() && none.frames().is_empty());
    let ones = find(vec![(0, function(0x0001_5853, [u32::MAX; 3], 1))]).unwrap();
    assert!(ones.memory.is_empty());
}
