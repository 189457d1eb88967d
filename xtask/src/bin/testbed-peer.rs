//! The other side of a test: runs in dom0, statically linked, with nothing but the standard
//! library.
//!
//! `testbed-peer serve ADDR:PORT` echoes what TCP connections send. `testbed-peer check ADDR:PORT
//! BYTES` sends pseudo-random bytes to an echo server and verifies what comes back. `testbed-peer
//! create CONFIG LOG [MARKER]` runs `xl create` and says how long the guest took to its first
//! console line (and to the line that holds MARKER). `testbed-peer follow FILE PREFIX` prints the
//! lines of a growing file without end. `testbed-peer write FILE BYTES` fills a file with
//! pseudo-random bytes, to the disk; `testbed-peer verify FILE BYTES` compares them, and both print
//! their sum.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

type Done = Result<(), Box<dyn Error>>;

/// Maximum silence of a peer.
const TIMEOUT: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["serve", address] => serve(address),
        ["check", address, bytes] => check(address, bytes),
        ["create", config, log] => create(config, log, None),
        ["create", config, log, marker] => create(config, log, Some(marker)),
        ["follow", file, prefix] => follow(file, prefix),
        ["write", file, bytes] => write(file, bytes),
        ["verify", file, bytes] => verify(file, bytes),
        _ => Err("usage: testbed-peer serve ADDR:PORT | check ADDR:PORT BYTES | \
                  create CONFIG LOG [MARKER] | follow FILE PREFIX | write FILE BYTES | \
                  verify FILE BYTES"
            .into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("testbed-peer: {error}");
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
            Err(error) if started.elapsed() > TIMEOUT => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(200)),
        }
    };
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut writer = stream.try_clone()?;
    let sender = thread::spawn(move || -> std::io::Result<()> {
        let mut noise = Noise::new();
        let mut data = vec![0; PIECE];
        for start in (0..total).step_by(PIECE) {
            let piece = &mut data[..PIECE.min(total - start)];
            noise.fill(piece);
            writer.write_all(piece)?;
        }
        writer.shutdown(Shutdown::Write)
    });
    let (received, mismatches, _) = compare(&mut stream)?;
    sender.join().map_err(|_| "the sender panicked")??;
    println!("sent={total} received={received} mismatches={mismatches}");
    if received == total && mismatches == 0 { Ok(()) } else { Err("the echo differs".into()) }
}

/// Bytes that are made and compared at a time; a multiple of 8.
const PIECE: usize = 1 << 16;

/// Reads to the end. Returns how many bytes there were, how many are not the noise's, and their
/// sum.
fn compare(from: &mut impl Read) -> std::io::Result<(usize, usize, u64)> {
    let (mut received, mut mismatches, mut sum) = (0, 0, Sum::new());
    let mut noise = Noise::new();
    let (mut found, mut expected) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        let mut filled = 0;
        // Whole pieces, because the noise comes in words.
        while filled < PIECE {
            match from.read(&mut found[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                // As Linux ends a read with a timeout when the domain is suspended.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        noise.fill(&mut expected);
        if found[..filled] != expected[..filled] {
            mismatches += found[..filled].iter().zip(&expected).filter(|(a, b)| a != b).count();
        }
        sum.add(&found[..filled]);
        received += filled;
        if filled < PIECE {
            return Ok((received, mismatches, sum.0));
        }
    }
}

/// Pseudo-random bytes (xorshift), the same in every run.
struct Noise(u64);

impl Noise {
    fn new() -> Noise {
        Noise(0x9e37_79b9_7f4a_7c15)
    }

    /// Makes the next bytes. What is left of a last word is lost.
    fn fill(&mut self, bytes: &mut [u8]) {
        for word in bytes.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            word.copy_from_slice(&self.0.to_le_bytes()[..word.len()]);
        }
    }
}

/// A checksum: FNV-1a, of words.
struct Sum(u64);

impl Sum {
    fn new() -> Sum {
        Sum(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0 ^ u64::from_le_bytes(word)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

fn write(file: &str, bytes: &str) -> Done {
    let total: usize = bytes.parse()?;
    let mut file = fs::File::create(file)?;
    let (mut noise, mut sum) = (Noise::new(), Sum::new());
    let mut data = vec![0; PIECE];
    for start in (0..total).step_by(PIECE) {
        let piece = &mut data[..PIECE.min(total - start)];
        noise.fill(piece);
        sum.add(piece);
        file.write_all(piece)?;
    }
    file.sync_all()?;
    println!("bytes={total} sum={:016x}", sum.0);
    Ok(())
}

fn verify(file: &str, bytes: &str) -> Done {
    let total: usize = bytes.parse()?;
    let (read, mismatches, sum) = compare(&mut fs::File::open(file)?)?;
    println!("bytes={read} sum={sum:016x} mismatches={mismatches}");
    if read == total && mismatches == 0 { Ok(()) } else { Err("the file differs".into()) }
}

fn create(config: &str, log: &str, marker: Option<&str>) -> Done {
    let started = Instant::now();
    let mut xl = Command::new("xl").args(["create", "-q", config]).spawn()?;
    let (mut created, mut first, mut marked) = (None, None, None);
    while started.elapsed() < TIMEOUT * 2 {
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
