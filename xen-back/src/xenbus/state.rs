//! What a backend does, given both states.

use super::XenbusState;

/// What a backend has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Wait: it is the frontend's turn.
    Wait,
    /// Publish what is offered and switch to InitWait.
    Setup,
    /// Take up what the frontend has published and switch to Connected.
    Connect,
    /// Nothing: both ends work.
    Run,
    /// Let go of all that the frontend shared, then switch to Closing: it is leaving.
    Close,
    /// Let go of all that the frontend shared, then switch to Closed: it has left, or never came.
    Finish,
    /// Let go of all that the frontend shared, then set up again: it has started anew without a word, as after a crash.
    Restart,
}

/// Returns what a backend in state `own` has to do about a frontend in state `peer`.
///
/// States that this version does not know count as Unknown. There is an answer for every pair. Closing is followed through in any
/// state, before a first connection as well: Windows closes each device before it uses it.
pub fn next(own: XenbusState, peer: XenbusState) -> Action {
    use Action as A;
    use XenbusState as S;
    match (own, peer) {
        (S::INIT_WAIT | S::INITIALISED, S::INITIALISED | S::CONNECTED) => A::Connect,
        (S::INIT_WAIT | S::INITIALISED, S::CLOSING) => A::Close,
        (S::INIT_WAIT | S::INITIALISED, S::CLOSED) => A::Finish,
        (S::INIT_WAIT | S::INITIALISED, _) => A::Wait,

        (S::CONNECTED, S::INITIALISED | S::CONNECTED | S::RECONFIGURING | S::RECONFIGURED) => A::Run,
        (S::CONNECTED, S::INITIALISING | S::INIT_WAIT) => A::Restart,
        (S::CONNECTED, S::CLOSED) => A::Finish,
        // Closing, or gone altogether.
        (S::CONNECTED, _) => A::Close,

        (S::CLOSING, S::INITIALISED | S::CONNECTED | S::CLOSING | S::RECONFIGURING | S::RECONFIGURED) => {
            A::Wait
        }
        (S::CLOSING, _) => A::Finish,

        (S::CLOSED, S::INITIALISING | S::INIT_WAIT) => A::Setup,
        (S::CLOSED, _) => A::Wait,

        // Unknown, Initialising, or what no backend is ever in: nothing is offered yet.
        (_, _) => A::Setup,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// Rows are our states 0 to 8, columns the frontend's.
    const TABLE: [&str; 9] = [
        // Unknown Initialising InitWait Initialised Connected Closing Closed Reconfiguring Reconfigured
        "setup   setup   setup   setup   setup   setup  setup  setup setup",
        "setup   setup   setup   setup   setup   setup  setup  setup setup",
        "wait    wait    wait    connect connect close  finish wait  wait",
        "wait    wait    wait    connect connect close  finish wait  wait",
        "close   restart restart run     run     close  finish run   run",
        "finish  finish  finish  wait    wait    wait   finish wait  wait",
        "wait    setup   setup   wait    wait    wait   wait   wait  wait",
        "setup   setup   setup   setup   setup   setup  setup  setup setup",
        "setup   setup   setup   setup   setup   setup  setup  setup setup",
    ];

    fn name(action: Action) -> &'static str {
        match action {
            Action::Wait => "wait",
            Action::Setup => "setup",
            Action::Connect => "connect",
            Action::Run => "run",
            Action::Close => "close",
            Action::Finish => "finish",
            Action::Restart => "restart",
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
    fn states_beyond_the_known_ones_count_as_unknown() {
        for state in [9, 99, u32::MAX] {
            for known in 0..9 {
                let (state, known) = (XenbusState(state), XenbusState(known));
                assert_eq!(next(known, state), next(known, XenbusState::UNKNOWN));
                assert_eq!(next(state, known), next(XenbusState::UNKNOWN, known));
            }
        }
    }

    /// The backend after its action.
    fn step(own: u32, peer: u32) -> u32 {
        match next(XenbusState(own), XenbusState(peer)) {
            Action::Setup | Action::Restart => 2,
            Action::Connect => 4,
            Action::Close => 5,
            Action::Finish => 6,
            Action::Wait | Action::Run => own,
        }
    }

    #[test]
    fn our_front_end_and_our_back_end_connect_from_every_pair() {
        use xen_store::xenbus::{Action as Front, next as front_next};
        for (own, peer) in (0..9).flat_map(|own| (0..9).map(move |peer| (own, peer))) {
            let from = (own, peer);
            // As both ends' `open` do with what an earlier owner left.
            let mut own = if matches!(own, 5 | 6) { own } else { 1 };
            let mut peer = match peer {
                1 | 5 | 6 => peer,
                3 | 4 | 7 | 8 => 5,
                _ => 1,
            };
            for _ in 0..20 {
                own = step(own, peer);
                peer = match front_next(XenbusState(peer), XenbusState(own)) {
                    Front::Publish => 3,
                    Front::Connect | Front::Resume => 4,
                    Front::Close | Front::Restart => 5,
                    Front::Finish => 6,
                    Front::Closed | Front::Reopen => 1,
                    Front::Reconfigure => 7,
                    Front::Wait | Front::Run => peer,
                };
            }
            assert_eq!((own, peer), (4, 4), "from {from:?}");
        }
    }

    #[test]
    fn a_front_end_that_closes_before_its_first_connection_is_answered_at_each_step() {
        // As Windows does: each state is written only once the backend has followed.
        let mut own = step(1, 1);
        assert_eq!(own, 2);
        for (peer, expected) in [(5, 5), (6, 6), (1, 2), (4, 4), (5, 5), (6, 6), (1, 2)] {
            own = step(own, peer);
            assert_eq!(own, expected, "after the frontend's {peer}");
        }
    }
}
