# SPDX-License-Identifier: MIT
# Programs that the system tests run inside the virtual machine, beside the
# project's own.

# What they share.
SYSTEM_SHARED	:= tests/system/device_map.c tests/system/message.c
SYSTEM_PROGRAMS	:= $(patsubst tests/system/%.c,$(BUILD)/system/%, \
		     $(filter-out $(SYSTEM_SHARED),$(wildcard tests/system/*.c)))
SYSTEM_CFLAGS	= -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE \
		  -Iinclude/uapi $(CFLAGS)

system-programs: $(SYSTEM_PROGRAMS) $(BUILD)/system/stamped.ko

$(BUILD)/system/%: tests/system/%.c $(SYSTEM_SHARED) $(SYSTEM_SHARED:.c=.h) \
		   include/uapi/linux/pcapring.h
	@mkdir -p $(@D)
	$(call step,LD,$@)$(CC) $(SYSTEM_CFLAGS) -o $@ $< $(SYSTEM_SHARED) -lpthread $(SYSTEM_LIBRARIES)

$(BUILD)/system/datalink: SYSTEM_LIBRARIES = -lpcap

# A network card, for the tests.
$(BUILD)/system/stamped.ko: tests/system/stamped/stamped.c tests/system/stamped/Kbuild
	@mkdir -p $(BUILD)/system/stamped
	@cp $^ $(BUILD)/system/stamped
	$(MAKE) -C $(KDIR) M=$(abspath $(BUILD)/system/stamped) W=1 modules
	@cp $(BUILD)/system/stamped/stamped.ko $@

.PHONY: system-programs
