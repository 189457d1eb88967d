//! A domain on Arm: the results that are not those of x86, as the self-test has them on real Xen.

use std::time::Duration;
use xen_evtchn::{Callback, Channel, EventChannels, set_callback, set_upcall_vector};
use xen_grant::{GrantTable, Version};
use xen_hypercall::ops::{self, memory, set_timer, vcpu, version};
use xen_hypercall::{Errno, Platform, boot};
use xen_sim::{Domain, DomainConfig, World};
use xen_sys::features::XENFEAT_HVM_CALLBACK_VECTOR;
use xen_sys::hvm::e820::E820Entry;
use xen_sys::hvm::params::HVM_PARAM_CALLBACK_IRQ;

fn domain() -> (World, Domain) {
    let world = World::new(1);
    let config = DomainConfig { is_arm: true, vcpus: 2, ..DomainConfig::new("guest") };
    let guest = world.create_guest(config);
    (world, guest)
}

#[test]
fn arm_refuses_operations_of_x86() {
    let (_world, guest) = domain();
    let now = guest.now();
    assert_eq!(set_timer::set_timer(&guest, Some(now)), Err(Errno::ENOSYS));
    assert_eq!(vcpu::set_singleshot_timer(&guest, 0, now, true), Err(Errno::EINVAL));
    assert_eq!(vcpu::stop_periodic_timer(&guest, 0), Err(Errno::EINVAL));
    assert_eq!(vcpu::is_up(&guest, 0), Err(Errno::EINVAL));
    assert_eq!(vcpu::is_up(&guest, 9), Err(Errno::ENOENT));
    assert_eq!(vcpu::get_runstate_info(&guest, 0).err(), Some(Errno::EINVAL));
    assert_eq!(memory::memory_map(&guest, &mut [E820Entry::default()]), Err(Errno::ENOSYS));
    // SAFETY: no table is in use.
    assert_eq!(unsafe { ops::grant_table::set_version(&guest, 2) }, Err(Errno::ENOSYS));
    let table = GrantTable::with_version(guest.clone(), Version::V2).unwrap();
    assert_eq!(table.version(), Version::V1);
    let features = version::features(&guest, 0).unwrap();
    assert_eq!(features & 1 << XENFEAT_HVM_CALLBACK_VECTOR, 0);
}

#[test]
fn upcall_of_arm_is_fixed() {
    let (_world, guest) = domain();
    assert_eq!(set_upcall_vector(&guest, 0, 0xf3), Err(Errno::EPERM));
    let ppi = Callback::Ppi { irq: 31, edge: false, active_low: true };
    assert_eq!(set_callback(&guest, Callback::Vector(0xf3)), Err(Errno::EPERM));
    assert_eq!(ops::hvm::get_param(&guest, HVM_PARAM_CALLBACK_IRQ), Ok(ppi.to_param()));
    let events = EventChannels::new(guest.clone(), boot::shared_info(guest.clone()).unwrap());
    let channel = Channel::bind_ipi(guest.clone(), 0).unwrap();
    events.opened(channel.port(), 0).unwrap();
    events.unmask(channel.port()).unwrap();
    channel.notify().unwrap();
    let mut taken = Vec::new();
    events.on_upcall(0, |port| taken.push(port));
    assert_eq!(taken, [channel.port()]);
}

#[test]
fn no_page_of_arm_has_time() {
    let (_world, guest) = domain();
    let shared_info = boot::shared_info(guest.clone()).unwrap();
    let page: &xen_hypercall::SharedMem = shared_info.as_ref();
    guest.wait(&[], Some(guest.now() + Duration::from_secs(1)));
    let time = core::mem::offset_of!(xen_sys::xen::VcpuInfo, time);
    for at in (time..time + size_of::<xen_sys::xen::VcpuTimeInfo>()).step_by(8) {
        let word = page.u64_at(at).unwrap();
        assert_eq!(word.load(core::sync::atomic::Ordering::Relaxed), 0, "{at}");
    }
}
