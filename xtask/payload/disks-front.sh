#!/bin/sh
# Four vCPUs of our kernel write a disk of Linux's backend at once and verify it, while the guest is saved, restored and moved and the backend is
# restarted; then a disk of QEMU's backend. Arm has neither a suspend nor, in Debian, a QEMU with Xen's backends.
. /payload/lib.sh
. /payload/size
modprobe brd rd_nr=1 rd_size=16384
echo 4 >/sys/module/xen_blkback/parameters/max_queues

# begin NAME DISK WORDS: starts the kernel, which fills the disk.
begin() {
  cat >"/tmp/$1.cfg" <<C
name="$1"
type="pvh"
kernel="/payload/disk-test"
cmdline="$3"
memory=64
vcpus=4
$EARLY
disk=["$2"]
on_poweroff="destroy"
on_crash="destroy"
C
  ID=$((ID + 1)) NAME=$1
  step "disk of $1, domain $ID"
  xl dmesg -c >/dev/null
  xl create -q "/tmp/$1.cfg" || {
    tail -n 12 "$LOGS/qemu-dm-$1.log" | sed "s/^/SHOW|$1: /"
    check "$1: created" failed created
  }
  filled() { [ -n "$(logged filled)" ] || ended_early; }
  within 300 filled
}
# logged PATTERN: what the kernel said last that fits.
logged() { early "$NAME" | grep -o 'disk-test: .*' | grep -- "$1" | tail -n 1; }
ended_early() { [ -n "$(logged error)" ]; }
digest() { echo 3 >/proc/sys/vm/drop_caches; sha256sum </dev/ram0 | cut -d' ' -f1; }
# does WHEN COMMAND...: dom0 does something with the guest, which is at work.
does() { toolstack "$@"; usleep 500000; }
# rebind [announced]: the backend's driver is removed from the device and added again, as if it was loaded anew. An announced restart lets the guest
# close before: a new driver that refuses the guest's old nodes closes for good, and whether the guest has new ones by then is a race.
rebind() {
  echo "vbd-$ID-51712" >/sys/bus/xen-backend/drivers/vbd/unbind &&
    { [ -z "$1" ] || { xenstore-write "/local/domain/0/backend/vbd/$ID/51712/state" 1 && usleep 500000; }; } &&
    echo "vbd-$ID-51712" >/sys/bus/xen-backend/drivers/vbd/bind && usleep 1000000 && within 60 connected
}
connected() {
  [ "$(xenstore-read "/local/domain/0/backend/vbd/$ID/51712/state")$(xenstore-read "/local/domain/$ID/device/vbd/51712/state")" = 44 ]
}

begin blkback "phy:/dev/ram0,xvda,w" "ios=$IOS"
check "blkback: filled by all vCPUs" "$(logged filled | sed 's/: [0-9a-f]*$//')" "disk-test: filled by 4 vCPUs on 4 rings"
check "blkback: digest of the disk" "$(digest)" "$(logged filled | sed 's/.*: //')"
check "blkback: pages stay granted" "$(xenstore-read "/local/domain/$ID/device/vbd/51712/feature-persistent")" 1
statistic() { cat "/sys/bus/xen-backend/devices/vbd-$ID-51712/statistics/$1"; }
check "blkback: requests of more than 11 segments" "$([ $(($(statistic wr_sect) / $(statistic wr_req))) -gt 88 ] && echo yes || echo "$(statistic wr_sect) sectors, $(statistic wr_req) requests")" yes
xenstore-write "/local/domain/$ID/data/continue" 1
usleep 500000
does "backend restarted" rebind
resumed=0
if x86; then
  does "saved" xl save blkback /tmp/saved
  does "restored" xl restore /tmp/saved
  rm -f /tmp/saved
  ID=$((ID + 1))
  does "backend restarted after the restore" rebind
  does "moved" xl migrate -s "" blkback "xl migrate-receive"
  ID=$((ID + 1)) resumed=2
  does "backend restarted after the move" rebind
else
  does "backend restarted twice" rebind
fi
check "blkback: verified until then" "$(logged 'requests verified\|error')" ""
ended() { [ -n "$(logged 'end: ')" ] || ended_early; }
xenstore-write "/local/domain/$ID/data/end" 1
within 900 ended
verified=$(logged 'requests verified')
matches "blkback: requests verified" "$verified" "disk-test: [1-9]* requests verified, resumed $resumed times, [3-9] connections, 4 rings: *"
check "blkback: digest of the disk at the end" "$(digest)" "${verified##*: }"
check "blkback: the kernel came to its end" "$(logged 'end: \|error')" "disk-test: end: ok"
within 20 gone $ID

# Rings of 16 pages; then the backend is restarted with fewer queues, and rings of one page.
begin large "phy:/dev/ram0,xvda,w" "ios=2000 depth=512"
check "large: pages of each ring" "$(logged 'rings of')" "disk-test: rings of 16 pages"
check "large: digest of the disk" "$(digest)" "$(logged filled | sed 's/.*: //')"
xenstore-write "/local/domain/$ID/data/continue" 1
echo 2 >/sys/module/xen_blkback/parameters/max_queues
echo 0 >/sys/module/xen_blkback/parameters/max_ring_page_order
does "backend restarted with fewer queues" rebind "$(x86 || echo announced)"
xenstore-write "/local/domain/$ID/data/end" 1
within 300 ended
verified=$(logged 'requests verified')
matches "large: requests verified" "$verified" "disk-test: [1-9]* requests verified, resumed 0 times, 2 connections, 2 rings: *"
check "large: digest of the disk at the end" "$(digest)" "${verified##*: }"
check "large: the kernel came to its end" "$(logged 'end: \|error')" "disk-test: end: ok"
within 20 gone $ID

x86 || { echo "END"; exit 0; }
begin qdisk "format=raw,vdev=xvda,access=rw,backendtype=qdisk,target=/dev/ram0" "ios=5000"
check "qdisk: filled by all vCPUs" "$(logged filled | sed 's/: [0-9a-f]*$//')" "disk-test: filled by 4 vCPUs on 1 rings"
check "qdisk: digest of the disk" "$(digest)" "$(logged filled | sed 's/.*: //')"
xenstore-write "/local/domain/$ID/data/continue" 1 "/local/domain/$ID/data/end" 1
within 300 ended
verified=$(logged 'requests verified')
check "qdisk: digest of the disk at the end" "$(digest)" "${verified##*: }"
check "qdisk: the kernel came to its end" "$(logged 'end: \|error')" "disk-test: end: ok"
within 20 gone $ID
echo "END"
exit 0
