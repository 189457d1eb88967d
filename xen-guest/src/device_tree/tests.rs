//! Trees as Xen writes them, and broken ones.

use super::*;
use dtoolkit::model::{DeviceTree, DeviceTreeNode, DeviceTreeProperty};
use std::vec;
use std::vec::Vec;
use xen_sim::{Domain, DomainConfig, World};

fn property(name: &str, cells: &[u32]) -> DeviceTreeProperty {
    let value: Vec<u8> = cells.iter().flat_map(|cell| cell.to_be_bytes()).collect();
    DeviceTreeProperty::new(name, value).unwrap()
}

fn text(name: &str, value: &str) -> DeviceTreeProperty {
    DeviceTreeProperty::new(name, value).unwrap()
}

/// Returns a node with `compatible`, and `reg` of pairs of address and size.
fn node(name: &str, compatible: &str, reg: &[(u64, u64)]) -> DeviceTreeNode {
    let cells = reg.iter().flat_map(|&(start, size)| [start, size]);
    let cells: Vec<u32> = cells.flat_map(|word| [(word >> 32) as u32, word as u32]).collect();
    let mut node = DeviceTreeNode::builder(name).unwrap().build();
    if !compatible.is_empty() {
        node.add_property(text("compatible", compatible));
    }
    if !cells.is_empty() {
        node.add_property(property("reg", &cells));
    }
    node
}

/// Returns the tree of a guest, as libxl writes it.
fn guest(is_v3: bool) -> DeviceTree {
    let mut tree = DeviceTree::new();
    let root = &mut tree.root;
    root.add_property(property("#address-cells", &[2]));
    root.add_property(property("#size-cells", &[2]));
    let chosen = root.add_child_mut(node("chosen", "", &[]));
    chosen.add_property(text("bootargs", "run=info"));
    chosen.add_property(property("linux,initrd-start", &[0, 0x4800_0000]));
    chosen.add_property(property("linux,initrd-end", &[0, 0x4800_1001]));
    let cpus = root.add_child_mut(node("cpus", "", &[]));
    cpus.add_property(property("#address-cells", &[1]));
    cpus.add_property(property("#size-cells", &[0]));
    for name in ["cpu@0", "cpu@1", "cpu-map"] {
        cpus.add_child(node(name, "arm,armv8", &[]));
    }
    let memory = root.add_child_mut(node("memory@40000000", "", &[(0x4000_0000, 0x1000_0000)]));
    memory.add_property(text("device_type", "memory"));
    let reserved = root.add_child_mut(node("reserved-memory", "", &[]));
    reserved.add_property(property("#address-cells", &[2]));
    reserved.add_property(property("#size-cells", &[2]));
    reserved.add_child(node("shared@44000000", "", &[(0x4400_0000, 0x1000)]));
    let (name, other) =
        if is_v3 { ("arm,gic-v3", 0x302_0000) } else { ("arm,cortex-a15-gic", 0x300_2000) };
    root.add_child(node(
        "interrupt-controller@3001000",
        name,
        &[(0x300_1000, 0x1_0000), (other, 0x100_0000)],
    ));
    let timer = root.add_child_mut(node("timer", "arm,armv8-timer", &[]));
    timer.add_property(property("interrupts", &[1, 13, 8, 1, 14, 8, 1, 11, 8]));
    let xen = root.add_child_mut(node(
        "hypervisor",
        "xen,xen",
        &[(0x3800_0000, 0x100_0000), (0x5000_0000, 0x7000_0000), (0x2_0000_0000, 0xfe_0000_0000)],
    ));
    xen.add_property(property("interrupts", &[1, 15, 0xf08]));
    tree
}

fn domain() -> Domain {
    World::new(1).create_guest(DomainConfig::new("guest"))
}

#[test]
fn guest_hardware_is_read() {
    let hardware = Hardware::read(&guest(true).to_dtb()).unwrap();
    assert_eq!((hardware.upcall, hardware.timer, hardware.vcpus), (31, 27, 2));
    assert_eq!(hardware.grant_area, 0x3800_0000..0x3900_0000);
    let regions = [0x5000_0000..0xc000_0000, 0x2_0000_0000..0x100_0000_0000];
    assert_eq!(hardware.extended_regions, regions);
    let [distributor, redistributors] = hardware.gic.ranges();
    assert_eq!(hardware.gic, GicRegisters::V3 { distributor, redistributors });
    assert_eq!(hardware.gic.ranges()[1], 0x302_0000..0x402_0000);
    assert_eq!(hardware.uart, None);

    let mut tree = guest(false);
    tree.root.add_child(node("sbsa-uart@22000000", "arm,sbsa-uart", &[(0x2200_0000, 0x1000)]));
    let hardware = Hardware::read(&tree.to_dtb()).unwrap();
    assert!(matches!(hardware.gic, GicRegisters::V2 { .. }));
    assert_eq!(hardware.uart, Some(0x2200_0000..0x2200_1000));
}

