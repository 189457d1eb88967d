//! The state of a world: frames, domains, time.

use crate::counters::Counters;
use crate::domain_handle::DomainHandle;
use crate::hv::Area;
use crate::hv::event::Events;
use crate::hv::grant::GrantTable;
use crate::physmap::Physmap;
use crate::pool::{Mfn, Pool};
use crate::rng::Rng;
use crate::toolstack::DeviceNodes;
use crate::trace::Trace;
use crate::violation::Violation;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Weak;
use xen_hypercall::{DomId, Errno, SharedMem};
use xen_sys::hvm::params::HVM_NR_PARAMS;
use xen_sys::sched::ShutdownReason;
use xen_sys::vcpu::{VcpuRunstate, VcpuRunstateInfo};

/// What a new domain is given.
#[derive(Clone, Debug)]
pub struct DomainConfig {
    /// The name, for xenstore and traces.
    pub name: String,
    /// Pages of RAM; rounded up to a power of two.
    pub pages: usize,
    /// Frames without RAM, to map other domains' memory into.
    pub foreign_pages: usize,
    /// The most pages that its kernel and drivers are meant to have in use at a time.
    pub page_budget: usize,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Whether it is the control domain.
    pub privileged: bool,
    /// The highest port number that it may have.
    pub max_port: u32,
    /// The most frames that its grant table may grow to.
    pub max_grant_frames: u32,
}

impl DomainConfig {
    /// Returns what a small guest named `name` is given: 16 MiB (1 MiB under Miri), one vCPU, the
    /// limits that libxl sets.
    pub fn new(name: &str) -> Self {
        let small = cfg!(any(miri, not(target_os = "linux")));
        Self {
            name: name.to_owned(),
            pages: if small { 256 } else { 4096 },
            foreign_pages: if small { 128 } else { 4096 },
            page_budget: usize::MAX,
            vcpus: 1,
            privileged: false,
            max_port: 1023,
            max_grant_frames: 64,
        }
    }
}

/// run state of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunState {
    Running,
    Shutdown(ShutdownReason),
    Dead,
}

#[derive(Debug)]
pub(crate) struct Vcpu {
    /// Where its `VcpuInfo` is; vCPUs above 31 have none until they register one.
    pub(crate) info: Option<(Mfn, usize)>,
    pub(crate) info_moved: bool,
    pub(crate) timer: Option<u64>,
    pub(crate) period: Option<(u64, u64)>,
    pub(crate) virq_ports: [u32; xen_sys::xen::NR_VIRQS as usize],
    pub(crate) upcall_vector: u8,
    /// An interrupt was raised and not yet taken.
    pub(crate) interrupt: bool,
    pub(crate) up: bool,
    /// When it came to be; the times of its runstate add up from there.
    pub(crate) created: u64,
    pub(crate) runstate: VcpuRunstateInfo,
    /// Where the domain wants to see it.
    pub(crate) runstate_area: Option<Area>,
    /// Where it wants to see the time, beside its `VcpuInfo`.
    pub(crate) time_area: Option<Area>,
}

impl Vcpu {
    fn new(index: u32, shared_info: Mfn, now: u64) -> Self {
        let up = index == 0;
        let state = if up { VcpuRunstate::RUNNING } else { VcpuRunstate::OFFLINE };
        Self {
            info: (index < 32).then_some((shared_info, index as usize * 64)),
            info_moved: false,
            timer: None,
            period: None,
            virq_ports: [0; xen_sys::xen::NR_VIRQS as usize],
            upcall_vector: 0,
            interrupt: false,
            up,
            created: now,
            runstate: VcpuRunstateInfo { state, state_entry_time: now, ..Default::default() },
            runstate_area: None,
            time_area: None,
        }
    }
}

/// Watchdogs that a domain can have.
const NR_WATCHDOGS: usize = 2;

#[derive(Debug)]
pub(crate) struct DomainState {
    pub(crate) id: DomId,
    pub(crate) config: DomainConfig,
    pub(crate) run_state: RunState,
    /// It is dead, but may be restored from the image that was made of it.
    pub(crate) saved: bool,
    /// The reason that counts when it shuts down, if it latched one.
    pub(crate) shutdown_code: Option<ShutdownReason>,
    /// What its last suspension returned: 0 if it was restored, 1 if that was called off.
    pub(crate) resumed: usize,
    /// It wants to see by a flag that its runstate is being written
    /// (`VMASST_TYPE_RUNSTATE_UPDATE_FLAG`).
    pub(crate) runstate_update_flag: bool,
    pub(crate) watchdogs: [Option<u64>; NR_WATCHDOGS],
    /// What its handles share, while there are any.
    pub(crate) domain_handle: Weak<DomainHandle>,
    pub(crate) pauses: u32,
    pub(crate) physmap: Physmap,
    pub(crate) shared_info: Mfn,
    pub(crate) vcpus: Vec<Vcpu>,
    pub(crate) events: Events,
    pub(crate) grants: GrantTable,
    pub(crate) params: [u64; HVM_NR_PARAMS as usize],
    /// Whether the domain has a vector of its own for events. What else it tells Xen of its
    /// callback does nothing, as in any PVH domain.
    pub(crate) callback: bool,
    pub(crate) console: Vec<u8>,
    pub(crate) console_input: VecDeque<u8>,
    pub(crate) counters: Counters,
    /// Counts what may wake the domain's tasks up.
    pub(crate) activity: u64,
    /// How often in a row it waited for something that could never come.
    pub(crate) fruitless: u32,
    /// Interrupts that it had taken when it last stopped waiting.
    pub(crate) upcalls_waited: u64,
    /// Ports that the toolstack opened; they stay.
    pub(crate) kept_ports: BTreeSet<u32>,
}

