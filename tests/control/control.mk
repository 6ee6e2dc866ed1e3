# SPDX-License-Identifier: MIT
# What tests/control/run needs beside the control program.

CONTROL_TESTS	:= $(BUILD)/tests/control/filter

control-tests: $(BUILD)/pcapring $(CONTROL_TESTS)

$(BUILD)/tests/control/filter: tests/control/filter.c \
		$(filter-out $(BUILD)/objects/relay/control/main.o,$(CONTROL_OBJECTS))
	@mkdir -p $(@D)
	$(call step,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ -lmnl -lpcap -ljansson

.PHONY: control-tests
