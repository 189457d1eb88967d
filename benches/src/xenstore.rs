//! A client of xenstore over a Unix socket. Its server is that of `XENSTORED_PATH`, else one of
//! ours, in a thread.

use crate::{Case, Outcome, measured};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};
use xen_store::wire::{MessageType, Part};
use xen_store::{Limits, Pending, StoreError, XsOps};
use xenstored::server::{NoDomains, Server};
use xenstored::user::{self, Daemon, ProcessRuntime, Stream, UserStore};

pub(crate) const CASES: [Case; 5] = [
    Case { name: "xenstore/read", run: |rounds| run(rounds, 1, read) },
    Case { name: "xenstore/write", run: |rounds| run(rounds, 1, write) },
    Case { name: "xenstore/directory", run: |rounds| run(rounds, 1, directory) },
    Case { name: "xenstore/transaction", run: |rounds| run(rounds, 1, transaction) },
    Case { name: "xenstore/pipelined", run: |rounds| run(rounds, PIPELINE as u64, pipelined) },
];

/// Number of reads in flight together.
const PIPELINE: usize = 15;

/// Operations that are timed together.
const RUN: u64 = 60;

/// Number of children of the directory.
const CHILDREN: usize = 10;

type Result<T = ()> = core::result::Result<T, StoreError>;

/// Does `operation`, which counts for `units`, until there were as many units as rounds, or a few
/// more.
fn run(rounds: u64, units: u64, operation: impl Fn(&UserStore, &mut [u8]) -> Result) -> Outcome {
    let store = user::from_stream(connect(), Limits { requests: PIPELINE + 1, watches: 4 })
        .expect("there is memory");
    let prepared = store.write("/bench/a", "value").and_then(|()| {
        (0..CHILDREN).try_for_each(|number| store.write(format_args!("/bench/d/{number}"), "x"))
    });
    prepared.expect("the server takes what is written");
    let mut buffer = vec![0; 4096];
    let (runs, mut least) = (rounds.div_ceil(RUN), Duration::MAX);
    let outcome = measured(|outcome| {
        for _ in 0..runs {
            let start = Instant::now();
            for _ in 0..RUN / units {
                operation(&store, &mut buffer).expect("the server does what it is asked");
            }
            least = least.min(start.elapsed());
        }
        outcome.units = runs * RUN;
    });
    // Two processes take turns, so whatever else the machine does adds to it: what counts is the
    // quickest run.
    Outcome { nanoseconds: least.as_nanos() as u64 * runs, ..outcome }
}

fn connect() -> Stream {
    if let Some(path) = env::var_os("XENSTORED_PATH") {
        return Stream::connect(path.as_ref()).expect("a server listens");
    }
    let path = env::temp_dir().join(format!("xen-bench-{}", process::id()));
    let daemon = Daemon::bind(&path, Server::new(), Box::new(NoDomains));
    let mut daemon = daemon.expect("the folder for temporary files takes a socket");
    thread::spawn(move || while daemon.serve(None).is_ok() {});
    let stream = Stream::connect(&path).expect("the server listens");
    fs::remove_file(path).expect("the socket is there");
    stream
}

fn read(store: &UserStore, buffer: &mut [u8]) -> Result {
    let len = store.read("/bench/a", buffer)?;
    assert_eq!(len, 5);
    Ok(())
}

fn write(store: &UserStore, _: &mut [u8]) -> Result {
    store.write("/bench/a", "value")
}

fn directory(store: &UserStore, buffer: &mut [u8]) -> Result {
    assert_eq!(store.directory_into("/bench/d", buffer)?.count(), CHILDREN);
    Ok(())
}

fn transaction(store: &UserStore, buffer: &mut [u8]) -> Result {
    store.transaction(|tx| {
        tx.read("/bench/a", buffer)?;
        tx.write("/bench/a", "value")
    })
}

fn pipelined(store: &UserStore, buffer: &mut [u8]) -> Result {
    let mut pending: [Option<Pending<ProcessRuntime, Stream>>; PIPELINE] =
        [const { None }; PIPELINE];
    for slot in &mut pending {
        let path = Part::Path(format_args!("/bench/a"));
        *slot = Some(store.queue(MessageType::READ, &"/bench/a", &[path])?);
    }
    pending.iter().flatten().try_for_each(|reply| {
        assert_eq!(reply.finish(buffer)?, 5);
        Ok(())
    })
}
