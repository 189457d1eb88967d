//! `blk ...`: disks.

use super::{CLOSE_TIMEOUT, CONNECT_TIMEOUT, DEVICES, names};
use crate::args::SECTOR;
use crate::error::Error;
use crate::system::System;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::time::Duration;
use sha2::{Digest, Sha256};
use xen_front::DmaBuffer;
use xen_front::block::{self, BlkFront, BlkFrontConfig, DeviceState, DiskEntry, TransferError};
use xen_hypercall::Platform;

/// The most requests in flight: those of a ring of four pages, if the backend supports one.
const DEPTH: u16 = 128;

/// The most rings of a disk: those that the backend supports.
const QUEUES: u16 = 4;

/// Buffers of a disk: more than a ring of one page has requests.
const BUFFERS: usize = 40;

/// Maximum time of a crash dump.
const DUMP_TIMEOUT: Duration = Duration::from_secs(5);

/// The bytes that are moved at a time: as many as a disk's buffers hold.
const PIECE: usize = BUFFERS * block::MAX_PAGES * 4096;

type Disk<P> = block::BlockingDisk<P>;

/// The disks that are connected. A disk is connected when a command first needs it, and stays so.
#[derive(Debug)]
pub(crate) struct Disks<P: Platform> {
    open: Vec<(DiskEntry, Disk<P>)>,
}

impl<P: Platform> Disks<P> {
    pub(crate) const fn new() -> Self {
        Self { open: Vec::new() }
    }

    /// Prints a line for each disk.
    pub(crate) fn list(
        &mut self,
        system: &System<'_, P>,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        for entry in block::list::<DEVICES>(system.store()?)? {
            match self.connected(system, entry) {
                Ok(disk) => writeln!(out, "{} {}", entry.number, Info(disk.block()))?,
                // The others can be listed all the same.
                Err(error) => writeln!(out, "{error}")?,
            }
        }
        Ok(())
    }

    /// Returns the disk of that name, connected.
    pub(crate) fn get(
        &mut self,
        system: &System<'_, P>,
        name: &str,
    ) -> Result<Selected<'_, P>, Error> {
        let entries = block::list::<DEVICES>(system.store()?)?;
        let Some(&entry) = entries.iter().find(|entry| names_equal(&entry.number, name)) else {
            let expected = names(entries.iter().map(|entry| entry.number));
            return Err(Error::NoDevice { kind: "disk", found: name.into(), expected });
        };
        let disk = self.connected(system, entry)?;
        Ok(Selected { entry, disk })
    }

    fn connected(
        &mut self,
        system: &System<'_, P>,
        entry: DiskEntry,
    ) -> Result<&mut Disk<P>, Error> {
        if let Some(index) =
            self.open.iter().position(|(open, disk)| open.id == entry.id && usable(disk))
        {
            return Ok(&mut self.open[index].1);
        }
        let failed = |error| Error::Disk { disk: entry.number, error };
        // One that has broken or gone is closed, then it may come back.
        while let Some(index) = self.open.iter().position(|(open, _)| open.id == entry.id) {
            let (_, disk) = self.open.swap_remove(index);
            disk.close(system.platform.now() + CLOSE_TIMEOUT).map_err(failed)?;
        }
        self.open.push((entry, connect(system, entry)?));
        let (_, disk) = self.open.last_mut().ok_or(Error::NoGrants)?;
        Ok(disk)
    }

    /// Follows the backends of idle disks: a disk that is detached closes, a new size is read.
    pub(crate) fn poll(&mut self, platform: &P) {
        for (_, disk) in &mut self.open {
            // The next user of the disk gets the error.
            let _ = disk.poll(platform.now());
        }
    }

    /// Connects all disks again where the domain was resumed elsewhere, and prints what went wrong
    /// with it.
    pub(crate) fn resume(&mut self, platform: &P, out: &mut dyn Write) {
        for (entry, disk) in &mut self.open {
            if let Err(error) = disk.resume(platform.now() + CONNECT_TIMEOUT) {
                let _ = writeln!(out, "error: resuming {}: {error}", entry.number);
            }
        }
    }

    /// Closes all disks, and prints what went wrong with it.
    pub(crate) fn close(&mut self, platform: &P, out: &mut dyn Write) {
        for (entry, disk) in self.open.drain(..) {
            if let Err(error) = disk.close(platform.now() + CLOSE_TIMEOUT) {
                let _ = writeln!(out, "error: closing {}: {error}", entry.number);
            }
        }
    }
}

