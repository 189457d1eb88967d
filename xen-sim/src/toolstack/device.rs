//! Devices: attach and detach.

use super::guest::owned_by;
use crate::store::Store;
use crate::task::Step;
use crate::{Domain, World};
use core::fmt;
use core::time::Duration;
use std::collections::BTreeSet;
use xen_hypercall::{DomId, Platform};

/// Kind of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceKind {
    /// Disk.
    Vbd,
    /// Network interface.
    Vif,
    /// Device of another kind, by its name in xenstore: `9pfs`, `vkbd`.
    Other(&'static str),
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vbd => "vbd",
            Self::Vif => "vif",
            Self::Other(name) => name,
        })
    }
}

/// Attached device: its two ends in xenstore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Kind.
    pub kind: DeviceKind,
    /// Number of the device.
    pub id: u32,
    /// Domain of the frontend.
    pub frontend: DomId,
    /// Domain of the backend.
    pub backend: DomId,
}

impl Device {
    /// Returns the path of the frontend.
    pub fn frontend_path(&self) -> String {
        format!("/local/domain/{}/device/{}/{}", self.frontend, self.kind, self.id)
    }

    /// Returns whether both have the same frontend path.
    fn is_same_for_guest(&self, other: &Self) -> bool {
        (self.kind, self.id, self.frontend) == (other.kind, other.id, other.frontend)
    }

    /// Returns the path of the backend.
    pub fn backend_path(&self) -> String {
        format!(
            "/local/domain/{}/backend/{}/{}/{}",
            self.backend, self.kind, self.frontend, self.id
        )
    }
}

/// Nodes of a device, to create it again in another domain or world.
#[derive(Clone, Debug)]
pub(crate) struct DeviceNodes {
    pub(crate) device: Device,
    front: Vec<(&'static str, String)>,
    back: Vec<(&'static str, String)>,
}

/// Configuration of a disk.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Name in the guest: `xvda` to `xvdp`, `xvdq` and so on.
    pub name: String,
    /// `true` for a read-only disk.
    pub read_only: bool,
    /// `true` for a CD.
    pub cdrom: bool,
    /// Target of the backend: its node `params`.
    pub target: String,
    /// Value of the frontend's node `trusted`.
    pub trusted: bool,
}

impl Disk {
    /// Returns a writable disk named `name` without a target.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            read_only: false,
            cdrom: false,
            target: "memory".to_owned(),
            trusted: true,
        }
    }

    /// Returns the device number of the name: 51712 for `xvda`, 16 more for each further disk.
    fn number(&self) -> u32 {
        let letter =
            self.name.strip_prefix("xvd").and_then(|rest| rest.bytes().next()).unwrap_or(b'a');
        let disk = u32::from(letter.wrapping_sub(b'a'));
        let partition = self.name.get(4..).and_then(|rest| rest.parse().ok()).unwrap_or(0);
        if disk < 16 { 202 << 8 | disk << 4 | partition } else { 1 << 28 | disk << 8 | partition }
    }
}

/// Configuration of a network interface.
#[derive(Clone, Debug)]
pub struct Vif {
    /// Index.
    pub handle: u32,
    /// Ethernet address.
    pub mac: [u8; 6],
    /// Maximum length of a packet without the Ethernet header.
    pub mtu: u32,
    /// Value of the frontend's node `trusted`.
    pub trusted: bool,
}

impl Vif {
    /// Returns the interface with index `handle` and an address of Xen's OUI.
    pub fn new(handle: u32) -> Self {
        Self { handle, mac: [0x00, 0x16, 0x3e, 0, 0, handle as u8], mtu: 1500, trusted: true }
    }
}

