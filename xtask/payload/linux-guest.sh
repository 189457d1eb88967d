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
# within SECONDS COMMAND...: whether the command succeeds in time.
within() { n=$(($1 * 10)); shift; until "$@"; do n=$((n - 1)); [ $n -lt 0 ] && return 1; usleep 100000; done; }
there() { within 60 test -e "$1"; }
seconds() { cut -d' ' -f1 /proc/uptime; }
timed() { start=$(seconds); "$@"; say "time $1 $(echo "$(seconds) $start" | awk '{ print $1 - $2 }')"; }
disk() { there /dev/xvda; say sectors "$(cat /sys/block/xvda/size)"; }
# network NAME ADDRESS
network() { there "/sys/class/net/$1"; ip addr add "$2/24" dev "$1"; ip link set "$1" up; }
write() { say wrote "$(testbed-peer write /mnt/data $BYTES)"; }
read_back() { say read "$(testbed-peer verify /mnt/data $BYTES)"; }
# On its own processor, so that the requests go through a queue of their own; not through the page cache.
on_cpu() { cpu=$1; shift; taskset $((1 << cpu)) "$@" 2>/dev/null; }
on_each_cpu() { for cpu in 0 1; do "$1" $cpu & done; wait; }
put_part() { on_cpu "$1" dd if="/tmp/part$1" of=/dev/xvdb bs=64k count=16 seek=$(($1 * 16)) oflag=direct; }
# The data is read through the queue of another processor.
get_part() {
  from=$((1 - $1))
  on_cpu "$1" dd if=/dev/xvdb of="/tmp/back$from" bs=64k count=16 skip=$((from * 16)) iflag=direct
  cmp "/tmp/part$from" "/tmp/back$from" && say part $from same
}
echo_back() { say echo "$(testbed-peer check 10.1.0.1:7 $(($(word net_mib) * 1048576)))"; }
send_limited() { dd if=/dev/zero bs=64k count=8 2>/dev/null | nc 10.1.0.1 9; }
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
    there /dev/xvdb
    say queues "$(find /sys/block/xvdb/mq -mindepth 1 -maxdepth 1 | wc -l)"
    for part in 0 1; do dd if=/dev/urandom of=/tmp/part$part bs=64k count=16 2>/dev/null; done
    on_each_cpu put_part
    on_each_cpu get_part
    say scratch "$(cat /sys/block/xvdb/size)"
    grown() { [ "$(cat /sys/block/xvdb/size)" != 65536 ]; }
    within 60 grown
    say scratch "$(cat /sys/block/xvdb/size)"
    mkfs.ext4 -q -F /dev/xvdb && mount -t ext4 /dev/xvdb /mnt
    say kept "$(testbed-peer write /mnt/kept 4194304)"
    sync
    network eth0 10.1.0.2
    nc 10.1.0.1 9 </dev/zero &
    say busy now
    while :; do dd if=/dev/urandom of="/mnt/$((f = (f + 1) % 8))" bs=64k count=16 conv=fsync 2>/dev/null; done ;;
  next)
    disk
    mount -t ext4 /dev/xvda /mnt && read_back
    umount /mnt
    there /dev/xvdb
    mount -t ext4 /dev/xvdb /mnt && say kept "$(testbed-peer verify /mnt/kept 4194304)"
    umount /mnt
    e2fsck -f -n /dev/xvdb >/tmp/fsck 2>&1; say fsck $?
    network eth0 10.1.0.2
    say ping "$(ping -c 20 -i 0.2 10.1.0.1 | sed -n 's/ packets//g; s/, *[0-9]*% .*//p')"
    timed echo_back
    dd if=/dev/urandom of=/tmp/data bs=1M count=2 2>/dev/null
    nc 10.1.0.1 9 </tmp/data
    say sent "$(digest /tmp/data)"
    say received "$(nc 10.1.0.1 19 </dev/null | sha256sum | cut -d' ' -f1)"
    ip link set eth0 down
    network eth1 10.1.0.3
    timed send_limited ;;
esac
say done
poweroff -f
