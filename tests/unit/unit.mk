# SPDX-License-Identifier: MIT
# Unit tests of user space: tests/unit/test_NAME.c is a program of its own,
# which prints TAP. Every other file in the folder is a helper of theirs.
# test_collector_NAME.c is linked with the collector's objects, test_control_NAME.c
# with the codecs of the control program, test_kmod_NAME.c includes the kernel's
# code, with tests/unit/kernel in the kernel's place; the others are linked with
# the relay's objects.

UNIT_LIBRARIES	:= -lcmocka -lgrpc -lgpr -lgnutls -linih -lmicrohttpd -lprotobuf-c -lpcap -lzstd -lssl -lcrypto -lsystemd -lz -lpthread
UNIT_CFLAGS	= $(ALL_CFLAGS) -I. -Itests/unit
UNIT_SOURCES	:= $(wildcard tests/unit/test_*.c)
UNIT_TESTS	:= $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/unit/%)
UNIT_HELPERS	:= $(patsubst %.c,$(BUILD)/objects/%.o,\
		     $(filter-out $(UNIT_SOURCES),$(wildcard tests/unit/*.c)))
UNIT_ARCHIVES	:= $(BUILD)/unit/helpers.a $(BUILD)/unit/common.a

unit: $(UNIT_TESTS)

$(BUILD)/unit/test_collector_%: $(BUILD)/objects/tests/unit/test_collector_%.o \
		$(BUILD)/unit/collector.a $(UNIT_ARCHIVES)
	$(call step,LD,$@)$(CC) $(UNIT_CFLAGS) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group \
		$(UNIT_LIBRARIES)

$(BUILD)/unit/test_control_%: $(BUILD)/objects/tests/unit/test_control_%.o \
		$(addprefix $(BUILD)/objects/relay/control/,capture.o reply.o request.o)
	@mkdir -p $(@D)
	$(call step,LD,$@)$(CC) $(UNIT_CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka

$(BUILD)/unit/test_kmod_%: tests/unit/test_kmod_%.c $(wildcard kmod/ring.[ch] kmod/caplen.h) \
		$(wildcard tests/unit/kernel/*.h tests/unit/kernel/*/*.h)
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) -Itests/unit/kernel -Ikmod $(UNIT_CFLAGS) $(LDFLAGS) -o $@ $< -lcmocka -lpthread

$(BUILD)/unit/test_%: $(BUILD)/objects/tests/unit/test_%.o \
		$(BUILD)/unit/relay.a $(UNIT_ARCHIVES)
	$(call step,LD,$@)$(CC) $(UNIT_CFLAGS) $(LDFLAGS) -o $@ -Wl,--start-group $^ -Wl,--end-group \
		$(UNIT_LIBRARIES)

# What comes between two loads of heads.
$(BUILD)/unit/test_merge $(BUILD)/unit/test_records_rings: LDFLAGS += -Wl,--wrap=reader_load

# Who looks why there is no connection.
$(BUILD)/unit/test_stream: LDFLAGS += -Wl,--wrap=probe_explain

# Disks that tell late what they do not take.
$(BUILD)/unit/test_copy: LDFLAGS += -Wl,--wrap=close

# Disks that do not give what they have.
$(BUILD)/unit/test_spool_folder: LDFLAGS += -Wl,--wrap=pread,--wrap=readdir

# What comes between two looks at a directory.
$(BUILD)/unit/test_collector_folder: LDFLAGS += -Wl,--wrap=faccessat,--wrap=openat

$(BUILD)/unit/relay.a: $(filter-out %/main.o,$(RELAY_OBJECTS)) $(PROTO_OBJECTS)
$(BUILD)/unit/collector.a: $(filter-out %/main.o,$(COLLECTOR_OBJECTS)) $(PROTO_OBJECTS) $(HEALTH_OBJECTS)
$(BUILD)/unit/common.a: $(COMMON_OBJECTS)
$(BUILD)/unit/helpers.a: $(UNIT_HELPERS)
$(BUILD)/unit/relay.a $(BUILD)/unit/collector.a $(UNIT_ARCHIVES):
	@mkdir -p $(@D)
	@rm -f $@
	$(call step,AR,$@)ar rcs $@ $^

$(BUILD)/objects/tests/%.o: tests/%.c $(GENERATED)/stamp
	@mkdir -p $(@D)
	$(call step,CC,$<)$(CC) $(UNIT_CFLAGS) -c -o $@ $<

.PHONY: unit
.SECONDARY: $(UNIT_SOURCES:%.c=$(BUILD)/objects/%.o)
