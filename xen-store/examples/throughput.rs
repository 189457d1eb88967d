//! Times what a client does over a socket: `throughput SOCKET COUNT` prints nanoseconds for each kind of operation.

use std::time::Instant;
use xen_store::user::{Stream, UserStore};
use xen_store::wire::{MessageType, Part};
use xen_store::{Limits, Nodes, StoreError};

/// Operations that are timed together.
const RUN: usize = 20;
/// Reads that are under way at once.
const PIPELINE: usize = 15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1);
    let (Some(path), Some(count)) = (args.next(), args.next()) else {
        return Err("usage: throughput SOCKET COUNT".into());
    };
    let count: usize = count.to_string_lossy().parse()?;
    let stream = Stream::connect(path.as_ref())?;
    let store = UserStore::with_limits(stream, Limits { requests: PIPELINE + 1, watches: 4 })?;
    store.write("/bench/a", "value")?;
    for number in 0..10 {
        store.write(format_args!("/bench/d/{number}"), "x")?;
    }
    let mut buffer = [0; 4096];
    time("read", count, || store.read("/bench/a", &mut buffer).map(drop))?;
    time("write", count, || store.write("/bench/a", "value"))?;
    time("directory", count, || store.directory_into("/bench/d", &mut buffer).map(drop))?;
    time("transaction", count / 4, || {
        store.transaction(|tx| {
            tx.read("/bench/a", &mut buffer)?;
            tx.write("/bench/a", "value")
        })
    })?;
    time("pipelined", count / PIPELINE, || {
        let mut pending: [_; PIPELINE] = [const { None }; PIPELINE];
        for slot in &mut pending {
            let path = Part::Path(format_args!("/bench/a"));
            *slot = Some(store.queue(MessageType::READ, &"/bench/a", &[path])?);
        }
        pending.iter().flatten().try_for_each(|reply| reply.finish(&mut buffer).map(drop))
    })?;
    Ok(())
}

/// Prints the time of the quickest of many short runs: what else goes on on the machine only ever adds to it.
fn time(
    name: &str,
    count: usize,
    mut step: impl FnMut() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut best = f64::INFINITY;
    for _ in 0..count.div_ceil(RUN) {
        let start = Instant::now();
        for _ in 0..RUN {
            step()?;
        }
        best = best.min(start.elapsed().as_nanos() as f64 / RUN as f64);
    }
    println!("{name} {best:.0}");
    Ok(())
}
