# SPDX-License-Identifier: MIT
# Speed of both protocols and of the collector: tests/bench/README.

BENCH_PROGRAMS	:= $(addprefix $(BUILD)/bench-,sender discard delay spool)

bench: programs $(BENCH_PROGRAMS) $(BUILD)/bench-written.so
	BUILD=$(BUILD) tests/bench/run

$(BUILD)/bench-%: $(BUILD)/objects/tests/bench/%.o $(BUILD)/objects/tests/bench/naive.o \
		$(BUILD)/objects/tests/bench/engine.o \
		$(BUILD)/unit/relay.a $(BUILD)/unit/helpers.a $(BUILD)/unit/common.a
	$(call step,LD,$@)$(CC) $(UNIT_CFLAGS) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group \
		$(UNIT_LIBRARIES)

$(BUILD)/bench-written.so: tests/bench/written.c
	$(call step,LD,$@)$(CC) $(ALL_CFLAGS) -fPIC -shared -o $@ $<

.PHONY: bench
