# SPDX-License-Identifier: MIT
# Speed of both protocols and of the collector: tests/bench/README.

BENCH_PROGRAMS	:= $(BUILD)/bench-sender $(BUILD)/bench-discard

bench: programs $(BENCH_PROGRAMS)
	BUILD=$(BUILD) tests/bench/run

$(BUILD)/bench-%: $(BUILD)/objects/tests/bench/%.o $(BUILD)/objects/tests/bench/naive.o \
		$(BUILD)/unit/relay.a $(BUILD)/unit/helpers.a $(BUILD)/unit/common.a
	$(call step,LD,$@)$(CC) $(UNIT_CFLAGS) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group \
		$(UNIT_LIBRARIES)

.PHONY: bench
