//! What the toolstack asks of a domain, and the way through a suspend.

use std::cell::Cell;
use xen_evtchn::{Bound, Channel};
use xen_front::control::{Control, Request, SuspendError};
use xen_grant::{GrantTable, ReadOnly};
use xen_hypercall::ops::sched::{self, Resumed};
use xen_hypercall::{DomId, Errno, Pages, start};
use xen_sim::{Domain, DomainConfig, World};
use xen_store::wire::{Access, Permission};
use xen_store::{ErrorKind, XenStore, XsOps};

const SHUTDOWN: &str = "control/shutdown";

struct Guest {
    world: World,
    domain: Domain,
    store: XenStore<Domain>,
    grants: GrantTable<Domain>,
}

fn guest(seed: u64) -> Guest {
    let world = World::new(seed);
    let domain = world.create_guest(DomainConfig::new("guest"));
    let store =
        XenStore::new(domain.clone(), start::xenstore_ring(domain.clone()).unwrap()).unwrap();
    let grants = GrantTable::new(domain.clone()).unwrap();
    Guest { world, domain, store, grants }
}

impl Guest {
    /// What the toolstack sees in a node of the guest.
    fn seen(&self, node: &str) -> Option<String> {
        self.world.store().read(format!("/local/domain/{}/{node}", self.domain.id()))
    }

    fn ask(&self, word: &str) {
        self.world
            .store()
            .write(format!("/local/domain/{}/{SHUTDOWN}", self.domain.id()), word)
            .unwrap();
    }

    fn end(self) {
        let Self { world, store, grants, .. } = self;
        drop((store, grants));
        world.run_until_idle();
        world.check().unwrap();
    }
}

/// The kernel's part of a suspend where nothing is the kernel's.
fn sleep(domain: &Domain) -> Result<Resumed, Errno> {
    // SAFETY: one vCPU, no interrupts, and nothing is used afterwards but what `Control` sets up.
    unsafe { sched::suspend(domain) }
}

#[test]
fn requests_that_are_heeded_are_told_once_and_acknowledged_and_others_are_left_alone() {
    let guest = guest(1);
    let heeded = [Request::Poweroff, Request::Suspend];
    let mut control = Control::new(&guest.store, &heeded).unwrap();
    assert_eq!(control.poll().unwrap(), None);
    // Without an event nothing is asked of xenstored.
    let sent = guest.domain.counters().notifications;
    assert_eq!((control.poll().unwrap(), guest.domain.counters().notifications), (None, sent));
    for request in Request::ALL {
        guest.ask(request.word());
        let expected = heeded.contains(&request).then_some(request);
        assert_eq!((control.poll().unwrap(), control.poll().unwrap()), (expected, None));
        let left = if expected.is_some() { "" } else { request.word() };
        assert_eq!(guest.seen(SHUTDOWN).as_deref(), Some(left));
    }
    let node = format!("/local/domain/{}/{SHUTDOWN}", guest.domain.id());
    guest.world.store().remove(node).unwrap();
    assert_eq!((control.poll().unwrap(), guest.seen(SHUTDOWN)), (None, None));
    for strange in ["", "poweroff ", "a word that is longer than any request", "s4"] {
        guest.ask(strange);
        assert_eq!(control.poll().unwrap(), None);
        assert_eq!(guest.seen(SHUTDOWN).as_deref(), Some(strange));
    }
    drop(control);
    guest.end();
}

