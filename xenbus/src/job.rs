//! The current exchange of a device with xenstored; a device has at most one.

use crate::error::XenbusError;
use crate::keys::{KeyList, KeyTable, KeyValues};
use crate::nodes::{DeviceNodes, PEER_PATH, read_error, store_error};
use crate::publish::{NodeWriter, Publication, Published};
use crate::read::{Read, Reading};
use crate::{Role, XenbusState};
use core::fmt::{Display, Write};
use core::time::Duration;
use heapless::String;
use log::warn;
use xen_hypercall::DomId;
use xen_store::wire::{MessageType, Part, parse_number};
use xen_store::{ErrorKind, Pipeline, Runtime, Transport, XenStore};

/// The bytes for the nodes of a step: about fifty short ones.
const TABLE_LEN: usize = 4096;

/// The time after which a request is tried again that found no free slot of the xenstore client,
/// or no transaction that the domain may start.
pub(crate) const RETRY: Duration = Duration::from_millis(1);

/// The most bytes of an error message.
const MESSAGE: usize = 256;

#[derive(Debug)]
enum Job {
    None,
    /// The directory and the domain of the other end are read; the number of requests sent and of
    /// replies taken.
    Find {
        sent: usize,
        taken: usize,
    },
    Read(Reading),
    /// The nodes are read, and wait for the device to take them up.
    Ready,
    Publish(Publication),
    /// A message is written to the device's error node.
    Report {
        len: usize,
        sent: bool,
    },
}

/// The state of the job after a poll.
#[derive(Debug)]
pub(crate) enum JobEnd {
    /// No job.
    Idle,
    /// A job that waits for the server.
    Busy,
    /// The nodes of the step are read.
    Read,
    Published(Published),
    Reported,
}

/// The jobs of a device, one at a time.
pub(crate) struct Jobs<P: Runtime, T: Transport> {
    pipeline: Pipeline<P, T>,
    job: Job,
    table: Option<KeyTable<P::Memory>>,
    /// The result of reading the nodes, for the publication that follows.
    read: Read,
    /// Flag: the read also lists the names of nodes, to find stale ones.
    lists_names: bool,
}

impl<P: Runtime, T: Transport> Jobs<P, T> {
    pub(crate) fn new(store: &XenStore<P, T>) -> Self {
        Self {
            pipeline: Pipeline::new(store),
            job: Job::None,
            table: None,
            read: Read { transaction: None, stale: 0 },
            lists_names: false,
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.job, Job::None)
    }

    /// Returns whether the job waits for a free slot of the client, or for a transaction that the
    /// domain may start.
    pub(crate) fn is_starved(&self) -> bool {
        !matches!(self.job, Job::None | Job::Ready) && self.pipeline.is_empty()
    }

    /// Returns a number that changes whenever the job sends a request.
    pub(crate) fn sent(&self) -> u32 {
        self.pipeline.queued()
    }

    /// Returns whether other requests can be sent without a batch of their own: the job has sent
    /// some since it was `before`, or waits for no reply.
    pub(crate) fn may_batch(&self, before: u32) -> bool {
        self.pipeline.queued() != before || self.pipeline.is_empty()
    }

    /// Cancels the job.
    pub(crate) fn cancel(&mut self) {
        match &mut self.job {
            Job::Read(reading) => reading.abort(&mut self.pipeline),
            Job::Publish(publication) => publication.abort(&mut self.pipeline),
            Job::None | Job::Ready | Job::Find { .. } | Job::Report { .. } => {
                self.pipeline.clear();
            }
        }
        if let Some(transaction) = self.read.transaction.take() {
            self.pipeline.abort(transaction);
        }
        self.job = Job::None;
    }

    /// Frees the memory for nodes.
    pub(crate) fn release_memory(&mut self) {
        self.table = None;
    }

    /// Finds the other end; returns whether it is found.
    pub(crate) fn find(&mut self, nodes: &mut DeviceNodes<P, T>) -> Result<bool, XenbusError> {
        if self.is_idle() {
            self.job = Job::Find { sent: 0, taken: 0 };
        }
        let found = self.find_now(nodes);
        if !matches!(found, Ok(false)) {
            self.cancel();
        }
        found
    }

