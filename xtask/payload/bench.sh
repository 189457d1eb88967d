#!/bin/sh
# One guest of the benchmarks, /payload/guest.cfg, with a disk of 64 MiB in dom0's memory and an interface on dom0's bridge; it runs until it ends by
# itself. With /payload/dd.cfg, that driver domain serves the disk. With /payload/peer.cfg, too, it serves the networks of the guest and of that peer
# instead.
. /payload/lib.sh
! x86 || echo "SYMBOL|$(awk '$3 == "evtchn_send" { print $1; exit }' /proc/xen/xensyms)"
devices=/local/domain/1/backend
# scripted DEVICE NODE VALUE...: writes what the hotplug script of a Linux driver domain would, when the device is there.
scripted() {
  device=$devices/$1; shift
  until xenstore-read "$device/frontend" >/dev/null 2>&1; do usleep 100000; done
  for node; do xenstore-write "$device/${node%%=*}" "${node#*=}"; done
}
# serving NAME DOMAIN
serving() { grep -q 'bench: serving' "$LOGS/guest-$1.log" 2>/dev/null || xl dmesg | grep -q "^(d$2) .*serving"; }
# first NAME DOMAIN: starts what has to serve before the guest.
first() {
  step "$1"
  xl create -q "/payload/$1.cfg"
  within 60 serving "$1" "$2" || sed 's/^/CONSOLE|/' "$LOGS/guest-$1.log"
}
[ ! -e /payload/dd.cfg ] || first dd 1
if [ -e /payload/peer.cfg ]; then
  /payload/mark peer
  scripted vif/2/0 hotplug-status=connected &
  first peer 2
  scripted vif/3/0 hotplug-status=connected &
elif [ -e /payload/dd.cfg ]; then
  scripted vbd/2/51712 physical-device=1:0 hotplug-status=connected &
else
  /payload/net serve &
fi
if [ -e /payload/peer.cfg ] || [ ! -e /payload/dd.cfg ]; then
  modprobe brd rd_nr=1 rd_size=65536
  # All pages are there before the guest: brd allocates them at the first write.
  dd if=/dev/zero of=/dev/ram0 bs=1M 2>/dev/null
fi
step "guest"
/payload/mark entry
xl create -q -F /payload/guest.cfg
# Our kernel on Arm prints to its UART.
cat "$LOGS/guest-guest.log" "$LOGS/guest-guest-vuart0.log" 2>/dev/null | sed 's/^/CONSOLE|/'
echo "END"
exit 0
