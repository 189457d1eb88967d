#!/bin/sh
# Our driver domain serves a disk to a Linux guest with four vCPUs, which has a queue for each: fio verifies what it writes. The guest is destroyed
# while it writes to a file system, and another one checks that.
. /payload/lib.sh
. /payload/size
cat >/tmp/dd.cfg <<C
name="dd"
type="pvh"
kernel="/payload/driver-domain"
memory=384
vcpus=1
cmdline="disk=data:64 grants=$GRANTS ring=4 hotplug=60"
$EARLY
driver_domain=1
on_poweroff="destroy"
on_crash="preserve"
C

# guest JOB VCPUS: starts a Linux guest. Sets ID.
guest() {
  step "Linux guest: $1"
  cat >"/tmp/$1.cfg" <<C
name="$1"
type="pvh"
kernel="/payload/linux"
ramdisk="/payload/linux.cpio"
memory=512
vcpus=$2
tsc_mode="native"
cmdline="console=hvc0 quiet $PATIENT xen_blkfront.max_queues=4 xen_blkfront.max_ring_page_order=4 job=$1 mib=$MIB"
disk=["format=raw,vdev=xvda,access=rw,backendtype=phy,backend=dd,target=data"]
on_poweroff="destroy"
on_crash="destroy"
C
  ID=$((ID + 1))
  /payload/testbed-peer follow "$LOGS/guest-$1.log" "CONSOLE|$1: " &
  follower=$!
  name_disk $ID &
  xl create -q "/tmp/$1.cfg" || check "$1: created" failed created
}
# name_disk ID: what the hotplug script of another program writes, half a second after the device is there.
name_disk() {
  device="/local/domain/1/backend/vbd/$1/51712"
  until xenstore-read "$device/frontend" >/dev/null 2>&1; do usleep 100000; done
  usleep 500000
  echo "before its script $(xenstore-read "$device/state")" >/tmp/hotplug
  xenstore-write "$device/physical-device-path" /dev/data "$device/hotplug-status" connected
}

step "driver domain"
xl create -q /tmp/dd.cfg || exit 1
ID=1
serving() { [ -n "$(logged serving)" ]; }
within 60 serving

guest fio "$VCPUS"
busy() { said fio '^GUEST busy\|^GUEST error' || gone $ID; }
within 1500 busy || console fio | tail -n 12 | sed "s/^/SHOW|fio: /"
check "fio: queues" "$(said_by fio queues)" "$VCPUS"
device="/local/domain/$ID/device/vbd/51712"
check "fio: state of the disk without its hotplug script" "$(cat /tmp/hotplug)" "before its script 1"
check "fio: pages of each ring" "$(xenstore-read "$device/ring-page-order")" 4
check "fio: a request has more than 11 segments" "$([ "$(said_by fio segments)" -gt 11 ] && echo more)" more
check "fio: bytes that a discard has left" "$(said_by fio discarded)" "0 of 1048576"
[ "$GRANTS" != persistent ] ||
  check "fio: Linux uses persistent grants" "$(xenstore-read "$device/feature-persistent")" 1
check "fio: what is read is what was written" "$(said_by fio verified)" "$VCPUS jobs, errors 0"
echo "SHOW|fio: $(said_by fio amount)"
usleep 1000000
xl destroy fio
kill $follower
within 30 all_removed
check "destroyed in mid-write: its device is removed" "$(served)" 0
matches "destroyed in mid-write: it was writing" "$(logged 'vbd/2/51712: removed')" "* [1-9]* writes*"

guest fsck 1
within 900 gone $ID || { console fsck | tail -n 12 | sed "s/^/SHOW|fsck: /"; xl destroy fsck; }
kill $follower
check "destroyed in mid-write: a file written before is whole" "$(said_by fsck kept)" "$(said_by fio kept) mismatches=0"
check "destroyed in mid-write: the file system is clean" "$(said_by fsck fsck)" 0
xl destroy dd
echo "END"
exit 0
