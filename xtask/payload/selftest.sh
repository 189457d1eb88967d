#!/bin/sh
# The self-test kernel as a guest of each kind, and nothing else.
. /payload/lib.sh
# As dom0 it has events by a vector of each vCPU; here by the one vector of the domain.
if x86; then
  to_its_end selftest 800 callback
  hvm_to_its_end selftest 800
else
  # It writes to the UART that Xen emulates, which xenconsoled logs.
  lasts selftest 400 'type="pvh"
kernel="/payload/selftest"
vuart="sbsa_uart"'
  cat $LOGS/guest-selftest-vuart*.log | tr -d '\r' | sed 's/^/GUEST|/'
fi
echo "END"
exit 0
