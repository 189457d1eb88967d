//! What all handles of a world share: the machine, and the tasks that run on it.

use crate::Domain;
use crate::machine::{Machine, RunState};
use crate::store::Xenstored;
use crate::task::{Step, Task, TaskId};
use crate::toolstack::Consoles;
use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use xen_hypercall::DomId;

/// What a turn of a task costs in virtual time, so that busy tasks can't hold time still.
const STEP_NS: u64 = 1_000;

/// Turns that one wait may take; more than that is a loop.
const MAX_STEPS: u64 = 20_000_000;

/// Waits in a row that nothing in the world could end; more than that is a deadlock.
const MAX_FRUITLESS: u32 = 1_000;

pub(crate) type Handler = Box<dyn FnMut(&Domain, u32) + Send>;

#[derive(Default)]
pub(crate) struct Tasks {
    entries: BTreeMap<TaskId, Entry>,
    handlers: BTreeMap<u16, Option<Handler>>,
}

struct Entry {
    domain: DomId,
    /// `None` while it runs.
    task: Option<Box<dyn Task>>,
    wish: Step,
    /// The domain's activity before its last turn.
    seen: u64,
}

/// All that a domain does by itself.
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

/// Why [`Shared::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// What was waited for has come.
    Ready,
    /// The deadline has.
    Deadline,
    /// Nobody has anything to do, now or later.
    Stuck,
}

enum Turn {
    Interrupt(DomId, u32, Handler),
    Task(TaskId, DomId, Box<dyn Task>),
    /// Time has moved on.
    Time,
    End(Outcome),
}

/// The machine, locked.
pub(crate) struct Locked<'a>(MutexGuard<'a, Option<Machine>>);

impl core::ops::Deref for Locked<'_> {
    type Target = Machine;

    fn deref(&self) -> &Machine {
        self.0.as_ref().expect("the machine is there from the start")
    }
}

impl core::ops::DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Machine {
        self.0.as_mut().expect("the machine is there from the start")
    }
}

impl Drop for Locked<'_> {
    /// What the hypervisor wrote has to reach all copies of the page before a guest looks.
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
        // No task runs under the lock, so a panic leaves the machine whole.
        let mut machine = Locked(self.machine.lock().unwrap_or_else(PoisonError::into_inner));
        machine.pool.sync();
        machine
    }

    /// Locks the machine, unless the simulator is at work on it.
    pub(crate) fn try_lock(&self) -> Option<Locked<'_>> {
        match self.machine.try_lock() {
            Ok(machine) => Some(Locked(machine)),
            Err(TryLockError::Poisoned(poisoned)) => Some(Locked(poisoned.into_inner())),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Locks the xenstore server. Comes before the machine's lock.
    pub(crate) fn store(&self) -> MutexGuard<'_, Xenstored> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the console daemon. Comes before the machine's lock.
    pub(crate) fn consoles(&self) -> MutexGuard<'_, Consoles> {
        self.consoles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spawn(&self, domain: DomId, task: Box<dyn Task>) -> TaskId {
        // Unlike in all worlds, as a task may move to another one.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = TaskId(NEXT.fetch_add(1, Ordering::Relaxed));
        let mut tasks = self.tasks();
        tasks.entries.insert(id, Entry { domain, task: Some(task), wish: Step::Worked, seen: 0 });
        id
    }

    /// Ends a task; one that is running is dropped after its turn.
    pub(crate) fn stop(&self, id: TaskId) {
        // Dropped after the lock is released, as it may hold drivers that issue hypercalls.
        let entry = self.tasks().entries.remove(&id);
        drop(entry);
    }

    pub(crate) fn set_handler(&self, domain: DomId, handler: Handler) {
        self.tasks().handlers.insert(domain.0, Some(handler));
    }

    pub(crate) fn has_handler(&self, domain: DomId) -> bool {
        self.tasks().handlers.contains_key(&domain.0)
    }

    /// Ends all work of a domain.
    pub(crate) fn stop_domain(&self, domain: DomId) {
        // Dropped without the lock, as for one task.
        drop(self.take_work(domain));
    }

    /// Takes all work of a domain out, to go on elsewhere by [`adopt`](Self::adopt).
    pub(crate) fn take_work(&self, domain: DomId) -> Work {
        let mut tasks = self.tasks();
        let handler = tasks.handlers.remove(&domain.0);
        let entries = core::mem::take(&mut tasks.entries);
        let (gone, kept) =
            entries.into_iter().partition::<BTreeMap<_, _>, _>(|(_, entry)| entry.domain == domain);
        tasks.entries = kept;
        Work { entries: gone, handler }
    }

    /// Lets the work of a domain go on as that of `domain`.
    pub(crate) fn adopt(&self, domain: DomId, work: Work) {
        let mut tasks = self.tasks();
        if let Some(handler) = work.handler {
            tasks.handlers.insert(domain.0, handler);
        }
        for (id, entry) in work.entries {
            tasks.entries.insert(id, Entry { domain, ..entry });
        }
    }

    /// Ends all work of the world; its tasks hold the world, so somebody has to.
    pub(crate) fn stop_all(&self) {
        let gone = core::mem::take(&mut *self.tasks());
        drop(gone);
    }

    /// Lets the world run until `done` holds, `deadline` has come, or nothing can happen any more.
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
                    // It may have been restored elsewhere meanwhile.
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
        panic!("livelock: {MAX_STEPS} turns of tasks in one wait, and no end");
    }

    /// Gives tasks that have something to do `turns` turns in all, without moving time on to
    /// anybody's alarm.
    ///
    /// Returns whether they came to rest.
    pub(crate) fn run_ready(self: &Arc<Self>, turns: u64) -> bool {
        let mut left = turns;
        let mut done = |_: &mut Machine| {
            let over = left == 0;
            left = left.saturating_sub(1);
            over
        };
        self.run_turns(&mut done, None, false) == Outcome::Stuck
    }

    /// Returns how many tasks there are.
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
        // Now and then another domain is quicker than the one that has been waited for.
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

    /// Counts a wait that could never end, and stops the test when there are too many in a row.
    pub(crate) fn note_wait(&self, domain: DomId, outcome: Outcome, what: &dyn Fn() -> String) {
        let mut machine = self.lock();
        let state = machine.dom_mut(domain);
        state.fruitless = if outcome == Outcome::Stuck { state.fruitless + 1 } else { 0 };
        if state.fruitless > MAX_FRUITLESS && state.run_state == RunState::Running {
            let name = state.config.name.clone();
            drop(machine);
            panic!(
                "deadlock: domain {domain} ({name}) waits for {}, and nothing in the world can ever end that",
                what()
            );
        }
    }
}

impl Tasks {
    /// Picks a vCPU that an interrupt waits for, if its domain has a way to take it.
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

    /// Returns the tasks that want a turn.
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
