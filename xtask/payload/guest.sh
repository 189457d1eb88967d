#!/bin/sh
# Starts /payload/guest as a PVH guest with a 16 MiB disk and a network interface; shows its console; waits for its end.
modprobe brd rd_nr=1 rd_size=16384
cat >/tmp/guest.cfg <<C
name="guest"
type="pvh"
kernel="/payload/guest"
memory=64
vcpus=$(cat /payload/vcpus)
max_event_channels=131071
cmdline='$(cat /payload/cmdline)'
on_poweroff="destroy"
on_reboot="destroy"
on_crash="destroy"
disk=["phy:/dev/ram0,xvda,w"]
vif=["bridge=br0,mac=00:16:3e:00:00:02,script=vif-bridge"]
C
/payload/lab-peer follow /var/log/xen/guest-guest.log "" &
xl create -q /tmp/guest.cfg || exit 1
while xenstore-exists /local/domain/1; do usleep 200000; done
usleep 300000
exit 0
