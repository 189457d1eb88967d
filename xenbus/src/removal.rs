//! Removal of a backend's directory, without waiting.

use crate::DeviceId;
use crate::job::RETRY;
use crate::nodes::OwnPath;
use crate::publish::{MAX_ATTEMPTS, is_conflict, is_quota};
use core::fmt;
use xen_hypercall::Instant;
use xen_store::wire::{MessageType, Names, Part, ServerError};
use xen_store::{
    ErrorKind, PathText, Pipeline, RingTransport, Runtime, StoreError, TransactionId, Transport,
    XenStore,
};

/// The requests that a removal consists of, in their order; each ends with its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The device's directory is removed.
    Device,
    /// A transaction is started: a device that is added meanwhile must not be removed.
    Start,
    /// The guest's directory is read.
    List,
    /// The guest's directory is removed.
    Guest,
    Commit,
    Done,
}

/// The removal of a backend's directory, and of the guest's if it has no other device.
///
/// [`poll`](Self::poll) never waits. Dropping it leaves what is not removed yet.
pub struct Removal<P: Runtime, T: Transport = RingTransport<P>> {
    pipeline: Pipeline<P, T>,
    id: DeviceId,
    path: OwnPath,
    step: Step,
    /// The step's request was sent.
    sent: bool,
    transaction: Option<TransactionId>,
    attempts: u32,
}

impl<P: Runtime, T: Transport> Removal<P, T> {
    /// Begins to remove the directory `path`; one that is `gone` may be there again, for another
    /// device of the same number, and is left alone.
    pub(crate) fn new(store: &XenStore<P, T>, id: DeviceId, path: OwnPath, gone: bool) -> Self {
        Self {
            pipeline: Pipeline::new(store),
            id,
            path,
            step: if gone { Step::Start } else { Step::Device },
            sent: false,
            transaction: None,
            attempts: 0,
        }
    }

    /// Returns the device's number and the guest's.
    pub fn id(&self) -> DeviceId {
        self.id
    }

    /// Returns when to poll again if no event comes before.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        (self.step != Step::Done && self.pipeline.is_empty()).then(|| now + RETRY)
    }

    /// Does what can be done now, and returns whether the removal is complete. Never waits.
    ///
    /// # Errors
    ///
    /// Those of the store, but for a directory that is gone already. The removal has ended.
    pub fn poll(&mut self) -> Result<bool, StoreError> {
        self.exchange()?;
        while self.step != Step::Done {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => break,
                Err(reason) => {
                    let error = self.error(reason);
                    self.abort();
                    self.step = Step::Done;
                    return Err(error);
                }
            }
        }
        self.exchange()?;
        Ok(self.step == Step::Done)
    }

    /// Polls and waits until the removal is complete, at most for the store's timeout.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](Self::poll), [`ErrorKind::Timeout`].
    pub fn wait(mut self) -> Result<(), StoreError> {
        let store = self.pipeline.store().clone();
        let waited = store.timeout();
        let deadline = store.platform().now() + waited;
        while !self.poll()? {
            let now = store.platform().now();
            if now >= deadline {
                return Err(self.error(ErrorKind::Timeout { waited }));
            }
            store.wait(self.poll_timeout(now).map_or(deadline, |at| at.min(deadline)));
        }
        Ok(())
    }

    fn exchange(&self) -> Result<(), StoreError> {
        self.pipeline.store().poll().map(drop).map_err(|reason| self.error(reason))
    }

    /// Sends the step's request or takes its reply; returns whether there is more to do now.
    fn advance(&mut self) -> Result<bool, ErrorKind> {
        let end = if self.sent {
            match self.reply() {
                None => return Ok(false),
                Some(end) => end,
            }
        } else {
            match self.send() {
                Ok(()) => {
                    self.sent = true;
                    return Ok(true);
                }
                Err(ErrorKind::Busy | ErrorKind::Quiesced) => return Ok(false),
                Err(reason) => Err(reason),
            }
        };
        self.sent = false;
        if self.step == Step::Commit {
            // The server has ended it.
            self.transaction = None;
        }
        self.step = match (self.step, end) {
            (_, Ok(next)) => next,
            // Other devices of the domain use all transactions that it may have.
            (Step::Start, Err(reason)) if is_quota(reason) => return Ok(false),
            (step, Err(reason)) if is_conflict(reason) => {
                self.attempts += 1;
                if self.attempts >= MAX_ATTEMPTS {
                    return Err(ErrorKind::Conflict { attempts: self.attempts });
                }
                self.abort();
                if step == Step::Device { step } else { Step::Start }
            }
            (Step::Device, Err(ErrorKind::Server(ServerError::NotFound))) => Step::Start,
            (Step::List, Err(ErrorKind::Server(ServerError::NotFound | ServerError::TooBig))) => {
                Step::Done
            }
            // With some toolstacks the domain's own directories are the toolstack's.
            (
                Step::Guest,
                Err(ErrorKind::Server(ServerError::NotFound | ServerError::AccessDenied)),
            ) => Step::Commit,
            (_, Err(reason)) => return Err(reason),
        };
        if self.step == Step::Done {
            self.abort();
        }
        Ok(true)
    }

    fn send(&mut self) -> Result<(), ErrorKind> {
        let (kind, path) = (self.operation(), self.target());
        let path = [Part::Path(format_args!("{path}"))];
        let parts = match self.step {
            Step::Device | Step::List | Step::Guest => &path[..],
            Step::Start | Step::Done => &[Part::Nul],
            Step::Commit => &[Part::Bytes(b"T"), Part::Nul],
        };
        self.pipeline.push(kind, self.transaction, parts)
    }

    /// Takes the reply to the step's request, and returns the next step.
    fn reply(&mut self) -> Option<Result<Step, ErrorKind>> {
        let next = match self.step {
            Step::Start => {
                return Some(self.pipeline.transaction()?.map(|transaction| {
                    self.transaction = Some(transaction);
                    Step::List
                }));
            }
            Step::List => {
                return self.pipeline.read_reply(|body| {
                    let is_empty = Names::new(body).next().is_none();
                    Ok(if is_empty { Step::Guest } else { Step::Done })
                });
            }
            Step::Device => Step::Start,
            Step::Guest => Step::Commit,
            Step::Commit | Step::Done => Step::Done,
        };
        Some(self.pipeline.reply(&mut [0; 8])?.map(|_| next))
    }

    fn operation(&self) -> MessageType {
        match self.step {
            Step::Device | Step::Guest => MessageType::RM,
            Step::Start => MessageType::TRANSACTION_START,
            Step::List => MessageType::DIRECTORY,
            Step::Commit | Step::Done => MessageType::TRANSACTION_END,
        }
    }

    /// Returns the directory that the step is about.
    fn target(&self) -> PathText {
        let guest = self.path.rsplit_once('/').map_or("", |(guest, _)| guest);
        PathText::new(&if self.step == Step::Device { &*self.path } else { guest })
    }

    fn error(&self, kind: ErrorKind) -> StoreError {
        StoreError { operation: self.operation(), path: self.target(), kind }
    }

    fn abort(&mut self) {
        self.pipeline.clear();
        if let Some(transaction) = self.transaction.take() {
            self.pipeline.abort(transaction);
        }
    }
}

/// The transaction belongs to nothing else.
impl<P: Runtime, T: Transport> Drop for Removal<P, T> {
    fn drop(&mut self) {
        self.abort();
    }
}

impl<P: Runtime, T: Transport> fmt::Debug for Removal<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, step, .. } = self;
        f.debug_struct("Removal").field("path", path).field("step", step).finish_non_exhaustive()
    }
}
