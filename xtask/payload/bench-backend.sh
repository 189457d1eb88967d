#!/bin/busybox sh
# The init of the Linux driver domain of the benchmarks: a disk of 64 MiB in its memory, /dev/ram0, for the device that dom0 names, and a bridge with
# the interfaces of guests.
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
load() { module=$1; shift; for file in /lib/guest/"$module".ko*; do [ -e "$file" ] && insmod "$file" "$@"; done; }
load brd rd_nr=1 rd_size=65536
dd if=/dev/zero of=/dev/ram0 bs=1M 2>/dev/null
load xen-blkback
load llc; load stp; load bridge
load xen-netback
brctl addbr br0
ip link set br0 up
echo "bench: serving"
# Guests come before the measurements.
for _ in $(seq 600); do
  for vif in /sys/class/net/vif*; do
    name=${vif##*/}
    [ -e "$vif" ] && [ ! -e "$vif/brport" ] && brctl addif br0 "$name" && ip link set "$name" up
  done
  usleep 100000
done
while :; do sleep 1000; done
