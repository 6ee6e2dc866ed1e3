# SPDX-License-Identifier: MIT
# tests/install/systemd.sh: systemd in the virtual machine, which is thrown away
# afterwards: in a pid namespace, with nothing to start but what is asked for.

systemd_units=/etc/systemd/system

# systemd_prepare UNIT...: these have nothing to do here, beside those of every boot.
systemd_prepare() {
	local unit

	rm -rf /lib/systemd/system/*.target.wants $systemd_units/*.target.wants \
		/lib/systemd/system-generators
	mkdir -p $systemd_units
	for unit; do
		ln -sf /dev/null "$systemd_units/$unit"
	done
	cat >$systemd_units/test.target <<-END
	[Unit]
	Requires=test-end.service
	END
	mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

# The time is for a machine that hangs.
systemd_boot() { # SECONDS
	timeout -s KILL "$1" unshare --kill-child=KILL --pid --fork --mount --mount-proc \
		env container=test /lib/systemd/systemd --system --unit=test.target \
		--log-target=kmsg --show-status=no </dev/null
}
