# SPDX-License-Identifier: MIT
# pcapring.v1 under kills: the module's ring code in a program, which is the
# kernel's place (producer), the relay's engine on its rings (relay), the judge of
# what was written (check), and what a power cut would leave (synced.so).

RECORDS_PROGRAMS := $(addprefix $(BUILD)/records/,producer relay check)
RECORDS_KERNEL	:= $(wildcard kmod/ring.[ch] tests/unit/kernel/*.h tests/unit/kernel/*/*.h)

records-programs: $(RECORDS_PROGRAMS) $(BUILD)/records/synced.so

# What includes the kernel's code sees no other headers of ours than uapi's.
$(BUILD)/objects/tests/records/producer.o $(BUILD)/objects/tests/records/settle.o: \
	UNIT_CFLAGS = -Itests/unit/kernel -Ikmod $(ALL_CFLAGS)
$(BUILD)/objects/tests/records/producer.o $(BUILD)/objects/tests/records/settle.o: \
	$(RECORDS_KERNEL)

$(BUILD)/records/producer: $(addprefix $(BUILD)/objects/tests/records/,producer.o packet.o)
$(BUILD)/records/check: $(addprefix $(BUILD)/objects/tests/records/,check.o packet.o)
$(BUILD)/records/relay: $(addprefix $(BUILD)/objects/tests/records/,relay.o settle.o) \
		$(BUILD)/unit/relay.a $(BUILD)/unit/common.a

$(RECORDS_PROGRAMS):
	@mkdir -p $(@D)
	$(call step,LD,$@)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group \
		$(RECORDS_LIBRARIES) -lpthread

$(BUILD)/records/relay: RECORDS_LIBRARIES := -lgrpc -lgpr -lprotobuf-c -lpcap -lssl -lcrypto -lsystemd -lz

# Preloaded, even before a sanitizer's library: it has none.
$(BUILD)/records/synced.so: tests/records/synced.c
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) -std=gnu11 -Wall -Wextra -Werror -D_GNU_SOURCE -O2 -g -shared -fPIC \
		-o $@ $< -ldl

.PHONY: records-programs
