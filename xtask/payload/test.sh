#!/bin/sh
# The real-Xen tests: our shell as a guest against Linux's blkback, netback, xenstored and xenconsoled.
. /payload/lib.sh
DISK=$((16 * MIB))

# --- the client of programs: what comes after needs the watches of dom0's kernel, which it could have ended
for way in "device /dev/xen/xenbus" "socket /run/xenstored/socket"; do
  step "xs by ${way% *}"
  # shellcheck disable=SC2086
  /payload/xs --$way check >/tmp/xs.log 2>&1
  check "xs: xenstore by ${way#* }" "$(grep -v ^ok /tmp/xs.log | tr '\n' '/')" "8 of 8 cases passed/"
done

random_disk

# A guest whose backend stays away has time until the end.
start never "blk sha256 xvda; info" 'disk=["format=raw,vdev=xvda,access=rw,backendtype=phy,script=block-never,target=/dev/ram1"]'
never=$ID

# --- disk, and a clean end: this guest is preserved after its poweroff, so that what it left can be seen
FILL_AT=$((3 * MIB + 512)) FILL=$((MIB + 1536)) SRC=$((5 * MIB)) DST=$((9 * MIB + 1024)) COPY=$((2 * MIB + 512))
start disk "blk list; blk sha256 xvda; blk sha256 xvda 512 4096; blk fill xvda $FILL_AT $FILL 165; blk copy xvda $SRC $DST $COPY; blk flush xvda; blk sha256 xvda; net up eth0 10.0.0.3/24; ping 10.0.0.1 2" \
  "on_poweroff=\"preserve\"