impl DomainState {
    pub(crate) fn runs(&self) -> bool {
        self.run_state == RunState::Running && self.pauses == 0
    }

    /// Tells whether the domain gave a page of its RAM to Xen, which does not give such ones back.
    pub(crate) fn gave_up(&self, page: Mfn) -> bool {
        self.events.fifo.as_ref().is_some_and(|fifo| fifo.holds(page))
            || self.vcpus.iter().any(|vcpu| vcpu.info.is_some_and(|(info, _)| info == page))
    }
}

#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    pub(crate) seed: u64,
    pub(crate) pool: Pool,
    pub(crate) domains: BTreeMap<u16, DomainState>,
    next_domid: u16,
    pub(crate) violations: Vec<Violation>,
    pub(crate) trace: Trace,
    pub(crate) version: (u16, u16),
    /// Domains that shut down and whose watchers were not told yet.
    pub(crate) shutdowns: Vec<DomId>,
    /// The devices that the toolstack made, with what it wrote of them.
    pub(crate) devices: Vec<DeviceNodes>,
}

impl Machine {
    pub(crate) fn new(seed: u64, version: (u16, u16)) -> Self {
        let pool = Pool::new(1 << 20).expect("the host can reserve address space for a world");
        Self {
            now: 1_000_000_000,
            rng: Rng::new(seed),
            seed,
            pool,
            domains: BTreeMap::new(),
            next_domid: 0,
            violations: Vec::new(),
            trace: Trace::default(),
            version,
            shutdowns: Vec::new(),
            devices: Vec::new(),
        }
    }

    /// Makes a domain without devices, as the hypervisor does.
    pub(crate) fn create_domain(&mut self, config: DomainConfig) -> DomId {
        let physmap = Physmap::new(
            &mut self.pool,
            DomId(self.next_domid),
            config.pages,
            config.foreign_pages,
        );
        self.add_domain(config, physmap)
    }

    /// Makes a domain with a given memory.
    pub(crate) fn add_domain(&mut self, config: DomainConfig, physmap: Physmap) -> DomId {
        let id = DomId(self.next_domid);
        self.next_domid += 1;
        let shared_info = self.pool.alloc(1).expect("the world has room for one more frame");
        let vcpus =
            (0..config.vcpus).map(|index| Vcpu::new(index, shared_info, self.now)).collect();
        let grants = GrantTable::new(&mut self.pool, config.max_grant_frames);
        let state = DomainState {
            id,
            run_state: RunState::Running,
            saved: false,
            shutdown_code: None,
            resumed: 0,
            runstate_update_flag: false,
            watchdogs: [None; NR_WATCHDOGS],
            domain_handle: Weak::new(),
            pauses: 0,
            physmap,
            shared_info,
            vcpus,
            events: Events::new(config.max_port),
            grants,
            params: [0; HVM_NR_PARAMS as usize],
            callback: false,
            console: Vec::new(),
            console_input: Default::default(),
            counters: Counters::default(),
            activity: 0,
            fruitless: 0,
            upcalls_waited: 0,
            kept_ports: BTreeSet::new(),
            config,
        };
        self.domains.insert(id.0, state);
        self.update_clocks();
        id
    }

    /// Returns a domain, dead or alive; for identifiers that the simulator itself keeps.
    pub(crate) fn dom(&self, id: DomId) -> &DomainState {
        self.domains.get(&id.0).expect("domains are never forgotten")
    }

    pub(crate) fn dom_mut(&mut self, id: DomId) -> &mut DomainState {
        self.domains.get_mut(&id.0).expect("domains are never forgotten")
    }

    /// Finds the domain that `caller` names; dead ones are not found.
    pub(crate) fn find(&self, caller: DomId, named: DomId) -> Option<DomId> {
        let id = if named == DomId::SELF { caller } else { named };
        self.domains
            .get(&id.0)
            .filter(|domain| domain.run_state != RunState::Dead)
            .map(|domain| domain.id)
    }

    /// Finds the domain that `caller` names and wants to act on: itself, or any if it is
    /// privileged.
    pub(crate) fn find_controlled(&self, caller: DomId, named: DomId) -> Result<DomId, Errno> {
        let id = self.find(caller, named).ok_or(Errno::ESRCH)?;
        if id == caller || self.dom(caller).config.privileged { Ok(id) } else { Err(Errno::EPERM) }
    }

    pub(crate) fn is_alive(&self, id: DomId) -> bool {
        self.domains.get(&id.0).is_some_and(|domain| domain.run_state != RunState::Dead)
    }

    pub(crate) fn page(&self, mfn: Mfn) -> &SharedMem {
        self.pool.page(mfn)
    }

    pub(crate) fn violate(&mut self, violation: Violation) {
        self.trace.record(self.now, None, || format!("VIOLATION {violation}"));
        self.violations.push(violation);
    }
}
