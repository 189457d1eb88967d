//! The state machine of both ends: what each does, given both states.

use crate::XenbusState;

/// Which end of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one in the guest that uses the device.
    Frontend,
    /// The one in the domain that serves it.
    Backend,
}

impl Role {
    /// Returns the other end.
    pub const fn other(self) -> Self {
        match self {
            Self::Frontend => Self::Backend,
            Self::Backend => Self::Frontend,
        }
    }
}

/// What an end has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Wait: it is the other end's turn.
    Wait,
    /// Publish what this end has to say and switch: the backend what it offers, to InitWait; the
    /// frontend its details, to Initialised, or to Connected if the device's protocol has it
    /// so.
    Publish,
    /// Take up what the other end has published and switch to Connected.
    Connect,
    /// Nothing: both ends work.
    Run,
    /// Switch to Reconfiguring and let go of what the backend takes away. A frontend's only.
    Reconfigure,
    /// Take up what the backend has changed and switch to Connected. A frontend's only.
    Resume,
    /// Switch to Closing: the other end is going, or gone. A frontend stops using the device first.
    /// A backend serves until the frontend is Closed: in Closing it can still have I/O.
    Close,
    /// Switch to Closed: the other end has seen Closing, or is past seeing it. A backend releases
    /// all that the frontend shared first.
    Finish,
    /// Nothing: both ends are closed, or the backend starts anew. Switching to Initialising opens
    /// the device again. A frontend's only.
    Closed,
    /// Write Initialising once more: the backend closed with somebody before us, and sleeps until
    /// our state is written. A frontend's only.
    Reopen,
    /// Start anew: the other end is at another point of another connection. A frontend found its
    /// backend busy with somebody before it, as firmware or a kernel that started this one by
    /// kexec, and switches to Closing, and through Closed to Initialising. A backend's frontend has
    /// started without a word, as after a crash; it lets go of all that was shared, then publishes
    /// again.
    Restart,
}

/// Returns what an end in state `own` has to do about the other one in state `peer`.
///
/// States that this version does not know count as Unknown. There is an answer for every pair.
/// Closing is followed through in any state, before a first connection as well: Windows closes each
/// device before it uses it.
pub fn next(end: Role, own: XenbusState, peer: XenbusState) -> Action {
    match end {
        Role::Frontend => next_of_front(own, peer),
        Role::Backend => next_of_back(own, peer),
    }
}

fn next_of_front(own: XenbusState, peer: XenbusState) -> Action {
    use Action as A;
    use XenbusState as S;
    match (own, peer) {
        (S::INITIALISED, S::INITIALISING | S::INIT_WAIT | S::INITIALISED) => A::Wait,
        (S::INITIALISED, S::CONNECTED) => A::Connect,
        (S::INITIALISED, S::RECONFIGURING | S::RECONFIGURED) => A::Wait,

        (S::CONNECTED, S::INITIALISING | S::INIT_WAIT | S::INITIALISED) => A::Wait,
        (S::CONNECTED, S::CONNECTED) => A::Run,
        (S::CONNECTED, S::RECONFIGURING) => A::Reconfigure,
        (S::CONNECTED, S::RECONFIGURED) => A::Wait,

        (S::RECONFIGURING, S::RECONFIGURED | S::CONNECTED) => A::Resume,
        (S::RECONFIGURED, S::RECONFIGURED | S::CONNECTED) => A::Resume,
        (S::RECONFIGURING | S::RECONFIGURED, S::INITIALISING | S::INIT_WAIT | S::INITIALISED) => {
            A::Wait
        }
        (S::RECONFIGURING | S::RECONFIGURED, S::RECONFIGURING) => A::Wait,

        (
            S::INITIALISED | S::CONNECTED | S::RECONFIGURING | S::RECONFIGURED,
            S::CLOSING | S::CLOSED,
        ) => A::Close,
        (S::INITIALISED | S::CONNECTED | S::RECONFIGURING | S::RECONFIGURED, _) => A::Wait,

        (S::CLOSING, S::CLOSING | S::CLOSED) => A::Finish,
        (S::CLOSING, S::INITIALISING | S::INIT_WAIT | S::INITIALISED | S::CONNECTED) => A::Wait,
        (S::CLOSING, S::RECONFIGURING | S::RECONFIGURED) => A::Wait,
        (S::CLOSING, _) => A::Finish,

        (S::CLOSED, S::CONNECTED | S::CLOSING | S::RECONFIGURING | S::RECONFIGURED) => A::Wait,
        (S::CLOSED, _) => A::Closed,

        // Unknown, Initialising, or what no frontend is ever in: nothing is published yet.
        (_, S::INIT_WAIT | S::INITIALISED) => A::Publish,
        (_, S::CONNECTED | S::CLOSING | S::RECONFIGURING | S::RECONFIGURED) => A::Restart,
        (_, S::CLOSED) => A::Reopen,
        (_, _) => A::Wait,
    }
}

