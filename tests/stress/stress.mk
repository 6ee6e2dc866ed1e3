# SPDX-License-Identifier: MIT
# Programs that hammer the module inside the virtual machine.

STRESS_PROGRAMS	:= $(BUILD)/stress/storm $(BUILD)/stress/fuzz
STRESS_CFLAGS	= -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE \
		  -Iinclude/uapi $(CFLAGS)

stress-programs: $(STRESS_PROGRAMS)

$(BUILD)/stress/storm: $(addprefix tests/stress/,storm.c family.c sender.c \
			 account.c reader.c)
$(BUILD)/stress/fuzz: $(addprefix tests/stress/,fuzz.c moves.c family.c policy.c \
			coverage.c account.c sender.c)

$(STRESS_PROGRAMS): $(wildcard tests/stress/*.h) include/uapi/linux/pcapring.h
	@mkdir -p $(@D)
	$(call step,LD,$@)$(CC) $(STRESS_CFLAGS) -o $@ $(filter %.c,$^) -lmnl -lpthread

# Longer than the suite does, and another run each time.
fuzz-kernel: deps-check
	$(MAKE) $(JOBS) all stress-programs
	BUILD=$(abspath $(BUILD)) STRESS_SECONDS=$${STRESS_SECONDS:-1800} \
		STRESS_SEED=$${STRESS_SEED:-$$(date +%s)} tests/stress/run fuzz

.PHONY: stress-programs fuzz-kernel
