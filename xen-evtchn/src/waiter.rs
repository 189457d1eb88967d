//! Events that a thread waits for: recorded by an upcall, or polled on a masked port.

use crate::dispatcher::release;
use crate::port_state::Recorded;
use crate::{Event, EventChannels, EventDispatcher};
use xen_hypercall::{Platform, Port, SharedMem};

/// Waits of threads. An event that [`take`](Self::take) returns is being handled until
/// [`eoi`](Self::eoi) of [`handling`](Self::handling), or until the port's next
/// [`take`](Self::take), which ends it as handled.
impl<const GROUPS: usize> EventDispatcher<GROUPS> {
    /// Records a delivered event for the thread that waits for its port. The port stays masked
    /// until the thread has taken and ended the event.
    pub fn record(&self, event: Event) {
        if let Some(state) = self.state(event.port) {
            state.record();
        }
    }

    /// Takes the event of `port`, and returns whether there was one: recorded by an upcall, or
    /// pending in Xen's words. An event that was taken before ends as handled. A delayed port has
    /// no event.
    ///
    /// The upcalls of a bound port must come on the vCPU that calls this, with interrupts off, and
    /// must only [`record`](Self::record). A port beyond the table is polled without a budget.
    pub fn take<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
    ) -> bool {
        let Some(state) = self.state(port) else { return events.take_pending(port) };
        match state.take_recorded() {
            Recorded::Event => return true,
            Recorded::Delayed => return false,
            // A port that was closed meanwhile needs no unmask.
            Recorded::Nothing(unmask) => drop(release(events, port, unmask)),
        }
        state.begin_wait(events.take_pending(port))
    }

    /// Returns the event of `port` that a thread has taken and not ended.
    pub fn handling(&self, port: Port) -> Option<Event> {
        let generation = self.state(port)?.handling()?;
        Some(Event { port, generation })
    }

    /// Returns whether `port` is masked for a time because of spurious events. A thread that waits
    /// must leave out such a port: an event on it must not end the wait.
    pub fn is_delayed(&self, port: Port) -> bool {
        self.state(port).is_some_and(|state| state.is_delayed())
    }
}
