//! State that all handles of a world share: the machine, and the tasks that run on it.

use crate::Domain;
use crate::machine::{Machine, RunState};
use crate::store::Xenstored;
use crate::task::{Step, Task, TaskId};
use crate::toolstack::Consoles;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use xen_hypercall::DomId;

/// Virtual time of a turn of a task, so that time advances while tasks are busy.
const STEP_NS: u64 = 1_000;

/// Maximum number of turns of one wait: more are a livelock.
const MAX_STEPS: u64 = 20_000_000;

/// Maximum number of consecutive waits that no task could end: more are a deadlock.
const MAX_FRUITLESS: u32 = 1_000;

pub(crate) type Handler = Box<dyn FnMut(&Domain, u32) + Send>;

#[derive(Default)]
pub(crate) struct Tasks {
    entries: BTreeMap<TaskId, Entry>,
    handlers: BTreeMap<u16, Option<Handler>>,
}

struct Entry {
    domain: DomId,
    /// `None` during its turn.
    task: Option<Box<dyn Task>>,
    wish: Step,
    /// Activity of the domain before its last turn.
    seen: u64,
}

/// Tasks and upcall handler of a domain.
pub(crate) struct Work {
    entries: BTreeMap<TaskId, Entry>,
    handler: Option<Option<Handler>>,
}

#[derive(Default)]
pub(crate) struct Shared {
    machine: Mutex<Option<Machine>>,
    tasks: Mutex<Tasks>,
    store: Mutex<Xenstored>,
    consoles: Mutex<Consoles>,
}

/// Result of [`Shared::run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The condition holds.
    Ready,
    /// The deadline has passed.
    Deadline,
    /// No task has work, now or later.
    Stuck,
}

enum Turn {
    Interrupt(DomId, u32, Handler),
    Task(TaskId, DomId, Box<dyn Task>),
    /// Time has advanced.
    Time,
    End(Outcome),
}

/// Lock guard of the machine.
pub(crate) struct Locked<'a>(MutexGuard<'a, Option<Machine>>);

impl core::ops::Deref for Locked<'_> {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        self.0.as_ref().expect("the machine was set at creation")
    }
}

impl core::ops::DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Machine {
        self.0.as_mut().expect("the machine was set at creation")
    }
}

impl Drop for Locked<'_> {
    /// Writes the hypervisor's changes to all copies of a page before a guest reads it.
    fn drop(&mut self) {
        if let Some(machine) = self.0.as_mut() {
            machine.pool.sync();
        }
    }
}

impl Shared {
    pub(crate) fn new(machine: Machine) -> Self {
        Self { machine: Mutex::new(Some(machine)), ..Self::default() }
    }