    fn find_now(&mut self, nodes: &mut DeviceNodes<P, T>) -> Result<bool, XenbusError> {
        let Job::Find { sent, taken } = &mut self.job else { return Ok(false) };
        let keys = match nodes.role() {
            Role::Frontend => ["backend", "backend-id"],
            Role::Backend => ["frontend", "frontend-id"],
        };
        while let Some(key) = keys.get(*sent) {
            let parts = [Part::Path(format_args!("{}/{key}", nodes.path))];
            match self.pipeline.push(MessageType::READ, None, &parts) {
                Ok(()) => *sent += 1,
                Err(ErrorKind::Busy | ErrorKind::Quiesced) => break,
                Err(reason) => return Err(read_error(&nodes.path, reason)),
            }
        }
        let mut value = [0; PEER_PATH];
        while let Some(key) = keys.get(*taken) {
            let Some(reply) = self.pipeline.reply(&mut value) else { return Ok(false) };
            let path = nodes.path.clone();
            let error = |reason| read_error(&format_args!("{path}/{key}"), reason);
            let len = match reply {
                Err(ErrorKind::Interrupted { .. }) => {
                    self.pipeline.clear();
                    (*sent, *taken) = (0, 0);
                    return Ok(false);
                }
                reply => reply.map_err(error)?,
            };
            let value = value.get(..len).unwrap_or_default();
            if *taken == 0 {
                let text = core::str::from_utf8(value).map_err(|_| error(ErrorKind::NotText))?;
                let too_long = ErrorKind::TooLong { limit: PEER_PATH };
                nodes.peer_path = String::try_from(text).map_err(|_| error(too_long))?;
            } else {
                let id = parse_number(value).map_err(|found| error(ErrorKind::Number(found)))?;
                nodes.peer_id = DomId(id);
            }
            *taken += 1;
        }
        Ok(true)
    }

    /// Begins to read the nodes of a step. With `for_setup`, finds stale nodes too; with `start`,
    /// starts the transaction that the step ends with.
    pub(crate) fn begin_read(&mut self, for_setup: bool, start: bool) -> Result<(), XenbusError> {
        self.cancel();
        match &mut self.table {
            Some(table) => table.clear(),
            None => {
                let memory = self.pipeline.store().platform().memory(TABLE_LEN);
                self.table = Some(KeyTable::new(memory.map_err(XenbusError::Memory)?));
            }
        }
        self.lists_names = for_setup;
        self.job = Job::Read(Reading::new(start));
        Ok(())
    }

