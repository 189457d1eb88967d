//! Requests that earlier connections have left without an answer.

use super::{Completion, IoError, Request, Token};
use heapless::Vec;
use xen_hypercall::Platform;

/// A request without an answer: itself, to be made again, or how it ended.
pub(super) type Requeued<P> = Result<(Token, Request<P>), Completion<P>>;

/// At most as many as a device has slots: a device never has more requests that the caller has not
/// completed, those of earlier connections included.
#[derive(Debug)]
pub(super) struct RequeueList<P: Platform, const DEPTH: usize> {
    /// In the order of their tokens.
    list: Vec<Requeued<P>, DEPTH>,
}

impl<P: Platform, const DEPTH: usize> RequeueList<P, DEPTH> {
    pub(super) fn new() -> Self {
        Self { list: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Returns whether there are requests to be made again.
    pub(super) fn has_requests(&self) -> bool {
        self.list.iter().any(Result::is_ok)
    }

    /// Adds a request in its place.
    pub(super) fn add(&mut self, taken: Requeued<P>) {
        let at = self.list.binary_search_by_key(&token(&taken), token).unwrap_or_else(|at| at);
        // `BlkFront::submit` accepts no more requests than the list has room for.
        let added = self.list.insert(at, taken);
        debug_assert!(added.is_ok(), "a request without a place");
    }

    /// Takes the first request to be made again.
    pub(super) fn next_request(&mut self) -> Option<(Token, Request<P>)> {
        let at = self.list.iter().position(Result::is_ok)?;
        self.list.remove(at).ok()
    }

    /// Takes a request that has ended.
    pub(super) fn next_completed(&mut self) -> Option<Completion<P>> {
        let at = self.list.iter().position(Result::is_err)?;
        self.list.remove(at).err()
    }

    /// Ends a request that was to be made again, and returns whether it was found.
    pub(super) fn cancel(&mut self, cancelled: Token) -> bool {
        let is_it = |taken: &Requeued<P>| matches!(taken, Ok((token, _)) if *token == cancelled);
        let Some(at) = self.list.iter().position(is_it) else { return false };
        if let Ok((token, request)) = self.list.remove(at) {
            let outcome = Err(IoError::Closed);
            self.add(Err(Completion { token, outcome, buffer: request.into_buffer() }));
        }
        true
    }
}

fn token<P: Platform>(taken: &Requeued<P>) -> Token {
    match taken {
        Ok((token, _)) | Err(Completion { token, .. }) => *token,
    }
}
