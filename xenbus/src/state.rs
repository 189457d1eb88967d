//! The state machine of both ends: the reaction to each pair of states.

use crate::XenbusState;

/// The end of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end in the guest that uses the device.
    Frontend,
    /// The end in the domain that serves the device.
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

/// The next action of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Wait for the other end.
    Wait,
    /// Publish this end's nodes and switch: the backend to InitWait; the frontend to Initialised,
    /// or to Connected if the protocol of the device requires that.
    Publish,
    /// Read the nodes that the other end has published, and switch to Connected.
    Connect,
    /// Nothing: both ends are connected.
    Run,
    /// The other end changes a connected device. A frontend switches to Reconfiguring and releases
    /// the parts that the backend removes; a backend reads what the frontend has changed, and
    /// switches to Reconfigured.
    Reconfigure,
    /// Switch to Connected: the other end has taken up a change. A frontend first reads the nodes
    /// that the backend has changed.
    Resume,
    /// Switch to Closing: the other end is closing or closed. A frontend stops using the device
    /// first. A backend serves until the frontend is Closed: in Closing, the frontend can still
    /// have I/O in flight.
    Close,
    /// Switch to Closed: the other end has read Closing, or will not read it any more. A backend
    /// first releases all memory and ports of the frontend.
    Finish,
    /// Nothing: both ends are closed, or the backend starts again. Switching to Initialising opens
    /// the device again. Frontend only.
    Closed,
    /// Write Initialising once more: the backend has closed its connection with an earlier driver,
    /// and waits for a write of the frontend's state. Frontend only.
    Reopen,
    /// Start again: the other end is in the middle of another connection. A frontend whose backend
    /// is still connected to an earlier driver (firmware, or the kernel before a kexec) switches to
    /// Closing, and through Closed to Initialising. A backend whose frontend has started without
    /// closing, as after a crash, releases all memory and ports of the frontend, then publishes
    /// again.
    Restart,
}

/// Returns the action of an end in state `own` while the other end is in state `peer`.
///
/// States without a name count as Unknown. There is an action for every pair. Closing is completed
/// in any state, before a first connection as well: Windows closes each device before it uses it.
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

        // Unknown, Initialising, or a state that no frontend enters: nothing is published yet.
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

        (S::CONNECTED, S::RECONFIGURING) => A::Reconfigure,
        (S::RECONFIGURED, S::CONNECTED) => A::Resume,
        (
            S::CONNECTED | S::RECONFIGURED,
            S::INITIALISED | S::CONNECTED | S::RECONFIGURING | S::RECONFIGURED,
        ) => A::Run,
        (S::CONNECTED | S::RECONFIGURED, S::INITIALISING | S::INIT_WAIT) => A::Restart,
        (S::CONNECTED | S::RECONFIGURED, S::CLOSED) => A::Finish,
        // Closing, or without a state node.
        (S::CONNECTED | S::RECONFIGURED, _) => A::Close,

        (
            S::CLOSING,
            S::INITIALISED | S::CONNECTED | S::CLOSING | S::RECONFIGURING | S::RECONFIGURED,
        ) => A::Wait,
        (S::CLOSING, _) => A::Finish,

        (S::CLOSED, S::INITIALISING | S::INIT_WAIT) => A::Publish,
        (S::CLOSED, _) => A::Wait,

        // Unknown, Initialising, or a state that no backend enters: nothing is offered yet.
        (_, _) => A::Publish,
    }
}

