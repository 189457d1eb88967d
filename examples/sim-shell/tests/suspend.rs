//! A guest that is suspended, saved, restored or moved, and one whose driver domain is replaced:
//! its drivers continue.

#[path = "scenario/suspend.rs"]
mod suspend;

use core::fmt::Write;
use core::time::Duration;
use suspend::sleep;
use xen_example_sim_shell::{Setup, SharedDisk, Sleep, Testbed, Xen, demo, run_shell};
use xen_front::block::{
    BlkFront, BlkFrontError, BlockingDisk, Completion, IoError, Request, Token,
};
use xen_front::console::Console;
use xen_front::net::{DeviceState, NetFront, NetFrontConfig, NetFrontError, PacketMeta, Vif};
use xen_front::vchan::{Server, VchanOrders};
use xen_grant::{DeferredGrants, GrantTable};
use xen_hypercall::ops::event_channel;
use xen_hypercall::ops::sched::{self, SuspendOutcome};
use xen_hypercall::{DomId, Instant, PAGE_SIZE, Pages, Platform, boot};
use xen_sim::{Domain, Step};
use xen_store::XenStore;
use xen_sys::sched::ShutdownReason;
use xenbus::XenbusError;

const SECTORS: usize = 512;
const TIMEOUT: Duration = Duration::from_secs(20);

struct Fixture {
    testbed: Testbed,
    xen: Xen,
    disk: SharedDisk,
}

impl Fixture {
    fn new(seed: u64) -> Self {
        let disk = SharedDisk::noise(seed, SECTORS * 512);
        let testbed = Testbed::new(Setup::new(seed, disk.clone())).unwrap();
        let xen = testbed.guest.clone();
        Self { testbed, xen, disk }
    }

    fn store_and_grants(&self) -> (XenStore<Xen>, GrantTable<Xen>) {
        let ring = boot::xenstore_ring(self.xen.clone()).unwrap();
        (XenStore::new(self.xen.clone(), ring).unwrap(), GrantTable::new(self.xen.clone()).unwrap())
    }

    fn deadline(&self) -> Instant {
        self.xen.now() + TIMEOUT
    }

    fn sleep(
        &mut self,
        how: Sleep,
        store: &XenStore<Xen>,
        grants: &GrantTable<Xen>,
    ) -> SuspendOutcome {
        self.testbed.send_to_sleep(how).unwrap();
        let resumed = sleep(&self.xen, store, grants);
        self.testbed.woken().unwrap();
        resumed
    }

    /// Lets all domains see that the guest's drivers are gone; nothing is left then.
    fn end(self, store: XenStore<Xen>, grants: GrantTable<Xen>) {
        self.testbed.world.run_for(Duration::from_secs(15));
        assert_eq!(grants.retry_deferred(), DeferredGrants::default());
        drop((store, grants));
        self.testbed.stop_driver();
        self.testbed.world.check().unwrap();
    }
}

/// Submits a write of one page for each number, filled with it, to the page of that number.
fn write_pages(
    block: &mut BlkFront<Xen>,
    xen: &Xen,
    numbers: core::ops::Range<u8>,
) -> Vec<(Token, u8)> {
    let mut submitted = Vec::new();
    for number in numbers {
        let mut buffer = Pages::alloc(xen.clone(), 1).unwrap();
        buffer.as_mut_slice().fill(number);
        let request = Request::Write { sector: u64::from(number) * 8, sectors: 8, buffer };
        submitted.push((block.submit(request).unwrap(), number));
    }
    submitted
}

/// Polls until so many requests are done with.
fn complete(block: &mut BlkFront<Xen>, xen: &Xen, count: usize) -> Vec<Completion<Pages<Xen>>> {
    let (mut done, deadline) = (Vec::new(), xen.now() + TIMEOUT);
    while done.len() < count && xen.now() < deadline {
        block.poll(xen.now()).unwrap();
        done.extend(core::iter::from_fn(|| block.complete()));
        if let Some(port) = block.port().filter(|_| done.len() < count) {
            xen.wait(&[port, block.store().port()], Some(deadline));
        } else {
            xen.wait(&[block.store().port()], Some(xen.now() + Duration::from_millis(10)));
        }
    }
    done
}

