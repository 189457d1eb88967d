//! The client over a Unix socket, and our server behind one.
#![cfg(all(feature = "std", unix))]

use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use xen_hypercall::{DomId, Gfn, Port};
use xen_store::wire::{HEADER_LEN, MessageType, Part, ServerError, XsdSockmsg, decode, encode};
use xen_store::{ConnectionError, ErrorKind, Limits, StoreError, XsOps};
use xen_sys::io::xs_wire::ServerFeatures;
use xenstored::server::{Breach, Domains, NoDomains, Server};
use xenstored::user::{self, Daemon, Stream};

/// A daemon in a thread, on a socket of its own.
struct Running {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

fn start_at(path: PathBuf) -> Running {
    start_with(path, Box::new(NoDomains))
}

fn start_with(path: PathBuf, domains: Box<dyn Domains + Send>) -> Running {
    let stop = Arc::new(AtomicBool::new(false));
    let (ready, is_ready) = mpsc::channel();
    let (at, stopped) = (path.clone(), Arc::clone(&stop));
    let thread = std::thread::spawn(move || {
        let mut daemon = Daemon::bind(at, Server::new(), domains).unwrap();
        ready.send(()).unwrap();
        while !stopped.load(Ordering::SeqCst) {
            daemon.serve(None).unwrap();
        }
    });
    is_ready.recv().unwrap();
    Running { path, stop, thread: Some(thread) }
}

fn unused_path() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("xenstored-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    std::env::temp_dir().join(name)
}

fn start() -> Running {
    start_at(unused_path())
}

impl Running {
    fn stop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // It polls whenever a client connects.
        let _ = std::os::unix::net::UnixStream::connect(&self.path);
        self.thread.take().map(JoinHandle::join).transpose().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

#[test]
fn program_uses_socket() {
    let daemon = start();
    let (one, other) = (user::connect(&daemon.path).unwrap(), user::connect(&daemon.path).unwrap());
    let watch = other.watch("/a").unwrap();
    assert!(
        watch
            .wait_next(other.platform().deadline_after(Duration::from_secs(60)))
            .unwrap()
            .is_some()
    );
    let long = "x".repeat(4000);
    one.write("/a/b", &long).unwrap();
    let event =
        watch.wait_next(other.platform().deadline_after(Duration::from_secs(60))).unwrap().unwrap();
    assert_eq!((event.path(), other.read_text("/a/b").unwrap()), ("/a/b", long));
    one.transaction(|tx| tx.write_fmt("/a/n", tx.read_number_or("/a/n", 41u32)? + 1)).unwrap();
    assert_eq!(other.read_number::<u32>("/a/n"), Ok(42));
    assert_eq!(other.list("/a").unwrap(), ["b", "n"]);
    assert_eq!(
        other.read("/none", &mut []).unwrap_err().kind,
        ErrorKind::Server(ServerError::NotFound)
    );
}

#[test]
fn socket_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let running = start();
    let mode = std::fs::metadata(&running.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
}

#[test]
fn guest_breaches_at_daemon_deadline() {
    let path = unused_path();
    let mut daemon = Daemon::bind(&path, Server::new(), Box::new(NoDomains)).unwrap();
    std::fs::remove_file(path).unwrap();
    let server = daemon.server();
    server.set_patience(Some(Duration::from_millis(1)));
    let [reading, stuck] = [7, 8].map(|domain| server.connect(DomId(domain)));
    for guest in [reading, stuck] {
        let header = XsdSockmsg { type_: MessageType::WATCH, len: 5, ..XsdSockmsg::default() };
        let request = [&encode(&header)[..], b"/a\0t\0"].concat();
        server.receive(guest, &request, &mut NoDomains).unwrap();
    }
    while server.take_message(reading).is_some() {}
    // No client is to be served, so the wait ends at the deadline.
    daemon.serve(None).unwrap();
    let server = daemon.server();
    assert_eq!(
        (server.breach(reading), server.breach(stuck)),
        (None, Some(Breach::Stalled { events: 1 }))
    );
}

#[test]
fn our_server_passes_the_conformance_suite() {
    let daemon = start();
    let stream = Stream::connect(&daemon.path).unwrap();
    let process = user::ProcessRuntime::new(&stream);
    let mut failures = String::new();
    let port = Port(0);
    let control = DomId(0);
    let report = xenstored::conformance::run(&process, stream, port, control, |name, result| {
        if let Err(failure) = result {
            failures += &format!("{name}: {failure}\n");
        }
    });
    assert!(failures.is_empty(), "{failures}");
    assert!(report.passed >= 130 && report.passed + report.skipped > 150, "{report}");
    // It leaves nothing behind.
    let store = user::connect(&daemon.path).unwrap();
    assert_eq!(store.list("data/c").unwrap(), [""; 0]);
}

#[test]
fn pipelined_replies_come_in_order() {
    let daemon = start();
    let stream = Stream::connect(&daemon.path).unwrap();
    let store = user::from_stream(stream, Limits { requests: 16, watches: 4 }).unwrap();
    for number in 0..15 {
        store.write_fmt(format_args!("/n{number}"), number * 7).unwrap();
    }
    for _ in 0..100 {
        let pending: Vec<_> =
            (0..15).map(|number| store.begin_read(format_args!("/n{number}")).unwrap()).collect();
        for (number, pending) in pending.iter().enumerate() {
            let mut value = [0; 8];
            let len = pending.finish(&mut value).unwrap();
            assert_eq!(std::str::from_utf8(&value[..len]).unwrap(), (number * 7).to_string());
        }
    }
}

#[test]
fn large_directory_is_read_in_parts() {
    let daemon = start();
    let store = user::connect(&daemon.path).unwrap();
    let names: Vec<String> = (0..300).map(|number| format!("{number:0>50}")).collect();
    for name in &names {
        store.mkdir(format_args!("/large/{name}")).unwrap();
    }
    assert_eq!(store.list("/large").unwrap(), names);
    let mut each = vec![];
    store.directory("/large", |name| each.push(name.to_owned())).unwrap();
    assert_eq!(each, names);
    let mut buffer = [0; 300 * 51];
    assert_eq!(
        store.directory_into("/large", &mut buffer[..300 * 51 - 1]).unwrap_err().operation,
        MessageType::DIRECTORY
    );
    assert!(store.directory_into("/large", &mut buffer).unwrap().eq(&names));
    // In a transaction the parts are of one list, whatever others do; outside, a change is an
    // error.
    let other = user::connect(&daemon.path).unwrap();
    let meddle = |_: &str| other.mkdir("/large/x").unwrap();
    assert_eq!(store.directory("/large", meddle).unwrap_err().kind, ErrorKind::Changed);
    let transaction = store.begin_transaction().unwrap();
    let mut listed = 0;
    transaction
        .directory("/large", |_| {
            listed += 1;
            other.remove("/large/x").unwrap();
        })
        .unwrap();
    assert_eq!(listed, 301);
}

#[test]
fn conflict_names_last_node() {
    let daemon = start();
    let (store, other) =
        (user::connect(&daemon.path).unwrap(), user::connect(&daemon.path).unwrap());
    let mut runs = 0;
    let failed = store.transaction_within::<_, StoreError>(3, |tx| {
        runs += 1;
        tx.write_fmt("/a/changed", runs)?;
        tx.exists("/a/read")?;
        other.write_fmt("/a/changed", 0)
    });
    let failed = failed.unwrap_err();
    assert_eq!(
        (failed.kind, failed.path.as_str(), runs),
        (ErrorKind::Conflict { attempts: 3 }, "/a/changed", 3)
    );
}

#[test]
fn toolstack_requests_reach_server() {
    let daemon = start();
    let store = user::connect(&daemon.path).unwrap();
    let guest = DomId(7);
    assert_eq!(store.features(None).unwrap(), store.features(Some(guest)).unwrap());
    store.set_features(guest, ServerFeatures::ERROR).unwrap();
    assert_eq!(store.features(Some(guest)), Ok(ServerFeatures::ERROR));
    let mut names = vec![];
    store.quota_names(|name| names.push(name.to_owned())).unwrap();
    assert!(names.iter().any(|name| name == "transaction-nodes"));
    store.set_quota(Some(guest), "nodes", 12).unwrap();
    assert_eq!((store.quota(Some(guest), "nodes"), store.quota(None, "nodes")), (Ok(12), Ok(1000)));
    assert_eq!((store.is_introduced(guest), store.is_introduced(DomId(0))), (Ok(false), Ok(true)));
    let not_found = ErrorKind::Server(ServerError::NotFound);
    assert_eq!(store.release(guest).unwrap_err().kind, not_found);
    assert_eq!(store.resume_domain(guest).unwrap_err().kind, not_found);
    assert_eq!(store.set_target(guest, DomId(0)).unwrap_err().kind, not_found);
    let refused = store.introduce(guest, Gfn(4095), Port(3)).unwrap_err().kind;
    assert_eq!(refused, ErrorKind::Server(ServerError::NotImplemented), "it has no hypervisor");
    let mut answer = [0; 64];
    assert!(store.control(&["help"], &mut answer).unwrap() > 0);
    assert_eq!(store.domain_path::<32>(guest).unwrap(), "/local/domain/7");
    let watch = store.watch_to_depth("/a", 1).unwrap();
    for path in ["/a", "/a/b", "/a/b/c"] {
        store.write(path, "").unwrap();
    }
    let mut seen = vec![];
    while let Some(event) = watch.try_next().unwrap() {
        seen.push(event.path().to_owned());
    }
    assert_eq!(seen, ["/a", "/a/b"]);
    let mut payload = [0; 16];
    let len = store.request(MessageType::READ, &[Part::Path(format_args!("/a"))], &mut payload);
    assert_eq!(len, Ok(0));
}

/// A hypervisor whose domains all have rings; records what the server asks of it.
#[derive(Clone, Default)]
struct Rings(Arc<Mutex<Vec<String>>>);

impl Domains for Rings {
    fn introduce(&mut self, domain: DomId, gfn: Gfn, port: Port) -> Result<(), ServerError> {
        self.0.lock().unwrap().push(format!("introduce {domain} {} {port}", gfn.0));
        Ok(())
    }

