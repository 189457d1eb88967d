//! The work of one vCPU: requests on its own queue.

use crate::pattern::{self, BLOCK, SECTORS_PER_BLOCK};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;
use xen_front::block::{BlkQueue, Completion, IoError, Request, RequestError, Token};
use xen_hypercall::{Pages, Platform};
use xen_kernel_rt::Rt;

/// Requests in flight of a queue.
const DEPTH: usize = 16;

/// Blocks of the longest request: more than a slot of the ring has segments.
const MAX_BLOCKS: usize = 24;

/// Longest wait without a completion. The backend may be away for a while.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The requests of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// A write of each block.
    Fill,
    /// A read of each block.
    Check,
    /// So many reads and writes of blocks at random.
    Random(u64),
}

/// A part of the disk that one vCPU uses at a time.
#[derive(Debug, Default)]
pub(crate) struct Region {
    pub(crate) blocks: Range<u64>,
    /// The generation of each block, as acknowledged.
    pub(crate) generations: Vec<u32>,
}

struct InFlight {
    token: Token,
    /// Its blocks, as indices of the region.
    blocks: Range<usize>,
    write: bool,
}

/// A vCPU at work.
pub(crate) struct Worker<'a> {
    xen: Rt,
    queue: &'a mut BlkQueue<Rt>,
    region: &'a mut Region,
    round: Round,
    /// The blocks of requests in flight.
    busy: Vec<bool>,
    in_flight: Vec<InFlight>,
    /// The blocks of requests that ended with their connection, with nothing known of their effect.
    unknown: Vec<(Range<usize>, bool)>,
    random: u64,
    /// The next block of a round in order.
    next: usize,
    submitted: u64,
    pub(crate) completed: u64,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(
        xen: Rt,
        queue: &'a mut BlkQueue<Rt>,
        region: &'a mut Region,
        round: Round,
    ) -> Self {
        let busy = vec![false; region.generations.len()];
        let random = region.blocks.start.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            xen,
            queue,
            region,
            round,
            busy,
            in_flight: Vec::new(),
            unknown: Vec::new(),
            random,
            next: 0,
            submitted: 0,
            completed: 0,
        }
    }

    /// Does the requests of the round. `pause` is called between requests.
    pub(crate) fn run(
        &mut self,
        mut pause: impl FnMut() -> Result<(), String>,
    ) -> Result<(), String> {
        let mut since = self.xen.now();
        loop {
            pause()?;
            self.submit_all()?;
            self.queue.kick();
            let mut waits = true;
            while let Some(completion) = self.queue.complete() {
                (waits, since) = (false, self.xen.now());
                self.take(completion)?;
            }
            if self.in_flight.is_empty() && self.unknown.is_empty() && self.is_submitted() {
                return Ok(());
            }
            let now = self.xen.now();
            if now.saturating_duration_since(since) > TIMEOUT {
                return Err(format!(
                    "queue {}: no response in {TIMEOUT:?}, {} requests in flight, state {:?}",
                    self.queue.index(),
                    self.in_flight.len(),
                    self.queue.state()
                ));
            }
            if waits {
                let port = self.queue.port();
                self.xen.wait(port.as_slice(), Some(now + Duration::from_millis(5)));
            }
        }
    }

    fn is_submitted(&self) -> bool {
        match self.round {
            Round::Fill | Round::Check => self.next == self.busy.len(),
            Round::Random(count) => self.submitted >= count,
        }
    }

    fn submit_all(&mut self) -> Result<(), String> {
        while self.in_flight.len() < DEPTH {
            let again = self.unknown.pop();
            let is_new = again.is_none();
            let Some((blocks, write)) = again.or_else(|| self.choose()) else { return Ok(()) };
            let count = blocks.len();
            let mut buffer = Pages::alloc(self.xen, count).map_err(|error| error.to_string())?;
            if write {
                let bytes = buffer.as_mut_slice().chunks_exact_mut(BLOCK);
                for (index, bytes) in blocks.clone().zip(bytes) {
                    let block = self.region.blocks.start + index as u64;
                    pattern::fill(bytes, block, self.region.generations[index] + 1);
                }
            }
            let sector = (self.region.blocks.start + blocks.start as u64) * SECTORS_PER_BLOCK;
            let sectors = count * SECTORS_PER_BLOCK as usize;
            let request = if write {
                Request::Write { sector, sectors, buffer }
            } else {
                Request::Read { sector, sectors, buffer }
            };
            let token = match self.queue.submit(request) {
                Ok(token) => token,
                // Until a request is completed, or the disk is connected again.
                Err(failed)
                    if matches!(failed.reason, RequestError::Full | RequestError::NotConnected) =>
                {
                    if !is_new {
                        self.unknown.push((blocks, write));
                    }
                    return Ok(());
                }
                Err(failed) => return Err(format!("a request was refused: {}", failed.reason)),
            };
            self.busy[blocks.clone()].fill(true);
            match self.round {
                _ if !is_new => {}
                Round::Random(_) => self.submitted += 1,
                Round::Fill | Round::Check => self.next = blocks.end,
            }
            self.in_flight.push(InFlight { token, blocks, write });
        }
        Ok(())
    }

    /// Returns the blocks of the next request, of which none is in flight.
    fn choose(&mut self) -> Option<(Range<usize>, bool)> {
        if self.is_submitted() {
            return None;
        }
        let all = self.busy.len();
        let (start, wanted, write) = match self.round {
            Round::Fill => (self.next, MAX_BLOCKS, true),
            Round::Check => (self.next, MAX_BLOCKS, false),
            Round::Random(_) => {
                // Xorshift, which never is 0.
                self.random ^= self.random << 13;
                self.random ^= self.random >> 7;
                self.random ^= self.random << 17;
                let random = self.random >> 8;
                // Most requests are small, as those of file systems are.
                let wanted = if random & 7 == 0 { random as usize / 8 % MAX_BLOCKS } else { 0 };
                ((random >> 16) as usize % all, wanted + 1, random & 0x1000 != 0)
            }
        };
        let free = self.busy[start..].iter().take(wanted).take_while(|&&busy| !busy).count();
        (free > 0).then(|| (start..start + free, write))
    }

    fn take(&mut self, completion: Completion<Pages<Rt>>) -> Result<(), String> {
        let Completion { token, outcome, buffer } = completion;
        let found = self.in_flight.iter().position(|request| request.token == token);
        let index = found.ok_or("a request was completed twice, or was never submitted")?;
        let InFlight { blocks, write, .. } = self.in_flight.swap_remove(index);
        match outcome {
            Ok(()) => {}
            // The backend was restarted. The blocks stay busy until their next transfer.
            Err(IoError::Closed) => {
                self.unknown.push((blocks, write));
                return Ok(());
            }
            Err(error) => return Err(format!("blocks {blocks:?}, write {write}: {error}")),
        }
        let buffer = buffer.ok_or("the backend kept a buffer")?;
        for (index, bytes) in blocks.clone().zip(buffer.as_slice().chunks_exact(BLOCK)) {
            if write {
                self.region.generations[index] += 1;
            } else {
                let block = self.region.blocks.start + index as u64;
                pattern::check(bytes, block, self.region.generations[index])?;
            }
        }
        self.busy[blocks].fill(false);
        self.completed += 1;
        Ok(())
    }
}
