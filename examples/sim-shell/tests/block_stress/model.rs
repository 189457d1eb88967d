//! The expected content of the disk, and what each request may still do to it.

use super::seeds;
use super::storage::SECTOR;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use xen_front::block::{IoError, Token};

/// A point of the order in which requests are submitted and completed.
type Time = u64;

/// A write or a discard.
#[derive(Debug)]
struct Write {
    /// Its generation; 0 for a discard, after which a sector of this storage is zero.
    generation: u64,
    submitted: Time,
    /// Its completion: it is not carried out any more.
    ended: Cell<Option<Time>>,
    /// The time from which on its effect is certain, as it has succeeded.
    done: Cell<Option<Time>>,
    /// The time from which on its effect survives a loss of power.
    durable: Cell<Option<Time>>,
}

#[derive(Debug)]
struct Entry {
    write: Rc<Write>,
    /// The completion of the first read that has returned it.
    seen: Option<Time>,
}

impl Entry {
    /// Returns the time from which on the sector has this content or a newer one.
    fn applied(&self) -> Option<Time> {
        [self.seen, self.write.done.get()].into_iter().flatten().min()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
    Discard,
    Flush,
}

#[derive(Debug)]
struct Pending {
    kind: Kind,
    sector: usize,
    count: usize,
    submitted: Time,
    write: Option<Rc<Write>>,
    /// The excuses before it.
    excuses: u64,
}

/// Counters of completions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) discards: u64,
    pub(crate) flushes: u64,
    /// Requests that failed, as an event allows it.
    pub(crate) failed: u64,
}

impl seeds::Tally for Tally {
    fn add(&mut self, other: &Self) {
        self.reads += other.reads;
        self.writes += other.writes;
        self.discards += other.discards;
        self.flushes += other.flushes;
        self.failed += other.failed;
    }

    fn verified(&self) -> u64 {
        self.reads + self.writes + self.discards + self.flushes
    }
}

/// The disk, and the requests in flight.
pub(crate) struct Model {
    now: Time,
    generation: u64,
    sectors: Vec<Vec<Entry>>,
    pending: HashMap<Token, Pending>,
    /// Successful writes that may not be durable.
    cached: Vec<Rc<Write>>,
    /// A loss of power can undo what was not flushed.
    volatile: bool,
    /// Events that allow the requests in flight to fail.
    excuses: u64,
    /// The storage fails now and then.
    pub(crate) failing: bool,
    /// All backends support discards.
    pub(crate) discards: bool,
    /// The effects of a fault have not passed: requests may fail, and notifications be lost.
    pub(crate) lenient: bool,
    pub(crate) tally: Tally,
}

impl Model {
    /// Makes the model of a disk of zeroes.
    pub(crate) fn new(sectors: usize, volatile: bool) -> Self {
        let first = Rc::new(Write {
            generation: 0,
            submitted: 0,
            ended: Cell::new(Some(0)),
            done: Cell::new(Some(0)),
            durable: Cell::new(Some(0)),
        });
        let entry = || vec![Entry { write: first.clone(), seen: None }];
        Self {
            now: 1,
            generation: 0,
            sectors: (0..sectors).map(|_| entry()).collect(),
            pending: HashMap::new(),
            cached: Vec::new(),
            volatile,
            excuses: 0,
            failing: false,
            discards: false,
            lenient: false,
            tally: Tally::default(),
        }
    }

    /// Returns the generation of the next write, and fills its data.
    pub(crate) fn fill(&mut self, sector: usize, data: &mut [u8]) -> u64 {
        self.generation += 1;
        for (address, bytes) in (sector as u64..).zip(data.chunks_mut(SECTOR)) {
            fill_sector(bytes, address, self.generation);
        }
        self.generation
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.pending.len()
    }

    /// Notes an event that allows the requests in flight to fail.
    pub(crate) fn excuse(&mut self) {
        self.excuses += 1;
    }

    /// Notes a submitted request; a write has a generation.
    pub(crate) fn submit(
        &mut self,
        token: Token,
        kind: Kind,
        sector: usize,
        count: usize,
        generation: u64,
    ) {
        self.now += 1;
        let submitted = self.now;
        let write = matches!(kind, Kind::Write | Kind::Discard).then(|| {
            Rc::new(Write {
                generation,
                submitted,
                ended: Cell::new(None),
                done: Cell::new(None),
                durable: Cell::new(None),
            })
        });
        if let Some(write) = &write {
            let oldest = self.pending.values().map(|pending| pending.submitted).min();
            let oldest = oldest.unwrap_or(submitted);
            for entries in &mut self.sectors[sector..sector + count] {
                prune(entries, oldest);
                entries.push(Entry { write: write.clone(), seen: None });
            }
        }
        let excuses = self.excuses;
        let pending = Pending { kind, sector, count, submitted, write, excuses };
        assert!(self.pending.insert(token, pending).is_none(), "{token:?} was used before");
    }

