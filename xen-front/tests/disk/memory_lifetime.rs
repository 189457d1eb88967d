//! Buffers of the caller's own type in flight: the frames that the backend can access, and the time
//! for which the device owns them.

use super::Fixture;
use super::blkback::Misbehaviour;
use super::memory::Scattered;
use core::time::Duration;
use std::collections::BTreeSet;
use xen_front::block::*;
use xen_front::{IoMemory, Segment};
use xen_grant::{GrantError, GrantMapArea, OwnedFrames, PagesRange, ReadOnly, ReadWrite};
use xen_hypercall::{Claims, Gfn, GrantRef, Pages, Platform};
use xen_sim::Domain;

impl Fixture {
    /// Submits a read of 11 sectors, from sector 9 on, that the backend receives and never
    /// responds to.
    fn unanswered(&self) -> (BlkFront<Domain, Scattered>, Token, Vec<Gfn>) {
        let mut block = self.connect_for();
        self.back.state().misbehaviour = Misbehaviour::Forget;
        let buffer = self.scattered().fill(0x5e);
        let frames = buffer.frames().collect();
        let token = block.submit(Request::Read { sector: 9, sectors: 11, buffer }).unwrap();
        block.kick();
        self.world.run_for(Duration::from_millis(10));
        self.back.state().misbehaviour = Misbehaviour::None;
        (block, token, frames)
    }

    /// Polls until a request completes.
    fn completion(&self, block: &mut BlkFront<Domain, Scattered>) -> Completion<Scattered> {
        let deadline = self.deadline();
        loop {
            block.poll(self.guest.now()).unwrap();
            if let Some(completion) = block.complete() {
                return completion;
            }
            assert!(self.guest.now() < deadline, "{block:?}");
            self.world.run_for(Duration::from_millis(1));
        }
    }

    /// Expects that the read completes with its own buffer and the data of the disk, and closes.
    fn expect_read(
        self,
        (mut block, token, frames): (BlkFront<Domain, Scattered>, Token, Vec<Gfn>),
        connections: usize,
    ) {
        let done = self.completion(&mut block);
        assert_eq!((done.token, done.outcome), (token, Ok(())));
        let buffer = done.buffer.unwrap();
        assert!(buffer.frames().eq(frames));
        assert!(buffer.bytes() == self.back.state().disk[9 * 512..20 * 512]);
        assert_eq!(self.back.state().connections, connections);
        assert_eq!(block.in_flight(), 0);
        self.end(block, buffer);
    }

    fn end<T>(self, mut block: BlkFront<Domain, Scattered>, rest: T) {
        block.close();
        self.reach(&mut block, DeviceState::Closed);
        drop((block, rest));
        self.finish();
    }

    /// Returns the first byte and the write access of each frame that the backend's domain can map.
    fn mappable(&self) -> BTreeSet<(u8, bool)> {
        let backend = self.world.domain(self.device.get().backend).unwrap();
        let area = || GrantMapArea::reserve(backend.clone(), 1).unwrap();
        let frame = |reference| {
            let refs = [GrantRef(reference)];
            let writable = area().map::<ReadWrite>(self.guest.id(), &refs).is_ok();
            let mapping = area().map::<ReadOnly>(self.guest.id(), &refs).ok()?;
            let mut byte = [0];
            mapping.as_ref().copy_to(2048, &mut byte)?;
            Some((byte[0], writable))
        };
        (8..512).filter_map(frame).collect()
    }
}

#[test]
fn own_memory_in_flight_outlives_suspend() {
    let fixture = Fixture::new();
    let mut parts = fixture.unanswered();
    fixture.suspend();
    parts.0.resume();
    fixture.expect_read(parts, 2);
}

#[test]
fn own_memory_outlives_backend_restart() {
    let fixture = Fixture::new();
    let mut parts = fixture.unanswered();
    fixture.write_backend_state(2);
    parts.0.reopen();
    fixture.expect_read(parts, 2);
}

#[test]
fn own_memory_outlives_driver_domain() {
    let fixture = Fixture::new();
    let mut parts = fixture.unanswered();
    fixture.replace_backend();
    parts.0.reopen();
    fixture.expect_read(parts, 2);
}

