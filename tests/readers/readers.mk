# SPDX-License-Identifier: MIT
# Readers written from the uapi header alone; the system tests use them. This
# one is built as anybody would build it.

system-programs: $(BUILD)/system/ring_reader

$(BUILD)/system/ring_reader: tests/readers/ring_reader.c include/uapi/linux/pcapring.h
	@mkdir -p $(@D)
	$(call step,LD,$@)$(CC) -Wall -Wextra -Werror -Iinclude/uapi $(CFLAGS) -o $@ $<
