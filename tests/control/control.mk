# SPDX-License-Identifier: MIT
# What tests/control/run needs beside the control program.

CONTROL_TESTS	:= $(BUILD)/tests/control/filter $(BUILD)/tests/control/attached \
		   $(BUILD)/tests/control/pin

control-tests: $(BUILD)/pcapring $(CONTROL_TESTS)

$(BUILD)/tests/control/filter: tests/control/filter.c \
		$(filter-out $(BUILD)/objects/relay/control/main.o,$(CONTROL_OBJECTS))
	@mkdir -p $(@D)
	$(call step,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(CONTROL_LIBRARIES)

$(BUILD)/tests/control/attached: tests/control/attached.c
	@mkdir -p $(@D)
	$(call step,CC,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $< -lpcap

$(BUILD)/tests/control/pin: tests/control/pin.c
	@mkdir -p $(@D)
	$(call step,CC,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $<

# Beside what all tests of the control program are linked with
$(BUILD)/unit/test_control_table: $(BUILD)/objects/relay/control/table.o

.PHONY: control-tests
