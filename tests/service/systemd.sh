# SPDX-License-Identifier: MIT
# tests/service/systemd.sh: part of tests/service/guest: systemd as the first
# process of a pid namespace, which ends like a machine that is powered off. The
# machine around it is thrown away afterwards, so that what Debian would start is
# taken away, but for udev and the journal.

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

unit_is() { # UNIT PROPERTY=VALUE...
	local unit=$1 wanted found

	shift
	for wanted; do
		found=$(inside systemctl show -p "${wanted%%=*}" "$unit")
		[[ $found = $wanted ]] || { echo "$unit: $found, not $wanted"; return 1; }
	done
}

unit_value() { inside systemctl show --value -p "$2" "$1"; } # UNIT PROPERTY

# UNIT REGEX: its log has such a line.
unit_said() { inside journalctl -q -o cat -u "$1" | grep -qE "$2"; }

unit_log() { inside journalctl -q --no-pager -n 30 -u "$1"; }