fn next_of_back(own: XenbusState, peer: XenbusState) -> Action {
    use Action as A;
    use XenbusState as S;
    match (own, peer) {
        (S::INIT_WAIT | S::INITIALISED, S::INITIALISED | S::CONNECTED) => A::Connect,
        (S::INIT_WAIT | S::INITIALISED, S::CLOSING) => A::Close,
        (S::INIT_WAIT | S::INITIALISED, S::CLOSED) => A::Finish,
        (S::INIT_WAIT | S::INITIALISED, _) => A::Wait,

        (S::CONNECTED, S::INITIALISED | S::CONNECTED | S::RECONFIGURING | S::RECONFIGURED) => {
            A::Run
        }
        (S::CONNECTED, S::INITIALISING | S::INIT_WAIT) => A::Restart,
        (S::CONNECTED, S::CLOSED) => A::Finish,
        // Closing, or gone altogether.
        (S::CONNECTED, _) => A::Close,

        (
            S::CLOSING,
            S::INITIALISED | S::CONNECTED | S::CLOSING | S::RECONFIGURING | S::RECONFIGURED,
        ) => A::Wait,
        (S::CLOSING, _) => A::Finish,

        (S::CLOSED, S::INITIALISING | S::INIT_WAIT) => A::Publish,
        (S::CLOSED, _) => A::Wait,

        // Unknown, Initialising, or what no backend is ever in: nothing is offered yet.
        (_, _) => A::Publish,
    }
}

/// Returns what a frontend has to write when it takes over a device that others used before, if
/// anything: firmware, the kernel before a kexec, a driver that was unloaded.
///
/// What the backend is in decides: one that is connected sees Closing, one that is closing sees
/// Closed, one that is closed or starts sees Initialising. A state that is there already is written
/// again if the backend may have been absent when it first was.
pub(crate) fn initial_frontend_state(own: XenbusState, peer: XenbusState) -> Option<XenbusState> {
    use XenbusState as S;
    let first = match peer {
        S::CONNECTED | S::RECONFIGURING | S::RECONFIGURED if own == S::CLOSED => S::CLOSED,
        S::CONNECTED | S::RECONFIGURING | S::RECONFIGURED => S::CLOSING,
        S::INITIALISED if own != S::INITIALISING => S::CLOSING,
        S::CLOSING => S::CLOSED,
        S::CLOSED => S::INITIALISING,
        _ if own != S::INITIALISING => S::INITIALISING,
        _ => return None,
    };
    Some(first)
}

/// Returns what state a backend is in that finds `own` written. What was connected before it holds
/// nothing any more, since it was a part of this domain.
pub(crate) fn initial_backend_state(own: XenbusState) -> XenbusState {
    match own {
        XenbusState::CLOSING | XenbusState::CLOSED => own,
        _ => XenbusState::INITIALISING,
    }
}