disk=[\"phy:/dev/ram0,xvda,w\"]
vif=[\"mac=00:16:3e:00:00:03,$VIF\"]"
disk=$ID
ended disk 60 "done OK=9 FAILED=0"
matches "disk: blk list names it" "$(answer disk "blk list")" "*xvda*a ring of 4 pages, persistent grants / ok"
check "disk: the ring's size is what the guest says" "$(xenstore-read "/local/domain/$disk/device/vbd/51712/ring-page-order")" 2
check "disk: digest as in dom0" "$(answer disk "blk sha256 xvda")" "sha256 xvda 0 $DISK $before / ok"
part=$(dd if=/tmp/expected bs=512 skip=1 count=8 2>/dev/null | sha256sum | cut -d' ' -f1)
check "disk: digest of a part" "$(answer disk "blk sha256 xvda 512 4096")" "sha256 xvda 512 4096 $part / ok"
head -c $FILL /dev/zero | tr '\0' '\245' | dd of=/tmp/expected bs=512 seek=$((FILL_AT / 512)) conv=notrunc 2>/dev/null
dd if=/tmp/expected bs=512 skip=$((SRC / 512)) count=$((COPY / 512)) 2>/dev/null >/tmp/piece
dd if=/tmp/piece of=/tmp/expected bs=512 seek=$((DST / 512)) conv=notrunc 2>/dev/null
# blkback writes beside dom0's page cache.
echo 3 >/proc/sys/vm/drop_caches
after=$(sha256sum </tmp/expected | cut -d' ' -f1)
check "disk: changed as asked, seen from dom0" "$(sha256sum </dev/ram0 | cut -d' ' -f1)" "$after"
changed=$(console disk | grep "^sha256 xvda 0 $DISK" | tail -n 1)
check "disk: changed as asked, seen from the guest" "$changed" "sha256 xvda 0 $DISK $after"

preserved() { xl list disk 2>/dev/null | awk 'NR == 2 { print $5 }' | grep -q s; }
within 15 preserved
matches "shutdown: reason poweroff" "$(xl list disk | awk 'NR == 2 { print $5 }')" "*s*"
closed() { [ "$(xenstore-read "/local/domain/0/backend/$1/state")" = 6 ]; }
for backend in "vbd/$disk/51712" "vif/$disk/0"; do
  within 5 closed "$backend"
  check "shutdown: backend ${backend%%/*} is Closed" "$(xenstore-read "/local/domain/0/backend/$backend/state")" 6
done
check "shutdown: grants left mapped" "$(grants_left "$disk")" none
xl destroy disk

# --- smaller rings, for a backend that takes none that are larger: as much as its directory says
for order in 0 1; do
  ring=ring$order pages="$((1 << order)) page"
  prepare $ring "blk list; blk sha256 xvda" 'disk=["phy:/dev/ram0,xvda,w"]'
  ID=$((ID + 1))
  step "guest $ring, domain $ID"
  xl create -q -p /tmp/$ring.cfg
  xenstore-write "/local/domain/0/backend/vbd/$ID/51712/max-ring-page-order" $order
  xl unpause $ring
  ended $ring 30 "done OK=2 FAILED=0"
  matches "$ring: blk list" "$(answer $ring "blk list")" "*xvda*a ring of $pages*ok"
  check "$ring: digest as in dom0" "$(answer $ring "blk sha256 xvda")" "sha256 xvda 0 $DISK $after / ok"
  wait_gone $ID $ring
done

# --- several rings: blkback offers as many as dom0 has vCPUs, one here, if it is not told otherwise
max_queues=/sys/module/xen_blkback/parameters/max_queues
before_queues=$(cat $max_queues)
for queues in 2 8; do
  rings=$((queues < 4 ? queues : 4)) guest=rings$queues
  echo $queues >$max_queues
  start $guest "blk list; blk sha256 xvda; sleep 3000" 'disk=["phy:/dev/ram0,xvda,w"]'
  within 20 said $guest '^\$ sleep'
  vbd=/local/domain/0/backend/vbd/$ID/51712
  check "$guest: what blkback offers" "$(xenstore-read $vbd/multi-queue-max-queues)" $queues
  check "$guest: what the guest uses" "$(xenstore-read "/local/domain/$ID/device/vbd/51712/multi-queue-num-queues")" $rings
  matches "$guest: blk list" "$(answer $guest "blk list")" "*xvda*, $rings rings of 4 pages, persistent grants / ok"
  check "$guest: digest as in dom0" "$(answer $guest "blk sha256 xvda")" "sha256 xvda 0 $DISK $after / ok"
  ended $guest 30 "done OK=3 FAILED=0"
  wait_gone $ID $guest
done
echo "$before_queues" >$max_queues

# --- network
start net "net up eth0 10.0.0.2/24; ping 10.0.0.1 20; tcp-echo 10.0.0.1 7000 $((4 * MIB)); tcp-echo 10.0.0.1 9 512; tcp-serve 7000 1; net stat" \
  "vif=[\"mac=00:16:3e:00:00:02,$VIF\"]"
net=$ID
within 90 said net '^\$ tcp-serve'
check "net: an event channel for each ring" "$(xenstore-list "/local/domain/$net/device/vif/0" | grep -c '^event-channel-[rt]x$')" 2
carries "net: ping" "$net" "$(answer net "ping 10.0.0.1 20" | sed 's/.*\(ping 10.0.0.1 sent\)/\1/')" "ping 10.0.0.1 sent=20 received=20 / ok"
matches "net: tcp-echo of 4 MiB" "$(answer net "tcp-echo 10.0.0.1 7000 $((4 * MIB))")" "*tcp-echo sent=$((4 * MIB)) received=$((4 * MIB)) mismatches=0 / ok"
matches "net: a refused connection is an error" "$(answer net "tcp-echo 10.0.0.1 9 512")" "*error: *refused*"
check "net: tcp-serve of 1 MiB" "$(/payload/testbed-peer check 10.0.0.2:7000 $MIB)" "sent=$MIB received=$MIB mismatches=0"
ended net 30 "done OK=5 FAILED=1"
# Packets that stand for several, in both directions.
matches "net: large packets" "$(answer net "net stat")" "eth0 rx=* rx-large=[1-9]* rx-dropped=0 tx=* tx-large=[1-9]* tx-errors=0 / ok"
wait_gone $net net

# --- network: IPv6; neighbour solicitations come by a multicast group that the guest has to join
echo 0 >/proc/sys/net/ipv6/conf/br0/accept_dad
ip -6 addr add fd00::1/64 dev br0
/payload/testbed-peer serve "[fd00::1]:7000" &
start ipv6 "net up eth0 fd00::2/64; ping fd00::1 5; tcp-echo fd00::1 7000 $((4 * MIB)); tcp-serve 7000 1; net stat" \
  "vif=[\"mac=00:16:3e:00:00:05,$VIF\"]"
net=$ID
within 90 said ipv6 '^\$ tcp-serve'
carries "ipv6: ping" "$net" "$(answer ipv6 "ping fd00::1 5" | sed 's/.*\(ping fd00::1 sent\)/\1/')" "ping fd00::1 sent=5 received=5 / ok"
matches "ipv6: tcp-echo of 4 MiB" "$(answer ipv6 "tcp-echo fd00::1 7000 $((4 * MIB))")" "*tcp-echo sent=$((4 * MIB)) received=$((4 * MIB)) mismatches=0 / ok"
check "ipv6: tcp-serve of 1 MiB" "$(/payload/testbed-peer check "[fd00::2]:7000" $MIB)" "sent=$MIB received=$MIB mismatches=0"
ended ipv6 30 "done OK=5 FAILED=0"
# They are only received: smoltcp 0.14 sends none.
matches "ipv6: large packets" "$(answer ipv6 "net stat")" "eth0 rx=* rx-large=[1-9]* rx-dropped=0 tx=* tx-errors=0 / ok"
wait_gone $net ipv6
ip -6 addr del fd00::1/64 dev br0

# --- network: packets of more than a page
start jumbo "" "vif=[\"mac=00:16:3e:00:00:06,mtu=9000,$VIF\"]"
ip link set "vif$ID.0" mtu 9000
ip link set br0 mtu 9000
check "jumbo: net up" "$(ask jumbo "net up eth0 10.0.0.6/24")" "eth0 address 10.0.0.6/24, mac 00:16:3e:00:00:06, mtu 9000 / ok"
carries "jumbo: tcp-echo of 1 MiB" "$ID" "$(ask jumbo "tcp-echo 10.0.0.1 7000 $MIB")" "tcp-echo sent=$MIB received=$MIB mismatches=0 / ok"
check "jumbo: ping of dom0 with 8 KiB" "$(ping -c 3 -s 8192 10.0.0.6 2>&1 | grep -o '3 packets received')" "3 packets received"
matches "jumbo: no packet was dropped" "$(ask jumbo "net stat")" "eth0 rx=* rx-large=* rx-dropped=0 tx=* tx-large=* tx-errors=0 / ok"
xl destroy jumbo
wait_gone $ID jumbo
ip link set br0 mtu 1500

# --- xenstore
start store "xs write data/from-guest hello; xs ls data; xs watch data/from-dom0 8; xs read data/from-dom0; xs rm data/from-guest; xs read data/from-guest; xs ls -r device; xs watch data/end 6" \
  'disk=["phy:/dev/ram0,xvda,w"]'
store=$ID data=/local/domain/$ID/data
# Xenstore tells of one change at once, which says that the watch is there.
within 20 said store '^data/from-dom0'
check "xs: dom0 reads what the guest wrote" "$(xenstore-read $data/from-guest)" hello
xenstore-write $data/from-dom0 greetings
within 20 said store '^\$ xs watch data/end'
check "xs: the guest reads what dom0 wrote" "$(answer store "xs read data/from-dom0")" "greetings / ok"
matches "xs: ls" "$(answer store "xs ls data")" "*from-guest*ok"
fired=$(answer store "xs watch data/from-dom0 8")
matches "xs: a watch fires for a change in dom0" "$fired" "data/from-dom0 / data/from-dom0 / ok"
check "xs: rm, seen from dom0" "$(xenstore-exists $data/from-guest && echo there || echo removed)" removed
matches "xs: what was removed cannot be read" "$(answer store "xs read data/from-guest")" "error: *"
matches "xs: ls -r shows the devices" "$(answer store "xs ls -r device")" "*51712*ok"
ended store 20 "done OK=7 FAILED=1"
wait_gone $store store

# --- bad input
start bad "blk sha256 xvdz; frobnicate; blk fill xvda 1 512 0; blk sha256 xvda 0 1; blk fill xvda 16777216 512 0; xs ls; xs read /no/such/node; net up eth9 10.0.0.9/24; ping 10.0.0.300 1; info" \
  'disk=["phy:/dev/ram0,xvda,w"]'
bad=$ID
ended bad 30 "done OK=1 FAILED=9"
for command in "blk sha256 xvdz" frobnicate "blk fill xvda 1 512 0" "blk sha256 xvda 0 1" "blk fill xvda 16777216 512 0" "xs ls" \
  "xs read /no/such/node" "net up eth9 10.0.0.9/24" "ping 10.0.0.300 1"; do
  matches "bad input: $command" "$(answer bad "$command")" "error: ?*"
done
matches "info" "$(answer bad info)" "*ok"
wait_gone $bad bad

# --- the guest that was left alone with its silent backend
matches "a backend that never connects is an error" "$(answer never "blk sha256 xvda")" "error: ?*"
ended never 60 "done OK=1 FAILED=1"
wait_gone "$never" never

# --- the prompt, and what dom0 asks of a guest: to rest, to be saved and restored, to be moved, and to end
ports() { lsevtchn 0 | wc -l; }
ports_before=$(ports)
start prompt "" "disk=[\"phy:/dev/ram0,xvda,w\"]
vif=[\"mac=00:16:3e:00:00:04,$VIF\"]"
check "prompt: a typed command is executed" "$(ask prompt "xs read domid")" "$ID / ok"
check "prompt: net up" "$(ask prompt "net up eth0 10.0.0.4/24")" "eth0 address 10.0.0.4/24, mac 00:16:3e:00:00:04, mtu 1500 / ok"

works prompt "before it is saved" 65
for state in "0 *, no carrier / ok" "1 eth0 *tx-errors=0 / ok"; do
  xenstore-write "/local/domain/0/backend/vif/$ID/0/carrier" "${state%% *}"
  matches "prompt: carrier ${state%% *}" "$(ask prompt "net stat")" "${state#* }"
done
if x86; then
toolstack "saved, and let go on" xl save -c prompt /tmp/saved
works prompt "saved, and let go on" 66
if xl help 2>&1 | grep -q '^ *suspend '; then
  toolstack "suspended" xl suspend prompt
  toolstack "resumed" xl resume prompt
  works prompt "resumed" 67
fi
# That the next request is heard at all shows that a watch of before still fires.
toolstack "saved" xl save prompt /tmp/saved
check "saved: the domain is gone" "$(gone $ID && echo gone || echo "still there")" gone
toolstack "restored" xl restore /tmp/saved
ID=$((ID + 1))
works prompt "restored" 68
rm /tmp/saved
# With this setting Linux makes an entry for an address that is announced without a question.
echo 1 >/proc/sys/net/ipv4/conf/br0/arp_accept
ip neigh flush dev br0
toolstack "moved" xl migrate -s "" prompt "xl migrate-receive"
ID=$((ID + 1))
neighbour() { ip neigh show dev br0 | grep '^10.0.0.4 ' | grep -o '00:16:3e:00:00:04'; }
within 20 neighbour >/dev/null
check "moved: gratuitous ARP" "$(neighbour)" 00:16:3e:00:00:04
echo 0 >/proc/sys/net/ipv4/conf/br0/arp_accept
# xenconsoled has one name for its log as long as it has the guest.
works prompt--incoming "moved" 69
fi
xl shutdown prompt
wait_gone $ID prompt
let_go() { [ "$(ports)" = "$ports_before" ]; }
within 10 let_go
check "prompt: dom0's event channels are as before" "$(ports)" "$ports_before"

# --- several queues, and the control ring
. /payload/queues.sh

# --- two vCPUs, the second one without a place in shared info
! x86 || . /payload/two-vcpus.sh

# --- clock, vCPUs, keys, and the ends of a domain
. /payload/manage.sh

# --- memory: the target of xl
. /payload/memory.sh

# --- kinds of disks; devices that come and go
. /payload/hotplug.sh

# --- eleven boots in a row: nine so far
boots=9
for boot in 10 11; do
  start "boot$boot" "info" || continue
  figure shell.created "$(time_of created)"
  figure shell.first_line "$(time_of first)"
  within 20 said "boot$boot" '^done OK=1 FAILED=0' && boots=$((boots + 1))
  within 15 gone $ID
done
check "eleven boots in a row" $boots 11

# --- vchan
. /payload/vchan.sh

# --- Linux in the same run, for the report
cat >/tmp/linux.cfg <<C
name="linux"
type="pvh"
kernel="/payload/linux"
ramdisk="/payload/linux.cpio"
memory=192
vcpus=1
cmdline="console=hvc0"
on_poweroff="destroy"
on_crash="destroy"
C
if create linux LINUX-IS-UP; then
  figure linux.created "$(time_of created)"
  figure linux.first_line "$(time_of first)"
  figure linux.user_space "$(time_of marker)"
fi
within 60 gone $ID

# --- the xenstored that all of the above used, case by case
! x86 || to_its_end store-suite 200

# --- guests that do what Xen complains of: a crash, other ends, and the self-test
echo "MISDEEDS"
start crash "crash xvda $MIB" 'on_crash="preserve"
disk=["phy:/dev/ram0,xvda,w"]'
crashed() { xl list crash 2>/dev/null | awk 'NR == 2 { print $5 }' | grep -q c; }
within 20 crashed
matches "crash: reason crash" "$(xl list crash | awk 'NR == 2 { print $5 }')" "*c*"
echo 3 >/proc/sys/vm/drop_caches
matches "crash: the dump on the disk" "$(dd if=/dev/ram0 bs=512 skip=$((MIB / 512)) count=1 2>/dev/null | tr -d '\0')" "xen-example-shell *: crashed at [0-9]* ns"
xl destroy crash
. /payload/misdeeds.sh
if x86; then
to_its_end selftest 800 callback
hvm_to_its_end selftest 800
fi
check "xl list: only dom0 is left" "$(xl list | awk 'NR > 1 { printf "%s ", $1 }')" "Domain-0 "
echo "END"
exit 0
