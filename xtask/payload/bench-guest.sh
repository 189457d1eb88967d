#!/bin/busybox sh
# The init of the Linux guest of the benchmarks: the first read, then the jobs of /bench.fio, whose names are INDEX_KIB, and the cases of /bench.net.
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
mkdir -p /dev/shm
load() { for file in /lib/guest/"$1".ko*; do [ -e "$file" ] && insmod "$file"; done; }
load xen-blkfront
until [ -b /dev/xvda ]; do usleep 2000; done
dd if=/dev/xvda of=/dev/null bs=4k count=1 iflag=direct 2>/dev/null && mark end
echo "bench: first-read count=1 ns=$(awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime)"
cd /tmp
if fio --output=/tmp/figures --output-format=terse --terse-version=3 /bench.fio 2>/tmp/errors; then
  # Fields of the third version: name, error, KiB read and ms (6, 9), KiB written and ms (47, 50).
  awk -F';' '$3 ~ /^[0-9]+_[0-9]+$/ {
    split($3, job, "_")
    if ($5 == 0) printf "bench: %s count=%.0f ns=%.0f\n", job[1], ($6 + $47) / job[2], ($9 + $50) * 1000000
    else printf "bench: error job %s of fio: %s\n", $3, $5
  }' /tmp/figures
else
  echo "bench: error fio: $(head -n 1 /tmp/errors)"
fi
if [ -s /bench.net ]; then
  load xen-netfront
  until [ -e /sys/class/net/eth0 ]; do usleep 2000; done
  ip addr add 10.0.0.2/24 dev eth0
  ip link set eth0 up
  until ping -c 1 -W 1 10.0.0.1 >/dev/null; do :; done
  # shellcheck disable=SC2046
  net 10.0.0.1 $(cat /bench.net)
fi
echo "bench: end"
poweroff -f