fn connect<P: Platform>(system: &System<'_, P>, entry: DiskEntry) -> Result<Disk<P>, Error> {
    let (store, grants) = (system.store()?, system.grants()?);
    let deadline = system.platform.now() + CONNECT_TIMEOUT;
    let config = BlkFrontConfig::default().with_depth(DEPTH).with_queues(QUEUES);
    Disk::connect_with(store, grants, entry.id, config, BUFFERS, deadline)
        .map_err(|error| Error::Disk { disk: entry.number, error })
}

fn usable<P: Platform>(disk: &Disk<P>) -> bool {
    let block = disk.block();
    block.state() == DeviceState::Connected && block.broken().is_none()
}

fn names_equal(number: &block::VbdNumber, name: &str) -> bool {
    alloc::format!("{number}") == name
}

struct Info<'b, P: Platform>(&'b BlkFront<P, DmaBuffer<P>>);

impl<P: Platform> fmt::Display for Info<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (info, rings, pages) = (self.0.info(), self.0.rings(), self.0.ring_pages());
        write!(f, "{} bytes, sectors of {}", info.bytes(), info.sector_size)?;
        if info.physical_sector_size != info.sector_size {
            write!(f, " (physical {})", info.physical_sector_size)?;
        }
        f.write_str(if info.read_only { ", read-only" } else { ", writable" })?;
        match info.flush_method() {
            Some(block::FlushMethod::Flush) => f.write_str(", flush")?,
            Some(_) => f.write_str(", barrier")?,
            None => f.write_str(", no flush")?,
        }
        match info.discard {
            Some(discard) if discard.secure => f.write_str(", discard, secure discard")?,
            Some(_) => f.write_str(", discard")?,
            None => {}
        }
        match rings {
            1 => f.write_str(", a ring")?,
            rings => write!(f, ", {rings} rings")?,
        }
        write!(f, " of {pages} page{}", if pages == 1 { "" } else { "s" })?;
        f.write_str(if self.0.has_persistent_grants() { ", persistent grants" } else { "" })
    }
}

/// A disk that a command works on.
#[derive(Debug)]
pub(crate) struct Selected<'d, P: Platform> {
    entry: DiskEntry,
    disk: &'d mut Disk<P>,
}

