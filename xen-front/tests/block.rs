//! Disks against a backend in another domain, well-behaved and not.

#[cfg(feature = "embedded-storage-async")]
#[path = "disk/asynchronous.rs"]
mod asynchronous;
#[path = "disk/blkback.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "a module of several tests, each of which uses a part"
)]
mod blkback;
#[path = "disk/buffers.rs"]
mod buffers;
#[path = "disk/closing.rs"]
mod closing;
#[path = "disk/discard.rs"]
mod discard;
#[path = "disk/dump.rs"]
mod dump;
#[path = "disk/faults.rs"]
mod faults;
#[path = "disk/indirect.rs"]
mod indirect;
#[path = "disk/large.rs"]
mod large;
#[path = "disk/memory.rs"]
mod memory;
#[path = "disk/memory_lifetime.rs"]
mod memory_lifetime;
#[path = "disk/nodes.rs"]
mod nodes;
#[path = "disk/persistent.rs"]
mod persistent;
#[path = "disk/queues.rs"]
mod queues;
#[path = "disk/reconnect.rs"]
mod reconnect;
#[path = "disk/requests.rs"]
mod requests;
#[cfg(feature = "embedded-storage")]
#[path = "disk/storage_traits.rs"]
mod storage_traits;
#[path = "disk/waiting.rs"]
mod waiting;

use blkback::{Backend, Misbehaviour};
use core::cell::Cell;
use core::time::Duration;
use proptest::prelude::*;
use xen_front::IoMemory;
use xen_front::block::*;
use xen_grant::{DeferredGrants, GrantTable};
use xen_hypercall::{Instant, Pages, Platform, boot};
use xen_sim::{Device, Disk as VirtualDisk, Domain, DomainConfig, World};
use xen_store::XenStore;
use xen_sys::io::blkif::BlkifOp;
use xenbus::XenbusError;

const SECTORS: usize = 4096;

/// A world, a guest with what its drivers share, and a disk with its backend.
struct Fixture {
    world: World,
    guest: Domain,
    store: XenStore<Domain>,
    grants: GrantTable<Domain>,
    /// Made anew when the guest moves, or its backend is replaced.
    device: Cell<Device>,
    back: Backend,
}

impl Fixture {
    fn new() -> Self {
        Self::with_disk(&VirtualDisk::new("xvda"))
    }

    fn with_disk(disk: &VirtualDisk) -> Self {
        Self::with_guest(DomainConfig::new("guest"), disk)
    }

    fn with_guest(guest: DomainConfig, disk: &VirtualDisk) -> Self {
        let world = World::new(1);
        let driver_domain = world.create_guest(DomainConfig::new("disks"));
        let guest = world.create_guest(guest);
        let device = world.attach_disk(&guest, &driver_domain, disk);
        let back = Backend::start(&world, &device, SECTORS);
        let store =
            XenStore::new(guest.clone(), boot::xenstore_ring(guest.clone()).unwrap()).unwrap();
        let grants = GrantTable::new(guest.clone()).unwrap();
        Self { world, guest, store, grants, device: Cell::new(device), back }
    }

    fn deadline(&self) -> Instant {
        self.guest.now() + Duration::from_secs(10)
    }

    fn block(&self) -> BlkFront<Domain> {
        BlkFront::connect(&self.store, &self.grants, self.device.get().id, self.deadline()).unwrap()
    }

    /// Returns a connected disk for buffers of any type.
    fn block_of<B: IoMemory<Platform = Domain>>(&self) -> BlkFront<Domain, B> {
        self.connect_for()
    }

    fn disk(&self) -> BlockingDisk<Domain> {
        let mut disk =
            BlockingDisk::connect(&self.store, &self.grants, self.device.get().id, self.deadline())
                .unwrap();
        disk.set_timeout(Duration::from_secs(2));
        disk
    }

    fn pages(&self, count: usize) -> Pages<Domain> {
        Pages::alloc(self.guest.clone(), count).unwrap()
    }

    fn connect_error(&self) -> BlkFrontError {
        BlkFront::connect(&self.store, &self.grants, self.device.get().id, self.deadline())
            .map(drop)
            .unwrap_err()
    }

    /// Polls until that fails.
    fn poll_error(&self, block: &mut BlkFront<Domain>) -> BlkFrontError {
        let deadline = self.deadline();
        loop {
            match block.poll(self.guest.now()) {
                Err(error) => return error,
                Ok(state) => assert!(self.guest.now() < deadline, "no error in {state:?}"),
            }
            self.store.wait(deadline);
        }
    }