/// Configuration of a device of any kind, by the nodes that the toolstack writes.
///
/// `backend`, `backend-id`, `frontend`, `frontend-id`, `online` and `state` are written for each
/// device.
#[derive(Clone, Debug)]
pub struct DeviceSpec {
    /// Kind in xenstore, such as `9pfs`.
    pub kind: &'static str,
    /// Number among the guest's devices of this kind.
    pub id: u32,
    /// Other nodes of the frontend's directory.
    pub frontend: Vec<(&'static str, String)>,
    /// Other nodes of the backend's directory.
    pub backend: Vec<(&'static str, String)>,
}

impl DeviceSpec {
    /// Returns a device without other nodes.
    pub fn new(kind: &'static str, id: u32) -> Self {
        Self { kind, id, frontend: Vec::new(), backend: Vec::new() }
    }
}

/// Values of `state`.
const INITIALISING: u32 = 1;
const CONNECTED: u32 = 4;
const CLOSING: u32 = 5;
const CLOSED: u32 = 6;

/// Timeout of the toolstack for a backend to close, after which it removes the device.
const DETACH_TIMEOUT: Duration = Duration::from_secs(10);

impl World {
    /// Attaches a disk to a guest. The test runs its backend in `backend`.
    pub fn attach_disk(&self, guest: &Domain, backend: &Domain, disk: &Disk) -> Device {
        let device = Device {
            kind: DeviceKind::Vbd,
            id: disk.number(),
            frontend: guest.id(),
            backend: backend.id(),
        };
        let kind = if disk.cdrom { "cdrom" } else { "disk" };
        let trusted = u8::from(disk.trusted);
        let front = [
            ("virtual-device", device.id.to_string()),
            ("device-type", kind.into()),
            ("trusted", trusted.to_string()),
        ];
        let back = [
            ("removable", u8::from(disk.cdrom).to_string()),
            ("bootable", "1".into()),
            ("dev", disk.name.clone()),
            ("type", "phy".into()),
            ("mode", if disk.read_only || disk.cdrom { "r" } else { "w" }.into()),
            ("device-type", kind.into()),
            ("discard-enable", "1".into()),
            ("params", disk.target.clone()),
            ("physical-device", "1:0".into()),
            ("hotplug-status", "connected".into()),
        ];
        self.attach(DeviceNodes { device, front: front.to_vec(), back: back.to_vec() });
        device
    }

    /// Attaches a network interface to a guest. The test runs its backend in `backend`.
    pub fn attach_vif(&self, guest: &Domain, backend: &Domain, vif: &Vif) -> Device {
        let device = Device {
            kind: DeviceKind::Vif,
            id: vif.handle,
            frontend: guest.id(),
            backend: backend.id(),
        };
        let mac = vif.mac.map(|byte| format!("{byte:02x}")).join(":");
        let both = [("handle", vif.handle.to_string()), ("mac", mac), ("mtu", vif.mtu.to_string())];
        let mut front = both.to_vec();
        front.push(("trusted", u8::from(vif.trusted).to_string()));
        let mut back = both.to_vec();
        back.extend([
            ("bridge", "xenbr0".to_owned()),
            ("script", "/etc/xen/scripts/vif-bridge".to_owned()),
            ("type", "vif".to_owned()),
            ("hotplug-status", "connected".to_owned()),
        ]);
        self.attach(DeviceNodes { device, front: front.to_vec(), back: back.to_vec() });
        device
    }

    /// Attaches a device of any kind to a guest. The test runs its backend in `backend`.
    pub fn attach_device(&self, guest: &Domain, backend: &Domain, spec: &DeviceSpec) -> Device {
        let kind = match spec.kind {
            "vbd" => DeviceKind::Vbd,
            "vif" => DeviceKind::Vif,
            other => DeviceKind::Other(other),
        };
        let device = Device { kind, id: spec.id, frontend: guest.id(), backend: backend.id() };
        let (front, back) = (spec.frontend.clone(), spec.backend.clone());
        self.attach(DeviceNodes { device, front, back });
        device
    }

    /// Replaces both ends of a device in one transaction, with the permissions of the toolstack.
    pub(super) fn attach(&self, nodes: DeviceNodes) {
        let DeviceNodes { device, front, back } = &nodes;
        let (front_path, back_path) = (device.frontend_path(), device.backend_path());
        let (frontend, backend) = (device.frontend, device.backend);
        let write = |store: &Store| {
            let end = |path: &str,
                       owner,
                       reader,
                       other: &str,
                       other_id: DomId,
                       names: [&str; 2],
                       nodes: &[_]| {
                store.mkdir(path)?;
                store.set_permissions(path, &owned_by(owner, Some(reader)))?;
                store.write(format!("{path}/{}", names[0]), other)?;
                store.write(format!("{path}/{}", names[1]), other_id)?;
                let nodes: &[(&str, String)] = nodes;
                nodes
                    .iter()
                    .try_for_each(|(name, value)| store.write(format!("{path}/{name}"), value))
            };
            // The guest must not read nodes of an earlier device.
            let _ = store.remove(&front_path);
            end(
                &front_path,
                frontend,
                backend,
                &back_path,
                backend,
                ["backend", "backend-id"],
                front,
            )?;
            end(
                &back_path,
                backend,
                frontend,
                &front_path,
                frontend,
                ["frontend", "frontend-id"],
                back,
            )?;
            store.write(format!("{back_path}/online"), 1)?;
            store.write(format!("{front_path}/state"), INITIALISING)?;
            store.write(format!("{back_path}/state"), INITIALISING)
        };
        let done = self.store().begin().and_then(|transaction| {
            write(&transaction)?;
            transaction.commit()
        });
        done.expect("no task runs while the toolstack writes");
        let mut machine = self.shared().lock();
        machine.devices.retain(|known| !known.device.is_same_for_guest(&nodes.device));
        machine.devices.push(nodes);
    }

    /// Returns the devices that the toolstack has attached.
    pub(super) fn known_devices(&self) -> Vec<Device> {
        self.shared().lock().devices.iter().map(|nodes| nodes.device).collect()
    }

    /// Takes the nodes of the devices that a predicate selects.
    pub(super) fn take_devices(&self, of: impl Fn(&Device) -> bool) -> Vec<DeviceNodes> {
        let all = core::mem::take(&mut self.shared().lock().devices);
        let (taken, kept) = all.into_iter().partition(|known| of(&known.device));
        self.shared().lock().devices = kept;
        taken
    }

    /// Attaches devices again, for a guest with another domain ID or with another backend.
    pub(super) fn attach_again(
        &self,
        devices: Vec<DeviceNodes>,
        frontend: DomId,
        backend: DomId,
    ) -> Vec<Device> {
        let moved = |nodes: DeviceNodes| {
            let device = Device { frontend, backend, ..nodes.device };
            self.attach(DeviceNodes { device, ..nodes });
            device
        };
        devices.into_iter().map(moved).collect()
    }

    /// Starts to unplug a device: requests the backend to close, and removes the device when the
    /// backend is closed or after ten seconds.
    pub fn detach(&self, device: &Device) {
        let store = self.store();
        let (path, online) = (device.backend_path(), format!("{}/online", device.backend_path()));
        let state = format!("{path}/state");
        if store.read(&path).is_none() {
            return self.remove_device(device);
        }
        // The device may have been removed meanwhile.
        let _ = store.write(online, 0);
        if store.read_number::<u32>(&state).is_some_and(|state| state < CLOSING) {
            let _ = store.write(&state, CLOSING);
        }
        let deadline = self.now() + DETACH_TIMEOUT;
        let _ = store.watch(&state, "detach");
        let device = *device;
        self.dom0().spawn(move |dom0: &Domain| {
            while store.next_event().is_some() {}
            let closed = store.read_number::<u32>(&state).is_none_or(|state| state == CLOSED);
            let alive = dom0.exists(device.backend);
            if closed || !alive || dom0.now() >= deadline {
                remove(&store, &device);
                return Step::Done;
            }
            Step::Sleep(deadline)
        });
    }

    /// Removes a device's nodes at once, as a forced unplug does.
    pub fn remove_device(&self, device: &Device) {
        remove(&self.store(), device);
    }

    /// Returns the states of both ends, frontend first; 0 for an end without a state.
    pub fn device_states(&self, device: &Device) -> (u32, u32) {
        let store = self.store();
        let state = |path| store.read_number(format!("{path}/state")).unwrap_or(0);
        (state(device.frontend_path()), state(device.backend_path()))
    }

    /// Returns whether both ends are connected.
    pub fn is_connected(&self, device: &Device) -> bool {
        self.device_states(device) == (CONNECTED, CONNECTED)
    }

    /// Returns the devices of a guest by their nodes.
    pub fn devices_of(&self, id: DomId) -> Vec<Device> {
        let store = self.store();
        let mut found = Vec::new();
        let others = self.known_devices().iter().map(|device| device.kind).collect();
        let kinds = BTreeSet::union(&BTreeSet::from([DeviceKind::Vbd, DeviceKind::Vif]), &others)
            .copied()
            .collect::<Vec<_>>();
        for kind in kinds {
            for number in store.list(format!("/local/domain/{id}/device/{kind}")) {
                let path = format!("/local/domain/{id}/device/{kind}/{number}");
                let backend = store.read_number(format!("{path}/backend-id")).unwrap_or(0);
                let number = number.parse().unwrap_or(0);
                found.push(Device { kind, id: number, frontend: id, backend: DomId(backend) });
            }
        }
        found
    }
}

fn remove(store: &Store, device: &Device) {
    let (front, back) = (device.frontend_path(), device.backend_path());
    // Nodes may be removed already, and those of another backend must stay.
    if store.read(format!("{front}/backend")).as_ref() == Some(&back) {
        let _ = store.remove(front);
    }
    let _ = store.remove(back);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disk_name_gives_device_number() {
        let number = |name| Disk::new(name).number();
        assert_eq!(number("xvda"), 51712);
        assert_eq!(number("xvdb"), 51728);
        assert_eq!(number("xvda1"), 51713);
        assert_eq!(number("xvdq"), 1 << 28 | 16 << 8);
    }
}
