#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Which clock a stamp is of. stamped0 (stamped.c) gives packet N of three, from
# 3 on, a stamp of N seconds; none; a stamp of N seconds that it must be asked
# for.

. "$(dirname "$0")/lib.sh"

# Packets on stamped0, whose neighbour is itself.
stamped_create() {
	[[ $(modinfo -F vermagic "$BUILD/system/stamped.ko") == "$(uname -r) "* ]] || {
		echo "stamped.ko is not built for this kernel"
		exit 77
	}
	insmod "$BUILD/system/stamped.ko"
	trap 'rmmod stamped' EXIT
	ip address add 10.9.0.1/24 dev stamped0
	ip link set stamped0 up
	ip neighbour add 10.9.0.2 lladdr $RIGHT_MAC dev stamped0
}

# "now" for stamps of the last hour, others as they are.
stamps() { # FILE
	python3 - "$1" <<- 'END'
		import struct, sys, time
		file = open(sys.argv[1], "rb")
		file.read(24)
		while header := file.read(16):
		    seconds, nanoseconds, caplen, _ = struct.unpack("=4I", header)
		    file.read(caplen)
		    recent = abs(time.time() - seconds) < 3600
		    print("now" if recent else f"{seconds}.{nanoseconds}")
	END
}

hardware() {
	stamped_create
	capture_add stamped0 ring-bytes 64k snaplen 1500 direction in tstamp hardware
	traffic 10.9.0.2 9
	same "seen and captured" "9 9 0 0" "$(counters "$capture")"
	same "unstamped" 3 "$(shown "$capture" unstamped)"
	capture_drain "$capture" drained.pcap
	same "stamps" "3.3 now 5.5 6.6 now 8.8 9.9 now 11.11" \
		"$(stamps drained.pcap | paste -sd ' ')"
}

software() {
	stamped_create
	capture_add stamped0 ring-bytes 64k snaplen 1500
	traffic 10.9.0.2 3
	same "unstamped" 0 "$(shown "$capture" unstamped)"
	capture_drain "$capture" drained.pcap
	same "stamps" "now now now now now now" \
		"$(stamps drained.pcap | paste -sd ' ')"
}

# Only what is captured counts as unstamped; the setting can be changed.
unstamped() {
	capture_add left0 ring-bytes 64k snaplen 1500 direction in tstamp hardware \
		filter "udp dst port 9"
	right traffic $SILENT_LEFT 5
	right traffic -p 10 $SILENT_LEFT 5
	same "unstamped" 5 "$(shown "$capture" unstamped)"
	pcapring set "$capture" tstamp software
	right traffic $SILENT_LEFT 5
	same "unstamped after it was switched off" 5 "$(shown "$capture" unstamped)"
	capture_drain "$capture" drained.pcap
	same "stamps" now "$(stamps drained.pcap | sort -u)"
}

behaviour hardware "the card's stamp, where it gave one or can be asked"
behaviour software "the kernel's stamp, whatever the card says"
behaviour unstamped "packets that the card did not stamp are counted"

behaviours_run "$@"
