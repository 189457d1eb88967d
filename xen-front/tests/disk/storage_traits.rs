//! The traits of `embedded-storage`.

use super::{Fixture, SECTORS};
use embedded_storage::nor_flash::{NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use embedded_storage::{ReadStorage, Storage};

const BYTES: usize = SECTORS * 512;

/// Writes through the trait alone, as a library does that has no type of this crate.
fn write<S: Storage>(storage: &mut S, offset: u32, bytes: &[u8]) -> Result<(), S::Error> {
    storage.write(offset, bytes)
}

fn read<S: ReadStorage>(storage: &mut S, offset: u32, len: usize) -> Result<Vec<u8>, S::Error> {
    let mut bytes = vec![0x11; len];
    storage.read(offset, &mut bytes).map(|()| bytes)
}

#[test]
fn storage_has_any_offset_and_length() {
    for sector_size in [512, 4096] {
        let fixture = Fixture::new();
        fixture.back.state().set("sector-size", sector_size);
        let mut disk = fixture.disk();
        assert_eq!(ReadStorage::capacity(&disk), BYTES);
        let mut model = vec![0; BYTES];
        disk.write(0, &model).unwrap();
        for (seed, (offset, len)) in
            [(0, 1), (511, 2), (4095, 8194), (700, 100_000), (BYTES - 3, 3), (12_288, 4096), (9, 0)]
                .into_iter()
                .enumerate()
        {
            let bytes: Vec<u8> = (0..len).map(|at| (at * 7 + seed) as u8 | 1).collect();
            write(&mut disk, offset as u32, &bytes).unwrap();
            model[offset..offset + len].copy_from_slice(&bytes);
            assert_eq!(read(&mut disk, offset as u32, len).unwrap(), bytes);
        }
        assert!(read(&mut disk, 1, BYTES - 2).unwrap() == model[1..BYTES - 1]);
        assert!(fixture.back.state().disk == model, "other bytes are unchanged");
        disk.close(fixture.deadline()).unwrap();
        fixture.finish();
    }
}

#[test]
fn flash_erases_to_ones() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    disk.write(0, &vec![0; BYTES]).unwrap();
    disk.erase(4096, 12_288).unwrap();
    NorFlash::write(&mut disk, 8192, &[3; 512]).unwrap();
    let mut found = vec![0; 12_288];
    ReadNorFlash::read(&mut disk, 1, &mut found).unwrap();
    let expected = |at: usize| match at + 1 {
        8192..8704 => 3,
        4096..12_288 => 0xff,
        _ => 0,
    };
    assert!(found.iter().enumerate().all(|(at, &byte)| byte == expected(at)));
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}

#[test]
fn impossible_ranges_touch_nothing() {
    let fixture = Fixture::new();
    let mut disk = fixture.disk();
    let requests = fixture.back.state().seen.len();
    let end = BYTES as u32;
    let kinds = [
        write(&mut disk, end - 1, &[1, 2]).map_err(|error| error.kind()),
        read(&mut disk, u32::MAX, 1).map(drop).map_err(|error| error.kind()),
        disk.erase(0, end + 4096).map_err(|error| error.kind()),
        disk.erase(8192, 4096).map_err(|error| error.kind()),
        disk.erase(512, 4096).map_err(|error| error.kind()),
        NorFlash::write(&mut disk, 1, &[0; 512]).map_err(|error| error.kind()),
    ];
    let [outside, misaligned] = [NorFlashErrorKind::OutOfBounds, NorFlashErrorKind::NotAligned];
    let expected = [outside, outside, outside, misaligned, misaligned, misaligned].map(Err);
    assert_eq!(kinds, expected);
    assert_eq!(fixture.back.state().seen.len(), requests);
    disk.close(fixture.deadline()).unwrap();
    fixture.finish();
}
