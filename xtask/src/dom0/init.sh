#!/bin/sh
# The whole of dom0: brings up what `xl` needs, runs the payload, reports its exit code, powers off.
# Output and control lines (which begin with the byte 0x1e) go to the second serial port; the first is Xen's.
export PATH=@BIN@:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mkdir -p /dev/pts /dev/shm
mount -t devpts pts /dev/pts; mount -t tmpfs t /run; mkdir -p /run/xen /run/xenstored /run/lock /run/xen-hotplug
export TESTBED=@LINE@
# A line of virtio has its node before its driver, and no speed.
SPEED=115200
case $TESTBED in *hvc*) SPEED=; modprobe -q virtio_mmio; modprobe -q virtio_console; tries=100; until stty -F $TESTBED >/dev/null 2>&1 || [ $((tries -= 1)) = 0 ]; do usleep 20000; done ;; esac
stty -F $TESTBED raw -echo $SPEED 2>/dev/null && exec <$TESTBED >$TESTBED 2>&1
mark() { printf '\036TESTBED %s %s\n' "$*" "$(cut -d' ' -f1 /proc/uptime)"; }
mark dom0
for m in xen-privcmd xen-evtchn xen-gntdev xen-gntalloc xenfs xen-blkback xen-netback loop bridge tun; do modprobe -q $m; done
mount -t xenfs xenfs /proc/xen
if [ "$XENSTORED" = oxenstored ]; then oxenstored --pid-file /run/xen/xenstored.pid; else xenstored --pid-file /run/xen/xenstored.pid; fi
until xenstore-exists / 2>/dev/null; do usleep 50000; done
xen-init-dom0 >/dev/null
xenconsoled --log=all --log-dir=/var/log/xen
ip link set lo up; ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip link set br0 up
mark run
cd /payload && ./run; rc=$?
if [ -z "$QUIET" ]; then for f in /var/log/xen/guest-*.log; do [ -e "$f" ] && { mark log "$f"; cat "$f"; echo; }; done; fi
mark rc $rc
sync; poweroff -f
