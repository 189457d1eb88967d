//! The demonstration in a simulated world; `cargo xtask demo` starts it and shows what it
//! prints.

use clap::Parser;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{fs, io, thread};
use xen_example_sim_shell::watch::Watch;
use xen_example_sim_shell::{SharedDisk, Testbed, demo, picture, tasks, timeline};
use xen_hypercall::{DomId, Platform};
use xen_sim::{Domain, Step, World};

/// Time between two updates of the output, in the world's time.
const REFRESH: Duration = Duration::from_millis(20);

/// Time between two pictures of the traffic, in the world's time, and of their display, in ours:
/// slow motion.
const FRAME: Duration = Duration::from_micros(500);
const LOOK: Duration = Duration::from_millis(40);

/// Key that leaves the guest's console.
const ESCAPE: u8 = 0x1d;

/// Runs the shell on a simulated Xen, with a driver domain that serves its disk and its network.
#[derive(clap::Parser)]
#[command(name = "sim-shell")]
struct Options {
    /// Seed of the simulated world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Serves this file as the disk, of at least 69,632 bytes, instead of one of random content
    #[arg(long, value_name = "FILE")]
    disk: Option<PathBuf>,
    /// Writes a timeline of all that happened: a picture if the name ends with .svg, JSON otherwise
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Draws the traffic while it runs
    #[arg(long)]
    watch: bool,
    /// Gives the prompt instead of the script
    #[arg(long, conflicts_with_all = ["watch", "trace"])]
    interactive: bool,
    /// Runs tasks that await a disk, a network interface and a timer, instead of the shell
    #[arg(long, conflicts_with_all = ["watch", "trace", "interactive", "disk"])]
    tasks: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn say(line: std::fmt::Arguments<'_>) {
    // A closed pipe is the reader's choice.
    let _ = writeln!(io::stdout(), "{line}");
}

fn run(options: &Options) -> Result<bool, String> {
    if options.tasks {
        let report = tasks::run(options.seed)?;
        say(format_args!("{report}"));
        return Ok(true);
    }
    let open = |path: &PathBuf| {
        SharedDisk::open(path).map_err(|error| format!("opening {}: {error}", path.display()))
    };
    let disk = options.disk.as_ref().map(open).transpose()?;
    let content = if disk.is_some() { "the file" } else { "random content" };
    let (testbed, disk) = demo::testbed(options.seed, disk, options.trace.is_some())?;
    let guest = testbed.guest.inner().id();
    if options.interactive {
        terminal(&testbed.world, guest);
        demo::prompt(&testbed)?;
        testbed.world.run_for(REFRESH * 2);
        return Ok(true);
    }
    let before = disk.look(demo::sha256);
    say(format_args!("SAY|dom0 made a disk of {content}: sha256 {before}"));
    follow(&testbed.world, guest, options.watch);
    demo::run(&testbed)?;
    testbed.world.run_for(REFRESH * 2);
    say(format_args!("SAY|dom0 compares"));
    let checks = demo::compare(&testbed, &disk, &before);
    for check in &checks {
        let verdict = if check.ok { "ok" } else { "FAIL" };
        say(format_args!("CHECK|{}|{verdict}|{}|{}", check.name, check.found, check.expected));
    }
    if let Some(path) = &options.trace {
        let names: BTreeMap<u16, String> = names(&testbed);
        let record = testbed.world.take_trace();
        let is_picture = path.extension().is_some_and(|extension| extension == "svg");
        let draw = if is_picture { picture::svg } else { timeline::chrome };
        fs::write(path, draw(&record, &names))
            .map_err(|error| format!("writing {}: {error}", path.display()))?;
    }
    Ok(checks.iter().all(|check| check.ok))
}

fn names(testbed: &Testbed) -> BTreeMap<u16, String> {
    (0..)
        .map_while(|id| testbed.world.domain(DomId(id)))
        .map(|domain| (domain.id().0, domain.name()))
        .collect()
}

/// Prints what the guest prints, line by line, and what happens meanwhile.
fn follow(world: &World, guest: DomId, watch: bool) {
    let (shown, mut at, mut drawn) = (world.clone(), 0, Watch::default());
    world.dom0().spawn(move |dom0: &Domain| {
        let console = shown.console_output(guest);
        while let Some(end) = console[at..].iter().position(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(&console[at..at + end]);
            say(format_args!("CONSOLE|{}", line.trim_end_matches('\r')));
            at += end + 1;
        }
        if !watch {
            return Step::Sleep(dom0.now() + REFRESH);
        }
        if let Some(lines) = drawn.draw(&shown) {
            say(format_args!("WATCH|{}", lines.join("\t")));
            thread::sleep(LOOK);
        }
        Step::Sleep(dom0.now() + FRAME)
    });
}

/// Connects this process's input and output to the guest's console, and lets the world's time pass
/// as fast as ours.
fn terminal(world: &World, guest: DomId) {
    let (shown, mut at) = (world.clone(), 0);
    let (typed, start, first) = (keyboard(), Instant::now(), world.now());
    world.dom0().spawn(move |dom0: &Domain| {
        let console = shown.console_output(guest);
        if at < console.len() {
            let mut out = io::stdout();
            let _ = out.write_all(&console[at..]).and_then(|()| out.flush());
            at = console.len();
        }
        let passed = Duration::from_nanos(dom0.now().as_nanos() - first.as_nanos());
        thread::sleep(passed.saturating_sub(start.elapsed()));
        for bytes in typed.try_iter() {
            if bytes.is_empty() || bytes.contains(&ESCAPE) {
                std::process::exit(0);
            }
            shown.type_on_console(guest, &bytes);
        }
        Step::Sleep(dom0.now() + REFRESH)
    });
}

/// Reads what is typed; an empty piece is the end.
fn keyboard() -> Receiver<Vec<u8>> {
    let (send, typed) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 256];
        loop {
            let count = io::stdin().read(&mut buffer).unwrap_or(0);
            if send.send(buffer[..count].to_vec()).is_err() || count == 0 {
                return;
            }
        }
    });
    typed
}
