#!/bin/busybox sh
# The init of the Linux guest of the benchmarks of services: the first read, then the cases of /jobs.
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
load() { for file in /lib/guest/"$1".ko*; do [ -e "$file" ] && insmod "$file"; done; }
load xen-blkfront
until [ -b /dev/xvda ]; do usleep 2000; done
dd if=/dev/xvda of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null && mark end
echo "bench: first-read count=1 ns=$(awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime)"
echo "clock source: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
load xen-netfront
until [ -e /sys/class/net/eth0 ]; do usleep 2000; done
ip addr add 10.0.0.2/24 dev eth0
ip link set eth0 up
until ping -c 1 -W 1 10.0.0.1 >/dev/null; do :; done
# shellcheck disable=SC2046
guest 10.0.0.1 $(cat /jobs)
echo "bench: end"
poweroff -f
