//! Requests of the toolstack beside a shutdown, and hostile values in their nodes.

use std::time::Duration;
use xen_evtchn::Channel;
use xen_guest::control::{
    PlatformFeatures, SlateMode, SlateModeWatcher, SuspendChannel, SysrqWatcher, Watchdog,
};
use xen_guest::hypercall::boot;
use xen_guest::ops::sched;
use xen_guest::sys::sched::ShutdownReason;
use xen_guest::vcpu::{self, VcpuRequest, VcpuWatcher};
use xen_guest::{DomId, Errno, Platform, XenStore};
use xen_sim::{Domain, DomainConfig, World};
use xen_store::wire::{Access, Permission};

struct Guest {
    world: World,
    domain: Domain,
    store: XenStore<Domain>,
}

fn guest(seed: u64, vcpus: u32) -> Guest {
    let world = World::new(seed);
    let domain = world.create_guest(DomainConfig { vcpus, ..DomainConfig::new("guest") });
    let ring = boot::xenstore_ring(domain.clone()).unwrap();
    let store = XenStore::new(domain.clone(), ring).unwrap();
    Guest { world, domain, store }
}

impl Guest {
    fn path(&self, node: &str) -> String {
        format!("/local/domain/{}/{node}", self.domain.id())
    }

    fn write(&self, node: &str, value: &str) {
        self.world.store().write(self.path(node), value).unwrap();
    }

    fn seen(&self, node: &str) -> Option<String> {
        self.world.store().read(self.path(node))
    }

    fn watcher(&self) -> VcpuWatcher<Domain> {
        VcpuWatcher::new(&self.store, vcpu::count(&self.domain)).unwrap()
    }

    fn end(self) {
        let Self { world, store, .. } = self;
        drop(store);
        world.run_until_idle();
        world.check().unwrap();
    }
}

/// Returns all requests that are pending.
fn requests(watcher: &mut VcpuWatcher<Domain>) -> Vec<VcpuRequest> {
    core::iter::from_fn(|| watcher.poll().unwrap()).collect()
}

#[test]
fn vcpu_requests_follow_availability() {
    use VcpuRequest::{Offline, Online};
    let guest = guest(1, 4);
    guest.write("cpu/3/availability", "offline");
    let mut watcher = guest.watcher();
    assert_eq!(requests(&mut watcher), [Online(1), Online(2)]);
    // Without an event nothing is sent to xenstored.
    let sent = guest.domain.counters().notifications;
    assert_eq!((requests(&mut watcher), guest.domain.counters().notifications), (vec![], sent));
    guest.write("cpu/1/availability", "offline");
    guest.write("cpu/3/availability", "online");
    assert_eq!(requests(&mut watcher), [Offline(1), Online(3)]);
    guest.write("cpu/1/availability", "online");
    guest.write("cpu/1/availability", "offline");
    assert_eq!(requests(&mut watcher), []);
    drop(watcher);
    guest.end();
}

/// Bad input of a toolstack: nothing changes, and later valid input works.
#[test]
fn hostile_availability_has_no_effect() {
    let guest = guest(2, 2);
    let mut watcher = guest.watcher();
    assert_eq!(requests(&mut watcher), [VcpuRequest::Online(1)]);
    guest.write("cpu/0/availability", "offline");
    for node in ["2", "99", "4294967295", "4294967296", "-1", "x"] {
        guest.write(&format!("cpu/{node}/availability"), "online");
    }
    for value in
        ["", "Online", "online ", "a word that is longer than any", "\u{0}", "offlin\u{e9}"]
    {
        guest.write("cpu/1/availability", value);
        assert_eq!(requests(&mut watcher), [], "{value:?}");
    }
    guest.world.store().remove(guest.path("cpu/1/availability")).unwrap();
    assert_eq!(requests(&mut watcher), []);
    guest.write("cpu/1/availability", "offline");
    assert_eq!(requests(&mut watcher), [VcpuRequest::Offline(1)]);
    guest.world.store().remove(guest.path("cpu")).unwrap();
    assert_eq!(requests(&mut watcher), []);
    drop(watcher);
    guest.end();
}

