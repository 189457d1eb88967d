//! Guests: suspend, resume, save and restore.

use super::device::DeviceNodes;
use crate::domain_handle::DomainHandle;
use crate::machine::{DomainConfig, Machine, RunState};
use crate::physmap::Physmap;
use crate::task::Step;
use crate::{Domain, World};
use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use xen_hypercall::ops::sched::SuspendOutcome;
use xen_hypercall::{DomId, PAGE_SIZE, Platform};
use xen_sys::hvm::params::*;
use xen_sys::sched::ShutdownReason;

/// Timeout of a suspend request, that of libxl.
const SUSPEND_TIMEOUT: Duration = Duration::from_secs(60);

/// State that a restore moves with a domain. Xen creates the remaining state anew.
const SAVED_PARAMS: [u32; 6] = [
    HVM_PARAM_STORE_PFN,
    HVM_PARAM_CONSOLE_PFN,
    HVM_PARAM_VM86_TSS_SIZED,
    HVM_PARAM_IDENT_PT,
    HVM_PARAM_VM_GENERATION_ID_ADDR,
    HVM_PARAM_X87_FIP_WIDTH,
];

/// Saved domain: its memory, its vCPUs and its devices.
///
/// State of Xen and other domains is not part of it: ports, grants and mappings, registered areas,
/// timers, watches. [`World::restore`] resumes the domain. A domain whose image is dropped stays
/// dead.
pub struct Image {
    domain_handle: Arc<DomainHandle>,
    contents: Vec<(u64, Box<[u8; PAGE_SIZE]>)>,
    devices: Vec<DeviceNodes>,
    now: u64,
    /// `None` after the restore.
    pending: bool,
}

/// State of a domain that moves unchanged to another machine.
struct Moved {
    config: DomainConfig,
    physmap: Physmap,
    params: [u64; SAVED_PARAMS.len()],
    up: Vec<bool>,
    counters: crate::Counters,
    console: Vec<u8>,
    activity: u64,
}

impl World {
    /// Requests a guest to suspend, as `xl save` and `xl migrate` do, and then calls `then`, which
    /// may [`resume`](Self::resume) it, or [`save`](Self::save) and [`restore`](Self::restore) it.
    ///
    /// The guest reads `suspend` from its node `control/shutdown`, empties the node, and suspends.
    /// After a minute without a suspend the request is withdrawn. (libxl suspends a guest without
    /// `HVM_PARAM_CALLBACK_IRQ` without a request. Here all guests receive it.)
    pub fn suspend(&self, id: DomId, then: impl FnOnce(&Self) + Send + 'static) {
        let (store, world) = (self.store(), self.clone());
        let control = format!("/local/domain/{id}/control/shutdown");
        store.write(&control, "suspend").expect("the toolstack may write everywhere");
        let deadline = self.now() + SUSPEND_TIMEOUT;
        let mut then = Some(then);
        self.dom0().spawn(move |dom0: &Domain| {
            if world.shutdown_reason(id) == Some(ShutdownReason::SUSPEND) {
                if let Some(then) = then.take() {
                    then(&world);
                }
                return Step::Done;
            }
            if dom0.now() < deadline && dom0.exists(id) {
                return Step::Sleep(deadline);
            }
            if store.read(&control).is_some_and(|request| request == "suspend") {
                let _ = store.write(&control, "");
            }
            Step::Done
        });
    }

    /// Resumes a suspended domain in its world.
    ///
    /// With [`SuspendOutcome::Cancelled`] its suspend returns that nothing changed, as after `xl
    /// save -c`. With [`SuspendOutcome::Resumed`] its suspend returns as in a new domain,
    /// although its old state still exists: a toolstack uses it for a guest that may not
    /// support the former.
    ///
    /// # Panics
    ///
    /// If the domain is not suspended.
    pub fn resume(&self, id: DomId, resumed: SuspendOutcome) {
        let mut machine = self.shared().lock();
        machine.assert_suspended(id);
        let now = machine.now;
        machine.trace.record(now, Some(id), || format!("resumed: {resumed:?}"));
        let domain = machine.dom_mut(id);
        domain.resumed = usize::from(resumed == SuspendOutcome::Cancelled);
        domain.run_state = RunState::Running;
        domain.shutdown_code = None;
        domain.activity += 1;
    }

