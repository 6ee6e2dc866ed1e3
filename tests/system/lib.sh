# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the system tests share. A test file is a table of behaviours:
#
#	frobs() { ...; same "what it is" "$expected" "$actual"; }
#	behaviour frobs "the name, as it appears in TAP"
#	behaviours_run "$@"
#
# Each runs in a process group of its own with `set -e`, in a folder of its
# own, with the module freshly loaded, and fails when a command does, when it
# hangs (BEHAVIOUR_SECONDS), or when the module cannot be unloaded after it. Exit
# 77 skips it; the last line says why.
#
#	initial namespace             namespace right
#	+------------------+          +------------------+
#	| left0   10.7.0.1 |==========| right0  10.7.0.2 |
#	|         fd07::1  |   veth   |         fd07::2  |
#	| module, captures |          | answers          |
#	| tcpdump, readers |          +------------------+
#	+------------------+          namespace collect
#	                              +------------------+
#	                              | lo     127.0.0.1 |
#	                              | relay, collector |
#	                              +------------------+
#
# The link is silent by itself: neighbours are known, IPv6 is off unless asked
# for. 10.7.0.9 has right0's MAC address and 10.7.0.8 has left0's, but nobody
# answers there.

# How many times longer than on a quiet machine with a stock kernel something
# takes that hangs: tests/vm/run knows. All times here are against hangs only.
PCAPRING_SLOW=${PCAPRING_SLOW:-1}
BEHAVIOUR_SECONDS=$((100 * PCAPRING_SLOW))
RIGHT_MAC=02:07:00:00:00:02
LEFT_MAC=02:07:00:00:00:01
SILENT=10.7.0.9
SILENT_LEFT=10.7.0.8

behaviours=()

behaviour() { # FUNCTION NAME
	behaviours+=("$1 $2")
}

behaviours_run() { # [--list] [FUNCTION...]
	local list entry number=0 selected=()

	[ "${1:-}" != --list ] || { list=1; shift; }
	for entry in "${behaviours[@]}"; do
		[[ $# = 0 || " $* " == *" ${entry%% *} "* ]] || continue
		selected+=("$entry")
		[ ! "${list:-}" ] || echo "${entry#* }"
	done
	[ ! "${list:-}" ] || return 0
	echo "1..${#selected[@]}"
	namespaces_create
	for entry in "${selected[@]}"; do
		behaviour_run "$((++number))" "${entry%% *}" "${entry#* }"
	done
}

behaviour_run() { # NUMBER FUNCTION NAME
	local folder log status=0 began=$SECONDS pid

	folder=$(mktemp -d)
	log=$folder/log
	echo "test: $3" > /dev/kmsg
	set -m
	( behaviour_body "$2" "$folder" ) > "$log" 2>&1 < /dev/null &
	pid=$!
	set +m
	until [ "$((SECONDS - began))" -ge "$BEHAVIOUR_SECONDS" ] ||
	      ! lives "$pid"; do
		nap
	done
	if lives "$pid"; then
		echo "no end within $BEHAVIOUR_SECONDS seconds" >> "$log"
	fi
	# Whatever it left behind, too.
	kill -KILL -- "-$pid" 2> /dev/null
	wait "$pid" 2> /dev/null || status=$?
	behaviour_clean >> "$log" 2>&1 || status=1
	behaviour_report "$status" "$1" "$3" "$log" "$((SECONDS - began))"
	rm -rf "$folder"
}

behaviour_body() { # FUNCTION FOLDER
	cd "$2" || exit
	set -eEu -o pipefail
	trap 'echo "line $LINENO: $BASH_COMMAND"' ERR
	modprobe pcapring
	link_create
	"$1"
}

# The next one finds the machine as this one did.
behaviour_clean() {
	local device

	for device in left0 later0 other0; do
		[ ! -e /sys/class/net/$device ] || ip link del $device
	done
	[ ! -e /run/netns/away ] || ip netns del away
	# A reader that was killed has the device open for a moment more.
	[ ! -e /sys/module/pcapring ] || rmmod pcapring 2> /dev/null ||
		wait_for 5 "the module can be unloaded" rmmod pcapring
}

behaviour_report() { # STATUS NUMBER NAME LOG SECONDS
	case $1 in
	0)	echo "ok $2 - $3" ;;
	77)	echo "ok $2 - $3 # SKIP $(tail -n 1 "$4")" ;;
	*)	echo "not ok $2 - $3"
		tail -n 60 "$4" | sed 's/^/# /'
		dmesg | grep -F -A 1000 "test: $3" | tail -n +2 | tail -n 5 |
			sed 's/^/# kernel: /' ;;
	esac
	echo "# $5 s"
}

