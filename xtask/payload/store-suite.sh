#!/bin/sh
# The store suite as a guest, and nothing else. What it says goes to Xen's log, for the harness to judge.
. /payload/lib.sh
cat >/tmp/suite.cfg <<C
name="suite"
type="pvh"
kernel="/payload/store-suite"
memory=32
vcpus=1
on_poweroff="destroy"
on_crash="destroy"
C
ID=1
step "store suite, domain $ID"
xl create -q /tmp/suite.cfg && within 200 gone $ID
check "store suite: the guest ended by itself" "$(gone $ID && echo ended || echo "still there")" ended
echo "END"
exit 0
