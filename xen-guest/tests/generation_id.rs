//! The VM generation id in a simulated domain.

use std::sync::atomic::Ordering::SeqCst;
use xen_guest::hypercall::SharedMem;
use xen_guest::ops::hvm;
use xen_guest::{Errno, GenerationId, GenerationIdError, Pages};
use xen_sim::{Domain, DomainConfig, World};
use xen_sys::arch_x86::hvm::start_info::{HvmMemmapTableEntry, MemmapType};
use xen_sys::hvm::params::HVM_PARAM_VM_GENERATION_ID_ADDR;

/// Sets the address, as the firmware of a guest does.
fn set(domain: &Domain, address: u64) -> Result<(), Errno> {
    // SAFETY: the simulated Xen only keeps the number.
    unsafe { hvm::set_param(domain, HVM_PARAM_VM_GENERATION_ID_ADDR, address) }
}

#[test]
fn generation_id_is_read_in_place() {
    let world = World::new(1);
    let domain = world.create_guest(DomainConfig::new("guest"));
    assert!(GenerationId::new(domain.clone(), &[]).unwrap().is_none());

    let page = Pages::alloc(domain.clone(), 1).unwrap().into_shared();
    let address = page.gfn(0).unwrap().address();
    set(&domain, address + 0x180).unwrap();
    let id = GenerationId::new(domain, &[]).unwrap().unwrap();
    assert_eq!(id.read(), 0);
    let memory: &SharedMem = page.as_ref();
    memory.u64_at(0x180).unwrap().store(0x1122, SeqCst);
    memory.u64_at(0x188).unwrap().store(0x3344, SeqCst);
    assert_eq!(id.read(), 0x3344 << 64 | 0x1122);
}

#[test]
fn generation_id_in_ram_is_refused() {
    let world = World::new(1);
    let domain = world.create_guest(DomainConfig::new("guest"));
    let region = |type_| HvmMemmapTableEntry { addr: 0x5800, size: 0x100, type_, reserved: 0 };
    for (address, type_) in [
        (0x5000, MemmapType::RAM),
        (0x5004, MemmapType::RESERVED),
        (0x5ff8, MemmapType::RESERVED),
        (u64::MAX, MemmapType::RESERVED),
    ] {
        set(&domain, address).unwrap();
        let error = GenerationId::new(domain.clone(), &[region(type_)]).unwrap_err();
        assert_eq!(error, GenerationIdError::Address { address });
    }
    // A page that the domain does not have.
    set(&domain, 0xffff_ffff_f000).unwrap();
    let result = GenerationId::new(domain, &[region(MemmapType::RAM)]);
    assert!(matches!(result, Err(GenerationIdError::Map(_))), "{result:?}");
}