# Time and events.

# A pipe in which nothing ever comes: to wait without a process for it, which
# would take an emulated machine half of the time.
exec {nothing}<> <(:)
nap() { read -rt 0.05 -u "$nothing" || :; }

# A shell that starts nothing itself may overlook that a child of its has ended,
# which kill -0 still finds.
lives() { # PID
	local stat

	{ read -r stat < "/proc/$1/stat"; } 2> /dev/null && [[ $stat != *") Z "* ]]
}

# Poll until a command succeeds, for events that nothing announces.
wait_for() { # SECONDS WHAT COMMAND...
	local deadline=$((SECONDS + $1 * PCAPRING_SLOW)) what=$2

	shift 2
	until "$@"; do
		if [ "$SECONDS" -ge "$deadline" ]; then
			echo "waited in vain: $what ($*)"
			return 1
		fi
		nap
	done
}

same() { # WHAT EXPECTED ACTUAL
	[ "$2" = "$3" ] && return
	echo "$1: expected '$2', got '$3'"
	return 1
}

at_least() { # WHAT EXPECTED ACTUAL
	[ "$3" -ge "$2" ] && return
	echo "$1: expected $2 or more, got '$3'"
	return 1
}

fails() { # COMMAND...
	if "$@"; then
		echo "succeeded, but should not have: $*"
		return 1
	fi
}

# Processes in the background: NAME.out, NAME.err, and their exit status.

declare -A started

start() { # NAME COMMAND...
	local name=$1

	shift
	# Not as functions, so that the process is the program itself.
	case $1 in
	right | collect) set -- nsenter "--net=/run/netns/$1" "${@:2}" ;;
	esac
	: > "$name.out" > "$name.err"
	"$@" > "$name.out" 2> "$name.err" &
	started[$name]=$!
}

running() { lives "${started[$1]}"; }
has_ended() { ! running "$1"; }
sleeps() { [[ $(< "/proc/${started[$1]}/stat") == *") S "* ]]; }

says() { # NAME REGEX
	[[ $(< "$1.out")$(< "$1.err") =~ $2 ]]
}

# Start a program, and wait until it says REGEX.
start_ready() { # NAME REGEX COMMAND...
	local name=$1 pattern=$2

	shift 2
	start "$name" "$@"
	wait_for 20 "$name says $pattern" ready_or_dead "$name" "$pattern"
	says "$name" "$pattern" || { cat "$name.err"; return 1; }
}

ready_or_dead() { says "$1" "$2" || has_ended "$1"; }

# Start a program that opens the device of capture $capture.
start_reader() { # NAME COMMAND...
	start "$@"
	wait_for 20 "$1 opens the device" shows "$capture" reader true
}

# Wait for its end; the status is its own.
finish() { # NAME
	local status=0

	wait_for 20 "$1 ends" has_ended "$1"
	wait "${started[$1]}" || status=$?
	[ "$status" = 0 ] || tail -n 5 "$1.err"
	return "$status"
}

stop() { # NAME [SIGNAL]
	kill "-${2:-TERM}" "${started[$1]}"
	finish "$1"
}