#[test]
fn boot_information_is_read() {
    let tree = guest(true).to_dtb();
    let info = BootInfo::read_device_tree(&domain(), &tree, 0x4100_0000).unwrap();
    assert_eq!((info.command_line.as_str(), info.is_dom0), ("run=info", false));
    assert_eq!(info.ram().collect::<Vec<_>>(), vec![0x4000_0000..0x5000_0000]);
    let module = info.modules.first().map(|module| module.range.clone());
    assert_eq!(module, Some(0x4800_0000..0x4800_1001));
    let after_tree = (0x4100_0000 + tree.len() as u64).next_multiple_of(0x1000);
    let usable: Vec<_> = info.usable_ram(&[]).collect();
    assert_eq!(
        usable,
        [
            0x4000_0000..0x4100_0000,
            after_tree..0x4400_0000,
            0x4400_1000..0x4800_0000,
            0x4800_2000..0x5000_0000,
        ]
    );
}

#[test]
fn missing_parts_are_named() {
    for (name, error) in [
        ("hypervisor", DeviceTreeError::Node("xen,xen")),
        ("timer", DeviceTreeError::Node("arm,armv8-timer")),
        ("interrupt-controller@3001000", DeviceTreeError::Node("interrupt-controller")),
        ("cpus", DeviceTreeError::Node("/cpus")),
    ] {
        let mut tree = guest(true);
        tree.root.remove_child(name).unwrap();
        assert_eq!(Hardware::read(&tree.to_dtb()), Err(error));
    }
    let mut tree = guest(true);
    let xen = tree.root.child_mut("hypervisor").unwrap();
    xen.remove_property("interrupts").unwrap();
    let error = DeviceTreeError::Property { node: "xen,xen", property: "interrupts" };
    assert_eq!(Hardware::read(&tree.to_dtb()), Err(error));
}

#[test]
fn broken_trees_do_not_panic() {
    let (tree, domain) = (with_shared(&[shared(0x6000_0000, 0x1000, Some("link"))]), domain());
    let mut refused = 0;
    let mut read = |tree: &[u8]| {
        let hardware = Hardware::read(tree);
        let info = BootInfo::read_device_tree(&domain, tree, u64::MAX);
        let _ = SharedMemory::find(tree, "link");
        refused += u32::from(hardware.is_err() || info.is_err());
    };
    for length in (0..tree.len()).step_by(7) {
        read(&tree[..length]);
    }
    for at in 0..tree.len() {
        for value in [0, 0x7f, 0xff] {
            let mut broken = tree.clone();
            broken[at] = value;
            read(&broken);
        }
    }
    assert!(refused as usize > tree.len() / 7, "{refused}");
}

#[test]
fn surplus_reserved_ranges_leave_no_ram() {
    for memory_is_last in [false, true] {
        let mut tree = guest(true);
        let reserved = tree.root.child_mut("reserved-memory").unwrap();
        for index in 0..32 {
            let name = std::format!("more@{index}");
            reserved.add_child(node(&name, "", &[(0x4500_0000 + index * 0x1000, 0x1000)]));
        }
        if memory_is_last {
            let memory = tree.root.remove_child("memory@40000000").unwrap();
            tree.root.add_child(memory);
        }
        let info = BootInfo::read_device_tree(&domain(), &tree.to_dtb(), 0x4100_0000).unwrap();
        assert_eq!(info.usable_ram(&[]).count(), 0, "{memory_is_last}");
    }
}

/// Returns a region of shared memory, as Xen writes it.
fn shared(address: u64, size: u64, id: Option<&str>) -> DeviceTreeNode {
    let name = std::format!("xen-shmem@{address:x}");
    let mut region = node(&name, "xen,shared-memory-v1", &[(address, size)]);
    if let Some(id) = id {
        region.add_property(text("xen,id", id));
    }
    region.add_property(property("xen,offset", &[0, 0]));
    region
}

/// Returns the tree of a guest with these regions.
fn with_shared(regions: &[DeviceTreeNode]) -> Vec<u8> {
    let mut tree = guest(true);
    let reserved = tree.root.child_mut("reserved-memory").unwrap();
    regions.iter().for_each(|region| reserved.add_child(region.clone()));
    tree.to_dtb()
}

