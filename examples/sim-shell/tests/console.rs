//! The shell's command for secondary consoles, with a console backend in another domain.

#[path = "../../../xen-front/tests/console_front/backend.rs"]
#[expect(dead_code, reason = "the tests of xen-front use the rest")]
mod backend;

use backend::Backend;
use xen_example_sim_shell::{demo, run_shell};
use xen_hypercall::Errno;
use xen_sim::{DeviceSpec, DomainConfig, World};

#[test]
fn shell_writes_to_secondary_console() {
    let world = World::new(1);
    let driver_domain = world.create_guest(DomainConfig::new("consoles"));
    let guest = world.create_guest(DomainConfig::new("guest"));
    let device = world.attach_device(&guest, &driver_domain, &DeviceSpec::new("console", 1));
    let back = Backend::start(&world, &device);
    let commands = "run=\"console write 1 'a line'; console write 2 'a line'\"";
    run_shell(guest.clone(), 16 << 20, commands, |_| Err(Errno::ENOSYS)).unwrap();
    assert_eq!(back.state().received, b"a line\n");
    let output = demo::lines(&world.console_output(guest.id()));
    assert_eq!(demo::answer(&output, "console write 1 'a line'"), "ok");
    assert_eq!(
        demo::answer(&output, "console write 2 'a line'"),
        "error: no console '2', expected one of: 1"
    );
    assert_eq!(world.device_states(&device), (6, 6));
    world.check().unwrap();
}
