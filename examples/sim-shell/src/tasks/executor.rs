//! An executor of one thread: it polls the tasks that were woken, and sleeps when there are none.

use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering::AcqRel};
use core::task::{Context, Poll};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// A task's result.
pub(super) type Outcome = Result<(), String>;

type Task<'t> = Pin<Box<dyn Future<Output = Outcome> + 't>>;

/// The mark of a task that was woken. Waking neither blocks nor allocates, as an upcall requires.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.swap(true, AcqRel);
    }
}

/// The tasks that have not ended, and their marks.
#[derive(Default)]
pub(super) struct Executor<'t> {
    tasks: Vec<(Arc<Woken>, Task<'t>)>,
}

impl<'t> Executor<'t> {
    /// Adds a task, to be polled first by [`run`](Self::run).
    pub(super) fn spawn(&mut self, task: impl Future<Output = Outcome> + 't) {
        self.tasks.push((Arc::new(Woken(AtomicBool::new(true))), Box::pin(task)));
    }

    /// Polls tasks until all have ended; `sleep` runs while none is woken. Returns the number of
    /// polls.
    ///
    /// # Errors
    ///
    /// That of the first task that fails.
    pub(super) fn run(mut self, mut sleep: impl FnMut()) -> Result<u32, String> {
        let mut polls = 0;
        while !self.tasks.is_empty() {
            let before = polls;
            let mut index = 0;
            while let Some((woken, task)) = self.tasks.get_mut(index) {
                if woken.0.swap(false, AcqRel) {
                    polls += 1;
                    let waker = Waker::from(Arc::clone(woken));
                    if let Poll::Ready(outcome) =
                        task.as_mut().poll(&mut Context::from_waker(&waker))
                    {
                        outcome?;
                        drop(self.tasks.swap_remove(index));
                        continue;
                    }
                }
                index += 1;
            }
            if polls == before {
                sleep();
            }
        }
        Ok(polls)
    }
}