/// Returns the state of the backend that a waiting frontend needs to see.
pub(crate) fn awaited_by_frontend(own: XenbusState) -> XenbusState {
    use XenbusState as S;
    match own {
        S::INITIALISED | S::CONNECTED => S::CONNECTED,
        S::CLOSING => S::CLOSING,
        S::CLOSED => S::CLOSED,
        S::RECONFIGURING | S::RECONFIGURED => S::RECONFIGURED,
        _ => S::INIT_WAIT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// For each of our states 0 to 8, what a frontend does, and what a backend does; columns are
    /// the other end's states.
    const TABLE: [[&str; 2]; 9] = [
        // Unknown Initialising InitWait Initialised Connected Closing Closed Reconfiguring
        // Reconfigured
        [
            "wait    wait    publish publish restart restart reopen  restart restart",
            "publish publish publish publish publish publish publish publish publish",
        ],
        [
            "wait    wait    publish publish restart restart reopen  restart restart",
            "publish publish publish publish publish publish publish publish publish",
        ],
        [
            "wait    wait    publish publish restart restart reopen  restart restart",
            "wait    wait    wait    connect connect close   finish  wait    wait   ",
        ],
        [
            "wait    wait    wait    wait    connect close   close   wait    wait   ",
            "wait    wait    wait    connect connect close   finish  wait    wait   ",
        ],
        [
            "wait    wait    wait    wait    run     close   close   reconf  wait   ",
            "close   restart restart run     run     close   finish  run     run    ",
        ],
        [
            "finish  wait    wait    wait    wait    finish  finish  wait    wait   ",
            "finish  finish  finish  wait    wait    wait    finish  wait    wait   ",
        ],
        [
            "closed  closed  closed  closed  wait    wait    closed  wait    wait   ",
            "wait    publish publish wait    wait    wait    wait    wait    wait   ",
        ],
        [
            "wait    wait    wait    wait    resume  close   close   wait    resume ",
            "publish publish publish publish publish publish publish publish publish",
        ],
        [
            "wait    wait    wait    wait    resume  close   close   wait    resume ",
            "publish publish publish publish publish publish publish publish publish",
        ],
    ];

    fn name(action: Action) -> &'static str {
        match action {
            Action::Wait => "wait",
            Action::Publish => "publish",
            Action::Connect => "connect",
            Action::Run => "run",
            Action::Reconfigure => "reconf",
            Action::Resume => "resume",
            Action::Close => "close",
            Action::Finish => "finish",
            Action::Closed => "closed",
            Action::Reopen => "reopen",
            Action::Restart => "restart",
        }
    }

    fn pairs() -> impl Iterator<Item = (u32, u32)> {
        (0..9).flat_map(|own| (0..9).map(move |peer| (own, peer)))
    }

    #[test]
    fn every_pair_of_states_has_the_reaction_that_the_table_says_at_both_ends() {
        for (own, ends) in (0..).zip(TABLE) {
            for (end, row) in [Role::Frontend, Role::Backend].into_iter().zip(ends) {
                let row: Vec<&str> = row.split_whitespace().collect();
                assert_eq!(row.len(), 9);
                for (peer, expected) in (0..).zip(row) {
                    let found = name(next(end, XenbusState(own), XenbusState(peer)));
                    assert_eq!(found, expected, "{end:?}, own {own}, peer {peer}");
                }
            }
        }
    }

    #[test]
    fn a_device_is_taken_over_by_what_its_backend_is_in() {
        let first = |own, peer| {
            initial_frontend_state(XenbusState(own), XenbusState(peer)).map(|state| state.0)
        };
        for own in 0..9 {
            assert_eq!((first(own, 5), first(own, 6)), (Some(6), Some(1)));
            assert_eq!(first(own, 4), Some(if own == 6 { 6 } else { 5 }));
            assert_eq!(first(own, 2), if own == 1 { None } else { Some(1) });
            assert_eq!(first(own, 3), if own == 1 { None } else { Some(5) });
        }
    }

    #[test]
    fn awaited_state_follows_own_state() {
        for (own, expected) in
            [(0, 2), (1, 2), (2, 2), (3, 4), (4, 4), (5, 5), (6, 6), (7, 8), (8, 8)]
        {
            assert_eq!(awaited_by_frontend(XenbusState(own)), XenbusState(expected), "own {own}");
        }
    }

    #[test]
    fn states_beyond_the_known_ones_count_as_unknown() {
        for (state, known) in
            [9, 99, u32::MAX].into_iter().flat_map(|state| (0..9).map(move |known| (state, known)))
        {
            let (state, known) = (XenbusState(state), XenbusState(known));
            for end in [Role::Frontend, Role::Backend] {
                assert_eq!(next(end, known, state), next(end, known, XenbusState::UNKNOWN));
                assert_eq!(next(end, state, known), next(end, XenbusState::UNKNOWN, known));
            }
        }
    }

    /// An end of ours after its action, if its device's frontend waits for its backend to connect
    /// first or not.
    fn step(end: Role, own: u32, peer: u32) -> u32 {
        match (next(end, XenbusState(own), XenbusState(peer)), end) {
            (Action::Publish | Action::Restart, Role::Backend) => 2,
            (Action::Publish, Role::Frontend) => 3,
            (Action::Connect | Action::Resume, _) => 4,
            (Action::Close, _) | (Action::Restart, Role::Frontend) => 5,
            (Action::Finish, _) => 6,
            (Action::Closed | Action::Reopen, _) => 1,
            (Action::Reconfigure, _) => 7,
            (Action::Wait | Action::Run, _) => own,
        }
    }

    #[test]
    fn from_every_pair_a_lawful_backend_is_brought_to_connected() {
        // It reacts to what the frontend is in, as Linux's do.
        let backend = |own, peer| match (peer, own) {
            (1, 6 | 1 | 0) => 2,
            (3, 1..=3) => 4,
            (5, 1..=4 | 7 | 8) => 5,
            (6, _) => 6,
            _ => own,
        };
        for from in pairs() {
            let (mut own, mut peer) = from;
            if let Some(first) = initial_frontend_state(XenbusState(own), XenbusState(peer)) {
                own = first.0;
                peer = backend(peer, own);
            }
            for _ in 0..20 {
                own = step(Role::Frontend, own, peer);
                peer = backend(peer, own);
            }
            assert_eq!((own, peer), (4, 4), "from {from:?}");
        }
    }

    #[test]
    fn from_every_pair_a_lawful_frontend_is_connected() {
        // It publishes when it may, closes what is in the way of that, and begins anew, as Linux's
        // do.
        let frontend = |own, peer| match (peer, own) {
            (2, 0..=2) => 3,
            (4, 3) => 4,
            (4, 0..=2) | (2 | 4, 7 | 8) => 5,
            (5, 0..=5 | 7 | 8) => 6,
            (6, _) => 1,
            _ => own,
        };
        for from in pairs() {
            let (own, mut peer) = from;
            let mut own = initial_backend_state(XenbusState(own)).0;
            for _ in 0..20 {
                own = step(Role::Backend, own, peer);
                peer = frontend(peer, own);
            }
            assert_eq!((own, peer), (4, 4), "from {from:?}");
        }
    }

    #[test]
    fn our_front_end_and_our_back_end_connect_from_every_pair() {
        for from in pairs() {
            // The backend comes up first, then the frontend; and the other way round.
            for front_first in [false, true] {
                let (mut front, mut back) = (from.0, initial_backend_state(XenbusState(from.1)).0);
                if !front_first {
                    back = step(Role::Backend, back, front);
                }
                if let Some(first) = initial_frontend_state(XenbusState(front), XenbusState(back)) {
                    front = first.0;
                }
                for _ in 0..20 {
                    back = step(Role::Backend, back, front);
                    front = step(Role::Frontend, front, back);
                }
                assert_eq!((front, back), (4, 4), "from {from:?}, frontend first: {front_first}");
            }
        }
    }

    #[test]
    fn a_front_end_that_closes_before_its_first_connection_is_answered_at_each_step() {
        // As Windows does: each state is written only once the backend has followed.
        let mut own = step(Role::Backend, 1, 1);
        assert_eq!(own, 2);
        for (peer, expected) in [(5, 5), (6, 6), (1, 2), (4, 4), (5, 5), (6, 6), (1, 2)] {
            own = step(Role::Backend, own, peer);
            assert_eq!(own, expected, "after the frontend's {peer}");
        }
    }
}
