#!/bin/bash -eu
# Builds the fuzz targets as OSS-Fuzz and ClusterFuzzLite expect them: in $OUT one program for each
# target, its seed corpus and its options. `cargo xtask fuzz --oss-fuzz` runs this script.

cd "$SRC/xen"
cargo fuzz build -O

built=${CARGO_TARGET_DIR:-fuzz/target}/x86_64-unknown-linux-gnu/release
for source in fuzz/fuzz_targets/*.rs; do
    target=$(basename "$source" .rs)
    cp "$built/$target" "$OUT/"
    # Without a corpus a target starts from nothing: that is an error, as each has one.
    zip -q -j "$OUT/${target}_seed_corpus.zip" "fuzz/corpus/$target"/*
    # The length that `cargo xtask fuzz` has, too: longer inputs take long and reach no further.
    printf '[libfuzzer]\nmax_len = 1024\ntimeout = 25\n' > "$OUT/$target.options"
done
