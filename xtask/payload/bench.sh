#!/bin/sh
# One guest of the benchmarks, /payload/guest.cfg, with a disk of 64 MiB in dom0's memory and an interface on dom0's bridge; it runs until it ends by
# itself. With /payload/dd.cfg, that driver domain serves the disk.
. /payload/lib.sh
echo "SYMBOL|$(awk '$3 == "evtchn_send" { print $1; exit }' /proc/xen/xensyms)"
device=/local/domain/1/backend/vbd/2/51712
# name_disk: what the hotplug script of a Linux driver domain would write, when the device is there.
name_disk() {
  until xenstore-read "$device/frontend" >/dev/null 2>&1; do usleep 100000; done
  xenstore-write "$device/physical-device" 1:0 "$device/hotplug-status" connected
}
serving() { grep -q 'bench: serving' "$LOGS/guest-dd.log" 2>/dev/null || xl dmesg | grep -q '^(d1) .*serving'; }
if [ -e /payload/dd.cfg ]; then
  step "driver domain"
  xl create -q /payload/dd.cfg
  within 60 serving || sed 's/^/CONSOLE|/' "$LOGS/guest-dd.log"
  name_disk &
else
  modprobe brd rd_nr=1 rd_size=65536
  # All pages are there before the guest: brd allocates them at the first write.
  dd if=/dev/zero of=/dev/ram0 bs=1M 2>/dev/null
  /payload/net serve &
fi
step "guest"
/payload/mark entry
xl create -q -F /payload/guest.cfg
sed 's/^/CONSOLE|/' "$LOGS/guest-guest.log" 2>/dev/null
echo "END"
exit 0
