//! State of a world: frames, domains, time.

use crate::counters::Counters;
use crate::domain_handle::DomainHandle;
use crate::hv::event::Events;
use crate::hv::grant::GrantTable;
use crate::hv::{Area, WALL_CLOCK};
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

/// Configuration of a new domain.
#[derive(Clone, Debug)]
pub struct DomainConfig {
    /// Name in xenstore and traces.
    pub name: String,
    /// Pages of RAM; rounded up to a power of two.
    pub pages: usize,
    /// Number of the pages that have no memory at the start: a balloon can add them.
    pub hotplug_pages: usize,
    /// Number of the pages that are populated on demand, and are no part of the reservation before
    /// the balloon has returned as many.
    pub unpopulated_pages: usize,
    /// Frames without RAM, for mappings of other domains' memory.
    pub foreign_pages: usize,
    /// A domain on Arm, with the memory layout of x86: its upcall is fixed, no memory has the time,
    /// Xen has no timers for it, and pages of Xen have frames without RAM, and one place at a time.
    pub is_arm: bool,
    /// Maximum number of pages that its kernel and drivers may have in use at a time.
    pub page_budget: usize,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// `true` for the control domain.
    pub privileged: bool,
    /// Highest port number.
    pub max_port: u32,
    /// Maximum number of frames of its grant table.
    pub max_grant_frames: u32,
}

impl DomainConfig {
    /// Returns the configuration of a small guest: 16 MiB (1 MiB under Miri), one vCPU, libxl's
    /// limits.
    pub fn new(name: &str) -> Self {
        let small = cfg!(any(miri, not(target_os = "linux")));
        Self {
            name: name.to_owned(),
            pages: if small { 256 } else { 4096 },
            hotplug_pages: 0,
            unpopulated_pages: 0,
            foreign_pages: if small { 128 } else { 4096 },
            is_arm: false,
            page_budget: usize::MAX,
            vcpus: 1,
            privileged: false,
            max_port: 1023,
            max_grant_frames: 64,
        }
    }
}

/// Run state of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunState {
    Running,
    Shutdown(ShutdownReason),
    Dead,
}

#[derive(Debug)]
pub(crate) struct Vcpu {
    /// Place of its `VcpuInfo`; a vCPU above 31 has none until it registers one.
    pub(crate) info: Option<(Mfn, usize)>,
    pub(crate) info_moved: bool,
    pub(crate) timer: Option<u64>,
    pub(crate) period: Option<(u64, u64)>,
    pub(crate) virq_ports: [u32; xen_sys::xen::NR_VIRQS as usize],
    pub(crate) upcall_vector: u8,
    /// An upcall is pending.
    pub(crate) interrupt: bool,
    pub(crate) up: bool,
    /// Set if there are registers to start with.
    pub(crate) initialised: bool,
    /// Time of its creation, from which the times of its runstate add up.
    pub(crate) created: u64,
    pub(crate) runstate: VcpuRunstateInfo,
    /// Area that the domain registered for it.
    pub(crate) runstate_area: Option<Area>,
    /// Area that it registered for the time, beside its `VcpuInfo`.
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
            initialised: up,
            created: now,
            runstate: VcpuRunstateInfo { state, state_entry_time: now, ..Default::default() },
            runstate_area: None,
            time_area: None,
        }
    }
}

/// Number of watchdogs of a domain.
const NR_WATCHDOGS: usize = 2;

