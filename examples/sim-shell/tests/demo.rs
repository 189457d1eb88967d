//! The demonstration, all of it, as a test: the shell with a disk and a network that another domain
//! serves.

use core::time::Duration;
use xen_example_sim_shell::{Setup, SharedDisk, Testbed, demo, run_shell, timeline};
use xen_hypercall::{Errno, Platform};
use xen_sim::{Device, DeviceKind, Domain, Step, World};

const DISK: usize = 1 << 20;

/// Runs commands in a fresh world; returns the guest's console, and the disk's bytes.
fn run(commands: &str) -> (Vec<String>, Vec<u8>) {
    let disk = SharedDisk::noise(9, DISK);
    let testbed = Testbed::new(Setup::new(1, disk.clone())).unwrap();
    run_shell(testbed.guest.clone(), 16 << 20, &format!("run=\"{commands}\""), |_| {
        Err(Errno::ENOSYS)
    })
    .unwrap();
    testbed.stop_driver();
    testbed.world.check().unwrap();
    let console = demo::lines(&testbed.world.console_output(testbed.guest.inner().id()));
    (console, disk.look(<[u8]>::to_vec))
}

#[test]
fn demonstration_ends_and_leaves_nothing() {
    let (testbed, disk) = demo::testbed(1, None, true).unwrap();
    let before = disk.look(demo::sha256);
    demo::run(&testbed).unwrap();
    for check in demo::compare(&testbed, &disk, &before) {
        assert!(check.ok, "{check:?}");
    }
    testbed.stop_driver();
    testbed.world.check().unwrap();
    let json = timeline::chrome(&testbed.world.take_trace(), &Default::default());
    assert!(json.contains("\"notifies\"") && json.contains("grant_table_op"));
}

#[test]
fn served_file_has_guest_writes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(1 << 20).unwrap();
    let disk = SharedDisk::open(file.path()).unwrap();
    let testbed = Testbed::new(Setup::new(1, disk)).unwrap();
    let commands = "run=\"blk fill xvda 512 1024 7; blk flush xvda\"";
    run_shell(testbed.guest.clone(), 16 << 20, commands, |_| Err(Errno::ENOSYS)).unwrap();
    testbed.stop_driver();
    testbed.world.check().unwrap();
    let bytes = std::fs::read(file.path()).unwrap();
    let (before, written, after) = (&bytes[..512], &bytes[512..1536], &bytes[1536..]);
    assert!(written.iter().all(|&byte| byte == 7));
    assert!(before.iter().chain(after).all(|&byte| byte == 0));
}

#[test]
fn crash_leaves_a_dump() {
    let (console, disk) = run("blk list; crash xvda 1024");
    assert!(console.iter().any(|line| line == "dump written"), "{console:?}");
    assert!(disk[1024..].starts_with(b"xen-example-shell "));
}

#[test]
fn shell_writes_reach_the_served_disk() {
    let commands =
        "blk fill xvda 512 1024 1; blk copy xvda 0 65536 8192; blk flush xvda; blk sha256 xvda";
    let (console, disk) = run(commands);
    assert_eq!(disk[..512], SharedDisk::noise(9, DISK).look(|bytes| bytes[..512].to_vec()));
    assert_eq!(disk[512..1536], [1; 1024]);
    assert_eq!(disk[..8192], disk[65536..65536 + 8192]);
    let digest = format!("sha256 xvda 0 {DISK} {} / ok", demo::sha256(&disk));
    assert_eq!(demo::answer(&console, "blk sha256 xvda"), digest);
    assert!(console.contains(&"done OK=4 FAILED=0".to_owned()));
}

#[test]
fn pings_and_stream_come_back() {
    let (console, _) =
        run("net up eth0 10.0.0.2/24; ping 10.0.0.1 20; tcp-echo 10.0.0.1 7000 262144; \
         ping 10.0.0.77 1");
    assert_eq!(
        demo::answer(&console, "ping 10.0.0.1 20"),
        "ping 10.0.0.1 sent=20 received=20 / ok"
    );
    let echoed = "tcp-echo sent=262144 received=262144 mismatches=0 / ok";
    assert_eq!(demo::answer(&console, "tcp-echo 10.0.0.1 7000 262144"), echoed);
    assert_eq!(demo::answer(&console, "ping 10.0.0.77 1"), "ping 10.0.0.77 sent=1 received=0 / ok");
}

