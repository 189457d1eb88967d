//! Domains that Xen itself starts, before the toolstack runs (`xen,enhanced` of a device tree).

use super::guest::{STORE_PAGE, introduce};
use crate::machine::DomainConfig;
use crate::{Domain, World};
use core::mem::offset_of;
use core::sync::atomic::Ordering;
use xen_sys::grant_table::GNTTAB_RESERVED_XENSTORE;
use xen_sys::hvm::params::{HVM_PARAM_STORE_EVTCHN, HVM_PARAM_STORE_PFN};
use xen_sys::io::xs_wire::{XENSTORE_RECONNECT, XenstoreDomainInterface};

impl World {
    /// Creates a domain as Xen for Arm does: with a port for xenstore, without its ring, and
    /// without a console. [`init_dom0less`](Self::init_dom0less) adds the ring.
    pub fn create_dom0less_guest(&self, config: DomainConfig) -> Domain {
        let guest = self.create(config);
        let mut machine = self.shared().lock();
        machine.make_ring_port(guest.id(), HVM_PARAM_STORE_EVTCHN);
        machine.dom_mut(guest.id()).params[HVM_PARAM_STORE_PFN as usize] = u64::MAX;
        drop(machine);
        guest
    }

    /// Sets up xenstore for a domain of [`create_dom0less_guest`](Self::create_dom0less_guest), as
    /// Xen's program `init-dom0less` does.
    pub fn init_dom0less(&self, guest: &Domain) {
        let mut machine = self.shared().lock();
        let gfn = machine.make_ring_page(guest.id(), STORE_PAGE, GNTTAB_RESERVED_XENSTORE);
        let domain = machine.dom(guest.id());
        let port = domain.params[HVM_PARAM_STORE_EVTCHN as usize];
        if let Some(mapping) = domain.physmap.get(gfn) {
            let page = machine.page(mapping.mfn);
            let connection = page.u32::<{ offset_of!(XenstoreDomainInterface, connection) }>();
            connection.store(XENSTORE_RECONNECT, Ordering::Release);
        }
        machine.dom_mut(guest.id()).params[HVM_PARAM_STORE_PFN as usize] = gfn;
        drop(machine);
        let store = self.store();
        let host_write = |path: &str, value: &str| {
            store.write(path, value).expect("the toolstack may write all nodes");
        };
        self.write_home(&store, &host_write, guest, &format!("dom0less-{}", guest.id()));
        let home = format!("/local/domain/{}/store", guest.id());
        host_write(&format!("{home}/ring-ref"), &gfn.to_string());
        host_write(&format!("{home}/port"), &port.to_string());
        introduce(self.shared(), guest.id());
    }
}
