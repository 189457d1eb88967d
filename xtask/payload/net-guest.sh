#!/bin/busybox sh
# The init of a Linux guest that is an echo server (job=server), or exchanges data with one (job=client). What dom0 is to compare is printed as
# `GUEST WHAT VALUE`.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin:/usr/bin:/usr/sbin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs tmp /tmp
# parameters MODULE: those of the command line.
parameters() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$(echo "$1" | tr - _)\.//p"; }
for module in @MODULES@; do
  # shellcheck disable=SC2046
  for file in /lib/guest/"$module".ko*; do [ -e "$file" ] && insmod "$file" $(parameters "$module"); done
done
word() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p"; }
say() { echo "GUEST $*"; }
n=0
until [ -e /sys/class/net/eth0 ] && [ -e /sys/class/net/eth1 ]; do n=$((n + 1)); [ $n -gt 600 ] && say error no interface; usleep 100000; done
ip link set lo up
# Both interfaces are on one network: each answers for its own address alone.
echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore
# large INTERFACE: packets of 9000 bytes, which it takes once it is connected.
large() {
  n=0
  until ip link set "$1" mtu 9000 2>/dev/null; do n=$((n + 1)); [ $n -gt 600 ] && say error no large packets; usleep 100000; done
}
ip addr add "10.2.0.$(word host)/24" dev eth1
ip link set eth1 up
ip addr add "10.1.0.$(word host)/24" dev eth0
echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad
ip -6 addr add "fd01::$(word host)/64" dev eth0
ip link set eth0 up

# exchange NAME ADDRESS MTU MIB: over four connections at once; prints the different results, and the MTU.
exchange() {
  ip link set eth0 mtu "$3"
  for each in 1 2 3 4; do testbed-peer check "$2" $(($4 * 1048576 / 4)) >/tmp/result$each 2>&1 & done
  wait
  say "$1" "$(cat /tmp/result? | sort -u | tr '\n' ' ')mtu=$(cat /sys/class/net/eth0/mtu)"
}
case $(word job) in
  server)
    large eth0
    say ready now
    exec testbed-peer serve '[::]:7000' ;;
  client)
    amount=$(word amount)
    large eth0
    say ready now
    exchange usual 10.1.0.2:7000 1500 "$amount"
    exchange large 10.1.0.2:7000 9000 "$amount"
    exchange ipv6 '[fd01::2]:7000' 1500 $((amount / 4))
    large eth1
    # BYTES: how many of two packets come back.
    echoed() { ping -c 2 -W 2 -s "$1" 10.2.0.2 | sed -n 's/.*, \([0-9]*\) packets received.*/\1/p'; }
    say small "$(echoed 1000) $(echoed 3000)" ;;
esac
say done
poweroff -f
