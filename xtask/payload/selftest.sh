#!/bin/sh
# The self-test kernel as a guest of each kind, and nothing else.
. /payload/lib.sh
# As dom0 it has events by a vector of each vCPU; here by the one vector of the domain.
to_its_end selftest 800 callback
hvm_to_its_end selftest 800
echo "END"
exit 0
