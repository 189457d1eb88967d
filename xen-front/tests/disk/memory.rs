//! Buffers in other memory than whole pages.

use super::Fixture;
use super::blkback::Misbehaviour;
use core::ops::Range;
use xen_front::block::*;
use xen_front::{IoMemory, Segment};
use xen_grant::{DeferredGrants, OwnedFrames, PagesRange};
use xen_hypercall::{Claims, Gfn, PAGE_SIZE, Pages, Platform};
use xen_sim::{Disk as VirtualDisk, Domain, DomainConfig};

/// Memory of a kernel: single pages from anywhere, in any order, each with a range of bytes.
#[derive(Debug)]
pub(super) struct Scattered(pub(super) Vec<PagesRange<Domain>>);

// SAFETY: the frames are those of the ranges, which the value owns.
unsafe impl OwnedFrames for Scattered {
    type Platform = Domain;

    fn claims(&self) -> &Claims {
        self.0[0].claims()
    }

    fn frames(&self) -> impl Iterator<Item = Gfn> + Clone {
        self.0.iter().flat_map(OwnedFrames::frames)
    }
}

impl IoMemory for Scattered {
    fn segments(&self) -> impl Iterator<Item = Segment> + Clone {
        self.0.iter().flat_map(IoMemory::segments)
    }

    fn segment_mut(&mut self, index: usize) -> Option<&mut [u8]> {
        self.0.get_mut(index)?.segment_mut(0)
    }
}

impl Scattered {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|part| part.as_slice().to_vec()).collect()
    }

    pub(super) fn fill(mut self, byte: u8) -> Self {
        self.0.iter_mut().for_each(|part| part.as_mut_slice().fill(byte));
        self
    }
}

impl Fixture {
    fn part(&self, range: Range<usize>) -> PagesRange<Domain> {
        let pages = self.pages(range.end.div_ceil(PAGE_SIZE));
        PagesRange::new(pages, range).unwrap()
    }

    /// Connects a guest whose free pages a test can allocate all.
    pub(super) fn with_few_pages() -> Self {
        let guest = DomainConfig { pages: 256, ..DomainConfig::new("guest") };
        Self::with_guest(guest, &VirtualDisk::new("xvda"))
    }

    /// Returns three pages in no order, 11 sectors in all.
    pub(super) fn scattered(&self) -> Scattered {
        let mut parts: Vec<_> =
            [512..1024, 0..4096, 3072..4096].map(|range| self.part(range)).into();
        parts.swap(0, 2);
        Scattered(parts)
    }

    pub(super) fn connect_for<B: IoMemory<Platform = Domain>>(&self) -> BlkFront<Domain, B> {
        let id = self.device.get().id;
        let mut block =
            BlkFront::new(&self.store, &self.grants, id, BlkFrontConfig::default()).unwrap();
        self.reach(&mut block, DeviceState::Connected);
        block
    }

    pub(super) fn reach<B: IoMemory<Platform = Domain>>(
        &self,
        block: &mut BlkFront<Domain, B>,
        state: DeviceState,
    ) {
        let deadline = self.deadline();
        while block.poll(self.guest.now()).unwrap() != state {
            assert!(self.guest.now() < deadline, "{block:?}");
            self.store.wait(deadline);
        }
    }

    fn transfer<B: IoMemory<Platform = Domain>>(
        &self,
        block: &mut BlkFront<Domain, B>,
        request: Request<B>,
    ) -> Completion<B> {
        let token = block.submit(request).map_err(|refused| refused.reason).unwrap();
        block.kick();
        let port = block.port().unwrap();
        loop {
            if let Some(completion) = block.complete() {
                assert_eq!(completion.token, token);
                return completion;
            }
            self.guest.wait(&[port], Some(self.deadline()));
        }
    }
}

#[test]
fn sub_page_is_read_and_written() {
    let fixture = Fixture::new();
    let mut block = fixture.connect_for::<PagesRange<Domain>>();
    let mut expected = fixture.back.state().disk.clone();
    for range in [512..1024, 4096..8192, 3584..4608, 1024..11 * 4096] {
        let sectors = range.len() / 512;
        let mut buffer = fixture.part(range.clone());
        buffer.as_mut_slice().fill(0x77);
        let read = fixture.transfer(&mut block, Request::Read { sector: 5, sectors, buffer });
        assert_eq!(read.outcome, Ok(()));
        let mut buffer = read.buffer.unwrap();
        assert!(buffer.as_slice() == &expected[5 * 512..][..range.len()]);
        buffer.as_mut_slice().fill(range.start as u8 ^ 0x5a);
        expected[200 * 512..][..range.len()].copy_from_slice(buffer.as_slice());
        let write = Request::Write { sector: 200, sectors, buffer };
        let written = fixture.transfer(&mut block, write);
        assert_eq!(written.outcome, Ok(()));
        assert!(fixture.back.state().disk == expected);
        // The rest of the pages is left alone.
        let pages = written.buffer.unwrap().into_pages();
        assert!(pages.as_slice()[..range.start].iter().all(|&byte| byte == 0));
        assert!(pages.as_slice()[range.end..].iter().all(|&byte| byte == 0));
    }
    block.close();
    fixture.reach(&mut block, DeviceState::Closed);
    drop(block);
    fixture.finish();
}

