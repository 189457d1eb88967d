#!/bin/busybox sh
# The init of a Linux guest that verifies a disk on all of its processors by fio, then writes to a file system until it is destroyed (job=fio); or
# checks that file system (job=fsck). What dom0 is to compare is printed as `GUEST WHAT VALUE`.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
mkdir -p /dev/shm
# parameters MODULE: those of the command line.
parameters() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$(echo "$1" | tr - _)\.//p"; }
for module in @MODULES@; do
  # shellcheck disable=SC2046
  for file in /lib/guest/"$module".ko*; do [ -e "$file" ] && insmod "$file" $(parameters "$module"); done
done
word() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"; }
say() { echo "GUEST $*"; }
n=0
until [ -b /dev/xvda ]; do n=$((n + 1)); [ $n -gt 600 ] && say error no disk; usleep 100000; done

case $(word job) in
  fio)
    cpus=$(nproc)
    say queues "$(find /sys/block/xvda/mq -mindepth 1 -maxdepth 1 | wc -l)"
    say segments "$(cat /sys/block/xvda/queue/max_segments)"
    tr '\0' x </dev/zero | dd of=/dev/xvda bs=1M count=1 iflag=fullblock oflag=direct 2>/dev/null
    blkdiscard -l 1048576 /dev/xvda && say discarded "$(dd if=/dev/xvda bs=1M count=1 2>/dev/null | tr -d '\0' | wc -c) of 1048576"
    mib=$(word mib)
    cat >/tmp/jobs <<J
[global]
filename=/dev/xvda
ioengine=libaio
direct=1
iodepth=16
rw=randwrite
bsrange=4k-128k
size=${mib}m
offset_increment=${mib}m
numjobs=$cpus
cpus_allowed=0-$((cpus - 1))
cpus_allowed_policy=split
verify=crc32c
verify_fatal=1
do_verify=1
group_reporting=1

[verified]
J
    cd /tmp
    fio --eta=never --output=/tmp/figures --output-format=terse --terse-version=3 /tmp/jobs 2>/tmp/errors || say error "$(head -n 3 /tmp/errors)"
    # Fields of the third version: name, group, error, KiB read, written (6, 47).
    awk -F';' -v cpus="$cpus" '$3 == "verified" { print "GUEST verified " cpus " jobs, errors " $5; print "GUEST amount KiB read " $6 ", written " $47 }' \
      /tmp/figures
    mkfs.ext4 -q -F /dev/xvda && mount -t ext4 /dev/xvda /mnt
    say kept "$(testbed-peer write /mnt/kept 4194304)"
    sync
    for cpu in $(seq 0 $((cpus - 1))); do
      while :; do taskset $((1 << cpu)) dd if=/dev/zero of="/mnt/$cpu.$((f = (f + 1) % 4))" bs=64k count=8 conv=fsync 2>/dev/null; done &
    done
    sleep 2
    say busy now
    wait ;;
  fsck)
    mount -t ext4 /dev/xvda /mnt && say kept "$(testbed-peer verify /mnt/kept 4194304)"
    umount /mnt
    e2fsck -f -n /dev/xvda >/tmp/fsck 2>&1; say fsck $? ;;
esac
say done
poweroff -f