    /// Saves a suspended domain and destroys it in this world, as `xl save` and the sender of `xl
    /// migrate` do. A domain that requested a soft reset is saved too: libxl resets it in place,
    /// and [`restore`](Self::restore) gives it the same new state with another domain ID.
    ///
    /// # Panics
    ///
    /// If the domain is not suspended.
    pub fn save(&self, id: DomId) -> Image {
        let present = self.devices_of(id);
        let devices = self.take_devices(|device| present.contains(device));
        let image = {
            let mut machine = self.shared().lock();
            machine.assert_suspended(id);
            let contents = machine.dom(id).physmap.contents(&machine.pool);
            machine.dom_mut(id).saved = true;
            (contents, machine.now)
        };
        let (contents, now) = image;
        let image = Image {
            domain_handle: DomainHandle::of(self.shared(), id),
            contents,
            devices,
            now,
            pending: true,
        };
        self.end(id);
        self.forget(id);
        image
    }

    /// Creates a domain from an image, with a new domain ID, and resumes it: in the same world, or
    /// in another one like the receiver of `xl migrate`. Its handles then refer to the new domain,
    /// where its tasks continue.
    ///
    /// Its devices are attached again with the backend domain `backend`, or not at all with `None`.
    /// If the clock of the world is behind the image's, it advances, as the time of a kernel must
    /// not decrease.
    pub fn restore(&self, mut image: Image, backend: Option<&Domain>) -> Domain {
        let (from, old) = image.domain_handle.place();
        let moved = Moved::take(&mut from.lock(), old);
        let name = moved.config.name.clone();
        let id = {
            let mut machine = self.shared().lock();
            machine.advance_to(image.now);
            machine.settle(moved, &image.contents)
        };
        image.pending = false;
        image.domain_handle.move_to(self.shared(), id);
        self.shared().adopt(id, from.take_work(old));
        let guest = Domain::new(self.shared(), id, 0);
        let has = |param: u32| self.shared().lock().dom(id).params[param as usize] != 0;
        if has(HVM_PARAM_STORE_PFN) {
            self.write_guest(&guest, &name);
            self.introduce(id);
        }
        if let Some(backend) = backend {
            self.attach_again(core::mem::take(&mut image.devices), id, backend.id());
        }
        guest
    }
}

impl Moved {
    /// Takes the movable state of a destroyed domain.
    fn take(machine: &mut Machine, id: DomId) -> Self {
        let none = Physmap::none(&machine.pool);
        let Machine { pool, domains, .. } = machine;
        let domain = domains.get_mut(&id.0).expect("domain states are never removed");
        domain.saved = false;
        let mut physmap = core::mem::replace(&mut domain.physmap, none);
        physmap.leave(pool);
        Self {
            config: domain.config.clone(),
            physmap,
            params: SAVED_PARAMS.map(|param| domain.params[param as usize]),
            up: domain.vcpus.iter().map(|vcpu| vcpu.up).collect(),
            counters: core::mem::take(&mut domain.counters),
            console: core::mem::take(&mut domain.console),
            activity: domain.activity,
        }
    }
}

impl Machine {
    fn assert_suspended(&self, id: DomId) {
        let run_state = self.dom(id).run_state;
        assert!(
            [ShutdownReason::SUSPEND, ShutdownReason::SOFT_RESET]
                .map(RunState::Shutdown)
                .contains(&run_state),
            "domain {id} is not suspended but {run_state:?}"
        );
    }

    /// Creates a domain with the memory and the vCPUs of another.
    fn settle(&mut self, moved: Moved, contents: &[(u64, Box<[u8; PAGE_SIZE]>)]) -> DomId {
        let Moved { config, mut physmap, params, up, counters, console, activity } = moved;
        physmap.settle(&mut self.pool);
        for (gfn, bytes) in contents {
            if let Some(mapping) = physmap.get(*gfn) {
                self.pool
                    .page(mapping.mfn)
                    .copy_from(0, &bytes[..])
                    .expect("a frame has a page of bytes");
            }
        }
        let id = self.add_domain(config, physmap);
        let domain = self.dom_mut(id);
        for (param, value) in SAVED_PARAMS.into_iter().zip(params) {
            domain.params[param as usize] = value;
        }
        for (vcpu, up) in domain.vcpus.iter_mut().zip(up) {
            // Xen saves no state of a vCPU that is down.
            (vcpu.up, vcpu.initialised) = (up, up);
        }
        (domain.counters, domain.console) = (counters, console);
        domain.activity = activity + 1;
        let now = self.now;
        self.trace.record(now, Some(id), || "restored".to_owned());
        id
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.pending {
            let (shared, id) = self.domain_handle.place();
            shared.lock().dom_mut(id).saved = false;
            shared.stop_domain(id);
        }
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("pages", &self.contents.len())
            .field("devices", &self.devices.len())
            .finish_non_exhaustive()
    }
}