#[test]
fn scattered_memory_is_read_and_written() {
    let fixture = Fixture::new();
    let mut block = fixture.connect_for::<Scattered>();
    let content = fixture.back.state().disk.clone();
    let buffer = fixture.scattered();
    let read = fixture.transfer(&mut block, Request::Read { sector: 9, sectors: 11, buffer });
    let mut buffer = read.buffer.unwrap();
    assert!(buffer.bytes() == content[9 * 512..][..11 * 512]);
    buffer.0[1].as_mut_slice().fill(0xc3);
    let expected = buffer.bytes();
    let written = fixture.transfer(&mut block, Request::Write { sector: 99, sectors: 10, buffer });
    assert_eq!(written.outcome, Ok(()));
    let state = fixture.back.state();
    assert!(state.disk[99 * 512..][..10 * 512] == expected[..10 * 512]);
    assert!(state.disk[109 * 512..] == content[109 * 512..], "sectors of the request only");
    let request = state.seen.last().unwrap();
    let segments = request.seg.iter().take(request.nr_segments.into());
    assert!(segments.map(|part| (part.first_sect, part.last_sect)).eq([(6, 7), (0, 7)]));
    drop(state);
    block.close();
    fixture.reach(&mut block, DeviceState::Closed);
    drop((block, written));
    fixture.finish();
}

#[test]
fn misaligned_memory_returns_with_error() {
    let fixture = Fixture::new();
    let mut block = fixture.connect_for::<PagesRange<Domain>>();
    for (range, offset, len) in [(1..513, 1, 512), (512..1025, 512, 513), (3584..4100, 0, 4)] {
        let buffer = fixture.part(range.clone());
        let refused = block.submit(Request::Read { sector: 0, sectors: 1, buffer }).unwrap_err();
        assert_eq!(refused.reason, RequestError::Segment { offset, len });
        assert_eq!(refused.request.into_buffer().map(|buffer| buffer.range()), Some(range));
    }
    assert_eq!((block.in_flight(), block.free_slots()), (0, 32));
    block.close();
    fixture.reach(&mut block, DeviceState::Closed);
    drop(block);
    fixture.finish();
}

#[test]
fn untrusted_backend_gets_whole_pages() {
    let fixture = Fixture::with_disk(&VirtualDisk { trusted: false, ..VirtualDisk::new("xvda") });
    let mut block = fixture.connect_for::<Scattered>();
    let buffer = fixture.scattered();
    let refused = block.submit(Request::Write { sector: 0, sectors: 1, buffer }).unwrap_err();
    assert_eq!(refused.reason, RequestError::SubPage { offset: 3072, len: 1024 });
    let whole = || Scattered([0..4096, 0..4096].map(|range| fixture.part(range)).into()).fill(0x5e);
    let read = Request::Read { sector: 0, sectors: 9, buffer: whole() };
    let read = fixture.transfer(&mut block, read).buffer.unwrap();
    assert_eq!(fixture.back.state().read_pages, [0; 2 * PAGE_SIZE]);
    let write = Request::Write { sector: 0, sectors: 9, buffer: whole() };
    let written = fixture.transfer(&mut block, write).buffer.unwrap().bytes();
    assert!(written[..9 * 512].iter().all(|&byte| byte == 0x5e));
    assert!(written[9 * 512..].iter().all(|&byte| byte == 0));
    block.close();
    fixture.reach(&mut block, DeviceState::Closed);
    drop((block, read, refused));
    fixture.finish();
}

#[test]
fn kept_memory_is_leaked_not_reused() {
    let fixture = Fixture::with_few_pages();
    let mut block = fixture.connect_for::<Scattered>();
    fixture.back.state().misbehaviour = Misbehaviour::KeepPages;
    let buffer = fixture.scattered();
    let frames: Vec<Gfn> = buffer.frames().collect();
    let done = fixture.transfer(&mut block, Request::Read { sector: 0, sectors: 11, buffer });
    assert!(matches!(done.outcome, Err(IoError::Broken(ProtocolError::PageInUse(_)))), "{done:?}");
    assert!(done.buffer.is_none());
    assert_eq!(fixture.grants.deferred().waiting, 1);
    block.close();
    fixture.reach(&mut block, DeviceState::Closed);
    fixture.back.state().unmap_kept();
    // The references are free again, the memory is not.
    assert_eq!(fixture.grants.retry_deferred(), DeferredGrants::default());
    let rest: Vec<_> =
        core::iter::from_fn(|| Pages::alloc(fixture.guest.clone(), 1).ok()).collect();
    assert!(rest.iter().all(|page| page.frames().all(|frame| !frames.contains(&frame))));
    drop(rest);
    drop((block, done));
    fixture.finish();
}