#[test]
fn the_toolstack_is_told_what_is_heeded_here_and_where_the_domain_is_restored() {
    let guest = guest(2);
    let features = |guest: &Guest| {
        ["poweroff", "reboot", "suspend"].map(|name| guest.seen(&format!("control/feature-{name}")))
    };
    let (said, nothing) = (Some("1".to_owned()), Some(String::new()));
    assert_eq!(features(&guest), [nothing.clone(), nothing.clone(), nothing.clone()]);
    let heeded = [Request::Suspend, Request::Poweroff];
    let mut control = Control::new(&guest.store, &heeded).unwrap();
    assert_eq!(features(&guest), [said.clone(), nothing.clone(), said.clone()]);
    // Once is enough: a node that the toolstack clears stays so.
    let id = guest.domain.id();
    guest.world.store().write(format!("/local/domain/{id}/control/feature-suspend"), "").unwrap();
    assert_eq!(control.poll().unwrap(), None);
    assert_eq!(features(&guest), [said.clone(), nothing.clone(), nothing.clone()]);
    guest.world.suspend(id, move |world| {
        world.restore(world.save(id), None);
    });
    assert_eq!(control.poll().unwrap(), Some(Request::Suspend));
    assert_eq!(control.suspend(|| sleep(&guest.domain)), Ok(Resumed::Elsewhere));
    assert_eq!(features(&guest), [nothing.clone(), nothing.clone(), nothing.clone()]);
    control.resume(&guest.grants).unwrap();
    assert_eq!(control.poll().unwrap(), None);
    assert_eq!(features(&guest), [said.clone(), nothing, said]);
    // The watch of before tells of what is asked in the new place.
    guest.ask("poweroff");
    assert_eq!(control.poll().unwrap(), Some(Request::Poweroff));
    drop(control);
    guest.end();
}

#[test]
fn a_suspend_that_is_refused_or_cancelled_leaves_everything_as_it_was() {
    let guest = guest(3);
    let mut control = Control::new(&guest.store, &[Request::Suspend]).unwrap();
    let page = Pages::alloc(guest.domain.clone(), 1).unwrap();
    let shared = guest.grants.share::<ReadOnly>(page, DomId(0)).unwrap();
    let refused = control.suspend(|| Err(Errno::EBUSY));
    assert_eq!(refused, Err(SuspendError::Xen(Errno::EBUSY)));
    guest.store.write("data/x", "1").unwrap();
    let id = guest.domain.id();
    guest.world.suspend(id, move |world| world.resume(id, Resumed::Cancelled));
    assert_eq!(control.poll().unwrap(), Some(Request::Suspend));
    let held = Cell::new(None);
    let slept = control.suspend(|| {
        held.set(Some(guest.store.begin_read("data/x").is_err()));
        sleep(&guest.domain)
    });
    assert_eq!((slept, held.get()), (Ok(Resumed::Cancelled), Some(true)));
    assert_eq!(
        (guest.domain.id(), guest.store.read_string::<4>("data/x").unwrap().as_str()),
        (id, "1")
    );
    drop(shared.reclaim().unwrap());
    drop(control);
    guest.end();
}

/// A kernel that is told that it is resumed elsewhere, and then can't set itself up.
fn fails_after(domain: &Domain, errno: Errno) -> Result<Resumed, Errno> {
    assert_eq!(sleep(domain)?, Resumed::Elsewhere);
    Err(errno)
}

#[test]
fn failed_set_up_keeps_store_suspended() {
    let guest = guest(5);
    let mut control = Control::new(&guest.store, &[Request::Suspend, Request::Reboot]).unwrap();
    guest.store.write("data/x", "1").unwrap();
    let id = guest.domain.id();
    guest.world.suspend(id, move |world| {
        world.restore(world.save(id), None);
    });
    assert_eq!(control.poll().unwrap(), Some(Request::Suspend));
    // The number of any port of before is given out again.
    let reused = Cell::new(Vec::new());
    let failed = control.suspend(|| {
        let failed = fails_after(&guest.domain, Errno::EINVAL);
        let open = |_| Channel::alloc_unbound(guest.domain.clone(), DomId(0)).unwrap();
        reused.set((0..20).map(open).collect());
        failed
    });
    assert_eq!(failed, Err(SuspendError::NotSetUp(Errno::EINVAL)));
    assert_eq!(guest.store.begin_read("data/x").unwrap_err().kind, ErrorKind::Quiesced);
    for port in reused.take() {
        assert_eq!(port.status().unwrap().bound, Bound::Unbound { remote: DomId(0) });
    }
    // Once it is, the domain goes on as after any other resume.
    control.resume(&guest.grants).unwrap();
    guest.ask("reboot");
    assert_eq!(control.poll().unwrap(), Some(Request::Reboot));
    drop(control);
    guest.end();
}