#[test]
fn own_memory_returns_after_unplug() {
    let fixture = Fixture::new();
    let (mut block, token, frames) = fixture.unanswered();
    fixture.world.detach(&fixture.device.get());
    // The toolstack removes the device after ten seconds: the backend does not respond.
    let mut done = None;
    for _ in 0..20 {
        fixture.world.run_for(Duration::from_secs(1));
        block.poll(fixture.guest.now()).unwrap();
        done = done.or_else(|| block.complete());
    }
    let done = done.unwrap();
    assert_eq!((done.token, done.outcome), (token, Err(IoError::Closed)));
    assert_eq!(block.state(), DeviceState::Unplugged);
    assert!(done.buffer.as_ref().unwrap().frames().eq(frames));
    assert!(block.complete().is_none());
    drop((block, done));
    fixture.finish();
}

#[test]
fn dropped_device_leaks_held_memory() {
    let fixture = Fixture::with_few_pages();
    let mut block = fixture.connect_for::<Scattered>();
    fixture.back.state().misbehaviour = Misbehaviour::Hold;
    let buffer = fixture.scattered();
    let frames: Vec<Gfn> = buffer.frames().collect();
    block.submit(Request::Read { sector: 0, sectors: 11, buffer }).unwrap();
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    drop(block);
    let pages: Vec<_> =
        core::iter::from_fn(|| Pages::alloc(fixture.guest.clone(), 1).ok()).collect();
    assert!(!pages.is_empty());
    assert!(pages.iter().all(|page| page.frames().all(|frame| !frames.contains(&frame))));
    drop(pages);
    fixture.back.state().unmap_kept();
}

#[test]
fn only_transferred_frames_are_granted() {
    let fixture = Fixture::new();
    let mut block = fixture.connect_for::<Scattered>();
    let ring = fixture.mappable();
    fixture.back.state().misbehaviour = Misbehaviour::Silent;
    let buffer = |byte| {
        let mut parts = [0; 3].map(|_| PagesRange::new(fixture.pages(1), 0..4096).unwrap());
        for (part, byte) in parts.iter_mut().zip(byte..) {
            part.as_mut_slice().fill(byte);
        }
        Scattered(parts.into())
    };
    // Nine sectors are in two pages.
    block.submit(Request::Write { sector: 0, sectors: 9, buffer: buffer(0x11) }).unwrap();
    block.submit(Request::Read { sector: 0, sectors: 9, buffer: buffer(0x21) }).unwrap();
    block.kick();
    let found: Vec<_> = fixture.mappable().difference(&ring).copied().collect();
    assert_eq!(found, [(0x11, false), (0x12, false), (0x21, true), (0x22, true)]);
    fixture.back.state().misbehaviour = Misbehaviour::None;
    fixture.world.domain(fixture.device.get().backend).unwrap().kick();
    let done = [fixture.completion(&mut block), fixture.completion(&mut block)];
    assert!(done.iter().all(|done| done.outcome == Ok(())));
    assert!(done[1].buffer.as_ref().unwrap().bytes()[8192..] == [0x23; 4096]);
    assert_eq!(fixture.mappable(), ring);
    fixture.end(block, done);
}

/// Memory with a segment too many, and no bytes to zero.
#[derive(Debug)]
struct MissingFrame(Pages<Domain>);

// SAFETY: the frames are those of the pages, which the value owns.
unsafe impl OwnedFrames for MissingFrame {
    type Platform = Domain;

    fn claims(&self) -> &Claims {
        self.0.claims()
    }

    fn frames(&self) -> impl Iterator<Item = Gfn> + Clone {
        self.0.frames()
    }
}

impl IoMemory for MissingFrame {
    fn segments(&self) -> impl Iterator<Item = Segment> + Clone {
        self.0.segments().chain([Segment { offset: 0, len: 512 }])
    }

    fn segment_mut(&mut self, _index: usize) -> Option<&mut [u8]> {
        None
    }
}

#[test]
fn segment_without_frame_is_refused() {
    let fixture = Fixture::new();
    let mut block = fixture.connect_for::<MissingFrame>();
    let request = |sectors, buffer| Request::Read { sector: 0, sectors, buffer };
    let refused = block.submit(request(9, MissingFrame(fixture.pages(1)))).unwrap_err();
    let expected = GrantError::TooFewFrames { found: 1, expected: 2 };
    assert_eq!(refused.reason, RequestError::Grant(expected));
    assert_eq!(expected.to_string(), "found 1 frames in a buffer, expected 2");
    // The sectors of this request do not reach the missing frame.
    block.submit(request(8, refused.request.into_buffer().unwrap())).unwrap();
    assert_eq!(block.in_flight(), 1);
    block.kick();
    fixture.world.run_for(Duration::from_millis(10));
    assert_eq!(block.complete().map(|done| done.outcome), Some(Ok(())));
    block.close();
    fixture.reach(&mut block, DeviceState::Closed);
    drop(block);
    fixture.finish();
}
