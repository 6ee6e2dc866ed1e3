# SPDX-License-Identifier: MIT
# tests/service/captures.sh: part of tests/service/guest: saved captures, as systemd
# makes them when it starts.

captures=/etc/pcapring/captures.json

# An expression has to be compiled on an interface, in the unit's sandbox.
save_captures() {
	echo 1 >/proc/sys/net/ipv6/conf/eth-x/disable_ipv6
	ip link set eth-x up
	inside pcapring add later0 ring-bytes 512k promisc on &&
		inside pcapring add eth-x ring-bytes 512k direction in filter udp &&
		inside pcapring save &&
		jq '.captures += [{interface: "lo", "ring-bytes": "512k", filter: "tcp port 80"}]' \
			$captures >/run/captures.json &&
		cp /run/captures.json $captures
}

captures_are_back() {
	inside pcapring save /run/again.json &&
		jq '.captures[:3]' /run/again.json >/run/again &&
		jq '.captures[:3]' $captures | diff - /run/again &&
		jq -e '.captures | length == 4 and (.[3].filter | length > 5)' /run/again.json
}

restart_captures() {
	inside systemctl reset-failed pcapring-captures
	inside systemctl restart pcapring-captures
}

refuses_captures() {
	echo '{' >$captures
	! restart_captures && unit_is pcapring-captures ActiveState=failed ExecMainStatus=1
}

needs_no_captures() {
	rm $captures
	restart_captures && unit_is pcapring-captures ActiveState=inactive ConditionResult=no
}