/// Returns the state, if any, that a frontend must write when it takes over a device of an earlier
/// driver: firmware, the kernel before a kexec, an unloaded driver.
///
/// The state depends on the backend's: Closing for a connected backend, Closed for one in Closing,
/// Initialising for one that is closed or starts. A state that is already written is written again
/// if the backend may have been absent at the first write. A backend that starts, or waits for a
/// connection, may not have answered the end of an earlier attempt: Closed requests its answer.
pub(crate) fn initial_frontend_state(own: XenbusState, peer: XenbusState) -> Option<XenbusState> {
    use XenbusState as S;
    let first = match peer {
        S::CONNECTED | S::RECONFIGURING | S::RECONFIGURED if own == S::CLOSED => S::CLOSED,
        S::CONNECTED | S::RECONFIGURING | S::RECONFIGURED => S::CLOSING,
        S::CLOSING => S::CLOSED,
        S::CLOSED => S::INITIALISING,
        _ if own == S::CLOSED => S::CLOSED,
        S::INITIALISED if own != S::INITIALISING => S::CLOSING,
        _ if own == S::CLOSING => S::CLOSED,
        _ if own != S::INITIALISING => S::INITIALISING,
        _ => return None,
    };
    Some(first)
}

/// Returns the state of a backend that starts and finds `own` written. An earlier connection holds
/// no resources any more, since it belonged to this domain.
pub(crate) fn initial_backend_state(own: XenbusState) -> XenbusState {
    match own {
        XenbusState::CLOSING | XenbusState::CLOSED => own,
        _ => XenbusState::INITIALISING,
    }
}

/// Returns the state of the backend that a frontend in state `own` waits for.
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

    /// Actions of a frontend and of a backend in each of the own states 0 to 8; the columns are the
    /// states of the other end.
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
            "close   restart restart run     run     close   finish  reconf  run    ",
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
            "close   restart restart run     resume  close   finish  run     run    ",
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
    fn state_pairs_have_tabled_reactions() {
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
    fn takeover_depends_on_backend_state() {
        let first = |own, peer| {
            initial_frontend_state(XenbusState(own), XenbusState(peer)).map(|state| state.0)
        };
        for own in 0..9 {
            assert_eq!((first(own, 5), first(own, 6)), (Some(6), Some(1)));
            assert_eq!(first(own, 4), Some(if own == 6 { 6 } else { 5 }));
            // The backend may have to answer the end of an earlier attempt.
            for starting in 0..3 {
                let expected = if own == 5 || own == 6 { Some(6) } else { Some(1) };
                assert_eq!(first(own, starting), expected.filter(|_| own != 1));
            }
            let expected = if own == 6 { Some(6) } else { Some(5) };
            assert_eq!(first(own, 3), expected.filter(|_| own != 1));
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
    fn undefined_states_count_as_unknown() {
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

    /// Returns the state of an end after its action.
    fn step(end: Role, own: u32, peer: u32) -> u32 {
        match (next(end, XenbusState(own), XenbusState(peer)), end) {
            (Action::Publish | Action::Restart, Role::Backend) => 2,
            (Action::Publish, Role::Frontend) => 3,
            (Action::Connect | Action::Resume, _) => 4,
            (Action::Close, _) | (Action::Restart, Role::Frontend) => 5,
            (Action::Finish, _) => 6,
            (Action::Closed | Action::Reopen, _) => 1,
            (Action::Reconfigure, Role::Frontend) => 7,
            (Action::Reconfigure, Role::Backend) => 8,
            (Action::Wait | Action::Run, _) => own,
        }
    }

    #[test]
    fn frontend_connects_from_every_pair() {
        // The reactions of Linux's backends to the frontend's state.
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
    fn backend_connects_from_every_pair() {
        // The reactions of Linux's frontends: publish if possible, else close and start again.
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
    fn both_ends_connect_from_every_pair() {
        for from in pairs() {
            // Either the backend or the frontend starts first.
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
    fn backend_follows_close_before_connection() {
        // As in Windows: each state is written after the backend has followed.
        let mut own = step(Role::Backend, 1, 1);
        assert_eq!(own, 2);
        for (peer, expected) in [(5, 5), (6, 6), (1, 2), (4, 4), (5, 5), (6, 6), (1, 2)] {
            own = step(Role::Backend, own, peer);
            assert_eq!(own, expected, "after the frontend's {peer}");
        }
    }
}