impl<P: Platform> Selected<'_, P> {
    pub(crate) fn sha256(
        &mut self,
        range: Option<(u64, u64)>,
        out: &mut dyn Write,
    ) -> Result<(), Error> {
        let (offset, len) = range.unwrap_or((0, self.disk.info().bytes()));
        self.check(offset, len)?;
        let mut digest = Sha256::new();
        let mut piece = vec![0; piece_len(len)];
        for (at, len) in pieces(offset, len) {
            let piece = &mut piece[..len];
            self.read(at, piece)?;
            digest.update(&*piece);
        }
        write!(out, "sha256 {} {offset} {len} ", self.entry.number)?;
        digest.finalize().iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
        Ok(writeln!(out)?)
    }

    pub(crate) fn fill(&mut self, offset: u64, len: u64, byte: u8) -> Result<(), Error> {
        self.check(offset, len)?;
        let piece = vec![byte; piece_len(len)];
        pieces(offset, len).try_for_each(|(at, len)| self.write(at, &piece[..len]))
    }

    /// Copies as if all were read before the first byte is written.
    pub(crate) fn copy(&mut self, src: u64, dst: u64, len: u64) -> Result<(), Error> {
        self.check(src, len)?;
        self.check(dst, len)?;
        let mut piece = vec![0; piece_len(len)];
        let mut copy = |(at, len): (u64, usize)| {
            let piece = &mut piece[..len];
            self.read(src + at, piece)?;
            self.write(dst + at, piece)
        };
        // Towards where the source lies, so that nothing is written over before it is read.
        if dst > src {
            pieces(0, len).rev().try_for_each(&mut copy)
        } else {
            pieces(0, len).try_for_each(&mut copy)
        }
    }

    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.disk.flush().map_err(|error| self.failed(error))
    }

    pub(crate) fn discard(&mut self, offset: u64, len: u64, secure: bool) -> Result<(), Error> {
        self.check(offset, len)?;
        let (sector, sectors) = (offset / SECTOR, len / SECTOR);
        self.disk.discard(sector, sectors, secure).map_err(|error| self.failed(error))
    }

    /// Writes a crash dump of one sector, as a kernel's panic handler does.
    pub(crate) fn dump(&mut self, platform: &P, offset: u64) -> Result<(), Error> {
        self.check(offset, SECTOR)?;
        let mut sector = [0; SECTOR as usize];
        // It grants the buffer that the dump uses.
        self.read(offset, &mut sector)?;
        let text = alloc::format!(
            "xen-example-shell {}: crashed at {} ns\n",
            env!("CARGO_PKG_VERSION"),
            platform.now().as_nanos()
        );
        sector.fill(0);
        for (to, byte) in sector.iter_mut().zip(text.bytes()) {
            *to = byte;
        }
        let deadline = platform.now() + DUMP_TIMEOUT;
        self.disk
            .write_dump(offset / SECTOR, &sector, deadline)
            .map_err(|error| Error::Dump { disk: self.entry.number, error })
    }

    fn check(&self, offset: u64, len: u64) -> Result<(), Error> {
        let size = self.disk.info().bytes();
        match offset.checked_add(len) {
            Some(end) if end <= size => Ok(()),
            _ => Err(Error::OutOfRange { disk: self.entry.number, offset, len, size }),
        }
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.disk.read(offset / SECTOR, bytes).map_err(|error| self.failed(error))
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.disk.write(offset / SECTOR, bytes).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: TransferError) -> Error {
        Error::Transfer { disk: self.entry.number, error }
    }
}

/// Returns the maximum number of bytes of a piece of `len`.
fn piece_len(len: u64) -> usize {
    usize::try_from(len).map_or(PIECE, |len| len.min(PIECE))
}

/// Cuts a range into pieces: the offset and the length of each.
fn pieces(offset: u64, len: u64) -> impl DoubleEndedIterator<Item = (u64, usize)> {
    // Multiplying back can't overflow: it stays within the range.
    (0..len.div_ceil(PIECE as u64)).map(move |index| {
        let done = index * PIECE as u64;
        (offset + done, piece_len(len - done))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_cover_a_range_exactly(offset in 0..1u64 << 40, len in 0..8 * PIECE as u64) {
            let mut next = offset;
            for (at, len) in pieces(offset, len) {
                prop_assert_eq!(at, next);
                prop_assert!(len > 0 && len <= PIECE);
                next += len as u64;
            }
            prop_assert_eq!(next, offset + len);
        }

        #[test]
        fn overlapping_copy_in_pieces_is_right(
            src in 0..3 * PIECE as u64,
            dst in 0..3 * PIECE as u64,
            len in 0..3 * PIECE as u64,
        ) {
            // Each piece is read before any piece that was written before could have changed it.
            let order: Vec<_> =
                if dst > src { pieces(0, len).rev().collect() } else { pieces(0, len).collect() };
            let mut written: Vec<(u64, u64)> = Vec::new();
            for (at, len) in order {
                let (start, end) = (src + at, src + at + len as u64);
                prop_assert!(written.iter().all(|&(from, to)| end <= from || to <= start));
                written.push((dst + at, dst + at + len as u64));
            }
        }
    }
}