fn assert_all_written(
    done: &[Completion<Pages<Xen>>],
    submitted: &[(Token, u8)],
    disk: &SharedDisk,
) {
    let mut tokens: Vec<_> = done.iter().map(|completion| completion.token).collect();
    tokens.sort();
    assert_eq!(tokens, submitted.iter().map(|(token, _)| *token).collect::<Vec<_>>());
    for completion in done {
        assert_eq!(completion.outcome, Ok(()));
        let number = submitted.iter().find(|(token, _)| *token == completion.token).unwrap().1;
        // Each has its own buffer back.
        assert!(completion.buffer.as_ref().unwrap().as_slice().iter().all(|&byte| byte == number));
    }
    disk.look(|bytes| {
        for (_, number) in submitted {
            let page = &bytes[usize::from(*number) * PAGE_SIZE..][..PAGE_SIZE];
            assert!(
                page.iter().all(|byte| byte == number),
                "page {number} is not what was written"
            );
        }
    });
}

#[test]
fn requests_survive_restore_and_migration() {
    for (seed, how) in [(1, Sleep::Restored), (2, Sleep::Moved(20))] {
        let mut fixture = Fixture::new(seed);
        let (store, grants) = fixture.store_and_grants();
        let mut block =
            BlkFront::connect(&store, &grants, fixture.testbed.vbd.id, fixture.deadline()).unwrap();
        let mut submitted = write_pages(&mut block, &fixture.xen, 0..8);
        // Half of them the backend has seen, and may have done.
        block.kick();
        submitted.extend(write_pages(&mut block, &fixture.xen, 8..16));
        let first = block.port();
        assert_eq!(fixture.sleep(how, &store, &grants), SuspendOutcome::Resumed);
        block.resume();
        assert_eq!(
            (block.state(), block.in_flight(), block.free_slots()),
            (DeviceState::Connecting, 16, 0)
        );
        assert!(block.complete().is_none() && first.is_some() && block.port().is_none());
        let done = complete(&mut block, &fixture.xen, 16);
        assert_all_written(&done, &submitted, &fixture.disk);
        drop(done);
        // The number of a token never comes again.
        let next = write_pages(&mut block, &fixture.xen, 20..21);
        assert!(next[0].0 > submitted[15].0);
        let done = complete(&mut block, &fixture.xen, 1);
        assert_all_written(&done, &next, &fixture.disk);
        drop(done);
        block.close_now();
        drop(block);
        fixture.end(store, grants);
    }
}

#[test]
fn requests_survive_driver_domain_restart() {
    let mut fixture = Fixture::new(3);
    let (store, grants) = fixture.store_and_grants();
    let mut block =
        BlkFront::connect(&store, &grants, fixture.testbed.vbd.id, fixture.deadline()).unwrap();
    let submitted = write_pages(&mut block, &fixture.xen, 0..32);
    block.kick();
    fixture.testbed.replace_driver().unwrap();
    while block.poll(fixture.xen.now()) != Ok(DeviceState::Unplugged) {
        assert_eq!(block.state(), DeviceState::Connected);
        store.wait(fixture.deadline());
    }
    block.reopen();
    let done = complete(&mut block, &fixture.xen, 32);
    assert_all_written(&done, &submitted, &fixture.disk);
    drop(done);
    block.close_now();
    drop(block);
    fixture.end(store, grants);
}

