# What Xen's log complains of: a dump of all domains, a watchdog that expires, and an NMI.
if x86; then
start dump "" 'vcpus=2
maxvcpus=2'
within 15 said dump '^cpu 1 is online'
xl debug-keys q
dumped() { [ "$(xl dmesg | grep -c "(d$ID) debug: vCPU [01]: rip")" = 2 ]; }
within 10 dumped
check "debug-keys q: registers of vCPU 0" "$(xl dmesg | grep -c "(d$ID) debug: vCPU 0: rip")" 1
check "debug-keys q: registers of vCPU 1" "$(xl dmesg | grep -c "(d$ID) debug: vCPU 1: rip")" 1
stacks=$(xl dmesg | grep "(d$ID) stack ")
whole=$(echo "$stacks" | grep -c "(d$ID) stack [0-9a-f]*:\( [0-9a-f]\{16\}\)*$")
matches "debug-keys q: lines of the stacks that are whole" "$whole of $(echo "$stacks" | wc -l)" "[1-9]*"
check "debug-keys q: lines of the stacks are whole" "$whole" "$(echo "$stacks" | wc -l)"
check "debug-keys q: the ports" "$(xl dmesg | grep -c "(d$ID) debug: events in the ")" 1
toolstack "dumped, shutdown -w" xl shutdown -w dump
fi

# Requests that xl does not have.
start halt "" 'on_poweroff="destroy"'
xenstore-write "/local/domain/$ID/control/shutdown" halt
wait_gone $ID halt
check "halt: the reason" "$(grep -c 'has shut down, reason code 0' $LOGS/xl-halt.log)" 1
start crashes "" 'on_crash="destroy"'
xenstore-write "/local/domain/$ID/control/shutdown" crash
wait_gone $ID crashes
check "crash request: the reason" "$(grep -c 'has shut down, reason code 3' $LOGS/xl-crashes.log)" 1

start watchdog "watchdog 3; sleep 6000; hang" 'on_watchdog="destroy"'
within 30 said watchdog '^\$ hang'
check "watchdog: it waits while the shell answers" "$(answer watchdog "sleep 6000")" ok
wait_gone $ID watchdog
matches "watchdog: the reason" "$(grep 'reason code' $LOGS/xl-watchdog.log | tail -n 1)" "*reason code 4*"

if x86; then
start nmi "" 'on_crash="preserve"'
xl trigger nmi nmi 0
stopped() { xl list nmi 2>/dev/null | awk 'NR == 2 { print $5 }' | grep -q c; }
within 20 stopped
matches "trigger nmi: reason crash" "$(xl list nmi | awk 'NR == 2 { print $5 }')" "*c*"
check "trigger nmi: the exception" "$(xl dmesg | grep -c "(d$ID) CPU exception 2 (NMI)")" 1
xl destroy nmi
fi
