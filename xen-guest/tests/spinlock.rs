//! Ports of vCPUs that wait for a lock, in a simulated domain.
#![cfg(feature = "spinlock")]

use xen_guest::hypercall::boot;
use xen_guest::spinlock::{KickPorts, LockWaiters, LockWaits, TicketLock};
use xen_guest::{Errno, EventChannels};
use xen_sim::{DomainConfig, World};

#[test]
fn kick_ends_wait_of_its_vcpu() {
    let world = World::new(1);
    let domain = world.create_guest(DomainConfig { vcpus: 2, ..DomainConfig::new("guest") });
    let events = EventChannels::new(domain.clone(), boot::shared_info(domain.clone()).unwrap());
    events.add_vcpu(1).unwrap();
    let ports = KickPorts::<_, _, 2>::new(domain.clone(), &events, 2).unwrap();
    for vcpu in [0, 1] {
        ports.kick(vcpu);
        // Without the event the world reports a deadlock.
        ports.wait(vcpu);
        ports.clear(vcpu);
        ports.kick(vcpu);
        ports.wait(vcpu);
    }
    // A vCPU without a port does nothing.
    ports.kick(2);
    ports.wait(2);
    let lock = TicketLock::new(1);
    let waiters = LockWaiters::<_, 2>::new(ports);
    *lock.lock(&waiters, 0) += 1;
    assert_eq!(*lock.lock(&waiters, 1), 2);
    drop(waiters);
    drop(events);
    world.run_until_idle();
    world.check().unwrap();
}

#[test]
fn kick_port_of_missing_vcpu_fails() {
    let world = World::new(2);
    let domain = world.create_guest(DomainConfig::new("guest"));
    let events = EventChannels::new(domain.clone(), boot::shared_info(domain.clone()).unwrap());
    let refused = KickPorts::<_, _, 2>::new(domain, &events, 2);
    assert_eq!(refused.err(), Some(Errno::ENOENT));
}
