//! The other side of a test: runs in dom0, statically linked, with nothing but the standard library.
//!
//! `lab-peer serve ADDR:PORT` echoes what TCP connections send. `lab-peer check ADDR:PORT BYTES` sends pseudo-random
//! bytes to an echo server and verifies what comes back. `lab-peer create CONFIG LOG [MARKER]` runs `xl create` and
//! says how long the guest took to its first console line (and to the line that holds MARKER). `lab-peer follow FILE
//! PREFIX` prints the lines of a growing file as they come, for ever.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

type Done = Result<(), Box<dyn Error>>;

/// How long a peer may stay silent.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["serve", address] => serve(address),
        ["check", address, bytes] => check(address, bytes),
        ["create", config, log] => create(config, log, None),
        ["create", config, log, marker] => create(config, log, Some(marker)),
        ["follow", file, prefix] => follow(file, prefix),
        _ => Err("usage: lab-peer serve ADDR:PORT | check ADDR:PORT BYTES | create CONFIG LOG [MARKER] | \
                  follow FILE PREFIX"
            .into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("lab-peer: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(address: &str) -> Done {
    let listener = TcpListener::bind(address.parse::<SocketAddr>()?)?;
    for stream in listener.incoming() {
        let mut stream = stream?;
        thread::spawn(move || -> std::io::Result<()> {
            let mut buffer = vec![0; 1 << 16];
            loop {
                match stream.read(&mut buffer)? {
                    0 => return Ok(()),
                    n => stream.write_all(&buffer[..n])?,
                }
            }
        });
    }
    Ok(())
}

fn check(address: &str, bytes: &str) -> Done {
    let address = address.parse::<SocketAddr>()?;
    let total: usize = bytes.parse()?;
    let started = Instant::now();
    // The guest may still be on its way to its accept.
    let mut stream = loop {
        match TcpStream::connect_timeout(&address, Duration::from_secs(2)) {
            Ok(stream) => break stream,
            Err(error) if started.elapsed() > PATIENCE => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(200)),
        }
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut writer = stream.try_clone()?;
    let sender = thread::spawn(move || -> std::io::Result<()> {
        let data: Vec<u8> = Noise::new().take(total).collect();
        writer.write_all(&data)?;
        writer.shutdown(Shutdown::Write)
    });
    let (mut received, mut mismatches) = (0, 0);
    let mut expected = Noise::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        received += n;
        mismatches += buffer[..n].iter().filter(|&&b| expected.next() != Some(b)).count();
    }
    sender.join().map_err(|_| "the sender panicked")??;
    println!("sent={total} received={received} mismatches={mismatches}");
    if received == total && mismatches == 0 { Ok(()) } else { Err("the echo differs".into()) }
}

/// Pseudo-random bytes (xorshift), the same in every run.
struct Noise(u64);

impl Noise {
    fn new() -> Noise {
        Noise(0x9e37_79b9_7f4a_7c15)
    }
}

impl Iterator for Noise {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Some((self.0 >> 32) as u8)
    }
}

fn create(config: &str, log: &str, marker: Option<&str>) -> Done {
    let started = Instant::now();
    let mut xl = Command::new("xl").args(["create", "-q", config]).spawn()?;
    let (mut created, mut first, mut marked) = (None, None, None);
    while started.elapsed() < PATIENCE * 2 {
        let now = started.elapsed().as_secs_f32();
        if created.is_none()
            && let Some(status) = xl.try_wait()?
        {
            if !status.success() {
                return Err(format!("xl create: {status}").into());
            }
            created = Some(now);
        }
        let text = fs::read(log).unwrap_or_default();
        if first.is_none() && text.contains(&b'\n') {
            first = Some(now);
        }
        if let Some(marker) = marker
            && marked.is_none()
            && String::from_utf8_lossy(&text).contains(marker)
        {
            marked = Some(now);
        }
        let last = if marker.is_some() { marked } else { first };
        if let (Some(created), Some(first), Some(marked)) = (created, first, last) {
            println!("created={created:.2} first={first:.2} marker={marked:.2}");
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(format!("no console line in {log} after {} s", started.elapsed().as_secs()).into())
}

fn follow(file: &str, prefix: &str) -> Done {
    let mut printed = 0;
    loop {
        let text = fs::read(file).unwrap_or_default();
        let fresh = text.get(printed..).unwrap_or_default();
        if let Some(end) = fresh.iter().rposition(|&b| b == b'\n') {
            for line in String::from_utf8_lossy(&fresh[..end]).lines() {
                println!("{prefix}{}", line.trim_end_matches('\r'));
            }
            printed += end + 1;
        }
        thread::sleep(Duration::from_millis(50));
    }
}