#[test]
fn hashed_packets_take_mapped_queue() {
    let (console, _) =
        run("net up eth0 10.0.0.2/24 4; net hash eth0 2; ping 10.0.0.1 20; net stat; \
         net hash eth0 1 3; tcp-echo 10.0.0.1 7000 65536; net hash eth0; net hash eth1 0");
    let up = demo::answer(&console, "net up eth0 10.0.0.2/24 4");
    assert!(up.ends_with(", 4 queues / ok"), "{up}");
    assert_eq!(demo::answer(&console, "net hash eth0 2"), "eth0 hash active / ok");
    let stat = demo::answer(&console, "net stat");
    for queue in ["queue 0 rx=0", "queue 1 rx=0", "queue 2 rx=2", "queue 3 rx=0"] {
        assert!(stat.contains(queue), "{stat}");
    }
    let echoed = "tcp-echo sent=65536 received=65536 mismatches=0 / ok";
    assert_eq!(demo::answer(&console, "tcp-echo 10.0.0.1 7000 65536"), echoed);
    assert_eq!(demo::answer(&console, "net hash eth0"), "eth0 hash off / ok");
    assert!(console.contains(&"done OK=7 FAILED=1".to_owned()), "{console:#?}");
}

#[test]
fn static_grants_carry_stream() {
    let (console, _) = run("net up eth0 10.0.0.2/24; net static eth0 on; \
         tcp-echo 10.0.0.1 7000 262144; net static eth0 off; ping 10.0.0.1 3");
    let mapped = demo::answer(&console, "net static eth0 on");
    assert_eq!(mapped, "eth0 static grants 384 / ok");
    let echoed = "tcp-echo sent=262144 received=262144 mismatches=0 / ok";
    assert_eq!(demo::answer(&console, "tcp-echo 10.0.0.1 7000 262144"), echoed);
    assert_eq!(demo::answer(&console, "net static eth0 off"), "eth0 static grants off / ok");
    assert_eq!(demo::answer(&console, "ping 10.0.0.1 3"), "ping 10.0.0.1 sent=3 received=3 / ok");
}

#[test]
fn xenstore_is_read_written_and_watched() {
    let (console, _) =
        run("xs write data/a hello; xs read data/a; xs ls -r data; xs rm data/a; xs read data/a; \
         xs watch data 1");
    assert_eq!(demo::answer(&console, "xs read data/a"), "hello / ok");
    assert!(demo::answer(&console, "xs ls -r data").contains("hello"));
    assert!(console.iter().any(|line| line.starts_with("error: ")));
    assert!(console.contains(&"done OK=5 FAILED=1".to_owned()), "{console:#?}");
}

/// Detaches a device one second from now.
fn detach_later(world: &World, device: Device) {
    let (there, at) = (world.clone(), world.now() + Duration::from_secs(1));
    world.dom0().spawn(move |dom0: &Domain| {
        if dom0.now() < at {
            return Step::Sleep(at);
        }
        there.detach(&device);
        Step::Done
    });
}

/// The toolstack removes a device by force after ten seconds.
#[test]
fn idle_shell_closes_detached_disk() {
    let testbed = Testbed::new(Setup::new(1, SharedDisk::noise(9, DISK))).unwrap();
    let (world, guest) = (&testbed.world, testbed.guest.inner().id());
    let devices = world.devices_of(guest);
    let disk = *devices.iter().find(|device| device.kind == DeviceKind::Vbd).unwrap();
    detach_later(world, disk);
    let commands = "run=\"blk sha256 xvda 0 512; sleep 5000; blk list; blk sha256 xvda 0 512\"";
    run_shell(testbed.guest.clone(), 16 << 20, commands, |_| Err(Errno::ENOSYS)).unwrap();
    let console = demo::lines(&world.console_output(guest));
    assert_eq!(demo::answer(&console, "blk list"), "ok");
    assert!(console.iter().any(|line| line.starts_with("error: no disk 'xvda'")), "{console:#?}");
    assert!(console.contains(&"done OK=3 FAILED=1".to_owned()));
    testbed.stop_driver();
    world.check().unwrap();
}
