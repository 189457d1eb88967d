//! Shutdown requests of the toolstack, and the sequence of a suspend.

use std::cell::Cell;
use xen_evtchn::{Bound, Channel};
use xen_grant::{GrantTable, ReadOnly};
use xen_guest::{ShutdownRequest, ShutdownWatcher, SuspendError};
use xen_hypercall::ops::sched::{self, SuspendOutcome};
use xen_hypercall::{DomId, Errno, Pages, boot};
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
        XenStore::new(domain.clone(), boot::xenstore_ring(domain.clone()).unwrap()).unwrap();
    let grants = GrantTable::new(domain.clone()).unwrap();
    Guest { world, domain, store, grants }
}

impl Guest {
    /// Returns the value of a node of the guest, as the toolstack reads it.
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

/// Suspends without a part of the kernel.
fn sleep(domain: &Domain) -> Result<SuspendOutcome, Errno> {
    // SAFETY: one vCPU, no interrupts, and nothing is used afterwards but the store and the grants.
    unsafe { sched::suspend(domain) }
}

#[test]
fn supported_request_is_acknowledged_once() {
    let guest = guest(1);
    let supported = [ShutdownRequest::Poweroff, ShutdownRequest::Suspend];
    let mut watcher = ShutdownWatcher::new(&guest.store, &supported).unwrap();
    assert_eq!(watcher.poll().unwrap(), None);
    // Without an event nothing is sent to xenstored.
    let sent = guest.domain.counters().notifications;
    assert_eq!((watcher.poll().unwrap(), guest.domain.counters().notifications), (None, sent));
    for request in ShutdownRequest::ALL {
        guest.ask(request.word());
        let expected = supported.contains(&request).then_some(request);
        assert_eq!((watcher.poll().unwrap(), watcher.poll().unwrap()), (expected, None));
        let left = if expected.is_some() { "" } else { request.word() };
        assert_eq!(guest.seen(SHUTDOWN).as_deref(), Some(left));
    }
    let node = format!("/local/domain/{}/{SHUTDOWN}", guest.domain.id());
    guest.world.store().remove(node).unwrap();
    assert_eq!((watcher.poll().unwrap(), guest.seen(SHUTDOWN)), (None, None));
    for strange in ["", "poweroff ", "a word that is longer than any request", "s5"] {
        guest.ask(strange);
        assert_eq!(watcher.poll().unwrap(), None);
        assert_eq!(guest.seen(SHUTDOWN).as_deref(), Some(strange));
    }
    drop(watcher);
    guest.end();
}

#[test]
fn features_are_advertised_after_restore() {
    let guest = guest(2);
    let features = |guest: &Guest| {
        ["poweroff", "reboot", "suspend"].map(|name| guest.seen(&format!("control/feature-{name}")))
    };
    let (said, nothing) = (Some("1".to_owned()), Some(String::new()));
    assert_eq!(features(&guest), [nothing.clone(), nothing.clone(), nothing.clone()]);
    let supported = [ShutdownRequest::Suspend, ShutdownRequest::Poweroff];
    let mut watcher = ShutdownWatcher::new(&guest.store, &supported).unwrap();
    assert_eq!(features(&guest), [said.clone(), nothing.clone(), said.clone()]);
    // Once is enough: a node that the toolstack clears stays so.
    let id = guest.domain.id();
    guest.world.store().write(format!("/local/domain/{id}/control/feature-suspend"), "").unwrap();
    assert_eq!(watcher.poll().unwrap(), None);
    assert_eq!(features(&guest), [said.clone(), nothing.clone(), nothing.clone()]);
    guest.world.suspend(id, move |world| {
        world.restore(world.save(id), None);
    });
    assert_eq!(watcher.poll().unwrap(), Some(ShutdownRequest::Suspend));
    assert_eq!(watcher.suspend(|| sleep(&guest.domain)), Ok(SuspendOutcome::Resumed));
    assert_eq!(features(&guest), [nothing.clone(), nothing.clone(), nothing.clone()]);
    watcher.resume(&guest.grants).unwrap();
    assert_eq!(watcher.poll().unwrap(), None);
    assert_eq!(features(&guest), [said.clone(), nothing, said]);
    // The watch reports requests in the new place.
    guest.ask("poweroff");
    assert_eq!(watcher.poll().unwrap(), Some(ShutdownRequest::Poweroff));
    drop(watcher);
    guest.end();
}

#[test]
fn cancelled_suspend_changes_nothing() {
    let guest = guest(3);
    let mut watcher = ShutdownWatcher::new(&guest.store, &[ShutdownRequest::Suspend]).unwrap();
    let page = Pages::alloc(guest.domain.clone(), 1).unwrap();
    let shared = guest.grants.grant_access::<ReadOnly>(page, DomId(0)).unwrap();
    let refused = watcher.suspend(|| Err(Errno::EBUSY));
    assert_eq!(refused, Err(SuspendError::Xen(Errno::EBUSY)));
    guest.store.write("data/x", "1").unwrap();
    let id = guest.domain.id();
    guest.world.suspend(id, move |world| world.resume(id, SuspendOutcome::Cancelled));
    assert_eq!(watcher.poll().unwrap(), Some(ShutdownRequest::Suspend));
    let held = Cell::new(None);
    let slept = watcher.suspend(|| {
        held.set(Some(guest.store.begin_read("data/x").is_err()));
        sleep(&guest.domain)
    });
    assert_eq!((slept, held.get()), (Ok(SuspendOutcome::Cancelled), Some(true)));
    assert_eq!(
        (guest.domain.id(), guest.store.read_string::<4>("data/x").unwrap().as_str()),
        (id, "1")
    );
    drop(shared.end_access().unwrap());
    drop(watcher);
    guest.end();
}

/// Suspends, and fails with `errno` after the domain was resumed elsewhere.
fn fails_after(domain: &Domain, errno: Errno) -> Result<SuspendOutcome, Errno> {
    assert_eq!(sleep(domain)?, SuspendOutcome::Resumed);
    Err(errno)
}

#[test]
fn failed_set_up_keeps_store_suspended() {
    let guest = guest(5);
    let mut watcher =
        ShutdownWatcher::new(&guest.store, &[ShutdownRequest::Suspend, ShutdownRequest::Reboot])
            .unwrap();
    guest.store.write("data/x", "1").unwrap();
    let id = guest.domain.id();
    guest.world.suspend(id, move |world| {
        world.restore(world.save(id), None);
    });
    assert_eq!(watcher.poll().unwrap(), Some(ShutdownRequest::Suspend));
    // The number of each earlier port is in use again.
    let reused = Cell::new(Vec::new());
    let failed = watcher.suspend(|| {
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
    // After set-up the domain continues as after any other resume.
    watcher.resume(&guest.grants).unwrap();
    guest.ask("reboot");
    assert_eq!(watcher.poll().unwrap(), Some(ShutdownRequest::Reboot));
    drop(watcher);
    guest.end();
}

#[test]
fn failed_set_up_resumes_same_store() {
    let guest = guest(6);
    let mut watcher = ShutdownWatcher::new(&guest.store, &[ShutdownRequest::Suspend]).unwrap();
    let id = guest.domain.id();
    guest.world.suspend(id, move |world| world.resume(id, SuspendOutcome::Resumed));
    assert_eq!(watcher.poll().unwrap(), Some(ShutdownRequest::Suspend));
    let failed = watcher.suspend(|| fails_after(&guest.domain, Errno::ENOMEM));
    assert_eq!(failed, Err(SuspendError::Xen(Errno::ENOMEM)));
    guest.store.write("data/x", "1").unwrap();
    drop(watcher);
    guest.end();
}

/// Xen 85e3b08eb7, 09a4ef8351.
#[test]
fn read_only_features_hide_no_request() {
    let guest = guest(7);
    let home = format!("/local/domain/{}", guest.domain.id());
    let store = guest.world.store();
    let read_only = [
        Permission { access: Access::None, domain: DomId(0) },
        Permission { access: Access::Read, domain: guest.domain.id() },
    ];
    store.set_permissions(format!("{home}/control"), &read_only).unwrap();
    // One node exists and cannot be written, the others cannot be created.
    store.set_permissions(format!("{home}/control/feature-poweroff"), &read_only).unwrap();
    for missing in ["feature-reboot", "feature-suspend", "feature-s3", "feature-s4"] {
        store.remove(format!("{home}/control/{missing}")).unwrap();
    }
    let mut watcher = ShutdownWatcher::new(&guest.store, &ShutdownRequest::ALL).unwrap();
    for request in ShutdownRequest::ALL {
        assert_eq!(watcher.poll().unwrap(), None);
        guest.ask(request.word());
        assert_eq!(watcher.poll().unwrap(), Some(request));
        assert_eq!(guest.seen(SHUTDOWN).as_deref(), Some(""));
    }
    assert_eq!(guest.seen("control/feature-poweroff").as_deref(), Some(""));
    assert_eq!(guest.seen("control/feature-reboot"), None);
    drop(watcher);
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
    let watcher = ShutdownWatcher::new(&guest.store, &ShutdownRequest::ALL).unwrap();
    assert_eq!(guest.seen("control/feature-poweroff").as_deref(), Some(""));
    for feature in ["control/feature-reboot", "control/feature-suspend"] {
        assert_eq!(guest.seen(feature).as_deref(), Some("1"), "{feature}");
    }
    drop(watcher);
    guest.end();
}

#[test]
fn request_survives_store_error() {
    let guest = guest(4);
    let mut watcher = ShutdownWatcher::new(&guest.store, &[ShutdownRequest::Reboot]).unwrap();
    assert_eq!(watcher.poll().unwrap(), None);
    guest.ask("reboot");
    let set_access = |owner: DomId, access| {
        let node = format!("/local/domain/{}/{SHUTDOWN}", guest.domain.id());
        let permission = |access, domain| Permission { access, domain };
        let permissions = [permission(Access::None, owner), permission(access, guest.domain.id())];
        guest.world.store().set_permissions(&node, &permissions).unwrap();
    };
    // The node cannot be written, then not even read.
    for access in [Access::Read, Access::None] {
        set_access(DomId(0), access);
        assert!(watcher.poll().is_err() && watcher.poll().is_err(), "{access:?}");
    }
    set_access(guest.domain.id(), Access::Read);
    assert_eq!(watcher.poll().unwrap(), Some(ShutdownRequest::Reboot));
    drop(watcher);
    guest.end();
}

#[test]
fn suspend_alone_has_no_reason() {
    for request in ShutdownRequest::ALL {
        let sleeps =
            [ShutdownRequest::Suspend, ShutdownRequest::S3, ShutdownRequest::S4].contains(&request);
        assert_eq!(request.reason().is_none(), sleeps, "{request}");
    }
}

#[test]
fn watcher_is_send_and_static() {
    fn check<T: Send + 'static>() {}
    check::<ShutdownWatcher<Domain>>();
}