#[test]
fn vcpus_are_counted_up_or_down() {
    for vcpus in [1, 3, 128] {
        let guest = guest(3, vcpus);
        assert_eq!(vcpu::count(&guest.domain), vcpus);
    }
}

#[test]
fn sysrq_letter_is_taken_once() {
    let guest = guest(4, 1);
    let mut watcher = SysrqWatcher::new(&guest.store).unwrap();
    assert_eq!(watcher.poll().unwrap(), None);
    for letter in ['h', 'o', '9', '?'] {
        guest.write("control/sysrq", &letter.to_string());
        assert_eq!((watcher.poll().unwrap(), watcher.poll().unwrap()), (Some(letter), None));
        assert_eq!(guest.seen("control/sysrq").as_deref(), Some(""));
    }
    drop(watcher);
    guest.end();
}

/// Bad input of a toolstack: the node is emptied, and later valid input works.
#[test]
fn hostile_sysrq_is_removed() {
    let guest = guest(5, 1);
    let mut watcher = SysrqWatcher::new(&guest.store).unwrap();
    for words in ["ho", " ", "\u{e9}", "\u{0}", "a word that is longer than a letter"] {
        guest.write("control/sysrq", words);
        assert_eq!(watcher.poll().unwrap(), None, "{words:?}");
        assert_eq!(guest.seen("control/sysrq").as_deref(), Some(""), "{words:?}");
    }
    guest.write("control/sysrq", "h");
    assert_eq!(watcher.poll().unwrap(), Some('h'));
    guest.world.store().remove(guest.path("control/sysrq")).unwrap();
    assert_eq!(watcher.poll().unwrap(), None);
    drop(watcher);
    guest.end();
}

/// Modes of a toolstack with the nodes, words that are none, and a toolstack without the nodes.
#[test]
fn slate_mode_is_acknowledged() {
    const MODE: &str = "control/laptop-slate-mode";
    const FEATURE: &str = "control/feature-laptop-slate-mode";
    let guest = guest(9, 1);
    let mut watcher = SlateModeWatcher::new(&guest.store).unwrap();
    assert_eq!((guest.seen(FEATURE), watcher.poll().unwrap()), (None, None));
    let own = [Permission { domain: guest.domain.id(), access: Access::None }];
    for node in [MODE, FEATURE] {
        guest.write(node, "");
        guest.world.store().set_permissions(guest.path(node), &own).unwrap();
    }
    watcher.resume().unwrap();
    assert_eq!(guest.seen(FEATURE).as_deref(), Some("1"));
    for (word, mode) in [
        ("laptop", Some(SlateMode::Laptop)),
        ("slate", Some(SlateMode::Slate)),
        ("Laptop", None),
        ("laptop slate laptop slate", None),
        ("\u{0}", None),
        ("laptop", Some(SlateMode::Laptop)),
    ] {
        guest.write(MODE, word);
        assert_eq!((watcher.poll().unwrap(), watcher.poll().unwrap()), (mode, None), "{word:?}");
        assert_eq!(guest.seen(MODE).as_deref(), Some(""), "{word:?}");
    }
    drop(watcher);
    guest.end();
}

#[test]
fn suspend_channel_is_published() {
    let guest = guest(6, 1);
    let channel = SuspendChannel::new(&guest.store).unwrap();
    let port = channel.port();
    let node = "device/suspend/event-channel";
    assert_eq!(guest.seen(node), Some(port.to_string()));
    // The toolstack binds to it and requests a suspend.
    let dom0 = guest.world.dom0();
    let remote = Channel::bind_interdomain(dom0, guest.domain.id(), port).unwrap();
    guest.domain.take_event(port);
    remote.notify().unwrap();
    assert!(guest.domain.take_event(port));
    // In another domain the port is another one.
    let id = guest.domain.id();
    drop(remote);
    guest.world.suspend(id, move |world| drop(world.restore(world.save(id), None)));
    guest.store.quiesce().unwrap();
    // SAFETY: one vCPU, and nothing is used afterwards but the store, which is resumed.
    unsafe { sched::suspend(&guest.domain) }.unwrap();
    guest.store.resume().unwrap();
    channel.forget();
    let again = SuspendChannel::new(&guest.store).unwrap();
    assert_eq!(guest.seen(node), Some(again.port().to_string()));
    drop(again);
    guest.end();
}

