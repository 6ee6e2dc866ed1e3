#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Readers written from the uapi header alone (tests/readers), in C and in Python:
# what they give is what tcpdump and read(2) give, byte for byte.

. "$(dirname "$0")/lib.sh"

readers=$(realpath "$(dirname "$0")/../readers")
small=(ring-bytes 64k snaplen 1500 rings 1)

# Start READER, c or python, on the device of capture $capture.
start_mapped() { # NAME READER
	case $2 in
	c)	start_reader "$1" ring_reader "$device" ;;
	python)	start_reader "$1" "$readers/ring_reader.py" "$device" ;;
	esac
}

# A capture for each reader; $captures has them.
capture_each() { # KEY VALUE...
	local reader

	captures=()
	for reader in c python cat; do
		capture_add left0 "$@"
		captures+=("$capture")
		if [ $reader = cat ]; then
			start_reader cat cat "$device"
		else
			start_mapped $reader $reader
		fi
	done
}

# Deletion is the end of the file, for each of them.
finish_each() {
	local capture

	for capture in "${captures[@]}"; do
		same "dropped by $capture" 0 "$(shown "$capture" dropped)"
		pcapring del "$capture"
	done
	for reader in c python cat; do
		finish $reader
		same "what $reader complains of" "" "$(< $reader.err)"
	done
}

equal() {
	capture_each ring-bytes 2M snaplen 1500 rings 1
	tcpdump_start tcpdump left0 -s 1500
	stamping
	# more packets than datagrams: some are sent in fragments
	traffic -r -s 1900 $SILENT 1000
	tcpdump_stop tcpdump "$(shown "${captures[0]}" captured)"
	finish_each
	for reader in c python cat; do
		cmp tcpdump.pcap $reader.out
	done
}

# More than a ring holds passes through it.
around() {
	capture_each "${small[@]}"
	for _ in {1..8}; do
		traffic -r -s 1400 $SILENT 70
		for capture in "${captures[@]}"; do
			wait_for 20 "$capture is read" has_been_read "$capture"
		done
	done
	finish_each
	savefile sequence cat.out > numbers
	same "records" 560 "$(wc -l < numbers)"
	cmp cat.out c.out
	cmp cat.out python.out
}

is_halted() { [[ $(< "/proc/${started[$1]}/stat") == *") T "* ]]; }

halt() { # NAME
	kill -STOP "${started[$1]}"
	wait_for 10 "$1 is halted" is_halted "$1"
}

has_been_read() { # ID
	same "tail" "$(shown "$1" head)" "$(shown "$1" tail)"
}

several_rings() {
	capture_each ring-bytes 1M snaplen 1500 rings 4 steer flow
	for port in {1..9}; do
		traffic -r -p "$port" -s 1000 $SILENT 100
	done
	finish_each
	same "records" 900 "$(records cat.out)"
	savefile sorted cat.out > sorted.pcap
	cmp sorted.pcap <(savefile sorted c.out)
	cmp sorted.pcap <(savefile sorted python.out)
}

# Where the ring overflows while the reader is held up.
gaps() { # READER
	capture_add left0 "${small[@]}"
	start_mapped reader "$1"
	traffic -s 400 $SILENT 10
	wait_for 20 "ten are read" has_been_read "$capture"
	halt reader
	traffic -s 400 $SILENT 500
	same "records" 153 "$(shown "$capture" captured)"
	kill -CONT "${started[reader]}"
	wait_for 20 "the ring is read" has_been_read "$capture"
	traffic -s 400 $SILENT 10
	wait_for 20 "ten more are read" has_been_read "$capture"
	pcapring del "$capture"
	finish reader
	same "gaps" "ring 0, byte $((153 * 458)): 357 packets are missing" \
		"$(< reader.err)"
	savefile sequence reader.out > numbers
	{ seq 0 9; seq 0 142; seq 0 9; } | cmp - numbers
}

# The last word is a gap behind which no record comes.
last_gap() { # READER
	capture_add left0 "${small[@]}"
	traffic -s 400 $SILENT 150
	start_mapped reader "$1"
	pcapring del "$capture"
	finish reader
	same "gaps" "ring 0, byte $((143 * 458)): 7 packets are missing" \
		"$(< reader.err)"
	numbered reader.out 143
}

# Whole records, in order, the newest at the end, whatever is overwritten.
overwriting() { # READER
	capture_add left0 "${small[@]}" mode overwrite
	start_mapped reader "$1"
	traffic -r -s 1000 $SILENT 3000
	halt reader
	traffic -s 400 $SILENT 300
	kill -CONT "${started[reader]}"
	pcapring del "$capture"
	finish reader
	savefile sequence reader.out > numbers
	same "the newest" "$(seq 157 299)" "$(tail -n 143 numbers)"
	head -n -143 numbers | sort -n -u -c
}

gaps_c() { gaps c; }
gaps_python() { gaps python; }
last_gap_c() { last_gap c; }
last_gap_python() { last_gap python; }
overwriting_c() { overwriting c; }
overwriting_python() { overwriting python; }

behaviour equal "readers made from the header give what tcpdump writes"
behaviour around "readers made from the header go round the ring"
behaviour several_rings "readers made from the header see all rings"
behaviour gaps_c "the reader in C tells where packets are missing"
behaviour gaps_python "the reader in Python tells where packets are missing"
behaviour last_gap_c "the reader in C tells of the last gap"
behaviour last_gap_python "the reader in Python tells of the last gap"
behaviour overwriting_c "the reader in C keeps up with overwriting, or skips"
behaviour overwriting_python "the reader in Python keeps up, or skips"
behaviours_run "$@"
