#!/bin/busybox sh
# The init of the Linux driver domain of the benchmarks: a disk of 64 MiB in its memory, /dev/ram0, for the device that dom0 names.
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
load() { module=$1; shift; for file in /lib/guest/"$module".ko*; do [ -e "$file" ] && insmod "$file" "$@"; done; }
load brd rd_nr=1 rd_size=65536
dd if=/dev/zero of=/dev/ram0 bs=1M 2>/dev/null
load xen-blkback
echo "bench: serving"
while :; do sleep 1000; done
