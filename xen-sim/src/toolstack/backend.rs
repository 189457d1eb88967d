//! Replacement of driver domains.

use super::Device;
use crate::machine::DomainConfig;
use crate::{Domain, World};
use xen_hypercall::DomId;

impl World {
    /// Destroys a driver domain at any point of its work, and creates another one for its devices.
    ///
    /// The toolstack creates both ends of each device again. For their guests the old devices are
    /// removed and new ones of the same names appear. The test spawns their backends in the new
    /// domain.
    pub fn restart_backend(&self, old: DomId, config: DomainConfig) -> (Domain, Vec<Device>) {
        let plugged: Vec<Device> = {
            let all = self.known_devices();
            let alive = all.into_iter().filter(|device| self.is_alive(device.frontend));
            alive.filter(|device| self.devices_of(device.frontend).contains(device)).collect()
        };
        let mut devices = self.take_devices(|device| device.backend == old);
        devices.retain(|nodes| plugged.contains(&nodes.device));
        self.destroy(old);
        let new = self.create_guest(config);
        let made = devices.into_iter().flat_map(|nodes| {
            let frontend = nodes.device.frontend;
            self.attach_again(vec![nodes], frontend, new.id())
        });
        let made = made.collect();
        (new, made)
    }
}
