# SPDX-License-Identifier: MIT
# tests/service/names.sh: part of tests/service/guest: which capture is an interface's,
# and when its relay starts. The interface has a dash in its name, and is down: nothing
# of it gets into the way.

other='pcapring-relay@eth\x2dx.service'

# NUMBER: /dev/pcapring/by-name leads to that capture.
leads_to() {
	[ "$(readlink -f /dev/pcapring/by-name/eth-x)" = "/dev/pcapring$1" ] ||
		{ ls -l /dev/pcapring/by-name; return 1; }
}

adds() { # WORD...: a capture; its number
	inside pcapring add eth-x ring-bytes 512k "$@" | tr -dc 0-9
}

# A collector that says nothing keeps the relay, which waits for its answer.
mute_collector() { # NUMBER: of the capture, which goes
	inside systemctl start "$other" && unit_says "$other" "connected to 127.0.0.1:50052" &&
		kill -STOP "$mute" && inside pcapring del "$1" &&
		unit_becomes "$other" ActiveState=deactivating
}

test_names() {
	local first recorder second pid mute

	ip link add eth-x type dummy
	first=$(adds)
	inside udevadm settle
	tap_ok "a capture without a file has no relay" unit_is "$other" ActiveState=inactive
	inside pcapring del "$first"
	put relay-eth-x.conf
	recorder=$(adds mode overwrite)
	wait_for "a name" leads_to "$recorder"
	inside udevadm settle
	tap_ok "nor has a flight recorder, with one" unit_is "$other" ActiveState=inactive
	first=$(adds)
	tap_ok "a capture has a relay, also where there is a dash in its name" \
		unit_becomes_active "$other"
	tap_ok "... and the name, which the flight recorder had" wait_for "a name" leads_to "$first"
	pid=$(unit_main "$other")
	second=$(adds)
	inside udevadm settle
	tap_ok "another of the same interface does not take it over" leads_to "$first"
	tap_ok "... nor does the relay change" unit_is "$other" "MainPID=$pid" ActiveState=active
	inside pcapring del "$first"
	tap_ok "when the first goes, the second has the name" \
		wait_for "a name" leads_to "$second"
	tap_ok "... and another relay" wait_for "$other is another" is_another "$other" "$pid"
	tap_ok "stopped, it says nothing of a failure" inside systemctl stop "$other"
	tap_ok "... nor does systemd" unit_is "$other" ActiveState=inactive Result=success
	inside pcapring del "$recorder"
	put relay-eth-x.conf "target = 127.0.0.1:50052"
	pcapring-collector --listen 127.0.0.1:50052 --write /tmp/mute.pcap 2>/dev/null &
	mute=$!
	tap_ok "a relay needs a while to end" mute_collector "$second"
	pid=$(unit_main "$other")
	second=$(adds)
	tap_ok "... and the next capture has one, too" \
		wait_for "$other is another" is_another "$other" "$pid"
	kill -KILL $mute
	wait $mute 2>/dev/null
	rm $conf/relay-eth-x.conf
	inside pcapring del "$second"
}
