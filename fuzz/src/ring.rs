//! One set of calls for either end of a request/response ring.

use arbitrary::Arbitrary;

/// What a driver does with its end.
#[derive(Arbitrary, Debug)]
pub enum Call {
    /// Writes this many values.
    Push(u8),
    /// Shows the peer what was written.
    Publish,
    /// Takes up to this many values.
    Pop(u8),
    /// Asks for an event, and looks again.
    FinalCheck,
}

/// An end of a ring.
pub trait Ring {
    /// Does one call; whether a ring is poisoned is asked afterwards.
    fn call(&mut self, call: &Call);
    /// Tells whether the peer broke the protocol.
    fn is_poisoned(&self) -> bool;
    /// Returns how many values are under way, and how many can be.
    fn level(&self) -> (u32, u32);
}

/// Makes the calls, and checks what holds whatever the peer does.
pub fn drive(ring: &mut impl Ring, calls: &[Call]) {
    let mut poisoned = false;
    for call in calls {
        ring.call(call);
        let (used, slots) = ring.level();
        assert!(used <= slots, "{used} of {slots} slots in use");
        assert!(!poisoned || ring.is_poisoned(), "a poisoned ring stays so");
        poisoned = ring.is_poisoned();
    }
}
