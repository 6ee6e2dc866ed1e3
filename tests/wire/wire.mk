# SPDX-License-Identifier: MIT
# Preloaded, even before a sanitizer's library: it has none.

wire-programs: $(BUILD)/wire/device.so $(BUILD)/wire/unsynced.so

$(BUILD)/wire/%.so: tests/wire/%.c
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -Iinclude/uapi -O2 -g -shared -fPIC \
		-o $@ $< -ldl

.PHONY: wire-programs
