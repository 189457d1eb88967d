#!/bin/bash -eu
# The build is that of OSS-Fuzz.
exec bash -eux "$SRC/xen/fuzz/oss-fuzz/build.sh"