#[test]
fn a_cancelled_suspension_disturbs_nobody() {
    let mut fixture = Fixture::new(4);
    let (store, grants) = fixture.store_and_grants();
    let mut block =
        BlkFront::connect(&store, &grants, fixture.testbed.vbd.id, fixture.deadline()).unwrap();
    let submitted = write_pages(&mut block, &fixture.xen, 0..4);
    block.kick();
    let port = block.port();
    assert_eq!(fixture.sleep(Sleep::Cancelled, &store, &grants), SuspendOutcome::Cancelled);
    assert_eq!((block.poll(fixture.xen.now()), block.port()), (Ok(DeviceState::Connected), port));
    let done = complete(&mut block, &fixture.xen, 4);
    assert_all_written(&done, &submitted, &fixture.disk);
    drop(done);
    block.close_now();
    drop(block);
    fixture.end(store, grants);
}

#[test]
fn xsa_465_lost_backend_ends_cleanly() {
    let mut fixture = Fixture::new(5);
    let (store, grants) = fixture.store_and_grants();
    let mut disk =
        BlockingDisk::connect(&store, &grants, fixture.testbed.vbd.id, fixture.deadline()).unwrap();
    let config = NetFrontConfig::default().with_timeout(Duration::from_secs(5));
    let mut net = NetFront::connect(&store, &grants, Vif(0), config).unwrap();
    disk.set_timeout(Duration::ZERO);
    disk.write(0, &[1; 8192]).unwrap_err();
    fixture.testbed.send_to_sleep(Sleep::Restored).unwrap();
    // The driver domain stands still from here on.
    fixture.testbed.world.pause(fixture.testbed.driver().id());
    assert_eq!(sleep(&fixture.xen, &store, &grants), SuspendOutcome::Resumed);
    fixture.testbed.woken().unwrap();
    let waited = disk.resume(fixture.xen.now() + Duration::from_secs(5)).unwrap_err();
    assert!(matches!(waited, BlkFrontError::Xenbus(XenbusError::Timeout { .. })), "{waited}");
    net.resume();
    let late = loop {
        match net.poll(fixture.xen.now()) {
            Ok(link) => assert_eq!(link, DeviceState::Connecting),
            Err(error) => break error,
        }
        net.wait(Some(fixture.xen.now() + Duration::from_secs(1)));
    };
    assert!(matches!(late, NetFrontError::Xenbus(XenbusError::Timeout { .. })), "{late}");
    assert_eq!(net.transmit(&[0; 60], PacketMeta::default()), Err(xen_front::net::TxError::Down));
    // Now both are taken away, with what was in flight.
    for device in [fixture.testbed.vbd, fixture.testbed.vif] {
        fixture.testbed.world.remove_device(&device);
    }
    let mut block = disk.into_block();
    assert_eq!(block.in_flight(), 1);
    block.reopen();
    net.reopen();
    while block.poll(fixture.xen.now()) == Ok(DeviceState::Connecting) {
        store.wait(fixture.xen.now() + Duration::from_secs(1));
    }
    while net.poll(fixture.xen.now()) == Ok(DeviceState::Connecting) {
        store.wait(fixture.xen.now() + Duration::from_secs(1));
    }
    assert_eq!((block.state(), net.state()), (DeviceState::Unplugged, DeviceState::Unplugged));
    let lost = block.complete().unwrap();
    assert!(lost.outcome == Err(IoError::Closed) && lost.buffer.is_some());
    assert!(block.complete().is_none() && block.in_flight() == 0);
    assert_eq!(block.poll(fixture.xen.now()), Ok(DeviceState::Unplugged));
    assert_eq!(net.poll(fixture.xen.now()), Ok(DeviceState::Unplugged));
    drop((lost, block));
    net.close_and_wait().unwrap();
    fixture.testbed.world.unpause(fixture.testbed.driver().id());
    fixture.end(store, grants);
}

