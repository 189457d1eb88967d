//! Requests that earlier connections have left without an answer.

use super::{Completion, Request, Token};
use heapless::Vec;
use xen_hypercall::Platform;

/// A request without an answer: itself, to be made again, or how it ended.
pub(super) type TakenBack<P> = Result<(Token, Request<P>), Completion<P>>;

/// At most as many as a device has slots, for each of them had one.
#[derive(Debug)]
pub(super) struct Unanswered<P: Platform, const DEPTH: usize> {
    /// Those to be made again are in the order of their tokens.
    list: Vec<TakenBack<P>, DEPTH>,
}

impl<P: Platform, const DEPTH: usize> Unanswered<P, DEPTH> {
    pub(super) fn new() -> Self {
        Self { list: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Tells whether there are requests to be made again.
    pub(super) fn is_to_be_made_again(&self) -> bool {
        self.list.iter().any(Result::is_ok)
    }

    /// Adds a request in its place.
    pub(super) fn add(&mut self, taken: TakenBack<P>) {
        let token = token(&taken);
        let at = self.list.partition_point(|other| self::token(other) < token);
        // There is room: it had a slot.
        let _ = self.list.insert(at, taken);
    }

    /// Takes the first request to be made again.
    pub(super) fn next_again(&mut self) -> Option<(Token, Request<P>)> {
        let at = self.list.iter().position(Result::is_ok)?;
        self.list.remove(at).ok()
    }

    /// Takes a request that has ended.
    pub(super) fn next_ended(&mut self) -> Option<Completion<P>> {
        let at = self.list.iter().position(Result::is_err)?;
        self.list.remove(at).err()
    }
}

fn token<P: Platform>(taken: &TakenBack<P>) -> Token {
    match taken {
        Ok((token, _)) | Err(Completion { token, .. }) => *token,
    }
}