    /// Polls and completes until `count` requests are done with.
    fn complete(
        &self,
        block: &mut BlkFront<Domain>,
        count: usize,
    ) -> Vec<Completion<Pages<Domain>>> {
        let mut done = Vec::new();
        let deadline = self.deadline();
        while done.len() < count && self.guest.now() < deadline {
            block.poll(self.guest.now()).unwrap();
            done.extend(core::iter::from_fn(|| block.complete()));
            match block.port().filter(|_| done.len() < count) {
                Some(port) => self.guest.wait(&[port, self.store.port()], Some(deadline)),
                None if done.len() < count => self.store.wait(deadline),
                None => {}
            }
        }
        assert_eq!(done.len(), count);
        done
    }

    /// Drops the shared values of the drivers and expects no leftovers.
    fn finish(self) {
        let Self { world, store, grants, .. } = self;
        assert_eq!(grants.retry_deferred(), DeferredGrants::default());
        drop((store, grants));
        assert_eq!(world.violations(), []);
    }
}

fn broken(found: Result<(), TransferError>) -> ProtocolError {
    match found {
        Err(TransferError::Io(IoError::Broken(broken))) => broken,
        other => panic!("{other:?}"),
    }
}

#[test]
fn disk_does_io_and_leaves_nothing() {
    let fixture = Fixture::new();
    assert_eq!(fixture.store_list(), [("xvda".to_owned(), 51712)]);
    let mut disk = fixture.disk();
    assert!(fixture.world.is_connected(&fixture.device.get()));
    assert_eq!((disk.info().sectors, disk.info().sector_size), (SECTORS as u64, 512));
    // A copy of before: a request of the wrong kind changes the disk.
    let mut content = fixture.back.state().disk.clone();
    let mut all = vec![0; SECTORS * 512];
    disk.read(0, &mut all).unwrap();
    assert!(all == content && fixture.back.state().disk == content);
    disk.write(77, &all[..100 * 512]).unwrap();
    disk.flush().unwrap();
    content.copy_within(..100 * 512, 77 * 512);
    assert!(fixture.back.state().disk == content);
    assert_eq!(fixture.back.state().seen.last().unwrap().operation, BlkifOp::FLUSH_DISKCACHE);
    assert!(fixture.back.state().seen.iter().all(|request| request.nr_segments <= 11));
    disk.close(fixture.deadline()).unwrap();
    assert_eq!(fixture.world.device_states(&fixture.device.get()), (6, 6));
    fixture.finish();
}

impl Fixture {
    fn store_list(&self) -> Vec<(String, u32)> {
        let list = list::<4>(&self.store).unwrap();
        list.iter().map(|entry| (entry.number.to_string(), entry.id)).collect()
    }
}

#[test]
fn long_transfer_notifies_once_a_batch() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    let mut all = vec![0; SECTORS * 512];
    let before = fixture.guest.counters();
    disk.read(0, &mut all).unwrap();
    let after = fixture.guest.counters();
    assert_eq!(fixture.back.state().depth, DEFAULT_BUFFERS);
    let requests = (SECTORS * 512).div_ceil(44 << 10) as u64;
    let batches = requests.div_ceil(DEFAULT_BUFFERS as u64);
    // One event channel operation and one wait a batch.
    assert_eq!(after.notifications - before.notifications, batches);
    assert!(after.total_hypercalls() - before.total_hypercalls() <= batches);
    assert_eq!(after.pages_allocated, before.pages_allocated);
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn buffers_return_with_their_own_data() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    assert_eq!(block.id(), fixture.device.get().id);
    let content = fixture.back.state().disk.clone();
    let mut tokens = std::collections::BTreeMap::new();
    for index in 0..32u64 {
        let sectors = 1 + index as usize;
        let request = Request::Read { sector: index * 40, sectors, buffer: fixture.pages(5) };
        tokens.insert(block.submit(request).unwrap(), (index as usize * 40, sectors));
    }
    let refused = block
        .submit(Request::Read { sector: 0, sectors: 1, buffer: fixture.pages(1) })
        .unwrap_err();
    assert_eq!(refused.reason, RequestError::Full);
    assert!(refused.request.into_buffer().is_some());
    for done in fixture.complete(&mut block, 32) {
        assert_eq!(done.outcome, Ok(()));
        let (sector, sectors) = tokens.remove(&done.token).unwrap();
        assert_eq!(
            done.buffer.unwrap().as_slice()[..sectors * 512],
            content[sector * 512..][..sectors * 512]
        );
    }
    assert!(tokens.is_empty());
    fixture.close(block);
    fixture.finish();
}

