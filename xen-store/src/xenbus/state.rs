//! What a frontend does, given both states.

use super::XenbusState;

/// What a frontend has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Wait: it is the backend's turn.
    Wait,
    /// Publish details and switch to Initialised (or Connected, as the device's protocol has it): the backend is ready for them.
    Publish,
    /// Read the backend's details and switch to Connected.
    Connect,
    /// Nothing: both ends work.
    Run,
    /// Switch to Reconfiguring and let go of what the backend takes away.
    Reconfigure,
    /// Take up what the backend has changed and switch to Connected.
    Resume,
    /// Stop using the device, then switch to Closing: the backend is going, or gone.
    Close,
    /// Switch to Closed: the backend has seen Closing, or is past seeing it.
    Finish,
    /// Nothing: both ends are closed, or the backend starts anew. Switching to Initialising opens the device again.
    Closed,
    /// Switch to Closing, and through Closed back to Initialising: the backend is still busy with somebody before us, as
    /// firmware or a kernel that started this one by kexec.
    Restart,
    /// Write Initialising once more: the backend closed with somebody before us, and sleeps until our state is written.
    Reopen,
}

/// Returns what a frontend in state `own` has to do about a backend in state `peer`.
///
/// States that this version does not know count as Unknown. There is an answer for every pair.
pub fn next(own: XenbusState, peer: XenbusState) -> Action {
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
        (S::RECONFIGURING | S::RECONFIGURED, S::INITIALISING | S::INIT_WAIT | S::INITIALISED) => A::Wait,
        (S::RECONFIGURING | S::RECONFIGURED, S::RECONFIGURING) => A::Wait,

        (S::INITIALISED | S::CONNECTED | S::RECONFIGURING | S::RECONFIGURED, S::CLOSING | S::CLOSED) => {
            A::Close
        }
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

/// Returns what a frontend has to write when it takes over a device that others used before, if anything: firmware, the kernel
/// before a kexec, a driver that was unloaded.
///
/// What the backend is in decides: one that is connected sees Closing, one that is closing sees Closed, one that is closed or
/// starts sees Initialising. A state that is there already is written again if the backend may have been absent when it first was.
pub(super) fn take_over(own: XenbusState, peer: XenbusState) -> Option<XenbusState> {
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

/// Returns the state of the backend that a waiting frontend needs to see.
pub(super) fn awaited(own: XenbusState) -> XenbusState {
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

    /// Rows are our states 0 to 8, columns the backend's.
    const TABLE: [&str; 9] = [
        // Unknown Initialising InitWait Initialised Connected Closing Closed Reconfiguring Reconfigured
        "wait    wait    publish publish restart restart reopen  restart restart",
        "wait    wait    publish publish restart restart reopen  restart restart",
        "wait    wait    publish publish restart restart reopen  restart restart",
        "wait    wait    wait    wait    connect close   close   wait    wait",
        "wait    wait    wait    wait    run     close   close   reconf  wait",
        "finish  wait    wait    wait    wait    finish  finish  wait    wait",
        "closed  closed  closed  closed  wait    wait    closed  wait    wait",
        "wait    wait    wait    wait    resume  close   close   wait    resume",
        "wait    wait    wait    wait    resume  close   close   wait    resume",
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
            Action::Restart => "restart",
            Action::Reopen => "reopen",
        }
    }

    #[test]
    fn every_pair_of_states_has_the_reaction_that_the_table_says() {
        for (own, row) in (0..).zip(TABLE) {
            let row: Vec<&str> = row.split_whitespace().collect();
            assert_eq!(row.len(), 9);
            for (peer, expected) in (0..).zip(row) {
                assert_eq!(
                    name(next(XenbusState(own), XenbusState(peer))),
                    expected,
                    "own {own}, peer {peer}"
                );
            }
        }
    }

    #[test]
    fn a_device_is_taken_over_by_what_its_backend_is_in() {
        let first = |own, peer| take_over(XenbusState(own), XenbusState(peer)).map(|state| state.0);
        for own in 0..9 {
            assert_eq!((first(own, 5), first(own, 6)), (Some(6), Some(1)));
            assert_eq!(first(own, 4), Some(if own == 6 { 6 } else { 5 }));
            assert_eq!(first(own, 2), if own == 1 { None } else { Some(1) });
            assert_eq!(first(own, 3), if own == 1 { None } else { Some(5) });
        }
    }

    #[test]
    fn states_beyond_the_known_ones_count_as_unknown() {
        for state in [9, 99, u32::MAX] {
            for known in 0..9 {
                let (state, known) = (XenbusState(state), XenbusState(known));
                assert_eq!(next(known, state), next(known, XenbusState::UNKNOWN));
                assert_eq!(next(state, known), next(XenbusState::UNKNOWN, known));
            }
        }
    }

    /// A backend that follows the protocol: it reacts to what the frontend is in.
    fn backend(own: u32, peer: u32) -> u32 {
        match (peer, own) {
            (1, 6 | 1 | 0) => 2,
            (3, 1..=3) => 4,
            (5, 1..=4 | 7 | 8) => 5,
            (6, _) => 6,
            _ => own,
        }
    }

    #[test]
    fn from_every_pair_a_lawful_backend_is_brought_to_connected() {
        for (own, peer) in (0..9).flat_map(|own| (0..9).map(move |peer| (own, peer))) {
            let from = (own, peer);
            let (mut own, mut peer) = from;
            if let Some(first) = take_over(XenbusState(own), XenbusState(peer)) {
                own = first.0;
                peer = backend(peer, own);
            }
            for _ in 0..20 {
                own = match next(XenbusState(own), XenbusState(peer)) {
                    Action::Publish => 3,
                    Action::Connect | Action::Resume => 4,
                    Action::Close | Action::Restart => 5,
                    Action::Finish => 6,
                    Action::Closed | Action::Reopen => 1,
                    Action::Reconfigure => 7,
                    Action::Wait | Action::Run => own,
                };
                peer = backend(peer, own);
            }
            assert_eq!((own, peer), (4, 4), "from {from:?}");
        }
    }
}