#[test]
fn console_continues_in_new_ring() {
    let mut fixture = Fixture::new(6);
    let (store, grants) = fixture.store_and_grants();
    let mut console = Console::primary(boot::console_ring(fixture.xen.clone()).unwrap());
    write!(console, "before").unwrap();
    console.flush(fixture.deadline()).unwrap();
    let old = fixture.xen.inner().id();
    fixture.sleep(Sleep::Restored, &store, &grants);
    console.resume().unwrap();
    writeln!(console, "after").unwrap();
    console.flush(fixture.deadline()).unwrap();
    let world = &fixture.testbed.world;
    assert_eq!(world.console_output(old), b"before");
    assert_eq!(world.console_output(fixture.xen.inner().id()), b"after\r\n");
    world.type_on_console(fixture.xen.inner().id(), b"x");
    let mut typed = [0; 4];
    assert_eq!(console.read(&mut typed), Ok(1));
    drop(console);
    fixture.end(store, grants);
}

/// FreeBSD-EN-17:05: a guest that is resumed in place and finds that reported as elsewhere has all
/// of its ports, watches and grants still.
#[test]
fn resumes_in_place_leave_nothing_behind() {
    let fixture = Fixture::new(8);
    let (store, grants) = fixture.store_and_grants();
    let mut console = Console::primary(boot::console_ring(fixture.xen.clone()).unwrap());
    let mut block =
        BlkFront::connect(&store, &grants, fixture.testbed.vbd.id, fixture.deadline()).unwrap();
    let mut net = NetFront::connect(&store, &grants, Vif(0), NetFrontConfig::default()).unwrap();
    let (world, id) = (fixture.testbed.world.clone(), fixture.xen.inner().id());
    let mut before = None;
    for round in 0..100 {
        let peer = fixture.xen.inner().id();
        let orders = VchanOrders::new(10, 11).unwrap();
        let server =
            Server::open(&store, &grants, fixture.testbed.driver().id(), "data/vchan", orders)
                .unwrap();
        server.close(fixture.deadline()).unwrap();
        world.suspend(id, move |world| world.resume(id, SuspendOutcome::Resumed));
        assert_eq!(
            (sleep(&fixture.xen, &store, &grants), fixture.xen.inner().id()),
            (SuspendOutcome::Resumed, peer)
        );
        console.resume().unwrap();
        block.resume();
        net.resume();
        let deadline = fixture.deadline();
        while (block.state(), net.state()) != (DeviceState::Connected, DeviceState::Connected) {
            assert!(fixture.xen.now() < deadline, "{:?} {:?}", block.state(), net.state());
            block.poll(fixture.xen.now()).unwrap();
            net.poll(fixture.xen.now()).unwrap();
            store.wait(deadline);
        }
        let submitted = write_pages(&mut block, &fixture.xen, 0..2);
        block.kick();
        assert_all_written(&complete(&mut block, &fixture.xen, 2), &submitted, &fixture.disk);
        writeln!(console, "round {round}").unwrap();
        console.flush(fixture.deadline()).unwrap();
        // The highest port shows whether older ones are open still: Xen gives out the lowest that
        // is free.
        let probe = event_channel::alloc_unbound(&fixture.xen, DomId(0)).unwrap();
        event_channel::close(&fixture.xen, probe).unwrap();
        let found = (probe, grants.free(), grants.retry_deferred());
        // The first rounds may grow what is kept for good.
        if round > 2 {
            assert_eq!(*before.get_or_insert(found), found, "round {round}");
        }
    }
    block.close_now();
    drop(block);
    net.close_and_wait().unwrap();
    drop(console);
    fixture.end(store, grants);
}

