# SPDX-License-Identifier: MIT
# What is built for tests, and the commands that run them. `tests/run SUITE`
# runs one suite; its table says which there are.

-include tests/unit/unit.mk tests/control/control.mk tests/system/system.mk \
	 tests/bench/bench.mk tests/kunit/kunit.mk \
	 tests/bench-kernel/bench-kernel.mk tests/stress/stress.mk \
	 tests/matrix/matrix.mk tests/debug/debug.mk tests/readers/readers.mk \
	 tests/records/records.mk tests/fuzz/fuzz.mk tests/wire/wire.mk

JOBS	:= -j$(shell nproc)

# A make of its own after deps: what deps installs changes what make sees.
test: deps-check
	$(MAKE) $(JOBS) all
	BUILD=$(abspath $(BUILD)) tests/run

check: deps-check
	BUILD=$(abspath $(BUILD)) tests/run static

demo: deps
	$(MAKE) $(JOBS) all
	BUILD=$(abspath $(BUILD)) tests/demo/run

.PHONY: test check demo