    fn release(&mut self, domain: DomId) {
        self.0.lock().unwrap().push(format!("release {domain}"));
    }
}

/// Row 211.
#[test]
fn toolstack_requests_take_effect() {
    let rings = Rings::default();
    let daemon = start_with(unused_path(), Box::new(rings.clone()));
    let store = user::connect(&daemon.path).unwrap();
    let (guest, model) = (DomId(7), DomId(8));
    let watches = ["@introduceDomain", "@releaseDomain"].map(|path| store.watch(path).unwrap());
    let fired = |watch: usize| {
        let event = watches[watch]
            .wait_next(store.platform().deadline_after(Duration::from_secs(60)))
            .unwrap();
        event.unwrap().path().to_owned()
    };
    // Each fires once when it is set.
    assert_eq!([0, 1].map(fired), ["@introduceDomain", "@releaseDomain"]);
    store.introduce(guest, Gfn(4095), Port(3)).unwrap();
    assert_eq!(fired(0), "@introduceDomain");
    store.introduce(model, Gfn(4094), Port(4)).unwrap();
    assert_eq!(fired(0), "@introduceDomain");
    assert_eq!([guest, model].map(|domain| store.is_introduced(domain)), [Ok(true), Ok(true)]);
    store.set_target(model, guest).unwrap();
    store.resume_domain(guest).unwrap();
    store.release(guest).unwrap();
    assert_eq!(fired(1), "@releaseDomain");
    assert_eq!([guest, model].map(|domain| store.is_introduced(domain)), [Ok(false), Ok(true)]);
    assert_eq!(*rings.0.lock().unwrap(), ["introduce 7 4095 3", "introduce 8 4094 4", "release 7"]);
}

#[test]
fn character_device_is_read() {
    let daemon = start();
    let path = daemon.path.with_extension("device");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let store = user::open_device(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    // A FIFO gives back what was written to it: every request is its own reply.
    let mut buffer = [0; 64];
    for node in ["/a", "/a/b", "/c"] {
        let len = store.read(node, &mut buffer).unwrap();
        assert_eq!(std::str::from_utf8(&buffer[..len]).unwrap(), format!("{node}\0"));
    }
    let pending = ["/a", "/b", "/c"].map(|node| store.begin_read(node).unwrap());
    let lens = pending.map(|pending| pending.finish(&mut buffer).unwrap());
    assert_eq!(lens, [3, 3, 3]);
}

#[test]
fn device_error_ends_one_request() {
    // It takes nothing, and its bytes are no reply that a request waits for.
    let store = user::open_device("/dev/full").unwrap();
    for node in ["/a", "/b"] {
        let error = store.write(node, "x").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Server(ServerError::NoSpace), "{error}");
    }
    let pending = ["/a", "/b", "/c"].map(|node| store.begin_read(node).unwrap());
    for pending in pending {
        assert_eq!(
            pending.finish(&mut []).unwrap_err().kind,
            ErrorKind::Server(ServerError::NoSpace)
        );
    }
}

#[test]
fn shared_connection_keeps_watches() {
    let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let store = user::from_socket(ours).unwrap();
    let pending = store.begin_read("/a").unwrap();
    store.poll().unwrap();
    let mut header = [0; HEADER_LEN];
    theirs.read_exact(&mut header).unwrap();
    assert_eq!(decode(&header).unwrap().type_, MessageType::READ, "the first request that is sent");
    drop(pending);
}

#[test]
fn threads_share_a_client() {
    let daemon = start();
    let store = user::connect(&daemon.path).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for round in 0..50u32 {
                    let path = format!("/thread{thread}");
                    store.write_fmt(&path, round).unwrap();
                    assert_eq!(store.read_number::<u32>(&path), Ok(round));
                }
            });
        }
    });
}

#[test]
fn restarted_server_is_reconnected() {
    let mut daemon = start();
    let store = user::connect(&daemon.path).unwrap();
    let watch = store.watch("/a").unwrap();
    store.write("/a", "1").unwrap();
    daemon.stop();
    let closed = ErrorKind::Connection(ConnectionError::Closed);
    assert_eq!(store.read_text("/a").unwrap_err().kind, closed);
    assert!(matches!(store.reconnect(), Err(ErrorKind::Connection(_))));
    let next = start_at(daemon.path.clone());
    store.reconnect().unwrap();
    assert!(store.read_text("/a").unwrap_err().is_not_found());
    while watch.try_next().unwrap().is_some() {}
    store.write("/a", "2").unwrap();
    assert!(
        watch
            .wait_next(store.platform().deadline_after(Duration::from_secs(60)))
            .unwrap()
            .is_some()
    );
    drop((watch, next));
}
