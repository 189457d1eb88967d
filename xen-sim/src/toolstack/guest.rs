//! Guests: creation and removal.

use crate::machine::{DomainConfig, Machine};
use crate::physmap::{Kind, Mapping};
use crate::pool::Mfn;
use crate::shared::Shared;
use crate::store::{Ring, Store, with};
use crate::{Domain, World};
use std::sync::Arc;
use xen_hypercall::{DomId, PAGE_SIZE};
use xen_store::wire::{Access, Permission};
use xen_sys::grant_table::{GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE};
use xen_sys::hvm::params::*;

/// Special page of each ring.
pub(super) const STORE_PAGE: usize = 0;
const CONSOLE_PAGE: usize = 1;

impl World {
    /// Creates a guest as the toolstack does: with its nodes, a xenstore ring and a console.
    /// Devices are attached later.
    pub fn create_guest(&self, config: DomainConfig) -> Domain {
        let guest = self.create_guest_without_store(config);
        self.introduce(guest.id());
        guest
    }

    /// Creates a guest whose xenstore ring and console are not served before
    /// [`introduce`](Self::introduce).
    pub fn create_guest_without_store(&self, config: DomainConfig) -> Domain {
        let name = config.name.clone();
        let guest = self.create(config);
        self.write_guest(&guest, &name);
        guest
    }

    /// Writes a guest's nodes and creates its rings.
    pub(super) fn write_guest(&self, guest: &Domain, name: &str) {
        let store = self.store();
        let host_write = |path: &str, value: &str| {
            store.write(path, value).expect("the toolstack may write all nodes");
        };
        self.write_home(&store, &host_write, guest, name);
        for (page, index, pfn, evtchn, grant) in [
            (
                STORE_PAGE,
                "store",
                HVM_PARAM_STORE_PFN,
                HVM_PARAM_STORE_EVTCHN,
                GNTTAB_RESERVED_XENSTORE,
            ),
            (
                CONSOLE_PAGE,
                "console",
                HVM_PARAM_CONSOLE_PFN,
                HVM_PARAM_CONSOLE_EVTCHN,
                GNTTAB_RESERVED_CONSOLE,
            ),
        ] {
            let (gfn, port) = self.shared().lock().make_ring(guest.id(), page, pfn, evtchn, grant);
            let home = format!("/local/domain/{}/{index}", guest.id());
            host_write(&format!("{home}/ring-ref"), &gfn.to_string());
            host_write(&format!("{home}/port"), &port.to_string());
        }
    }

    /// Introduces a guest to xenstored and the console daemon, as the toolstack does at the end of
    /// its creation.
    pub fn introduce(&self, id: DomId) {
        introduce(self.shared(), id);
        let mut consoles = self.shared().consoles();
        let mut machine = self.shared().lock();
        let ring = machine.connect_ring(id, HVM_PARAM_CONSOLE_PFN, HVM_PARAM_CONSOLE_EVTCHN);
        if let Some((page, port)) = ring {
            consoles.add(&machine, id, page, port);
        }
    }

    /// Writes a guest's memory target, as `xl mem-set` does: a number of KiB, or any other text.
    pub fn set_memory_target(&self, id: DomId, target: impl core::fmt::Display) {
        let node = format!("/local/domain/{id}/memory/target");
        self.store().write(node, target.to_string()).expect("the toolstack may write all nodes");
    }

    /// Sets the maximum number of a guest's pages, as `xl mem-max` does.
    pub fn set_max_pages(&self, id: DomId, pages: u64) {
        self.shared().lock().dom_mut(id).max_pages = pages;
    }

    /// Returns all output of a guest on its console.
    pub fn console_output(&self, id: DomId) -> Vec<u8> {
        self.shared().consoles().output(id)
    }

    /// Sends input to a guest's console.
    pub fn type_on_console(&self, id: DomId, text: &[u8]) {
        self.shared().consoles().type_in(&mut self.shared().lock(), id, text);
    }

    pub(super) fn write_home(
        &self,
        store: &Store,
        host_write: &dyn Fn(&str, &str),
        guest: &Domain,
        name: &str,
    ) {
        let id = guest.id();
        let home = format!("/local/domain/{id}");
        let read_only = owned_by(DomId(0), Some(id));
        let own = owned_by(id, None);
        let make = |path: &str, permissions: &[Permission]| {
            store
                .mkdir(path)
                .and_then(|()| store.set_permissions(path, permissions))
                .expect("dom0 may write all nodes");
        };
        make(&home, &read_only);
        // Nodes below inherit its permissions unless others are set.
        for name in ["cpu", "memory", "device", "control"] {
            store.mkdir(format!("{home}/{name}")).expect("dom0 may write all nodes");
        }
        for name in
            ["data", "drivers", "feature", "attr", "error", "control/shutdown", "control/sysrq"]
        {
            make(&format!("{home}/{name}"), &own);
        }
        // The guest writes its supported requests there, and its port for suspend requests.
        for name in
            ["feature-poweroff", "feature-reboot", "feature-suspend", "feature-s3", "feature-s4"]
        {
            make(&format!("{home}/control/{name}"), &own);
        }
        make(&format!("{home}/device/suspend/event-channel"), &own);
        // A driver domain creates its own nodes there.
        make(&format!("{home}/backend"), &own);
        let machine = self.shared().lock();
        let config = machine.dom(id).config.clone();
        drop(machine);
        let kib = |pages: usize| (pages * PAGE_SIZE / 1024).to_string();
        let boot = config.pages.next_power_of_two() - config.hotplug_pages;
        let vm = format!("/vm/00000000-0000-0000-0000-{:012x}", id.0);
        make(&vm, &read_only);
        host_write(&format!("{vm}/name"), name);
        host_write(&format!("{home}/vm"), &vm);
        host_write(&format!("{home}/name"), name);
        host_write(&format!("{home}/domid"), &id.to_string());
        let target = boot - config.unpopulated_pages;
        host_write(&format!("{home}/memory/static-max"), &kib(boot));
        host_write(&format!("{home}/memory/target"), &kib(target));
        for vcpu in 0..config.vcpus {
            host_write(&format!("{home}/cpu/{vcpu}/availability"), "online");
        }
        for feature in ["multiprocessor-suspend", "xs_reset_watches"] {
            host_write(&format!("{home}/control/platform-feature-{feature}"), "1");
        }
    }

