//! Events that a thread waits for: recorded by an upcall, or polled on a masked port.

use crate::dispatcher::release;
use crate::port_state::Recorded;
use crate::{Event, EventChannels, EventDispatcher};
use xen_hypercall::{Platform, Port, SharedMem};

/// The waiting side. An event that a wait returns is handled from then on: until
/// [`eoi`](Self::eoi) of [`handling`](Self::handling), or until the port's next
/// [`take`](Self::take), which ends it as handled.
impl<const GROUPS: usize> EventDispatcher<GROUPS> {
    /// Records a delivered event for the thread that waits for its port. The port stays masked
    /// until the thread has taken the event and has ended it.
    pub fn record(&self, event: Event) {
        if let Some(line) = self.line(event.port) {
            line.tell();
        }
    }

    /// Takes the event of `port`, and returns whether there was one: recorded by an upcall, or
    /// pending in Xen's words. An event that was taken before ends as handled. A delayed port has
    /// none.
    ///
    /// A bound port must take its upcalls on the vCPU that executes this, with interrupts off, and
    /// its upcall must only [`record`](Self::record). A port that the table has no place for is
    /// polled without a budget.
    pub fn take<P: Platform, M: AsRef<SharedMem>>(
        &self,
        events: &EventChannels<P, M>,
        port: Port,
    ) -> bool {
        let Some(line) = self.line(port) else { return events.take_pending(port) };
        match line.take_recorded() {
            Recorded::Event => return true,
            Recorded::Delayed => return false,
            // A port that was closed meanwhile has nothing to unmask.
            Recorded::Nothing(free) => drop(release(events, port, free)),
        }
        line.begin_wait(events.take_pending(port))
    }

    /// Returns the event of `port` that a thread has taken and not ended yet.
    pub fn handling(&self, port: Port) -> Option<Event> {
        let generation = self.line(port)?.handling()?;
        Some(Event { port, generation })
    }

    /// Returns whether `port` is masked for a time because of events without work. A thread that
    /// waits leaves such a port out: an event on it must not end the wait.
    pub fn is_delayed(&self, port: Port) -> bool {
        self.line(port).is_some_and(|line| line.is_delayed())
    }
}
