# SPDX-License-Identifier: MIT
# The module on every kernel that it supports.

# As they are now, and none that is no more.
matrix-sources:
	rm -rf $(BUILD)/matrix/source
	mkdir -p $(BUILD)/matrix/source
	cp --parents $(MODULE_SOURCES) $(BUILD)/matrix/source

matrix:
	BUILD=$(abspath $(BUILD)) tests/run matrix

.PHONY: matrix matrix-sources