    /// Returns the nodes that were read.
    pub(crate) fn values<'a>(&'a mut self, own: &'a str, peer: &'a str) -> KeyValues<'a> {
        self.table.as_mut().map_or(KeyValues::EMPTY, |table| table.values(own, peer))
    }

    /// Begins to write a state, and the driver's nodes.
    pub(crate) fn publish(&mut self, state: XenbusState, with_nodes: bool) {
        let mut publication = Publication::new(state);
        if with_nodes {
            publication.with_nodes = true;
            publication.stale = self.read.stale;
        }
        if let Some(transaction) = self.read.transaction.take() {
            publication.started(transaction);
        }
        self.job = Job::Publish(publication);
    }

    /// Begins to write a message to the device's error node.
    pub(crate) fn report(&mut self, message: &dyn Display) {
        self.cancel();
        if self.table.is_none() {
            let memory = self.pipeline.store().platform().memory(TABLE_LEN);
            self.table = memory.ok().map(KeyTable::new);
        }
        // Without memory the message is in the log only.
        let Some(table) = &mut self.table else { return };
        table.clear();
        let mut text = Text { bytes: table.free(), len: 0 };
        // A message that is too long is cut.
        let _ = write!(text, "{message}");
        self.job = Job::Report { len: text.len, sent: false };
    }

    /// Sends and receives what can be now. An error ends the job.
    pub(crate) fn poll(
        &mut self,
        nodes: &DeviceNodes<P, T>,
        stale: &[&str],
        add: &mut dyn FnMut(&mut KeyList<'_>),
        write: &dyn Fn(&mut NodeWriter<'_>),
    ) -> Result<JobEnd, XenbusError> {
        let end = self.poll_job(nodes, stale, add, write);
        if let Err(error) = &end {
            warn!("{}: {error}", nodes.path);
            self.cancel();
        }
        end
    }

    fn poll_job(
        &mut self,
        nodes: &DeviceNodes<P, T>,
        stale: &[&str],
        add: &mut dyn FnMut(&mut KeyList<'_>),
        write: &dyn Fn(&mut NodeWriter<'_>),
    ) -> Result<JobEnd, XenbusError> {
        let Self { pipeline, job, table, .. } = self;
        let end = match job {
            Job::None | Job::Find { .. } => return Ok(JobEnd::Idle),
            Job::Read(reading) => {
                let Some(table) = table else { return Ok(JobEnd::Idle) };
                let names = if self.lists_names { stale } else { &[] };
                let Some(read) = reading.poll(nodes, pipeline, table, names, add)? else {
                    return Ok(JobEnd::Busy);
                };
                self.read = read;
                *job = Job::Ready;
                return Ok(JobEnd::Read);
            }
            Job::Ready => return Ok(JobEnd::Read),
            Job::Publish(publication) => match publication.poll(nodes, pipeline, stale, write)? {
                None => return Ok(JobEnd::Busy),
                Some(published) => JobEnd::Published(published),
            },
            Job::Report { len, sent } => {
                if !*sent {
                    let free = table.as_mut().map(KeyTable::free).unwrap_or_default();
                    let message = free.get(..*len).unwrap_or_default();
                    let path = Part::Path(format_args!("error/{}/error", nodes.path));
                    match pipeline.push(MessageType::WRITE, None, &[path, Part::Bytes(message)]) {
                        Ok(()) => *sent = true,
                        Err(ErrorKind::Busy | ErrorKind::Quiesced) => return Ok(JobEnd::Busy),
                        Err(_) => {
                            self.job = Job::None;
                            return Ok(JobEnd::Reported);
                        }
                    }
                }
                match pipeline.reply(&mut [0; 8]) {
                    None => return Ok(JobEnd::Busy),
                    Some(reply) => {
                        if let Err(reason) = reply {
                            warn!("{}: error node was not written: {reason}", nodes.path);
                        }
                        JobEnd::Reported
                    }
                }
            }
        };
        self.job = Job::None;
        Ok(end)
    }

    /// Returns the error of a device whose job has had no reply in time.
    pub(crate) fn timeout(&self, nodes: &DeviceNodes<P, T>, waited: Duration) -> XenbusError {
        self.error(nodes, ErrorKind::Timeout { waited })
    }

    /// Returns the error of the client, during the job.
    pub(crate) fn error(&self, nodes: &DeviceNodes<P, T>, reason: ErrorKind) -> XenbusError {
        let kind = match self.job {
            Job::None | Job::Find { .. } | Job::Read(_) | Job::Ready => MessageType::READ,
            Job::Publish(_) | Job::Report { .. } => MessageType::WRITE,
        };
        store_error(kind, &nodes.path, reason)
    }
}

/// Text in borrowed bytes, cut at their end or at [`MESSAGE`] bytes.
struct Text<'a> {
    bytes: &'a mut [u8],
    len: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = self.bytes.len().min(MESSAGE) - self.len;
        let end = (0..=text.len().min(room)).rev().find(|&end| text.is_char_boundary(end));
        let text = text.get(..end.unwrap_or(0)).unwrap_or_default();
        if let Some(to) = self.bytes.get_mut(self.len..self.len + text.len()) {
            to.copy_from_slice(text.as_bytes());
            self.len += text.len();
        }
        Ok(())
    }
}

/// The transaction that was started while nodes were read belongs to nothing else.
impl<P: Runtime, T: Transport> Drop for Jobs<P, T> {
    fn drop(&mut self) {
        self.cancel();
    }
}