#[test]
fn failed_set_up_in_place_resumes_store() {
    let guest = guest(6);
    let mut control = Control::new(&guest.store, &[Request::Suspend]).unwrap();
    let id = guest.domain.id();
    guest.world.suspend(id, move |world| world.resume(id, Resumed::Elsewhere));
    assert_eq!(control.poll().unwrap(), Some(Request::Suspend));
    let failed = control.suspend(|| fails_after(&guest.domain, Errno::ENOMEM));
    assert_eq!(failed, Err(SuspendError::Xen(Errno::ENOMEM)));
    guest.store.write("data/x", "1").unwrap();
    drop(control);
    guest.end();
}

/// Xen 85e3b08eb7, 09a4ef8351.
#[test]
fn read_only_features_do_not_hide_requests() {
    let guest = guest(7);
    let home = format!("/local/domain/{}", guest.domain.id());
    let store = guest.world.store();
    let read_only = [
        Permission { access: Access::None, domain: DomId(0) },
        Permission { access: Access::Read, domain: guest.domain.id() },
    ];
    store.set_permissions(format!("{home}/control"), &read_only).unwrap();
    // One node is there and can't be written, the others can't be made.
    store.set_permissions(format!("{home}/control/feature-poweroff"), &read_only).unwrap();
    for missing in ["feature-reboot", "feature-suspend"] {
        store.remove(format!("{home}/control/{missing}")).unwrap();
    }
    let mut control = Control::new(&guest.store, &Request::ALL).unwrap();
    for request in Request::ALL {
        assert_eq!(control.poll().unwrap(), None);
        guest.ask(request.word());
        assert_eq!(control.poll().unwrap(), Some(request));
        assert_eq!(guest.seen(SHUTDOWN).as_deref(), Some(""));
    }
    assert_eq!(guest.seen("control/feature-poweroff").as_deref(), Some(""));
    assert_eq!(guest.seen("control/feature-reboot"), None);
    drop(control);
    guest.end();
}

#[test]
fn refused_feature_does_not_hide_others() {
    let guest = guest(7);
    let node = format!("/local/domain/{}/control/feature-poweroff", guest.domain.id());
    let read_only = [
        Permission { access: Access::None, domain: DomId(0) },
        Permission { access: Access::Read, domain: guest.domain.id() },
    ];
    guest.world.store().set_permissions(node, &read_only).unwrap();
    let control = Control::new(&guest.store, &Request::ALL).unwrap();
    assert_eq!(guest.seen("control/feature-poweroff").as_deref(), Some(""));
    for feature in ["control/feature-reboot", "control/feature-suspend"] {
        assert_eq!(guest.seen(feature).as_deref(), Some("1"), "{feature}");
    }
    drop(control);
    guest.end();
}

#[test]
fn a_request_is_not_lost_to_an_error() {
    let guest = guest(4);
    let mut control = Control::new(&guest.store, &[Request::Reboot]).unwrap();
    assert_eq!(control.poll().unwrap(), None);
    guest.ask("reboot");
    let set_access = |owner: DomId, access| {
        let node = format!("/local/domain/{}/{SHUTDOWN}", guest.domain.id());
        let permission = |access, domain| Permission { access, domain };
        let permissions = [permission(Access::None, owner), permission(access, guest.domain.id())];
        guest.world.store().set_permissions(&node, &permissions).unwrap();
    };
    // The node can't be written, then not even read.
    for access in [Access::Read, Access::None] {
        set_access(DomId(0), access);
        assert!(control.poll().is_err() && control.poll().is_err(), "{access:?}");
    }
    set_access(guest.domain.id(), Access::Read);
    assert_eq!(control.poll().unwrap(), Some(Request::Reboot));
    drop(control);
    guest.end();
}