#[derive(Debug)]
pub(crate) struct DomainState {
    pub(crate) id: DomId,
    pub(crate) config: DomainConfig,
    pub(crate) run_state: RunState,
    /// `true` for a dead domain whose image can be restored.
    pub(crate) saved: bool,
    /// Latched reason, which replaces that of the shutdown.
    pub(crate) shutdown_code: Option<ShutdownReason>,
    /// Result of its last suspend: 0 if it was restored, 1 if the suspend was cancelled.
    pub(crate) resumed: usize,
    /// `VMASST_TYPE_RUNSTATE_UPDATE_FLAG`: a flag is set while its runstate is written.
    pub(crate) runstate_update_flag: bool,
    pub(crate) watchdogs: [Option<u64>; NR_WATCHDOGS],
    /// State that its handles share, while any exist.
    pub(crate) domain_handle: Weak<DomainHandle>,
    pub(crate) pauses: u32,
    pub(crate) physmap: Physmap,
    /// Maximum number of pages.
    pub(crate) max_pages: u64,
    /// Pages of RAM without memory, as many as the domain has to return before it uses them.
    pub(crate) unpopulated: u64,
    pub(crate) shared_info: Mfn,
    pub(crate) vcpus: Vec<Vcpu>,
    pub(crate) events: Events,
    pub(crate) grants: GrantTable,
    pub(crate) params: [u64; HVM_NR_PARAMS as usize],
    /// `true` if the domain set a vector for upcalls. Other kinds of callback have no effect, as
    /// in any PVH domain.
    pub(crate) callback: bool,
    pub(crate) console: Vec<u8>,
    pub(crate) console_input: VecDeque<u8>,
    pub(crate) counters: Counters,
    /// Number of wake-ups of the domain's tasks.
    pub(crate) activity: u64,
    /// Number of consecutive waits that no task could end.
    pub(crate) fruitless: u32,
    /// Number of upcalls at the end of its last wait.
    pub(crate) upcalls_waited: u64,
    /// Frames without RAM that pages of Xen have.
    pub(crate) xen_frames: usize,
    /// Ports that the toolstack opened, which are no leftovers.
    pub(crate) kept_ports: BTreeSet<u32>,
}

impl DomainState {
    pub(crate) fn runs(&self) -> bool {
        self.run_state == RunState::Running && self.pauses == 0
    }

    /// Returns whether the domain gave a page of its RAM to Xen, which keeps such pages.
    pub(crate) fn has_released(&self, page: Mfn) -> bool {
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
    /// Wall clock at time 0: seconds since 1970, and nanoseconds.
    pub(crate) wall_clock: (u64, u32),
    /// Domains whose shutdown xenstored has not received yet.
    pub(crate) shutdowns: Vec<DomId>,
    /// Devices of the toolstack, with their nodes.
    pub(crate) devices: Vec<DeviceNodes>,
}

impl Machine {
    pub(crate) fn new(seed: u64, version: (u16, u16)) -> Self {
        let pool = Pool::new(1 << 20).expect("the host has address space for a world");
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
            wall_clock: (WALL_CLOCK, 0),
            shutdowns: Vec::new(),
            devices: Vec::new(),
        }
    }

    /// Creates a domain without devices, as `XEN_DOMCTL_createdomain` does.
    pub(crate) fn create_domain(&mut self, config: DomainConfig) -> DomId {
        let physmap = Physmap::new(
            &mut self.pool,
            DomId(self.next_domid),
            config.pages,
            config.hotplug_pages,
            config.foreign_pages,
        );
        self.add_domain(config, physmap)
    }

    /// Creates a domain with a given memory.
    pub(crate) fn add_domain(&mut self, config: DomainConfig, physmap: Physmap) -> DomId {
        let id = DomId(self.next_domid);
        self.next_domid += 1;
        let shared_info = self.pool.alloc(1).expect("the world has a free frame");
        let vcpus =
            (0..config.vcpus).map(|index| Vcpu::new(index, shared_info, self.now)).collect();
        let grants = GrantTable::new(&mut self.pool, config.max_grant_frames);
        let mut state = DomainState {
            id,
            run_state: RunState::Running,
            saved: false,
            shutdown_code: None,
            resumed: 0,
            runstate_update_flag: false,
            watchdogs: [None; NR_WATCHDOGS],
            domain_handle: Weak::new(),
            pauses: 0,
            max_pages: physmap.ram_range().1,
            unpopulated: config.unpopulated_pages as u64,
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
            xen_frames: 0,
            kept_ports: BTreeSet::new(),
            config,
        };
        if state.config.is_arm {
            state.set_ppi();
        }
        self.domains.insert(id.0, state);
        self.update_clocks();
        id
    }

    /// Returns a domain, dead or alive, by an ID that the simulator recorded.
    pub(crate) fn dom(&self, id: DomId) -> &DomainState {
        self.domains.get(&id.0).expect("domain states are never removed")
    }

    pub(crate) fn dom_mut(&mut self, id: DomId) -> &mut DomainState {
        self.domains.get_mut(&id.0).expect("domain states are never removed")
    }

    /// Returns the ID of the domain that `caller` names, unless it is dead.
    pub(crate) fn find(&self, caller: DomId, named: DomId) -> Option<DomId> {
        let id = if named == DomId::SELF { caller } else { named };
        self.domains
            .get(&id.0)
            .filter(|domain| domain.run_state != RunState::Dead)
            .map(|domain| domain.id)
    }

    /// Returns the ID of the domain that `caller` names and may control: itself, or any if it is
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
