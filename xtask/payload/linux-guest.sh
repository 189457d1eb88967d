#!/bin/busybox sh
# The init of a Linux guest that does one job, named on its command line as job=NAME, and powers off.
# What dom0 is to compare is printed as `GUEST WHAT VALUE`.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
for module in @MODULES@; do
  for file in /lib/guest/"$module".ko*; do [ -e "$file" ] && insmod "$file"; done
done

word() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"; }
say() { echo "GUEST $*"; }
digest() { sha256sum "$1" | cut -d' ' -f1; }
there() { n=0; while [ ! -e "$1" ]; do n=$((n + 1)); [ $n -gt 600 ] && return 1; usleep 100000; done; }
seconds() { cut -d' ' -f1 /proc/uptime; }
timed() { start=$(seconds); "$@"; say "time $1 $(echo "$(seconds) $start" | awk '{ print $1 - $2 }')"; }
disk() { there /dev/xvda; say sectors "$(cat /sys/block/xvda/size)"; }
network() { there /sys/class/net/eth0; ip addr add 10.1.0.2/24 dev eth0; ip link set eth0 up; }
write() { say wrote "$(testbed-peer write /mnt/data $BYTES)"; }
read_back() { say read "$(testbed-peer verify /mnt/data $BYTES)"; }
echo_back() { say echo "$(testbed-peer check 10.1.0.1:7 $(($(word net_mib) * 1048576)))"; }
BYTES=$(($(word mib) * 1048576))

case $(word job) in
  first)
    disk
    mkfs.ext4 -q -F /dev/xvda && mount -t ext4 /dev/xvda /mnt && say mounted ext4
    timed write
    umount /mnt; echo 3 >/proc/sys/vm/drop_caches
    mount -t ext4 /dev/xvda /mnt && say mounted again
    timed read_back
    umount /mnt
    e2fsck -f -n /dev/xvda >/tmp/fsck 2>&1; say fsck $?
    network
    nc 10.1.0.1 9 </dev/zero &
    dd if=/dev/zero of=/dev/xvdb bs=64k count=64 2>/dev/null
    say busy now
    while :; do dd if=/dev/zero of=/dev/xvdb bs=64k count=256 seek=64 2>/dev/null; done ;;
  next)
    disk
    mount -t ext4 /dev/xvda /mnt && read_back
    umount /mnt
    network
    say ping "$(ping -c 20 -i 0.2 10.1.0.1 | sed -n 's/ packets//g; s/, *[0-9]*% .*//p')"
    timed echo_back
    dd if=/dev/urandom of=/tmp/data bs=1M count=2 2>/dev/null
    nc 10.1.0.1 9 </tmp/data
    say sent "$(digest /tmp/data)"
    say received "$(nc 10.1.0.1 19 </dev/null | sha256sum | cut -d' ' -f1)" ;;
esac
say done
poweroff -f
