# SPDX-License-Identifier: MIT
# Programs that the system tests run inside the virtual machine, beside the
# project's own.

SYSTEM_PROGRAMS	:= $(patsubst tests/system/%.c,$(BUILD)/system/%, \
		     $(filter-out tests/system/device_map.c, \
		       $(wildcard tests/system/*.c)))
SYSTEM_CFLAGS	= -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE \
		  -Iinclude/uapi $(CFLAGS)

system-programs: $(SYSTEM_PROGRAMS)

$(BUILD)/system/%: tests/system/%.c tests/system/device_map.c \
		   tests/system/device_map.h include/uapi/linux/pcapring.h
	@mkdir -p $(@D)
	$(call step,LD,$@)$(CC) $(SYSTEM_CFLAGS) -o $@ $< tests/system/device_map.c -lpthread

.PHONY: system-programs