/// Step of an administrator while a shell prompts.
enum Deed {
    /// A typed line, and a wait for its answer.
    Type(&'static str),
    /// A suspend by the toolstack, and a wait until the domain continues.
    Rest(Sleep),
    /// A shutdown by the toolstack.
    End,
}

/// Does all deeds in order, each when the shell's answer to the one before has come.
fn administrator(
    testbed: &Testbed,
    deeds: Vec<Deed>,
) -> impl FnMut(&Domain) -> Step + Send + use<> {
    let (world, guest, driver) =
        (testbed.world.clone(), testbed.guest.clone(), testbed.driver().clone());
    let (mut deeds, mut answers) = (deeds.into_iter(), 0);
    let mut homes = vec![guest.inner().id()];
    move |dom0| {
        let id = guest.inner().id();
        if homes.last() != Some(&id) {
            homes.push(id);
        }
        let console: Vec<u8> = homes.iter().flat_map(|&id| world.console_output(id)).collect();
        let console = String::from_utf8(console).unwrap();
        let answered = |line: &&str| ["ok", "error"].iter().any(|word| line.starts_with(word));
        let came = console
            .lines()
            .filter(|line| answered(line) || line.starts_with("suspended, and "))
            .count();
        if came < answers || !console.ends_with("$ ") {
            return Step::Sleep(dom0.now() + Duration::from_millis(10));
        }
        answers += 1;
        match deeds.next() {
            Some(Deed::Type(line)) => world.type_on_console(id, format!("{line}\r").as_bytes()),
            Some(Deed::Rest(Sleep::Cancelled)) => {
                world.suspend(id, move |world| world.resume(id, SuspendOutcome::Cancelled));
            }
            Some(Deed::Rest(_)) => {
                let driver = driver.clone();
                world.suspend(id, move |world| {
                    world.restore(world.save(id), Some(&driver));
                });
            }
            Some(Deed::End) => {
                let node = format!("/local/domain/{id}/control/shutdown");
                world.store().write(node, "poweroff").unwrap();
            }
            None => return Step::Done,
        }
        Step::Worked
    }
}

#[test]
fn shell_prompt_survives_restore() {
    let disk = SharedDisk::noise(7, SECTORS * 512);
    let testbed = Testbed::new(Setup::new(7, disk.clone())).unwrap();
    let digest = |line: &str| line.split(' ').nth(4).map(str::to_owned);
    let first = testbed.guest.inner().id();
    testbed.world.dom0().spawn(administrator(
        &testbed,
        vec![
            Deed::Type("net up eth0 10.0.0.2/24"),
            Deed::Type("blk fill xvda 0 4096 7"),
            Deed::Rest(Sleep::Cancelled),
            Deed::Type("ping 10.0.0.1 1"),
            Deed::Rest(Sleep::Restored),
            Deed::Type("ping 10.0.0.1 2"),
            Deed::Type("blk sha256 xvda"),
            Deed::Type("tcp-echo 10.0.0.1 7000 65536"),
            Deed::Type("info"),
            Deed::End,
        ],
    ));
    // SAFETY: the domain has one vCPU and no interrupts, and the shell resumes what it uses.
    let suspend = |xen: &Xen| unsafe { sched::suspend(xen) };
    let reason = run_shell(testbed.guest.clone(), 16 << 20, "", suspend).unwrap();
    assert_eq!(reason, ShutdownReason::POWEROFF);
    let id = testbed.guest.inner().id();
    assert_ne!(id, first);
    let console = demo::lines(&testbed.world.console_output(first));
    assert_eq!(demo::answer(&console, "ping 10.0.0.1 1"), "ping 10.0.0.1 sent=1 received=1 / ok");
    let console = demo::lines(&testbed.world.console_output(id));
    assert_eq!(demo::answer(&console, "ping 10.0.0.1 2"), "ping 10.0.0.1 sent=2 received=2 / ok");
    let echoed = "tcp-echo sent=65536 received=65536 mismatches=0 / ok";
    assert_eq!(demo::answer(&console, "tcp-echo 10.0.0.1 7000 65536"), echoed);
    assert_eq!(digest(&demo::answer(&console, "blk sha256 xvda")), Some(disk.look(demo::sha256)));
    assert!(demo::answer(&console, "info").contains(&format!("domain {id}, ")), "{console:#?}");
    testbed.stop_driver();
    testbed.world.check().unwrap();
}