#[test]
fn unpublished_suspend_channel_closes_port() {
    let guest = guest(7, 1);
    let node = guest.path("device/suspend/event-channel");
    let owner = Permission { access: Access::None, domain: DomId(0) };
    guest.world.store().set_permissions(node, &[owner]).unwrap();
    assert!(SuspendChannel::new(&guest.store).is_err());
    guest.end();
}

#[test]
fn platform_features_are_read() {
    let guest = guest(8, 1);
    let read = || PlatformFeatures::read(&guest.store).unwrap();
    assert!(read().multiprocessor_suspend && read().xs_reset_watches);
    for strange in ["0", "", "yes", "11111111", "\u{0}"] {
        guest.write("control/platform-feature-xs_reset_watches", strange);
        assert!(!read().xs_reset_watches && read().multiprocessor_suspend, "{strange:?}");
    }
    guest.world.store().remove(guest.path("control")).unwrap();
    assert_eq!(read(), PlatformFeatures::default());
    guest.end();
}

#[test]
fn polled_watchdog_does_not_expire() {
    let guest = guest(9, 1);
    let domain = &guest.domain;
    let mut watchdog =
        Watchdog::start(domain.clone(), Duration::from_millis(3_001), domain.now()).unwrap();
    for _ in 0..20 {
        let next = watchdog.poll(domain.now()).unwrap();
        assert_eq!(next, domain.now() + Duration::from_secs(1));
        guest.world.run_for(Duration::from_secs(1));
    }
    assert_eq!(guest.world.shutdown_reason(domain.id()), None);
    drop(watchdog);
    guest.world.run_for(Duration::from_secs(60));
    assert_eq!(guest.world.shutdown_reason(domain.id()), None);
    guest.end();
}

#[test]
fn silent_watchdog_ends_domain() {
    let guest = guest(10, 1);
    let domain = &guest.domain;
    let watchdog = Watchdog::start(domain.clone(), Duration::from_secs(2), domain.now()).unwrap();
    guest.world.run_for(Duration::from_secs(3));
    assert_eq!(guest.world.shutdown_reason(domain.id()), Some(ShutdownReason::WATCHDOG));
    drop(watchdog);
}

#[test]
fn watchdog_timeout_is_checked() {
    let guest = guest(11, 1);
    let start = |timeout| Watchdog::start(guest.domain.clone(), timeout, guest.domain.now());
    for timeout in [Duration::ZERO, Duration::from_secs(1 << 31), Duration::MAX] {
        assert_eq!(start(timeout).err(), Some(Errno::EINVAL), "{timeout:?}");
    }
    let both = [start(Duration::from_nanos(1)), start(Duration::from_secs(9))];
    assert!(both.iter().all(Result::is_ok));
    assert_eq!(start(Duration::from_secs(9)).err(), Some(Errno::ENOSPC));
    drop(both);
    guest.end();
}

#[test]
fn watchdog_continues_after_restore() {
    let guest = guest(12, 1);
    let domain = &guest.domain;
    let mut watchdog =
        Watchdog::start(domain.clone(), Duration::from_secs(8), domain.now()).unwrap();
    let id = domain.id();
    guest.world.suspend(id, move |world| drop(world.restore(world.save(id), None)));
    // SAFETY: one vCPU, and nothing is used afterwards but the watchdog.
    unsafe { sched::suspend(domain) }.unwrap();
    let later = domain.now() + Duration::from_secs(2);
    assert_eq!(watchdog.poll(later), Err(Errno::EINVAL));
    watchdog.resume(domain.now()).unwrap();
    assert!(watchdog.poll(later).is_ok());
    guest.world.run_for(Duration::from_secs(60));
    assert_eq!(guest.world.shutdown_reason(domain.id()), Some(ShutdownReason::WATCHDOG));
}
