# Four queues of an interface, and a hash that the guest configures over the control ring. netback offers as many queues as dom0 has vCPUs, one here,
# if it is not told otherwise.
max_queues=/sys/module/xen_netback/parameters/max_queues
before_queues=$(cat $max_queues)
echo 4 >$max_queues
start queues "" "vif=[\"mac=00:16:3e:00:00:07,$VIF\"]"
check "queues: net up" "$(ask queues "net up eth0 10.0.0.7/24 4")" "eth0 address 10.0.0.7/24, mac 00:16:3e:00:00:07, mtu 1500, 4 queues / ok"
front=/local/domain/$ID/device/vif/0
check "queues: a directory for each" "$(xenstore-list $front | grep -c '^queue-[0-3]$')" 4
check "queues: the control ring's nodes" "$(xenstore-list $front | grep -c '^ctrl-ring-ref$\|^event-channel-ctrl$')" 2
carries "queues: tcp-echo of 1 MiB" "$ID" "$(ask queues "tcp-echo 10.0.0.1 7000 $MIB")" "tcp-echo sent=$MIB received=$MIB mismatches=0 / ok"

for queue in 3 1; do
  check "queues: hash to queue $queue" "$(ask queues "net hash eth0 $queue")" "eth0 hash active / ok"
  hashed queues "queues: hash to queue $queue" $queue 10.0.0.1 7000
done
check "queues: tcp-echo over 8 connections" "$(ask queues "tcp-echo 10.0.0.1 7000 262144 8")" "tcp-echo sent=262144 received=262144 mismatches=0 / ok"

# Solicitations of another guest for a neighbour that does not exist: netback filters what comes from the bridge, not from dom0 itself,
# which therefore has no IPv6 here: its interfaces would look for routers every few seconds.
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
multicast queues "$VIF"
echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6
check "queues: the address that the guest reports" "$(xenstore-read "/local/domain/$ID/attr/vif/0/ipv4/0" "/local/domain/$ID/attr/vif/0/mac/0" | tr '\n' ' ')" "10.0.0.7 00:16:3e:00:00:07 "
if x86; then
toolstack "queues: saved" xl save queues /tmp/saved
toolstack "queues: restored" xl restore /tmp/saved
ID=$((ID + 2))
rm /tmp/saved
hashed queues "queues: restored" 1 10.0.0.1 7000
fi
check "queues: no hash" "$(ask queues "net hash eth0")" "eth0 hash off / ok"
check "queues: tcp-echo without a hash" "$(ask queues "tcp-echo 10.0.0.1 7000 262144")" "tcp-echo sent=262144 received=262144 mismatches=0 / ok"
matches "queues: no packet was dropped" "$(ask queues "net stat")" "eth0 rx=* rx-dropped=0 tx=* tx-errors=0 / *"
xl destroy queues
wait_gone $ID queues
x86 || ID=$sender
echo "$before_queues" >$max_queues

# Free bytes before each packet that the guest receives, as for Linux's XDP programs.
start headroom "net up eth0 10.0.0.8/24 1 256; ping 10.0.0.1 5; tcp-echo 10.0.0.1 7000 $((4 * MIB)); tcp-serve 7000 1; net stat" "vif=[\"mac=00:16:3e:00:00:08,$VIF\"]"
within 90 said headroom '^\$ tcp-serve'
check "headroom: the backend's feature" "$(xenstore-read "/local/domain/0/backend/vif/$ID/0/feature-xdp-headroom")" 1
check "headroom: the guest's request" "$(xenstore-read "/local/domain/$ID/device/vif/0/xdp-headroom")" 256
carries "headroom: ping" "$ID" "$(answer headroom "ping 10.0.0.1 5")" "ping 10.0.0.1 sent=5 received=5 / ok"
check "headroom: tcp-echo of 4 MiB" "$(answer headroom "tcp-echo 10.0.0.1 7000 $((4 * MIB))")" "tcp-echo sent=$((4 * MIB)) received=$((4 * MIB)) mismatches=0 / ok"
check "headroom: tcp-serve of 1 MiB" "$(/payload/testbed-peer check 10.0.0.8:7000 $MIB)" "sent=$MIB received=$MIB mismatches=0"
ended headroom 30 "done OK=5 FAILED=0"
matches "headroom: large packets, none dropped" "$(answer headroom "net stat")" "eth0 rx=* rx-large=[1-9]* rx-dropped=0 tx=* tx-errors=0 / ok"
wait_gone $ID headroom
