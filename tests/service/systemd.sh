# SPDX-License-Identifier: MIT
# tests/service/systemd.sh: systemd as the first process of a pid namespace, which
# ends like a machine that is powered off, and what it says of units. The machine
# around it is thrown away afterwards, so that what Debian would start is taken away,
# but for udev and the journal.

systemd_units=/etc/systemd/system

systemd_prepare() { # UNIT...: those are started with it
	rm -rf /lib/systemd/system/*.target.wants $systemd_units/*.target.wants \
		/lib/systemd/system-generators
	mkdir -p $systemd_units
	cat >$systemd_units/test.target <<-END
	[Unit]
	Wants=systemd-udevd.service systemd-journald.service
	Wants=$*
	END
	mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

# Each nap is short, each wait ends by what it waits for; the limit ends what hangs.
wait_for() { # WHAT COMMAND...
	local deadline=$((SECONDS + 60 * PCAPRING_SLOW)) what=$1

	shift
	until "$@" >/run/waited 2>&1; do
		[ "$SECONDS" -ge "$deadline" ] || { read -rt 0.2 <> <(:); continue; }
		echo "waited in vain: $what"
		cat /run/waited
		return 1
	done
}

# A command in there, as systemctl asks nobody but root of the same namespace.
inside() { nsenter -t "$(pgrep -xo systemd)" -p -m -- "$@"; }

systemd_is_up() {
	pgrep -xo systemd &&
		case $(inside systemctl is-system-running 2>/dev/null) in
		running | degraded) ;;
		*) false ;;
		esac
}

systemd_start() {
	unshare --kill-child=KILL --pid --fork --mount --mount-proc \
		env container=test /lib/systemd/systemd --system \
		--unit=test.target --show-status=no --log-target=journal \
		</dev/null >/dev/null 2>&1 &
	wait_for "systemd is up" systemd_is_up
}

systemd_has_ended() { ! pgrep -x systemd; }

systemd_stop() {
	inside systemctl exit && wait_for "systemd ends" systemd_has_ended
}

unit_log() { inside journalctl -q --no-pager -n 30 -u "$1"; }

unit_value() { inside systemctl show --value -p "$2" "$1"; } # UNIT PROPERTY

unit_is() { # UNIT PROPERTY=PATTERN...
	local unit=$1 wanted found

	shift
	for wanted; do
		found=$(inside systemctl show -p "${wanted%%=*}" "$unit")
		[[ $found = $wanted ]] || { echo "$unit: $found, not $wanted"; return 1; }
	done
}

# ... and says so, if it does not come to it.
unit_becomes() { # UNIT PROPERTY=PATTERN...
	wait_for "$*" unit_is "$@" && return
	unit_log "$1"
	return 1
}

# Its log has such a line, of a priority as journalctl has it.
unit_has_said() { # UNIT REGEX [PRIORITY]
	inside journalctl -q --no-pager -o cat -u "$1" ${3:+-p "$3"} | grep -qE -e "$2"
}

unit_says() { # UNIT REGEX [PRIORITY]
	wait_for "/$2/" unit_has_said "$@" && return
	unit_log "$1"
	return 1
}

unit_main() { unit_value "$1" MainPID; } # UNIT

unit_is_active() { unit_is "$1" ActiveState=active SubState=running Result=success; }

unit_becomes_active() { # UNIT
	unit_becomes "$1" ActiveState=active SubState=running Result=success
}

unit_fails_to() { ! inside systemctl "$@"; } # VERB UNIT
