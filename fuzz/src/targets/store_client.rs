//! The xenstore client against a server that answers anything, well-formed and not, asked for and
//! not; and over a ring that the server rewrites before each load.

use super::uses::use_store;
use crate::fixture::{check, small, with_page};
use crate::input::{head, streams, values};
use arbitrary::Arbitrary;
use std::cell::OnceCell;
use std::collections::VecDeque;
use xen_sim::{ChoiceSource, Domain, HostilePeer, World};
use xen_store::wire::{HEADER_LEN, MessageType, XsdSockmsg, decode, encode};
use xen_store::{ConnectionError, RingTransport, Transport};

/// Reaction of the server to a request.
#[derive(Arbitrary, Debug)]
enum Deed {
    Reply(Vec<u8>),
    Okay,
    Error(Vec<u8>),
    Number(u32),
    Other { kind: u32, id: u8, transaction: u32, body: Vec<u8> },
    Event { token: u8, path: bool },
    Raw(Vec<u8>),
    Silence,
}

#[derive(Default)]
struct Server {
    deeds: VecDeque<Deed>,
    chunks: Vec<u8>,
    turn: usize,
    request: Vec<u8>,
    out: VecDeque<u8>,
}

impl Server {
    /// Returns how many of `len` bytes move this time.
    fn chunk(&mut self, len: usize) -> usize {
        self.turn += 1;
        let limit = self
            .chunks
            .get(self.turn % self.chunks.len().max(1))
            .map_or(len, |&chunk| 16 * usize::from(chunk));
        len.min(limit)
    }

    fn message(&mut self, type_: MessageType, req_id: u32, tx_id: u32, body: &[u8]) {
        let body = &body[..body.len().min(4096)];
        self.out.extend(encode(&XsdSockmsg { type_, req_id, tx_id, len: body.len() as u32 }));
        self.out.extend(body);
    }

    fn answer(&mut self, request: XsdSockmsg) {
        let XsdSockmsg { type_, req_id, tx_id, .. } = request;
        match self.deeds.pop_front().unwrap_or(Deed::Silence) {
            Deed::Reply(body) => self.message(type_, req_id, tx_id, &body),
            Deed::Okay => self.message(type_, req_id, tx_id, b"OK\0"),
            Deed::Error(body) => self.message(MessageType::ERROR, req_id, tx_id, &body),
            Deed::Number(number) => {
                self.message(type_, req_id, tx_id, number.to_string().as_bytes())
            }
            Deed::Other { kind, id, transaction, body } => {
                self.message(
                    MessageType(kind),
                    req_id.wrapping_add(u32::from(id)),
                    transaction,
                    &body,
                );
            }
            Deed::Event { token, path } => {
                let path = if path { "domid" } else { "" };
                let body = format!("{path}\0{token}\0");
                self.message(MessageType::WATCH_EVENT, 0, 0, body.as_bytes());
                self.answer(request);
            }
            Deed::Raw(bytes) => self.out.extend(bytes),
            Deed::Silence => {}
        }
    }
}

impl Transport for Server {
    fn try_write(&mut self, bytes: &[u8]) -> Result<usize, ConnectionError> {
        let count = self.chunk(bytes.len());
        self.request.extend(&bytes[..count]);
        while let Some((header, rest)) = self.request.split_first_chunk::<HEADER_LEN>() {
            let header = decode(header).expect("the client sends no request that is too long");
            if rest.len() < header.len as usize {
                break;
            }
            self.request.drain(..HEADER_LEN + header.len as usize);
            self.answer(header);
        }
        Ok(count)
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> Result<usize, ConnectionError> {
        let count = self.chunk(buffer.len().min(self.out.len()));
        self.out.drain(..count).zip(buffer).for_each(|(byte, to)| *to = byte);
        Ok(count)
    }

    fn notify(&mut self) -> Result<(), ConnectionError> {
        Ok(())
    }
}

thread_local! {
    /// Every input leaves it as it was, but for the time.
    static WORLD: OnceCell<(World, Domain)> = const { OnceCell::new() };
}

fn with_guest(target: impl FnOnce(&Domain)) {
    WORLD.with(|cell| {
        let (world, guest) = cell.get_or_init(|| {
            let world = World::new(1);
            let guest = world.create(small("guest"));
            (world, guest)
        });
        target(guest);
        check(world);
    });
}

/// Runs the client against a server's answers.
pub fn run(data: &[u8]) {
    let (uses, mut deeds) = streams(data);
    let chunks = head::<4>(&mut deeds).to_vec();
    let server = Server { deeds: values(deeds, 100).into(), chunks, ..Server::default() };
    with_guest(|guest| use_store(guest, &values(uses, 64), |_, _| server));
}

/// Runs the client on its ring page.
pub fn ring(data: &[u8]) {
    let (mut uses, deeds) = streams(data);
    with_page(|mem| {
        mem.write(2048, &head::<16>(&mut uses));
        with_guest(|guest| {
            HostilePeer::new(ChoiceSource::from_bytes(deeds)).against_memory(mem, || {
                use_store(guest, &values(uses, 64), |guest, channel| {
                    RingTransport::new(guest, mem, channel.port())
                });
            });
        });
    });
}
