#!/bin/sh
# Domains that Xen started beside this dom0: xenstore comes late, by init-dom0less. Domain 1 is the example, domain 2 the shell.
. /payload/lib.sh

# What domain $1 has printed on Xen's console.
log() { xl dmesg | sed -n "s/.*(d$1) //p" | tr -d '\r'; }
logged() { log "$1" | grep -q -- "$2"; }
state() { xl list "$1" 2>/dev/null | awk 'NR == 2 { print $5 }'; }
is_down() { case $(state "$1") in *s*) true ;; *) false ;; esac; }

step "before init-dom0less"
for domain in 1 2; do
  within 60 logged $domain "xenstore comes later"
  check "late: domain $domain waits for xenstore" "$(log $domain | grep -c "xenstore comes later")" 1
  check "late: xenstore has no domain $domain yet" "$(xenstore-exists /local/domain/$domain && echo there || echo none)" none
done

step "init-dom0less"
init=$(/payload/init-dom0less 2>&1)
matches "late: init-dom0less" "$(echo "$init" | tr '\n' ' ')" "*Init dom0less domain: 1*Init dom0less domain: 2*"
hello() { xenstore-exists /local/domain/1/data/hello; }
within 60 hello
check "late: node that the domain has written" "$(xenstore-read /local/domain/1/data/hello)" "from domain 1"
xenstore-write /local/domain/1/data/answer received
within 60 logged 1 "^dom0less: answer"
check "late: watch of the domain, node that it has read" "$(log 1 | grep -c '^dom0less: answer received$')" 1
within 60 is_down 1
matches "late: powered off" "$(state 1)" "*s*"

step "balloon"
memory() { xl list "$1" | awk 'NR == 2 { print $3 }'; }
shrunk() { [ "$(memory 2)" = 48 ]; }
before=$(memory 2)
xenstore-write /local/domain/2/memory/target 49152
within 60 shrunk
check "late: MiB of domain 2 before and after a lower target" "$before $(memory 2)" "64 48"

step "xl shutdown"
xl shutdown 2
within 60 is_down 2
matches "late: xl shutdown" "$(state 2)" "*s*"
for domain in 1 2; do
  xl destroy $domain
  check "late: xl destroy $domain" "$(state $domain)" ""
done
for domain in 1 2; do log $domain | sed "s/^/CONSOLE|d$domain: /"; done
echo END