slay() { # NAME
	kill -KILL "${started[$1]}"
	finish "$1" > /dev/null || :
}

# Topology.

# Not by `ip netns exec`, whose own copy of all mounts takes twice as long.
right() { nsenter --net=/run/netns/right "$@"; }
collect() { nsenter --net=/run/netns/collect "$@"; }

namespaces_create() {
	ip link set lo up
	ipv6_off
	for namespace in right collect; do
		[ ! -e /run/netns/$namespace ] || continue
		ip netns add $namespace
		ip -n $namespace link set lo up
		$namespace bash -c "$(declare -f ipv6_off); ipv6_off"
	done
}

ipv6_off() {
	echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
	echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
}

# left0 and right0; right0 goes with left0 when that is deleted.
link_create() {
	ip -batch - <<- END
		link add left0 address $LEFT_MAC type veth peer name right0 address $RIGHT_MAC netns right
		address add 10.7.0.1/24 dev left0
	END
	ip -n right -batch - <<- END
		address add 10.7.0.2/24 dev right0
		link set right0 up
		neighbour replace 10.7.0.1 lladdr $LEFT_MAC dev right0
		neighbour replace $SILENT_LEFT lladdr $LEFT_MAC dev right0
	END
	link_up
}

link_up() {
	ip -batch - <<- END
		link set left0 up
		neighbour replace 10.7.0.2 lladdr $RIGHT_MAC dev left0
		neighbour replace $SILENT lladdr $RIGHT_MAC dev left0
	END
}

# Kernels that tests build themselves have few.
drivers_needed() { # MODULE...
	local driver

	for driver; do
		modprobe -n -q "$driver" || {
			echo "this kernel has no $driver"
			exit 77
		}
	done
}

# Without router and duplicate address detection, and with group membership
# reported at once: silent again in no time.
link_ipv6() {
	link_ipv6_allow left0
	right bash -c "$(declare -f link_ipv6_allow); link_ipv6_allow right0"
	ip address add fd07::1/64 dev left0 nodad
	ip -n right address add fd07::2/64 dev right0 nodad
	ip neighbour replace fd07::2 lladdr $RIGHT_MAC dev left0
	ip -n right neighbour replace fd07::1 lladdr $LEFT_MAC dev right0
}

link_ipv6_allow() { # DEVICE
	cd "/proc/sys/net/ipv6/conf/$1" || return
	echo 0 > accept_dad
	echo 0 > accept_ra
	echo 0 > router_solicitations
	echo 1 > addr_gen_mode
	echo 1 > mldv2_unsolicited_report_interval
	echo 0 > disable_ipv6
	cd - > /dev/null || return
}

# A VLAN on top of both ends, with the addresses 10.7.ID.1 and .2; the names say
# SIDE for left and right.
link_vlan() { # PARENT NAME PROTOCOL ID
	ip -batch - <<- END
		link add link ${1/SIDE/left} name ${2/SIDE/left} type vlan protocol $3 id $4
		link set ${2/SIDE/left} up
		address add 10.7.$4.1/24 dev ${2/SIDE/left}
		neighbour replace 10.7.$4.2 lladdr $RIGHT_MAC dev ${2/SIDE/left}
	END
	ip -n right -batch - <<- END
		link add link ${1/SIDE/right} name ${2/SIDE/right} type vlan protocol $3 id $4
		link set ${2/SIDE/right} up
		address add 10.7.$4.2/24 dev ${2/SIDE/right}
		neighbour replace 10.7.$4.1 lladdr $LEFT_MAC dev ${2/SIDE/right}
	END
}

tcp_silent() { # [COMMAND that enters a namespace...]
	[ -z "$("$@" ss -Htn state big exclude listening)" ]
}

# Captures.

module_reload() { # [PARAMETER...]
	rmmod pcapring
	modprobe pcapring "$@"
}