    /// Returns a connection to xenstore with the rights of the control domain.
    pub fn store(&self) -> Store {
        Store::connect(self.shared(), DomId(0))
    }
}

impl Domain {
    /// Returns a connection to xenstore with the rights of this domain that does not use its ring,
    /// for the simulated parts of a test.
    ///
    /// It stays connected to this world with this domain ID when the domain is restored.
    pub fn store(&self) -> Store {
        let (shared, id) = self.place();
        Store::connect(&shared, id)
    }
}

/// Returns the permissions of a node that one domain owns and another one may read.
pub(super) fn owned_by(owner: DomId, reader: Option<DomId>) -> Vec<Permission> {
    let owner = Permission { access: Access::None, domain: owner };
    let reader = reader.map(|domain| Permission { access: Access::Read, domain });
    core::iter::once(owner).chain(reader).collect()
}

/// Introduces a domain to xenstored.
pub(crate) fn introduce(shared: &Arc<Shared>, id: DomId) {
    with(shared, |store, machine| {
        let ring = machine.connect_ring(id, HVM_PARAM_STORE_PFN, HVM_PARAM_STORE_EVTCHN);
        let Some((page, port)) = ring else { return };
        let connection = store.server.connect(id);
        store.add_ring(id, Ring::new(machine, &store.server, connection, page, port));
        store.server.introduce(id);
        // The guest may already wait for the server.
        let _ = machine.send(DomId(0), port);
        store.flush(machine);
    });
}

/// Releases a destroyed domain in xenstored, with all that the domain owned.
pub(crate) fn release(shared: &Arc<Shared>, id: DomId) {
    let port = with(shared, |store, machine| {
        let port = store.remove_ring(id);
        store.server.release(id);
        store.flush(machine);
        port
    });
    let console = shared.consoles().close(id);
    let mut machine = shared.lock();
    for port in port.into_iter().chain(console) {
        machine.dom_mut(DomId(0)).kept_ports.remove(&port);
        machine.close_port(DomId(0), port);
    }
}

impl Machine {
    /// Creates the page and the port of a guest's ring; returns frame and port.
    pub(crate) fn make_ring(
        &mut self,
        id: DomId,
        page: usize,
        pfn: u32,
        evtchn: u32,
        grant: u32,
    ) -> (u64, u32) {
        let port = self.make_ring_port(id, evtchn);
        let gfn = self.make_ring_page(id, page, grant);
        self.dom_mut(id).params[pfn as usize] = gfn;
        (gfn, port)
    }

    /// Opens the port of a ring.
    pub(super) fn make_ring_port(&mut self, id: DomId, evtchn: u32) -> u32 {
        let port = self.alloc_unbound(id, DomId(0)).expect("a new domain has free ports");
        let domain = self.dom_mut(id);
        domain.kept_ports.insert(port);
        domain.params[evtchn as usize] = u64::from(port);
        port
    }

    /// Adds the page of a ring, and grants it to dom0; returns its frame.
    pub(super) fn make_ring_page(&mut self, id: DomId, page: usize, grant: u32) -> u64 {
        let mfn = self.pool.alloc(1).expect("the world has a free frame");
        let gfn = self.dom(id).physmap.special(page);
        self.map(id, gfn, Some(Mapping { mfn, kind: Kind::Xen }));
        self.seed_entry(id, grant, DomId(0), gfn);
        gfn
    }

    /// Binds the control domain's end of a guest's ring; returns its page and dom0's port.
    fn connect_ring(&mut self, id: DomId, pfn: u32, evtchn: u32) -> Option<(Mfn, u32)> {
        let params = &self.dom(id).params;
        let (gfn, port) = (params[pfn as usize], params[evtchn as usize] as u32);
        let page = self.dom(id).physmap.get(gfn)?.mfn;
        let local = self.bind_interdomain(DomId(0), id, port).ok()?;
        self.dom_mut(DomId(0)).kept_ports.insert(local);
        Some((page, local))
    }
}
