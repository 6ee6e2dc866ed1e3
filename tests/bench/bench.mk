# SPDX-License-Identifier: MIT
# Speed of the relay's Run path, beside a naive sender in the same run.

BENCH_OBJECTS	:= $(patsubst %.c,$(BUILD)/objects/%.o,$(wildcard tests/bench/*.c))

bench: $(BUILD)/bench-run
	$(BUILD)/bench-run

$(BUILD)/bench-run: $(BENCH_OBJECTS) \
		$(BUILD)/unit/relay.a $(BUILD)/unit/helpers.a $(BUILD)/unit/common.a
	$(call step,LD,$@)$(CC) $(UNIT_CFLAGS) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group \
		$(UNIT_LIBRARIES)

.PHONY: bench
