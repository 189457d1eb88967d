#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| xen_fuzz::packets::run(data));
