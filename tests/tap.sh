# SPDX-License-Identifier: MIT
# For shell tests that print TAP: source it, call these, end with tap_end.

tap_count=0
tap_failed=0

# tap_ok NAME COMMAND [ARG...]: passes when COMMAND does; else shows its output.
tap_ok() {
	tap_name=$1
	shift
	tap_count=$((tap_count + 1))
	if tap_output=$("$@" 2>&1); then
		echo "ok $tap_count - $tap_name"
	else
		echo "not ok $tap_count - $tap_name"
		tap_failed=1
		printf '%s\n' "$tap_output" | sed 's/^/# /'
	fi
}

# tap_skip NAME WHY
tap_skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

tap_end() {
	echo "1..$tap_count"
	exit $tap_failed
}
