//! The demonstration in a simulated world; `cargo xtask demo` starts it and shows what it
//! prints.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{fs, io, thread};
use xen_example_sim_shell::watch::Watch;
use xen_example_sim_shell::{Testbed, demo, picture, timeline};
use xen_hypercall::{DomId, Platform};
use xen_sim::{Domain, Step, World};

const USAGE: &str = "usage: sim-shell [--seed N] [--trace FILE] [--watch | --interactive]";

/// Time between two updates of the output, in the world's time.
const REFRESH: Duration = Duration::from_millis(20);

/// Time between two pictures of the traffic, in the world's time, and of their display, in ours:
/// slow motion.
const FRAME: Duration = Duration::from_micros(500);
const LOOK: Duration = Duration::from_millis(40);

/// Key that leaves the guest's console.
const ESCAPE: u8 = 0x1d;

#[derive(Default)]
struct Options {
    seed: u64,
    trace: Option<String>,
    watch: bool,
    interactive: bool,
}

fn main() -> ExitCode {
    let done = options().and_then(|options| run(&options));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options { seed: 1, ..Options::default() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value =
            || words.next().ok_or_else(|| format!("{word}: its value is missing\n{USAGE}"));
        match word.as_str() {
            "--seed" => {
                options.seed = value()?.parse().map_err(|error| format!("--seed: {error}"))?;
            }
            "--trace" => options.trace = Some(value()?),
            "--watch" => options.watch = true,
            "--interactive" => options.interactive = true,
            _ => return Err(format!("{word}: not an option\n{USAGE}")),
        }
    }
    Ok(options)
}

fn say(line: std::fmt::Arguments<'_>) {
    // A closed pipe is the reader's choice.
    let _ = writeln!(io::stdout(), "{line}");
}

fn run(options: &Options) -> Result<bool, String> {
    let (testbed, disk) = demo::testbed(options.seed, options.trace.is_some())?;
    let guest = testbed.guest.inner().id();
    if options.interactive {
        terminal(&testbed.world, guest);
        demo::prompt(&testbed)?;
        testbed.world.run_for(REFRESH * 2);
        return Ok(true);
    }
    let before = disk.look(demo::sha256);
    say(format_args!("SAY|dom0 made a disk of random content: sha256 {before}"));
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
        let draw = if path.ends_with(".svg") { picture::svg } else { timeline::chrome };
        fs::write(path, draw(&record, &names))
            .map_err(|error| format!("writing {path}: {error}"))?;
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
