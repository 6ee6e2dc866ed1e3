# SPDX-License-Identifier: MIT
# The debug kernels, and what runs on them.

debug-programs: $(BUILD)/debug/faults

$(BUILD)/debug/faults: tests/debug/faults.c include/uapi/linux/pcapring.h
	@mkdir -p $(@D)
	$(call step,LD,$@)$(CC) $(SYSTEM_CFLAGS) -o $@ $< -lmnl

debug-kernels:
	tests/debug/kernel kasan kcsan

# All that the suite "debug" has a part of, and ten minutes of storm and fuzz.
test-debug: deps-check
	$(MAKE) $(JOBS) all debug-kernels
	BUILD=$(abspath $(BUILD)) STRESS_SECONDS=600 tests/run debug-all stress

.PHONY: debug-programs debug-kernels test-debug