# Create a capture; its number goes to $capture, its device to $device.
capture_add() { # IFACE [KEY VALUE...]
	device=$(pcapring add "$@")
	capture=${device#/dev/pcapring}
}

# The first value of this name in `pcapring show --json`: the capture's own,
# or the first ring's. (jq takes half a second in an emulated machine.)
shown() { # ID NAME
	local json name=$2

	json=$(pcapring show --json "$1")
	[[ $json =~ \"$name\":\ \"?([^,\"$'\n']*) ]]
	echo "${BASH_REMATCH[1]}"
}

shows() { # ID NAME VALUE
	[ "$(shown "$1" "$2")" = "$3" ]
}

# What jq makes of a capture.
judged() { # ID EXPRESSION
	pcapring show --json "$1" | jq -r ".[0] | $2"
}

# Its counters SEEN CAPTURED FILTERED DROPPED.
counters() { # ID
	local json

	json=$(pcapring show --json "$1")
	[[ $json =~ \"stats\":\ .[[:space:]]*\"seen\":\ ([0-9]+),[[:space:]]*\"captured\":\ ([0-9]+),[[:space:]]*\"filtered\":\ ([0-9]+),[[:space:]]*\"dropped\":\ ([0-9]+) ]]
	echo "${BASH_REMATCH[*]:1}"
}

has_captured() { # ID COUNT
	[ "$(shown "$1" captured)" -ge "$2" ]
}

# What is in the ring now, to a file.
capture_drain() { # ID FILE
	device nonblock "/dev/pcapring$1" > "$2"
}

# It is a member of the multicast group, of some of generic netlink (16).
monitor_listens() {
	awk '$2 == 16 && $4 != "00000000" { found = 1 } END { exit !found }' \
		/proc/net/netlink
}

monitor_start() {
	start monitor pcapring monitor --json
	wait_for 10 "monitor listens" monitor_listens
}

# tcpdump, which hears everything from here on.
tcpdump_start() { # NAME IFACE [ARGUMENT...]
	local name=$1 iface=$2

	shift 2
	start_ready "$name" "listening on" tcpdump -i "$iface" -n -U -Z root \
		-B 32768 --time-stamp-precision=nano -w "$name.pcap" "$@"
}

records() { savefile count "$1"; }
has_records() { [ -e "$1" ] && [ "$(savefile count "$1")" -ge "$2" ]; } # FILE COUNT

tcpdump_stop() { # NAME RECORDS
	wait_for 20 "tcpdump writes $2 records" has_records "$1.pcap" "$2"
	stop "$1" INT
	grep -q '^0 packets dropped by kernel' "$1.err" || {
		cat "$1.err"
		return 1
	}
}

# The way to the collector, in a namespace of its own.

# Is there a TCP socket that listens (0A) on PORT where process NAME runs?
listens() { # NAME PORT
	local net=/proc/${started[$1]}/net port

	printf -v port '%04X' "$2"
	[[ $(< "$net/tcp")$(< "$net/tcp6") =~ :$port\ [0-9A-F]+:0000\ 0A ]]
}

collector_start() { # NAME PORT: NAME-collector writes NAME.pcap
	start "$1-collector" collect pcapring-collector \
		--listen "127.0.0.1:$2" --write "$1.pcap"
	wait_for 20 "$1-collector listens" listens "$1-collector" "$2"
}

relay_start() { # NAME PORT DEVICE [OPTION...]
	local name=$1 port=$2 device=$3

	shift 3
	start "$name-relay" collect pcapring-relay --device "$device" \
		--target "127.0.0.1:$port" "$@"
}

# The numbers that `traffic` sent are in FILE, all and in order.
numbered() { # FILE COUNT [FIRST]
	local first=${3:-0}

	savefile sequence "$1" > numbers
	if ! seq "$first" "$((first + $2 - 1))" | cmp - numbers; then
		echo "$1: $(wc -l < numbers) of $2 numbers," \
			"from $(head -n 1 numbers) to $(tail -n 1 numbers)"
		return 1
	fi
}