#[test]
fn shared_memory_is_found_by_name() {
    let tree = with_shared(&[
        shared(0x6000_0000, 0x1000, None),
        shared(0x6010_0000, 0x3000, Some("link")),
        shared(0x1_0000_0000, 0x20_0000, Some("frames")),
    ]);
    let found = SharedMemory::find(&tree, "link").unwrap();
    assert_eq!(found, SharedMemory { range: 0x6010_0000..0x6010_3000, offset: 0 });
    let found = SharedMemory::find(&tree, "frames").unwrap();
    assert_eq!(found.range, 0x1_0000_0000..0x1_0020_0000);
    // The region without a name has none, and the other reserved memory is not shared.
    for id in ["", "lin", "link2", "shared"] {
        let missing = DeviceTreeError::Node("xen,shared-memory-v1");
        assert_eq!(SharedMemory::find(&tree, id), Err(missing), "{id}");
    }
    let mut tree = guest(true);
    tree.root.remove_child("reserved-memory").unwrap();
    assert!(SharedMemory::find(&tree.to_dtb(), "link").is_err());
}

#[test]
fn invalid_shared_memory_is_refused() {
    let invalid =
        |property| Err(DeviceTreeError::Property { node: "xen,shared-memory-v1", property });
    let find = |regions: &[DeviceTreeNode]| SharedMemory::find(&with_shared(regions), "link");
    let link = |address, size| shared(address, size, Some("link"));
    assert_eq!(find(&[link(0x6000_0000, 0x1000), link(0x6100_0000, 0x1000)]), invalid("xen,id"));
    for (address, size) in [
        (0x6000_0000, 0),
        (0x6000_0000, 0xfff),
        (0x6000_0800, 0x1000),
        (u64::MAX - 0xfff, 0x1000),
        (u64::MAX - 0xffff, u64::MAX),
    ] {
        assert_eq!(find(&[link(address, size)]), invalid("reg"), "{address:#x} {size:#x}");
    }
    let mut region = link(0x6000_0000, 0x1000);
    region.remove_property("reg").unwrap();
    assert_eq!(find(&[region]), invalid("reg"));
    // A broken region does not hide another one.
    let mut region = shared(0x6000_0000, 0x1000, None);
    region.add_property(property("xen,id", &[u32::MAX]));
    assert!(find(&[region, link(0x6100_0000, 0x1000)]).is_ok());
    assert_eq!(SharedMemory::find(&[], "link"), Err(DeviceTreeError::Format));
}

/// Xen 4.17 has the addresses of shared memory in an extended region, too.
#[test]
fn shared_memory_is_no_extended_region() {
    let regions = |shared: &[DeviceTreeNode]| {
        Hardware::read(&with_shared(shared)).unwrap().extended_regions.to_vec()
    };
    let last = 0x2_0000_0000..0x100_0000_0000;
    let middle = shared(0x6000_0000, 0x10_0000, Some("a"));
    let cut = [0x5000_0000..0x6000_0000, 0x6010_0000..0xc000_0000, last.clone()];
    assert_eq!(regions(&[middle]), cut);
    // The ends of a region, and none of it.
    let shared = [
        shared(0x4f00_0000, 0x200_0000, Some("a")),
        shared(0xb000_0000, 0x2000_0000, Some("b")),
        shared(0x1_0000_0000, 0x1000, None),
    ];
    assert_eq!(regions(&shared), [0x5100_0000..0xb000_0000, last.clone()]);
    // One that overflows takes all that follows.
    let whole = self::shared(0x5000_0000, u64::MAX, Some("a"));
    assert_eq!(regions(&[whole]), []);
}

#[test]
fn overflowing_reserved_range_is_kept() {
    let tree = with_shared(&[shared(0x4400_0000, u64::MAX, None)]);
    let info = BootInfo::read_device_tree(&domain(), &tree, 0x4100_0000).unwrap();
    assert!(info.usable_ram(&[]).all(|ram| ram.end <= 0x4400_0000));
    assert!(info.usable_ram(&[]).count() > 0);
}

#[test]
fn shared_memory_is_mapped() {
    let domain = domain();
    let gfn = boot::xenstore_ring(domain.clone()).unwrap().page.first_gfn();
    let start = gfn.address();
    let memory = SharedMemory { range: start..start + 0x1000, offset: 0 };
    // SAFETY: the frame is a page of the simulator that is accessed as shared memory alone.
    let mapped = unsafe { memory.map(domain) }.unwrap();
    assert_eq!((mapped.first_gfn(), mapped.as_ref().len()), (gfn, 0x1000));
}
