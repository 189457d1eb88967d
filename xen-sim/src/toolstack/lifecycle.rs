//! Suspending, resuming, saving and restoring guests.

use super::device::DeviceNodes;
use crate::domain_handle::DomainHandle;
use crate::machine::{DomainConfig, Machine, RunState};
use crate::physmap::Physmap;
use crate::task::Step;
use crate::{Domain, World};
use core::fmt;
use core::time::Duration;
use std::sync::Arc;
use xen_hypercall::ops::sched::Resumed;
use xen_hypercall::{DomId, PAGE_SIZE, Platform};
use xen_sys::hvm::params::*;
use xen_sys::sched::ShutdownReason;

/// How long a guest may take to suspend once it was asked; what libxl gives it.
const SUSPEND_TIMEOUT: Duration = Duration::from_secs(60);

/// What goes with a domain where it is restored. The rest is Xen's, and made anew.
const SAVED_PARAMS: [u32; 6] = [
    HVM_PARAM_STORE_PFN,
    HVM_PARAM_CONSOLE_PFN,
    HVM_PARAM_VM86_TSS_SIZED,
    HVM_PARAM_IDENT_PT,
    HVM_PARAM_VM_GENERATION_ID_ADDR,
    HVM_PARAM_X87_FIP_WIDTH,
];

/// A domain that was saved: its memory, what its vCPUs were, and its devices.
///
/// What Xen and other domains had for it is not part of it: ports, grants and mappings, registered
/// memory areas, timers, watches. [`World::restore`] resumes it. If it is dropped
/// instead, the domain stays dead.
pub struct Image {
    domain_handle: Arc<DomainHandle>,
    contents: Vec<(u64, Box<[u8; PAGE_SIZE]>)>,
    devices: Vec<DeviceNodes>,
    now: u64,
    /// Taken out when the domain is restored.
    pending: bool,
}

/// What of a domain's state goes to another machine as it is.
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
    /// Asks a guest to suspend itself, as `xl save` and `xl migrate` do, and calls `then` when it
    /// has: to [`resume`](Self::resume) it, or to [`save`](Self::save) it and
    /// [`restore`](Self::restore) it somewhere.
    ///
    /// The guest finds `suspend` in its node `control/shutdown`, empties that, and suspends. If it
    /// has not after a minute, the request is taken back. (libxl stops a guest without asking
    /// that has told Xen of no way of upcalls, `HVM_PARAM_CALLBACK_IRQ`. Here all are asked.)
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

    /// Lets a suspended domain go on where it is.
    ///
    /// With [`Resumed::Cancelled`] it is told that nothing has happened, as after `xl save -c`.
    /// With [`Resumed::Elsewhere`] it is told that it is a new domain although all that it had
    /// is still there: what a toolstack does that does not trust the guest to understand the
    /// former.
    ///
    /// # Panics
    ///
    /// If the domain has not suspended itself.
    pub fn resume(&self, id: DomId, resumed: Resumed) {
        let mut machine = self.shared().lock();
        machine.assert_suspended(id);
        let now = machine.now;
        machine.trace.record(now, Some(id), || format!("resumed: {resumed:?}"));
        let domain = machine.dom_mut(id);
        domain.resumed = usize::from(resumed == Resumed::Cancelled);
        domain.run_state = RunState::Running;
        domain.shutdown_code = None;
        domain.activity += 1;
    }

    /// Saves a suspended domain and destroys it here, as `xl save` and the sending end of `xl
    /// migrate` do.
    ///
    /// # Panics
    ///
    /// If the domain has not suspended itself.
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

    /// Makes a domain of an image, under a new number, and lets it go on: in the same world, or in
    /// another one as the receiving end of `xl migrate` does. Its handles stand for the new
    /// domain from here on, and its tasks go on there.
    ///
    /// Its devices are made again, served by `backend`, or not at all if that is `None`. The clock
    /// of a world that is younger than the image moves on, as a kernel's time must not go back.
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
    /// Takes what can be moved out of the remains of a domain.
    fn take(machine: &mut Machine, id: DomId) -> Self {
        let none = Physmap::none(&machine.pool);
        let Machine { pool, domains, .. } = machine;
        let domain = domains.get_mut(&id.0).expect("domains are never forgotten");
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
            run_state == RunState::Shutdown(ShutdownReason::SUSPEND),
            "domain {id} is not suspended but {run_state:?}"
        );
    }

    /// Makes a domain with the memory and the vCPUs of another.
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
            vcpu.up = up;
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
