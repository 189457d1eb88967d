#!/bin/busybox sh
# The init of the Linux guest of the benchmarks that is the other end of the network's cases.
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for file in /lib/guest/xen-netfront.ko*; do [ -e "$file" ] && insmod "$file"; done
until [ -e /sys/class/net/eth0 ]; do usleep 2000; done
ip link set lo up
ip addr add 10.0.0.1/24 dev eth0
ip link set eth0 up
echo "bench: serving"
exec net serve
