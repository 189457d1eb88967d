#!/bin/sh
# One guest of the benchmarks, /payload/guest.cfg, with a disk of 64 MiB in dom0's memory and an interface on dom0's bridge; it runs until it ends by itself.
. /payload/lib.sh
modprobe brd rd_nr=1 rd_size=65536
# All pages are there before the guest: brd allocates them at the first write.
dd if=/dev/zero of=/dev/ram0 bs=1M 2>/dev/null
echo "SYMBOL|$(awk '$3 == "evtchn_send" { print $1; exit }' /proc/xen/xensyms)"
/payload/net serve &
step "guest"
/payload/mark entry
xl create -q -F /payload/guest.cfg
sed 's/^/CONSOLE|/' "$LOGS/guest-guest.log" 2>/dev/null
echo "END"
exit 0