    /// Checks a completion; `data` is what a read has returned.
    pub(crate) fn complete(
        &mut self,
        token: Token,
        outcome: Result<(), IoError>,
        data: Option<&[u8]>,
    ) {
        self.now += 1;
        let pending = self.pending.remove(&token);
        let pending = pending.unwrap_or_else(|| panic!("{token:?} completes twice: {outcome:?}"));
        let Pending { kind, sector, count, submitted, write, excuses } = pending;
        if let Some(write) = &write {
            write.ended.set(Some(self.now));
        }
        if let Err(error) = outcome {
            let unsupported = kind == Kind::Discard && error == IoError::Unsupported;
            assert!(
                unsupported && !self.discards
                    || self.failing
                    || self.lenient
                    || excuses != self.excuses,
                "{kind:?} of {sector}+{count} failed without a reason: {error}"
            );
            self.tally.failed += 1;
            return;
        }
        if let Some(write) = write {
            write.done.set(Some(self.now));
            if self.volatile {
                self.cached.push(write);
            } else {
                write.durable.set(Some(self.now));
            }
        }
        match kind {
            Kind::Read => {
                self.tally.reads += 1;
                let data = data.expect("a read has a buffer");
                for (sector, bytes) in (sector..).zip(data[..count * SECTOR].chunks(SECTOR)) {
                    self.check(sector, bytes, submitted);
                }
            }
            Kind::Write => self.tally.writes += 1,
            Kind::Discard => self.tally.discards += 1,
            Kind::Flush => {
                self.tally.flushes += 1;
                let now = self.now;
                self.cached.retain(|write| {
                    let flushed = write.done.get().is_none_or(|done| done < submitted);
                    if flushed {
                        write.durable.set(Some(now));
                    }
                    !flushed
                });
            }
        }
    }

    /// Notes a loss of power: what was not flushed may be undone.
    pub(crate) fn lose_power(&mut self) {
        assert!(self.volatile);
        for write in self.cached.drain(..) {
            write.done.set(None);
        }
        let lost = |entry: &mut Entry| {
            if entry.write.durable.get().is_none() {
                entry.seen = None;
            }
        };
        self.sectors.iter_mut().flatten().for_each(lost);
    }

    /// Checks the whole content when no request is in flight.
    pub(crate) fn check_all(&mut self, image: &[u8]) {
        assert_eq!(self.in_flight(), 0);
        self.now += 1;
        for (sector, bytes) in image.chunks(SECTOR).enumerate() {
            self.check(sector, bytes, self.now);
        }
    }

    /// Checks the content of a sector that a read returned which was submitted at `since`.
    fn check(&mut self, sector: usize, bytes: &[u8], since: Time) {
        let found = generation(bytes, sector as u64)
            .unwrap_or_else(|| panic!("sector {sector} is torn: {:?}", words(bytes)));
        let entries = &mut self.sectors[sector];
        let overwritten = oldest_allowed(entries, since, Entry::applied);
        let allowed =
            |entry: &Entry| entry.write.ended.get().is_none_or(|ended| ended >= overwritten);
        let Some(entry) =
            entries.iter_mut().find(|entry| entry.write.generation == found && allowed(entry))
        else {
            panic!(
                "sector {sector}: found generation {found} in a read of {since}, \
                 expected none that ended before {overwritten}: {entries:#?}"
            );
        };
        // Discards do not differ in their content, so that this one may not be the one.
        if found != 0 {
            entry.seen.get_or_insert(self.now);
        }
    }
}

/// Returns the time before which no write of a sector may have ended, for its content to be found
/// at `since`: another write was submitted then and is in effect.
fn oldest_allowed(
    entries: &[Entry],
    since: Time,
    applied: impl Fn(&Entry) -> Option<Time>,
) -> Time {
    let in_effect = |entry: &&Entry| applied(entry).is_some_and(|applied| applied < since);
    entries.iter().filter(in_effect).map(|entry| entry.write.submitted).max().unwrap_or(0)
}

/// Forgets writes that no request in flight can read, and no loss of power brings back.
fn prune(entries: &mut Vec<Entry>, oldest: Time) {
    if entries.len() >= 8 {
        let overwritten = oldest_allowed(entries, oldest, |entry| entry.write.durable.get());
        entries.retain(|entry| entry.write.ended.get().is_none_or(|ended| ended >= overwritten));
    }
}

fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect()
}

/// Fills a sector with its address and generation.
fn fill_sector(bytes: &mut [u8], address: u64, generation: u64) {
    bytes.chunks_mut(16).for_each(|record| {
        let (first, second) = record.split_at_mut(8);
        first.copy_from_slice(&address.to_le_bytes());
        second.copy_from_slice(&generation.to_le_bytes());
    });
}

/// Returns the generation of a sector; `None` if it is torn, or of another address.
fn generation(bytes: &[u8], address: u64) -> Option<u64> {
    if bytes.iter().all(|&byte| byte == 0) {
        return Some(0);
    }
    let generation = u64::from_le_bytes(bytes[8..16].try_into().ok()?);
    let mut expected = [0; SECTOR];
    fill_sector(&mut expected, address, generation);
    (generation != 0 && bytes == expected).then_some(generation)
}