    pub(crate) fn lock(&self) -> Locked<'_> {
        // No task runs under the lock, so a panic leaves the machine consistent.
        let mut machine = Locked(self.machine.lock().unwrap_or_else(PoisonError::into_inner));
        machine.pool.sync();
        machine
    }

    /// Locks the machine, unless the simulator has locked it.
    pub(crate) fn try_lock(&self) -> Option<Locked<'_>> {
        match self.machine.try_lock() {
            Ok(machine) => Some(Locked(machine)),
            Err(TryLockError::Poisoned(poisoned)) => Some(Locked(poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Locks the xenstore server. This lock is taken before the machine's.
    pub(crate) fn store(&self) -> MutexGuard<'_, Xenstored> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the console daemon. This lock is taken before the machine's.
    pub(crate) fn consoles(&self) -> MutexGuard<'_, Consoles> {
        self.consoles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spawn(&self, domain: DomId, task: Box<dyn Task>) -> TaskId {
        // Unique over all worlds, as a task may move to another one.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = TaskId(NEXT.fetch_add(1, Ordering::Relaxed));
        let mut tasks = self.tasks();
        tasks.entries.insert(id, Entry { domain, task: Some(task), wish: Step::Worked, seen: 0 });
        id
    }

    /// Stops a task. During its own turn it is dropped at the end of the turn.
    pub(crate) fn stop(&self, id: TaskId) {
        // Dropped after the release of the lock, as the drivers of a task may issue hypercalls.
        let entry = self.tasks().entries.remove(&id);
        drop(entry);
    }

    pub(crate) fn set_handler(&self, domain: DomId, handler: Handler) {
        self.tasks().handlers.insert(domain.0, Some(handler));
    }

    pub(crate) fn has_handler(&self, domain: DomId) -> bool {
        self.tasks().handlers.contains_key(&domain.0)
    }

    /// Stops all tasks of a domain.
    pub(crate) fn stop_domain(&self, domain: DomId) {
        // Dropped without the lock, as in `stop`.
        drop(self.take_work(domain));
    }

    /// Removes the work of a domain, which continues in another world by [`adopt`](Self::adopt).
    pub(crate) fn take_work(&self, domain: DomId) -> Work {
        let mut tasks = self.tasks();
        let handler = tasks.handlers.remove(&domain.0);
        let entries = core::mem::take(&mut tasks.entries);
        let (gone, kept) =
            entries.into_iter().partition::<BTreeMap<_, _>, _>(|(_, entry)| entry.domain == domain);
        tasks.entries = kept;
        Work { entries: gone, handler }
    }

    /// Continues the work of a domain as that of `domain`.
    pub(crate) fn adopt(&self, domain: DomId, work: Work) {
        let mut tasks = self.tasks();
        if let Some(handler) = work.handler {
            tasks.handlers.insert(domain.0, handler);
        }
        for (id, entry) in work.entries {
            tasks.entries.insert(id, Entry { domain, ..entry });
        }
    }

    /// Stops all tasks of the world. The tasks own references to the world, so it must be called.
    pub(crate) fn stop_all(&self) {
        let gone = core::mem::take(&mut *self.tasks());
        drop(gone);
    }

    /// Runs the world until `done` holds, `deadline` has passed, or no task has work.
    pub(crate) fn run(
        self: &Arc<Self>,
        done: &mut dyn FnMut(&mut Machine) -> bool,
        deadline: Option<u64>,
    ) -> Outcome {
        self.run_turns(done, deadline, true)
    }

    fn run_turns(
        self: &Arc<Self>,
        done: &mut dyn FnMut(&mut Machine) -> bool,
        deadline: Option<u64>,
        move_time: bool,
    ) -> Outcome {
        for _ in 0..MAX_STEPS {
            match self.next_turn(done, deadline, move_time) {
                Turn::End(outcome) => return outcome,
                Turn::Time => {}
                Turn::Interrupt(id, vcpu, mut handler) => {
                    let domain = Domain::new(self, id, vcpu);
                    handler(&domain, vcpu);
                    // The domain may have been restored in another world.
                    let (home, id) = domain.place();
                    if let Some(slot) = home.tasks().handlers.get_mut(&id.0) {
                        *slot = Some(handler);
                    }
                }
                Turn::Task(id, domain, mut task) => {
                    let domain = Domain::new(self, domain, 0);
                    let wish = task.poll(&domain);
                    let (home, _) = domain.place();
                    let mut tasks = home.tasks();
                    match tasks.entries.get_mut(&id) {
                        Some(entry) if wish != Step::Done => {
                            (entry.task, entry.wish) = (Some(task), wish);
                        }
                        _ => {
                            tasks.entries.remove(&id);
                            drop(tasks);
                            drop(task);
                        }
                    }
                }
            }
        }
        panic!("livelock: a wait did not end after {MAX_STEPS} turns of tasks");
    }

    /// Runs ready tasks for at most `turns` turns, without advancing time to a task's deadline.
    ///
    /// Returns whether all tasks are idle.
    pub(crate) fn run_ready(self: &Arc<Self>, turns: u64) -> bool {
        let mut left = turns;
        let mut done = |_: &mut Machine| {
            let over = left == 0;
            left = left.saturating_sub(1);
            over
        };
        self.run_turns(&mut done, None, false) == Outcome::Stuck
    }

    /// Returns the number of tasks.
    pub(crate) fn task_count(&self) -> usize {
        self.tasks().entries.len()
    }

    fn next_turn(
        &self,
        done: &mut dyn FnMut(&mut Machine) -> bool,
        deadline: Option<u64>,
        move_time: bool,
    ) -> Turn {
        let (mut machine, mut tasks) = (self.lock(), self.tasks());
        let (machine, tasks) = (&mut *machine, &mut *tasks);
        machine.fire_timers();
        if let Some(turn) = tasks.interrupt(machine) {
            return turn;
        }
        let ready = tasks.ready(machine);
        // At random, another task runs before the condition is evaluated.
        if done(machine) && (ready.is_empty() || machine.rng.below(2) == 0) {
            return Turn::End(Outcome::Ready);
        }
        if deadline.is_some_and(|at| at <= machine.now) {
            return Turn::End(Outcome::Deadline);
        }
        if !ready.is_empty() {
            let id = ready[machine.rng.below(ready.len())];
            machine.advance_to(machine.now + STEP_NS);
            return tasks.take(machine, id);
        }
        let sleepers = tasks.entries.values().filter(|entry| entry.task.is_some());
        let alarms = sleepers.filter(|entry| machine.dom(entry.domain).runs()).filter_map(
            |entry| match entry.wish {
                Step::Sleep(at) => Some(at.as_nanos()),
                _ => None,
            },
        );
        match alarms.chain(machine.next_timer()).chain(deadline).min() {
            Some(at) if move_time => {
                machine.advance_to(at);
                Turn::Time
            }
            _ => Turn::End(Outcome::Stuck),
        }
    }

    /// Counts consecutive waits that no task can end, and panics when there are too many.
    pub(crate) fn note_wait(&self, domain: DomId, outcome: Outcome, what: &dyn Fn() -> String) {
        let mut machine = self.lock();
        let state = machine.dom_mut(domain);
        state.fruitless = if outcome == Outcome::Stuck { state.fruitless + 1 } else { 0 };
        if state.fruitless > MAX_FRUITLESS && state.run_state == RunState::Running {
            let name = state.config.name.clone();
            drop(machine);
            panic!(
                "deadlock: domain {domain} ({name}) waits for {}, which no task can cause",
                what()
            );
        }
    }
}

impl Tasks {
    /// Returns a vCPU with a pending upcall whose domain has a handler.
    fn interrupt(&mut self, machine: &mut Machine) -> Option<Turn> {
        for (&id, handler) in &mut self.handlers {
            let domain = machine.dom_mut(DomId(id));
            if handler.is_none() || !domain.runs() {
                continue;
            }
            let callback = domain.callback;
            let raised = domain
                .vcpus
                .iter()
                .position(|vcpu| vcpu.interrupt && (callback || vcpu.upcall_vector != 0));
            if let (Some(index), Some(handler)) = (raised, handler.take_if(|_| raised.is_some())) {
                domain.vcpus[index].interrupt = false;
                domain.counters.upcalls += 1;
                return Some(Turn::Interrupt(DomId(id), index as u32, handler));
            }
        }
        None
    }

    /// Returns the tasks that are ready.
    fn ready(&self, machine: &Machine) -> Vec<TaskId> {
        let entries = self.entries.iter().filter(|(_, entry)| {
            let domain = machine.dom(entry.domain);
            let woken = match entry.wish {
                Step::Worked => true,
                Step::Idle => domain.activity != entry.seen,
                Step::Sleep(at) => domain.activity != entry.seen || at.as_nanos() <= machine.now,
                Step::Done => false,
            };
            woken && entry.task.is_some() && domain.runs()
        });
        entries.map(|(&id, _)| id).collect()
    }

    fn take(&mut self, machine: &Machine, id: TaskId) -> Turn {
        let Some(entry) = self.entries.get_mut(&id) else { return Turn::Time };
        entry.seen = machine.dom(entry.domain).activity;
        match entry.task.take() {
            Some(task) => Turn::Task(id, entry.domain, task),
            None => Turn::Time,
        }
    }
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
