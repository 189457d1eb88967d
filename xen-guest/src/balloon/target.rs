//! The nodes of the toolstack: `memory/target`, `memory/static-max`, `memory/videoram`.

use core::fmt;
use core::time::Duration;
use heapless::String;
use xen_hypercall::{Instant, PAGE_SIZE, Platform};
use xen_store::wire::{MessageType, Part, parse_number};
use xen_store::{ErrorKind, PathText, Pipeline, StoreError, Watch, XenStore};

/// Nodes that are read for a target, in this order.
const NODES: [&str; 3] = ["memory/target", "memory/static-max", "memory/videoram"];

/// Time after which a request is repeated that found no free slot of the xenstore client.
const RETRY: Duration = Duration::from_millis(1);

/// KiB of a page.
const PAGE_KIB: u64 = PAGE_SIZE as u64 / 1024;

/// Value of a node that is no number: its first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotANumber(String<32>);

impl NotANumber {
    /// Returns whether this is the toolstack's value for a default, which `init-dom0less` of Xen
    /// writes: -1.
    pub(super) fn is_default(&self) -> bool {
        self.0 == "-1"
    }

    #[cfg(test)]
    pub(super) fn new(text: &str) -> Self {
        Self(String::try_from(text).unwrap())
    }
}

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found '{}', expected a number of KiB", self.0)
    }
}

/// Value of a node in pages; `None` without the node.
pub(super) type Value = Option<Result<u64, NotANumber>>;

/// Values of the nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MemoryNodes {
    pub(super) target: Value,
    pub(super) static_max: Value,
    pub(super) videoram: Value,
}

/// Reader of the nodes, which follows the changes of the target and never waits.
#[derive(Debug)]
pub(super) struct TargetReader<P: Platform> {
    pipeline: Pipeline<P>,
    watch: Watch<P>,
    /// The target has changed since the nodes were requested.
    changed: bool,
    /// Requests that were sent.
    sent: usize,
    values: [Value; NODES.len()],
    /// Replies that were taken.
    taken: usize,
}

impl<P: Platform> TargetReader<P> {
    pub(super) fn new(store: &XenStore<P>) -> Result<Self, StoreError> {
        Ok(Self {
            pipeline: Pipeline::new(store),
            watch: store.queue_watch(None, NODES[0])?,
            changed: true,
            sent: 0,
            values: Default::default(),
            taken: 0,
        })
    }

    /// Returns when to poll again if no event comes before.
    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let starved = self.pipeline.is_empty() && (self.changed || self.sent != 0);
        starved.then(|| now + RETRY)
    }

    /// Returns the values after each change.
    ///
    /// # Errors
    ///
    /// Those of the connection to xenstored, and of the watch.
    pub(super) fn poll(&mut self) -> Result<Option<MemoryNodes>, StoreError> {
        self.exchange()?;
        self.changed |= self.watch.clear()?;
        if self.sent == 0 && core::mem::take(&mut self.changed) {
            self.values = Default::default();
            self.taken = 0;
            self.request()?;
        } else if self.sent != 0 {
            self.request()?;
        }
        self.exchange()?;
        self.take()
    }

    fn exchange(&self) -> Result<(), StoreError> {
        self.pipeline.store().poll().map(drop).map_err(|kind| error(NODES[0], kind))
    }

    /// Sends the requests for which there are slots.
    fn request(&mut self) -> Result<(), StoreError> {
        while let Some(&node) = NODES.get(self.sent) {
            let parts = [Part::Path(format_args!("{node}"))];
            match self.pipeline.push(MessageType::READ, None, &parts) {
                Ok(()) => self.sent += 1,
                Err(ErrorKind::Busy | ErrorKind::Quiesced) => {
                    self.changed |= self.sent == 0;
                    break;
                }
                Err(kind) => {
                    self.begin_again();
                    return Err(error(node, kind));
                }
            }
        }
        Ok(())
    }

    /// Takes the replies that have come.
    fn take(&mut self) -> Result<Option<MemoryNodes>, StoreError> {
        while self.taken < self.sent {
            let Some(reply) = self.pipeline.read_reply(|body| Ok(pages(body))) else { break };
            let node = NODES.get(self.taken).copied().unwrap_or_default();
            let value = match reply {
                Ok(value) => Some(value),
                // A node that cannot be read is as one that is missing.
                Err(ErrorKind::Server(_)) => None,
                Err(ErrorKind::Interrupted { .. }) => {
                    self.begin_again();
                    return Ok(None);
                }
                Err(kind) => {
                    self.begin_again();
                    return Err(error(node, kind));
                }
            };
            if let Some(slot) = self.values.get_mut(self.taken) {
                *slot = value;
            }
            self.taken += 1;
        }
        if self.taken < NODES.len() {
            return Ok(None);
        }
        (self.sent, self.taken) = (0, 0);
        let [target, static_max, videoram] = core::mem::take(&mut self.values);
        Ok(Some(MemoryNodes { target, static_max, videoram }))
    }

    fn begin_again(&mut self) {
        self.pipeline.clear();
        (self.sent, self.taken, self.changed) = (0, 0, true);
    }
}

/// Parses a number of KiB.
fn pages(body: &[u8]) -> Result<u64, NotANumber> {
    parse_number::<u64>(body).map(|kib| kib / PAGE_KIB).map_err(|_| {
        let mut text = String::new();
        let printable = body.iter().map(|&byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '?',
        });
        // What does not fit is left out.
        let _ = printable.take(text.capacity()).try_for_each(|char| text.push(char));
        NotANumber(text)
    })
}

fn error(node: &str, kind: ErrorKind) -> StoreError {
    StoreError { operation: MessageType::READ, path: PathText::new(&format_args!("{node}")), kind }
}