impl Fixture {
    fn close<B: IoMemory<Platform = Domain>>(&self, mut block: BlkFront<Domain, B>) {
        block.close();
        while block.poll(self.guest.now()).unwrap() != DeviceState::Closed {
            self.store.wait(self.deadline());
        }
    }
}

#[test]
fn refused_request_returns_its_buffer() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    let capacity = SECTORS as u64;
    let mut refusal = |request| {
        let failed = block.submit(request).unwrap_err();
        let pages = failed.request.into_buffer().map_or(0, |buffer| buffer.count());
        (failed.reason, pages)
    };
    let read =
        |sector, sectors, pages| Request::Read { sector, sectors, buffer: fixture.pages(pages) };
    assert_eq!(refusal(read(0, 0, 1)), (RequestError::Length { sectors: 0, limit: 8 }, 1));
    assert_eq!(refusal(read(0, 9, 1)), (RequestError::Length { sectors: 9, limit: 8 }, 1));
    assert_eq!(refusal(read(0, 8, 65)), (RequestError::Segments { found: 65 }, 65));
    let out = |sector| RequestError::OutOfRange { sector, sectors: 1, capacity };
    assert_eq!(refusal(read(capacity, 1, 1)), (out(capacity), 1));
    assert_eq!(refusal(read(u64::MAX, 1, 1)), (out(u64::MAX), 1));
    fixture.close(block);
    let mut disk = fixture.disk();
    assert_eq!(disk.read(0, &mut [0; 100]), Err(TransferError::Length { bytes: 100 }));
    let before = fixture.back.state().seen.len();
    let beyond = RequestError::OutOfRange { sector: capacity - 99, sectors: 100, capacity };
    assert_eq!(disk.write(capacity - 99, &[0; 100 * 512]), Err(beyond.into()));
    assert_eq!(
        fixture.back.state().seen.len(),
        before,
        "the parts within the disk are not written either"
    );
    assert_eq!(disk.read(capacity, &mut []), Ok(()));
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn read_only_disk_is_not_written() {
    let fixture = Fixture::with_disk(&VirtualDisk { read_only: true, ..VirtualDisk::new("xvdb") });
    let mut disk = fixture.disk();
    assert!(disk.info().read_only);
    assert_eq!(disk.write(0, &[0; 512]), Err(TransferError::Refused(RequestError::ReadOnly)));
    disk.read(0, &mut [0; 512]).unwrap();
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn extended_number_names_disk() {
    let fixture = Fixture::new();
    let front = fixture.device.get().frontend_path();
    let set = |key: &str, value: &str| {
        fixture.world.store().write(format!("{front}/{key}"), value).unwrap();
    };
    set("virtual-device-ext", &((1 << 28) + 17 * 256).to_string());
    assert_eq!(fixture.store_list(), [("xvda".to_owned(), 51712)], "the plain number comes first");
    fixture.world.store().remove(format!("{front}/virtual-device")).unwrap();
    assert_eq!(fixture.store_list(), [("xvdr".to_owned(), 51712)]);
    fixture.world.store().remove(format!("{front}/virtual-device-ext")).unwrap();
    assert_eq!(
        fixture.store_list(),
        [("xvda".to_owned(), 51712)],
        "the directory's name is the last resort"
    );
    fixture.finish();
}

#[test]
fn either_end_marks_cdrom_and_removable() {
    for (own, info, cdrom, removable) in [
        ("cdrom", 0, true, false),
        ("disk", 1, true, false),
        ("disk", 2, false, true),
        ("disk", 0, false, false),
    ] {
        let fixture = Fixture::new();
        let path = format!("{}/device-type", fixture.device.get().frontend_path());
        fixture.world.store().write(path, own).unwrap();
        fixture.back.state().set("info", info);
        let disk = fixture.disk();
        assert_eq!((disk.info().cdrom, disk.info().removable), (cdrom, removable), "{own}, {info}");
        disk.close(fixture.deadline()).unwrap();
        fixture.finish();
    }
}

#[test]
fn large_sectors_change_alignment_not_unit() {
    let fixture = Fixture::new();
    fixture.back.state().set("sector-size", 4096);
    fixture.back.state().set("physical-sector-size", 8192);
    let mut disk = fixture.disk();
    assert_eq!(disk.info().bytes(), SECTORS as u64 * 512);
    assert_eq!(disk.info().physical_sector_size, 8192);
    let misaligned = Err(TransferError::Refused(RequestError::Misaligned { sector_size: 4096 }));
    assert_eq!(disk.read(1, &mut [0; 4096]), misaligned);
    assert_eq!(disk.read(8, &mut [0; 512]), misaligned);
    let content = fixture.back.state().disk.clone();
    let mut data = [0; 8192];
    disk.read(8, &mut data).unwrap();
    assert_eq!(data, content[4096..][..8192]);
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn late_unsupported_flush_becomes_barrier() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    let last = || fixture.back.state().seen.last().map(|request| request.operation);
    disk.flush().unwrap();
    assert_eq!(
        (last(), disk.info().flush_method()),
        (Some(BlkifOp::FLUSH_DISKCACHE), Some(FlushMethod::Flush))
    );
    fixture.back.state().unsupported.push(BlkifOp::FLUSH_DISKCACHE);
    disk.flush().unwrap();
    assert_eq!(
        (last(), disk.info().flush_method()),
        (Some(BlkifOp::WRITE_BARRIER), Some(FlushMethod::Barrier))
    );
    fixture.back.state().unsupported.push(BlkifOp::WRITE_BARRIER);
    disk.flush().unwrap();
    let count = fixture.back.state().seen.len();
    disk.flush().unwrap();
    assert_eq!((fixture.back.state().seen.len(), disk.info().flush_method()), (count, None));
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

/// D-B10.
#[test]
fn impossible_numbers_are_refused() {
    for (key, value) in [
        ("sector-size", "0"),
        ("sector-size", "3"),
        ("sector-size", "2147483648"),
        ("sector-size", "-512"),
        ("sectors", "18446744073709551615"),
        ("sectors", "18446744073709551616"),
        ("sectors", "many"),
        ("feature-flush-cache", "yes"),
        ("info", ""),
    ] {
        let fixture = Fixture::new();
        fixture.back.state().set(key, value);
        let error = fixture.connect_error();
        assert!(error.to_string().contains(key), "{key} = {value}: {error}");
        let path = format!("/local/domain/{}/error/device/vbd/51712/error", fixture.guest.id());
        assert!(fixture.world.store().read(path).unwrap().contains(key));
        fixture.finish();
    }
}

#[test]
fn refused_disk_is_closing_at_once() {
    let fixture = Fixture::new();
    fixture.back.state().set("sectors", "many");
    let mut block =
        BlkFront::<Domain>::open(&fixture.store, &fixture.grants, fixture.device.get().id).unwrap();
    let polled = (0..100).find_map(|_| {
        let error = block.poll(fixture.guest.now()).err();
        if error.is_none() {
            fixture.store.wait(fixture.deadline());
        }
        error
    });
    assert!(polled.is_some_and(|error| error.to_string().contains("sectors")));
    assert_eq!(block.state(), DeviceState::Closing);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn missing_device_is_not_found() {
    let fixture = Fixture::new();
    let mut block = BlkFront::<Domain>::open(&fixture.store, &fixture.grants, 51728).unwrap();
    let error = fixture.poll_error(&mut block);
    assert_eq!(block.poll(fixture.guest.now()), Ok(DeviceState::Unplugged));
    assert!(
        matches!(error, BlkFrontError::Xenbus(XenbusError::Store(error)) if error.is_not_found()),
        "{error}"
    );
    fixture.finish();
}

#[test]
fn flush_backend_lacks_is_unsupported() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    let token = block.submit(Request::Flush).unwrap();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.back.state().set("feature-flush-cache", 0);
    fixture.back.state().set("feature-barrier", 0);
    block.reopen();
    let mut done = None;
    for _ in 0..100 {
        block.poll(fixture.guest.now()).unwrap();
        done = block.complete();
        if done.is_some() {
            break;
        }
        fixture.store.wait(fixture.deadline());
    }
    let done = done.unwrap();
    assert_eq!((done.token, done.outcome), (token, Err(IoError::Unsupported)));
    fixture.close(block);
    fixture.finish();
}

#[test]
fn new_size_is_used() {
    let fixture = Fixture::new();
    let mut block = fixture.block();
    let backend = fixture.device.get().backend_path();
    fixture.world.store().write(format!("{backend}/sectors"), SECTORS * 2).unwrap();
    fixture.world.store().write(format!("{backend}/state"), 4).unwrap();
    let deadline = fixture.deadline();
    while block.info().sectors != SECTORS as u64 * 2 && fixture.guest.now() < deadline {
        block.poll(fixture.guest.now()).unwrap();
        fixture.store.wait(deadline);
    }
    assert_eq!(block.info().sectors, SECTORS as u64 * 2);
    fixture.world.store().write(format!("{backend}/sectors"), u64::MAX).unwrap();
    let error = core::iter::from_fn(|| {
        fixture.store.wait(deadline);
        Some(block.poll(fixture.guest.now()))
    });
    assert_eq!(
        error.take(100).find_map(Result::err),
        Some(BlkFrontError::Node(NodeError::Sectors(u64::MAX)))
    );
    assert_eq!(block.info().sectors, SECTORS as u64 * 2);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn untrusted_backend_sees_zeroes() {
    let fixture = Fixture::with_disk(&VirtualDisk { trusted: false, ..VirtualDisk::new("xvda") });
    let mut block = fixture.block();
    assert!(!block.info().trusted);
    let secret = || {
        let mut pages = fixture.pages(2);
        pages.as_mut_slice().fill(0x5e);
        pages
    };
    block.submit(Request::Read { sector: 0, sectors: 16, buffer: secret() }).unwrap();
    block.submit(Request::Write { sector: 100, sectors: 1, buffer: secret() }).unwrap();
    let done = fixture.complete(&mut block, 2);
    assert!(done.iter().all(|done| done.outcome == Ok(())));
    assert_eq!(fixture.back.state().read_pages, [0; 8192]);
    let written =
        done.into_iter().find_map(|done| done.buffer.filter(|b| b.as_slice()[0] == 0x5e)).unwrap();
    assert!(written.as_slice()[512..4096].iter().all(|&byte| byte == 0));
    // The second page is not granted.
    assert!(written.as_slice()[4096..].iter().all(|&byte| byte == 0x5e));
    drop(written);
    fixture.close(block);
    fixture.finish();
}

#[test]
fn firmware_nodes_are_removed() {
    let fixture = Fixture::new();
    let front = fixture.device.get().frontend_path();
    for key in ["ring-page-order", "num-ring-pages", "multi-queue-num-queues"] {
        fixture.guest.store().write(format!("{front}/{key}"), 4).unwrap();
    }
    // The backend of these tests refuses a ring-page-order.
    let disk = fixture.disk();
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

/// Linux d75e7f63b7; a ring of 16 pages was followed by one of a single page.
#[test]
fn stale_ring_nodes_are_removed() {
    let fixture = Fixture::new();
    let front = fixture.device.get().frontend_path();
    let mut stale: Vec<_> = (0..16).map(|page| format!("ring-ref{page}")).collect();
    let others = [
        "ring-page-order",
        "num-ring-pages",
        "multi-queue-num-queues",
        "feature-large-sector-size",
    ];
    stale.extend(others.map(str::to_owned));
    for key in &stale {
        fixture.guest.store().write(format!("{front}/{key}"), 1).unwrap();
    }
    let before = fixture.guest.store().list(&front);
    let disk = fixture.disk();
    let mut after = fixture.guest.store().list(&front);
    after.retain(|key| !before.contains(key));
    after.sort();
    assert_eq!(after, ["event-channel", "feature-persistent", "protocol", "ring-ref"]);
    for key in &stale {
        assert_eq!(fixture.guest.store().read(format!("{front}/{key}")), None, "{key}");
    }
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn any_transfer_matches_an_array(
        steps in proptest::collection::vec(
            (any::<bool>(), 0..SECTORS, 0usize..600, any::<u8>()), 1..12
        ),
        buffers in 1usize..=32,
    ) {
        let fixture = Fixture::new();
        let mut disk = BlockingDisk::new(fixture.block_of(), buffers).unwrap();
        let mut model = fixture.back.state().disk.clone();
        for (write, sector, count, byte) in steps {
            let count = count.min(SECTORS - sector);
            let range = sector * 512..(sector + count) * 512;
            if write {
                model[range.clone()].fill(byte);
                disk.write(sector as u64, &model[range]).unwrap();
            } else {
                let mut data = vec![0; count * 512];
                disk.read(sector as u64, &mut data).unwrap();
                prop_assert!(data == model[range]);
            }
        }
        prop_assert!(fixture.back.state().disk == model);
        disk.close(fixture.deadline()).unwrap();
        fixture.finish();
    }
}
